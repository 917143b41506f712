import { createHash, type Hash, hash } from "node:crypto";
import { MigrationError } from "../errors.js";
import { headerBlock, headerDigest } from "../mail/header-key.js";
import type { MessageContent } from "../mail/message.js";
import type { LeaseHold } from "./lease-hold.js";

/** A header block that does not end within so many octets is none to recognise a message by. */
const MAX_HEADER_OCTETS = 256 * 1024;

/** A content whose octets are digested as they pass. Once read, only its size and its digests are kept. */
export class DigestedContent implements MessageContent, AsyncIterator<Uint8Array> {
  readonly size: number;
  #content: MessageContent | undefined;
  #octets: AsyncIterator<Uint8Array> | undefined;
  /** Most messages come in one chunk, which costs a third when it is digested by itself. */
  #only: Uint8Array | undefined;
  #hash: Hash | undefined;
  /** As one character per octet: many wait for their answers at a time, and a short text is the least there is. */
  #digest: string | undefined;
  /** What was read of the header block; absent once it has ended. */
  #header: Uint8Array | undefined = new Uint8Array();
  #headerDigest: string | undefined;
  #brokeOff = false;
  readonly #hold: LeaseHold | undefined;

  /** With `hold`, nothing is read, and no end told, while the lease may be another worker's. */
  constructor(content: MessageContent, hold?: LeaseHold) {
    this.size = content.size;
    this.#hold = hold;
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

  /** The digest of its header block (`headerDigest`), once it was read to its end; absent where that is no honest block. */
  get headerDigest(): string | undefined {
    return this.#headerDigest;
  }

  /** True when the message ended before its size was reached, though the source goes on. */
  get brokeOff(): boolean {
    return this.#brokeOff;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    // Also at its end: what was read ahead is sent later.
    if (this.#hold?.isDoubtful) await this.#hold.confirm();
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

  whole(): readonly Uint8Array[] | undefined {
    if (this.#hold?.isDoubtful) return undefined;
    const chunks = this.#content?.whole?.();
    if (!chunks) return undefined;
    for (const chunk of chunks) this.#update(chunk);
    this.#end();
    return chunks;
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
    if (this.#header) this.#endHeader(this.#header);
    this.#content = undefined;
    this.#octets = undefined;
  }

  #readHeader(octets: Uint8Array): void {
    if (!this.#header) return;
    const read = this.#header.length === 0 ? octets : Buffer.concat([this.#header, octets]);
    const header = headerBlock(read);
    if (header.length < read.length) this.#endHeader(header);
    else this.#header = read.length <= MAX_HEADER_OCTETS ? read : undefined;
  }

  #endHeader(header: Uint8Array): void {
    this.#headerDigest = headerDigest(header);
    this.#header = undefined;
  }

  #update(octets: Uint8Array): void {
    this.#readHeader(octets);
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
