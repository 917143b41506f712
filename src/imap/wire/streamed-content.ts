import type { MigrationError } from "../../errors.js";
import type { MessageContent } from "../../mail/message.js";
import type { LiteralSink } from "./response-reader.js";

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One body literal on its way from the socket to its reader. */
export class StreamedContent implements MessageContent, LiteralSink, AsyncIterator<Uint8Array> {
  readonly size: number;
  /** Called once when the reader has had everything or nothing more will come. */
  readonly #onConsumed: () => void;
  /** Called with the number of octets that a reader took or that were thrown away. */
  readonly #onTaken: (octets: number) => void;
  readonly #chunks: Buffer[] = [];
  #begun = false;
  #ended = false;
  #consumed = false;
  #error: MigrationError | undefined;
  #waiting: { resolve(result: IteratorResult<Uint8Array>): void; reject(error: MigrationError): void } | undefined;

  constructor(size: number, onConsumed: () => void, onTaken: (octets: number) => void) {
    this.size = size;
    this.#onConsumed = onConsumed;
    this.#onTaken = onTaken;
  }

  /** Whether somebody has asked for octets. */
  get begun(): boolean {
    return this.#begun;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    this.#begun = true;
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#onTaken(chunk.length);
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#error) return Promise.reject(this.#error);
    if (this.#consumed) return Promise.resolve(DONE);
    if (this.#ended) {
      this.#consume();
      return Promise.resolve(DONE);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  whole(): readonly Uint8Array[] | undefined {
    if (!this.#ended || this.#begun || this.#consumed) return undefined;
    this.#begun = true;
    const chunks = this.#chunks.splice(0);
    for (const chunk of chunks) this.#onTaken(chunk.length);
    this.#consume();
    return chunks;
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.cancel();
    return Promise.resolve(DONE);
  }

  cancel(): void {
    this.#error = undefined;
    const waiting = this.#giveUp();
    waiting?.resolve(DONE);
  }

  data(octets: Buffer): void {
    if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      this.#onTaken(octets.length);
      resolve({ done: false, value: octets });
    } else if (this.#consumed) {
      this.#onTaken(octets.length);
    } else {
      this.#chunks.push(octets);
    }
  }

  end(): void {
    this.#ended = true;
    if (!this.#waiting) return;
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    this.#consume();
    resolve(DONE);
  }

  /** The source broke off: what has not been read yet is worth nothing, unless all of it has arrived. */
  fail(error: MigrationError): void {
    if (!this.#ended) this.abandon(error);
  }

  /** The fetch is over: whoever still reads gets no silent short end. */
  abandon(error: MigrationError): void {
    if (this.#consumed) return;
    this.#error = error;
    const waiting = this.#giveUp();
    waiting?.reject(error);
  }

  /** Throws away what waits, and whatever still comes; the reader that waits for more is returned. */
  #giveUp() {
    for (const chunk of this.#chunks.splice(0)) this.#onTaken(chunk.length);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#consume();
    return waiting;
  }

  #consume(): void {
    if (this.#consumed) return;
    this.#consumed = true;
    this.#onConsumed();
  }
}
