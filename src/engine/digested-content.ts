import { createHash } from "node:crypto";
import type { MessageContent } from "../mail/message.js";

/** A content whose octets are digested as they pass. */
export class DigestedContent implements MessageContent, AsyncIterator<Uint8Array> {
  readonly #content: MessageContent;
  readonly #octets: AsyncIterator<Uint8Array>;
  readonly #hash = createHash("sha256");

  constructor(content: MessageContent) {
    this.#content = content;
    this.#octets = content[Symbol.asyncIterator]();
  }

  get size(): number {
    return this.#content.size;
  }

  /** SHA-256 of what was read; asked for once, after the end. */
  digest(): Uint8Array {
    return this.#hash.digest();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const result = await this.#octets.next();
    if (!result.done) this.#hash.update(result.value);
    return result;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.cancel();
    return { done: true, value: undefined };
  }

  cancel(): void {
    this.#content.cancel();
  }
}
