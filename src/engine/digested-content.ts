import { createHash, type Hash, hash } from "node:crypto";
import { MigrationError } from "../errors.js";
import type { MessageContent } from "../mail/message.js";

/** A content whose octets are digested as they pass. */
export class DigestedContent implements MessageContent, AsyncIterator<Uint8Array> {
  readonly #content: MessageContent;
  readonly #octets: AsyncIterator<Uint8Array>;
  /** Most messages come in one chunk, which costs a third when it is digested by itself. */
  #only: Uint8Array | undefined;
  #hash: Hash | undefined;
  #digest: Uint8Array | undefined;
  #brokeOff = false;

  constructor(content: MessageContent) {
    this.#content = content;
    this.#octets = content[Symbol.asyncIterator]();
  }

  get size(): number {
    return this.#content.size;
  }

  /** SHA-256 of what was read, once it was read to its end. */
  digest(): Uint8Array {
    this.#digest ??= this.#hash ? this.#hash.digest() : hash("sha256", this.#only ?? "", "buffer");
    this.#only = undefined;
    this.#hash = undefined;
    return this.#digest;
  }

  /** True when the message ended before its size was reached, though the source goes on. */
  get brokeOff(): boolean {
    return this.#brokeOff;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const result = await this.#octets.next().catch((error: unknown) => {
      this.#brokeOff = MigrationError.from(error).code === "message-truncated";
      throw error;
    });
    if (result.done) this.digest();
    else this.#update(result.value);
    return result;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.cancel();
    return { done: true, value: undefined };
  }

  cancel(): void {
    this.#content.cancel();
  }

  #update(octets: Uint8Array): void {
    if (this.#hash) {
      this.#hash.update(octets);
    } else if (this.#only) {
      this.#hash = createHash("sha256").update(this.#only).update(octets);
      this.#only = undefined;
    } else {
      this.#only = octets;
    }
  }
}
