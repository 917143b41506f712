import { createHash, type Hash, hash } from "node:crypto";
import { MigrationError } from "../errors.js";
import type { MessageContent } from "../mail/message.js";

/** A content whose octets are digested as they pass. Once read, only its size and its digest are kept. */
export class DigestedContent implements MessageContent, AsyncIterator<Uint8Array> {
  readonly size: number;
  #content: MessageContent | undefined;
  #octets: AsyncIterator<Uint8Array> | undefined;
  /** Most messages come in one chunk, which costs a third when it is digested by itself. */
  #only: Uint8Array | undefined;
  #hash: Hash | undefined;
  /** As one character per octet: many wait for their answers at a time, and a short text is the least there is. */
  #digest: string | undefined;
  #brokeOff = false;

  constructor(content: MessageContent) {
    this.size = content.size;
    this.#content = content;
    this.#octets = content[Symbol.asyncIterator]();
  }

  /** SHA-256 of what was read, once it was read to its end. */
  digest(): Uint8Array {
    this.#digest ??= this.#hash ? this.#hash.digest("binary") : hash("sha256", this.#only ?? "", "binary");
    this.#only = undefined;
    this.#hash = undefined;
    return Buffer.from(this.#digest, "binary");
  }

  /** True when the message ended before its size was reached, though the source goes on. */
  get brokeOff(): boolean {
    return this.#brokeOff;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#octets) return { done: true, value: undefined };
    try {
      const result = await this.#octets.next();
      if (result.done) this.#end();
      else this.#update(result.value);
      return result;
    } catch (error) {
      this.#brokeOff = MigrationError.from(error).code === "message-truncated";
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.cancel();
    return { done: true, value: undefined };
  }

  cancel(): void {
    this.#content?.cancel();
  }

  #end(): void {
    this.digest();
    this.#content = undefined;
    this.#octets = undefined;
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
