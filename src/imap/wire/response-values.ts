import { MigrationError } from "../../errors.js";
import { LITERAL } from "./response-reader.js";

/** An atom or string (one character per octet), a literal, NIL, or a list of these (RFC 9051 section 4). */
export type ResponseValue = string | Buffer | null | ResponseValue[];

const BLANK = 0x20;
const QUOTE = 0x22;
const OPEN = 0x28;
const CLOSE = 0x29;
const OPEN_SECTION = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_SECTION = 0x5d;
const LITERAL_CODE = LITERAL.charCodeAt(0);
const MAX_DEPTH = 100;
const MAX_VALUES = 100_000;

/** Reads the values of a response's text from `start` to its end. */
export function parseValues(text: string, literals: readonly Buffer[], start = 0): ResponseValue[] {
  return new ValueParser(text, literals, start).parse();
}

class ValueParser {
  readonly #text: string;
  readonly #literals: readonly Buffer[];
  #at: number;
  #literal = 0;
  #values = 0;

  constructor(text: string, literals: readonly Buffer[], start: number) {
    this.#text = text;
    this.#literals = literals;
    this.#at = start;
    for (let at = text.indexOf(LITERAL); at >= 0 && at < start; at = text.indexOf(LITERAL, at + 1)) this.#literal += 1;
  }

  parse(): ResponseValue[] {
    const open: ResponseValue[][] = [];
    let list: ResponseValue[] = [];
    while (this.#at < this.#text.length) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === BLANK) {
        this.#at += 1;
      } else if (code === OPEN) {
        if (open.length >= MAX_DEPTH)
          throw new MigrationError("response-too-large", "The server nests lists too deeply");
        const inner: ResponseValue[] = [];
        this.#add(list, inner);
        open.push(list);
        list = inner;
        this.#at += 1;
      } else if (code === CLOSE) {
        const outer = open.pop();
        if (!outer) throw malformed(this.#text);
        list = outer;
        this.#at += 1;
      } else {
        this.#add(list, this.#value(code));
      }
    }
    if (open.length > 0) throw malformed(this.#text);
    return list;
  }

  #add(list: ResponseValue[], value: ResponseValue): void {
    this.#values += 1;
    if (this.#values > MAX_VALUES)
      throw new MigrationError("response-too-large", "The server sent too many values in one response");
    list.push(value);
  }

  #value(first: number): ResponseValue {
    if (first === QUOTE) return this.#quoted();
    if (first === LITERAL_CODE) {
      this.#at += 1;
      const literal = this.#literals[this.#literal];
      this.#literal += 1;
      if (!literal) throw malformed(this.#text);
      return literal;
    }
    const atom = this.#atom();
    return atom.length === 3 && atom.toUpperCase() === "NIL" ? null : atom;
  }

  #quoted(): string {
    const text = this.#text;
    let value = "";
    let from = this.#at + 1;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH) {
        value += text.slice(from, at);
        at += 1;
        from = at;
      } else if (code === QUOTE) {
        this.#at = at + 1;
        return value + text.slice(from, at);
      }
    }
    throw malformed(text);
  }

  /** An atom; blanks and parentheses in a section belong to it: `BODY[HEADER.FIELDS (DATE)]`. */
  #atom(): string {
    const text = this.#text;
    const start = this.#at;
    let isSection = false;
    let at = start;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      // Elsewhere a bracket is a character like any other: `foo[1` is a keyword (RFC 9051 section 9, `atom`).
      if (code === OPEN_SECTION && /^(?:BODY|BINARY)/i.test(text.slice(start, at))) isSection = true;
      else if (code === CLOSE_SECTION) isSection = false;
      else if (!isSection && (code === BLANK || code === OPEN || code === CLOSE || code === LITERAL_CODE)) break;
    }
    if (at === start) throw malformed(text);
    this.#at = at;
    return text.slice(start, at);
  }
}

function malformed(text: string): MigrationError {
  // What it is, `NAMESPACE` or `12 FETCH`, and no more: the rest may hold mail content, or what we signed in with.
  const [what = ""] = /^(\d+ )?[A-Z]+\b/i.exec(text) ?? [];
  return new MigrationError("protocol-error", `The server sent an answer that cannot be read: ${what.slice(0, 20)}…`);
}
