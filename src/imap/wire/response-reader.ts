import { MigrationError } from "../../errors.js";

/** Stands in a response's text for its next literal; no octet of the text can be this character. */
export const LITERAL = "\u0100";

/** Takes the octets of one literal as they arrive. */
export interface LiteralSink {
  data(octets: Buffer): void;
  end(): void;
}

export interface ResponseHandler {
  /** A whole response without its line end: one character per octet, {@link LITERAL} for each literal in order. */
  response(text: string, literals: readonly Buffer[]): void;
  /**
   * A literal of `size` octets begins behind `text`. A sink streams it, and an empty literal stands in its place;
   * undefined has it collected.
   */
  literal(text: string, size: number): LiteralSink | undefined;
}

/** What a server may send at most. Beyond it, `response-too-large`. */
export interface ResponseLimits {
  /** Octets of one response without its literals. */
  readonly text: number;
  /** Octets of one collected literal, and of all in one response. */
  readonly collected: number;
  /** Octets of one streamed literal: the `number` of RFC 9051 section 4.2. */
  readonly streamed: number;
}

export const defaultResponseLimits: ResponseLimits = Object.freeze({
  text: 1024 * 1024,
  collected: 64 * 1024 * 1024,
  streamed: 0xffff_ffff,
});

const NOTHING = Buffer.alloc(0);
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const CLOSING_BRACE = 0x7d;
/** Human-readable text may end like a literal, so these answers have none (RFC 9051 section 7.1). */
const STATUS_RESPONSE = /^(?:\+|\S+ (?:OK|NO|BAD|BYE|PREAUTH)\b)/i;

/** Cuts the octets of a connection into responses (RFC 9051 section 9, `response`), however they arrive. */
export class ResponseReader {
  readonly #handler: ResponseHandler;
  readonly #limits: ResponseLimits;
  #text = "";
  #literals: Buffer[] = [];
  #collectedOctets = 0;
  /** Octets of the current literal still to come. */
  #missing = 0;
  #inLiteral = false;
  #sink: LiteralSink | undefined;
  #collected: Buffer[] = [];

  constructor(handler: ResponseHandler, limits: ResponseLimits = defaultResponseLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** @throws MigrationError `response-too-large` or `protocol-error`; the connection is of no use afterwards */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#inLiteral ? this.#readLiteral(chunk, at) : this.#readLine(chunk, at);
    }
  }

  #readLiteral(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#missing);
    const octets = chunk.subarray(at, end);
    this.#missing -= octets.length;
    if (this.#sink) this.#sink.data(octets);
    else this.#collected.push(octets);
    if (this.#missing === 0) this.#endLiteral();
    return end;
  }

  #readLine(chunk: Buffer, at: number): number {
    const lineFeed = chunk.indexOf(LINE_FEED, at);
    const end = lineFeed < 0 ? chunk.length : lineFeed;
    if (this.#text.length + end - at > this.#limits.text) {
      throw new MigrationError(
        "response-too-large",
        `A response of the server is longer than ${this.#limits.text} octets`,
      );
    }
    const piece = chunk.toString("latin1", at, end);
    this.#text = this.#text === "" ? piece : this.#text + piece;
    if (lineFeed < 0) return end;
    this.#endLine(this.#text);
    return lineFeed + 1;
  }

  #endLine(line: string): void {
    const text = line.charCodeAt(line.length - 1) === CARRIAGE_RETURN ? line.slice(0, -1) : line;
    if (text.charCodeAt(text.length - 1) === CLOSING_BRACE && !STATUS_RESPONSE.test(text)) {
      const open = text.lastIndexOf("{");
      const size = /^\{(\d+)\+?\}$/.exec(text.slice(open))?.[1];
      if (size !== undefined) {
        this.#beginLiteral(text.slice(0, text[open - 1] === "~" ? open - 1 : open), size);
        return;
      }
    }
    const literals = this.#literals;
    this.#text = "";
    if (literals.length > 0) {
      this.#literals = [];
      this.#collectedOctets = 0;
    }
    this.#handler.response(text, literals);
  }

  #beginLiteral(text: string, digits: string): void {
    const size = digits.length > 10 ? Number.POSITIVE_INFINITY : Number(digits);
    const tooLarge = () =>
      new MigrationError("response-too-large", `The server announces a literal of ${digits.slice(0, 30)} octets`);
    if (size > this.#limits.streamed) throw tooLarge();
    this.#sink = this.#handler.literal(text, size);
    if (!this.#sink) {
      this.#collectedOctets += size;
      if (this.#collectedOctets > this.#limits.collected) throw tooLarge();
    }
    this.#text = text + LITERAL;
    this.#missing = size;
    this.#inLiteral = true;
    if (size === 0) this.#endLiteral();
  }

  #endLiteral(): void {
    this.#inLiteral = false;
    if (this.#sink) {
      const sink = this.#sink;
      this.#sink = undefined;
      this.#literals.push(NOTHING);
      sink.end();
      return;
    }
    // A copy: a collected literal must not keep the whole read buffer alive.
    this.#literals.push(Buffer.concat(this.#collected));
    this.#collected = [];
  }
}
