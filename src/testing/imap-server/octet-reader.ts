import type { Duplex } from "node:stream";

const EMPTY = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;
/** Far above any honest command line; a set of 500,000 lone UIDs has 4 MB. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Lines and literals from a stream whose octets arrive in arbitrary pieces. What is not asked for is not read. */
export class OctetReader {
  readonly #stream: Duplex;
  readonly #beforeWait: () => void;
  #chunk: Buffer = EMPTY;
  #at = 0;
  #ended = false;
  #wake: () => void = () => {};
  readonly #readable = (): void => this.#wake();
  readonly #end = (): void => {
    this.#ended = true;
    this.#wake();
  };

  /** `beforeWait` is called each time that nothing is left to read: the moment to send what is due. */
  constructor(stream: Duplex, beforeWait: () => void) {
    this.#stream = stream;
    this.#beforeWait = beforeWait;
    stream.on("readable", this.#readable).on("end", this.#end).on("close", this.#end);
  }

  /** Stops reading; what has arrived and was not asked for is forgotten. */
  detach(): void {
    this.#stream.off("readable", this.#readable).off("end", this.#end).off("close", this.#end);
    this.#end();
  }

  /** The next line without its end, one character per octet; undefined at the end of the stream. */
  async line(): Promise<string | undefined> {
    const parts: Buffer[] = [];
    let length = 0;
    for (;;) {
      const end = this.#chunk.indexOf(LF, this.#at);
      const part = this.#chunk.subarray(this.#at, end < 0 ? undefined : end);
      parts.push(part);
      length += part.length;
      if (end >= 0) {
        this.#at = end + 1;
        const line = parts.length === 1 ? part : Buffer.concat(parts);
        return line.toString("latin1", 0, line.at(-1) === CR ? line.length - 1 : line.length);
      }
      if (length > LONGEST_LINE || !(await this.#next())) return undefined;
    }
  }

  /** Exactly so many octets, in memory of their own; undefined where the stream ends before. */
  async take(count: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    const complete = await this.#read(count, (part) => parts.push(part));
    return complete ? Buffer.concat(parts, count) : undefined;
  }

  /** Reads so many octets and forgets them; false where the stream ends before. */
  skip(count: number): Promise<boolean> {
    return this.#read(count, () => {});
  }

  async #read(count: number, use: (part: Buffer) => void): Promise<boolean> {
    let missing = count;
    while (missing > 0) {
      const part = this.#chunk.subarray(this.#at, this.#at + missing);
      if (part.length === 0) {
        if (!(await this.#next())) return false;
        continue;
      }
      use(part);
      this.#at += part.length;
      missing -= part.length;
    }
    return true;
  }

  async #next(): Promise<boolean> {
    for (;;) {
      const chunk: Buffer | null = this.#ended ? null : this.#stream.read();
      if (chunk) {
        this.#chunk = chunk;
        this.#at = 0;
        return true;
      }
      if (this.#ended) return false;
      this.#beforeWait();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
