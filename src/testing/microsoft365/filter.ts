import { refuse } from "./reply.js";

/** The value of a member that a filter names; undefined for one that cannot be filtered by. */
export type MemberOf<Item> = (item: Item, member: string) => string | number | boolean | undefined;

/** The value of a single-value extended property, by id as the filter gives it. */
export type PropertyOf<Item> = (item: Item, id: string) => string | undefined;

type Test<Item> = (item: Item) => boolean;

const TOKEN = /\s*(?:('(?:[^']|'')*')|([()])|([\w/@.:+-]+))/y;
const EXTENDED = /^singleValueExtendedProperties\/any$/i;

/**
 * What `$filter` keeps: comparisons by `eq ne gt ge lt le`, `and`, `or`, parentheses, and
 * `singleValueExtendedProperties/Any(ep: ep/id eq '...' and ep/value eq '...')`. Anything else is answered with 400.
 * @throws Refusal
 */
export function parseFilter<Item>(text: string, memberOf: MemberOf<Item>, propertyOf: PropertyOf<Item>): Test<Item> {
  const parser = new FilterParser(tokensOf(text), memberOf, propertyOf);
  return parser.whole();
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match) return badFilter();
    tokens.push(match[1] ?? match[2] ?? match[3] ?? "");
  }
  return tokens;
}

class FilterParser<Item> {
  readonly #tokens: readonly string[];
  readonly #memberOf: MemberOf<Item>;
  readonly #propertyOf: PropertyOf<Item>;
  #at = 0;

  constructor(tokens: readonly string[], memberOf: MemberOf<Item>, propertyOf: PropertyOf<Item>) {
    this.#tokens = tokens;
    this.#memberOf = memberOf;
    this.#propertyOf = propertyOf;
  }

  whole(): Test<Item> {
    const test = this.#or();
    return this.#at === this.#tokens.length ? test : badFilter();
  }

  #or(): Test<Item> {
    const tests = [this.#and()];
    while (this.#takes("or")) tests.push(this.#and());
    return (item) => tests.some((test) => test(item));
  }

  #and(): Test<Item> {
    const tests = [this.#comparison()];
    while (this.#takes("and")) tests.push(this.#comparison());
    return (item) => tests.every((test) => test(item));
  }

  #comparison(): Test<Item> {
    if (this.#takes("(")) {
      const test = this.#or();
      this.#expect(")");
      return test;
    }
    const member = this.#next();
    if (EXTENDED.test(member)) return this.#extended();
    const operator = this.#next();
    const value = literal(this.#next());
    return (item) => compare(this.#memberOf(item, member) ?? badFilter(), operator, value);
  }

  /** `(ep: ep/id eq '...' and ep/value eq '...')`; the name of the variable is free. */
  #extended(): Test<Item> {
    this.#expect("(");
    const variable = this.#next().replace(/:$/, "");
    this.#takes(":");
    let id: string | undefined;
    const values: string[] = [];
    do {
      const member = this.#next();
      this.#expect("eq");
      const value = String(literal(this.#next()));
      if (member === `${variable}/id`) id = value;
      else if (member === `${variable}/value`) values.push(value);
      else badFilter();
    } while (this.#takes("and"));
    this.#expect(")");
    if (id === undefined) return badFilter();
    const wanted = id;
    return (item) => {
      const found = this.#propertyOf(item, wanted);
      return found !== undefined && values.every((value) => value === found);
    };
  }

  #next(): string {
    return this.#tokens[this.#at++] ?? badFilter();
  }

  #takes(token: string): boolean {
    if (this.#tokens[this.#at]?.toLowerCase() !== token) return false;
    this.#at += 1;
    return true;
  }

  #expect(token: string): void {
    if (!this.#takes(token)) badFilter();
  }
}

function literal(token: string): string | number | boolean {
  if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
  if (token === "true" || token === "false") return token === "true";
  if (/^-?\d+$/.test(token)) return Number(token);
  const time = Date.parse(token);
  return Number.isNaN(time) ? badFilter() : time;
}

function compare(found: string | number | boolean, operator: string, wanted: string | number | boolean): boolean {
  if (typeof found !== typeof wanted) return badFilter();
  if (operator === "eq") return found === wanted;
  if (operator === "ne") return found !== wanted;
  if (operator === "gt") return found > wanted;
  if (operator === "ge") return found >= wanted;
  if (operator === "lt") return found < wanted;
  return operator === "le" ? found <= wanted : badFilter();
}

function badFilter(): never {
  return refuse(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.");
}
