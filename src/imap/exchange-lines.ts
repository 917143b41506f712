import type { MessageContent } from "../mail/message.js";

const LF = 0x0a;

/** A content whose longest line is measured as it passes. */
export class MeasuredContent implements MessageContent {
  readonly size: number;
  readonly #content: MessageContent;
  #longest = 0;
  #current = 0;

  constructor(content: MessageContent) {
    this.size = content.size;
    this.#content = content;
  }

  /** Octets of the longest line that was read, with its line end. */
  get longestLine(): number {
    return Math.max(this.#longest, this.#current);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#content) {
      this.#measure(chunk);
      yield chunk;
    }
  }

  cancel(): void {
    this.#content.cancel();
  }

  #measure(chunk: Uint8Array): void {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      this.#longest = Math.max(this.#longest, this.#current + at + 1 - from);
      this.#current = 0;
      from = at + 1;
    }
    this.#current += chunk.length - from;
  }
}
