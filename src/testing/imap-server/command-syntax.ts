/** One argument of a command. Texts hold one character per octet. */
export type Argument =
  | { readonly kind: "atom" | "string"; readonly text: string }
  | { readonly kind: "literal"; readonly octets: Buffer; readonly binary: boolean }
  | { readonly kind: "list"; readonly items: readonly Argument[] };

/** Ends a command with this tagged answer (`NO ...` or `BAD ...`). */
export class Refusal extends Error {
  constructor(readonly answer: string) {
    super(answer);
  }
}

export function refuse(answer: string): never {
  throw new Refusal(answer);
}

const ATOM = /(?:BODY(?:\.PEEK)?\[[^\]]*\](?:<[\d.]+>)?|[^ ()"{])+/iy;
const QUOTED = /"((?:[^"\\]|\\["\\])*)"/y;

const MISSING_SPACE = "BAD Missing space or end of line behind a literal";

/** Takes the text and the literals of one command as they arrive and makes arguments of them. */
export class ArgumentParser {
  readonly #root: Argument[] = [];
  readonly #open: Argument[][] = [this.#root];
  #behindLiteral = false;

  /** What is complete so far. */
  get arguments(): readonly Argument[] {
    return this.#root;
  }

  text(segment: string): void {
    if (segment.includes("\0")) refuse("BAD NUL in command");
    if (segment === "") return;
    if (this.#behindLiteral && !segment.startsWith(" ") && !segment.startsWith(")")) refuse(MISSING_SPACE);
    this.#behindLiteral = false;
    let at = 0;
    while (at < segment.length) at = this.#token(segment, at);
  }

  literal(octets: Buffer, binary: boolean): void {
    if (this.#behindLiteral) refuse(MISSING_SPACE);
    this.#add({ kind: "literal", octets, binary });
    this.#behindLiteral = true;
  }

  finish(): readonly Argument[] {
    if (this.#open.length > 1) refuse("BAD Missing closing parenthesis");
    return this.#root;
  }

  #token(segment: string, at: number): number {
    switch (segment[at]) {
      case " ":
        return at + 1;
      case "(":
        this.#openList();
        return at + 1;
      case ")":
        if (this.#open.length === 1) refuse("BAD Unexpected closing parenthesis");
        this.#open.pop();
        return at + 1;
      case '"':
        return this.#match(QUOTED, segment, at, (match) => {
          this.#add({ kind: "string", text: (match[1] ?? "").replaceAll(/\\(.)/g, "$1") });
        });
      default:
        return this.#match(ATOM, segment, at, (match) => this.#add({ kind: "atom", text: match[0] }));
    }
  }

  #match(pattern: RegExp, segment: string, at: number, use: (match: RegExpExecArray) => void): number {
    pattern.lastIndex = at;
    const match = pattern.exec(segment);
    if (!match) refuse("BAD Syntax error in arguments");
    use(match);
    return pattern.lastIndex;
  }

  #openList(): void {
    const items: Argument[] = [];
    this.#add({ kind: "list", items });
    this.#open.push(items);
  }

  #add(argument: Argument): void {
    this.#open.at(-1)?.push(argument);
  }
}

/** The text of an atom, quoted string or literal; BAD for anything else. */
export function textOf(argument: Argument | undefined): string {
  if (!argument || argument.kind === "list") refuse("BAD Missing or invalid argument");
  return argument.kind === "literal" ? argument.octets.toString("latin1") : argument.text;
}

/** The text of an atom in upper case; undefined for anything else. */
export function keywordOf(argument: Argument | undefined): string | undefined {
  return argument?.kind === "atom" ? argument.text.toUpperCase() : undefined;
}

/** The items of a list; BAD for anything else. */
export function itemsOf(argument: Argument | undefined): readonly Argument[] {
  return argument?.kind === "list" ? argument.items : refuse("BAD Missing or invalid list");
}

/** Turns octets that hold UTF-8, one character per octet, into the text they mean. */
export function decodeUtf8(octets: string): string {
  return Buffer.from(octets, "latin1").toString("utf8");
}

/** A text as its UTF-8 octets, one character per octet. */
export function encodeUtf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A name as quoted string, or as literal where it holds what no quoted string may. */
export function quote(name: string): string {
  if (["\r", "\n", "\0"].some((forbidden) => name.includes(forbidden))) return `{${name.length}}\r\n${name}`;
  return `"${name.replaceAll(/["\\]/g, "\\$&")}"`;
}
