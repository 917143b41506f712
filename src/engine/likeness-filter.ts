import { secondsOf } from "../mail/header-key.js";
import type { MessageHead } from "../mail/message.js";
import { identitySeconds } from "../mail/message-identity.js";
import type { RecognisableRecord } from "../store/migration-store.js";

/**
 * Tells which messages are surely none of those that were copied, by size and INTERNALDATE: four octets for each of these,
 * so that a mailbox of 500,000 takes 2 MB. One in ten thousand is let through in vain.
 */
export class LikenessFilter {
  /** Ascending. */
  readonly #hashes: Uint32Array;

  static async of(records: AsyncIterable<RecognisableRecord>): Promise<LikenessFilter> {
    const hashes: number[] = [];
    for await (const { size, identity } of records) hashes.push(hashOf(size, identitySeconds(identity)));
    return new LikenessFilter(Uint32Array.from(hashes).sort());
  }

  private constructor(hashes: Uint32Array) {
    this.#hashes = hashes;
  }

  mayHold({ size, internalDate }: Pick<MessageHead, "size" | "internalDate">): boolean {
    const seconds = secondsOf(internalDate);
    if (seconds === undefined) return false;
    const hash = hashOf(size, seconds);
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#hashes[middle] ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    return this.#hashes[low] === hash;
  }
}

function hashOf(size: number, seconds: number): number {
  const mixed = Math.imul(size, 0x9e37_79b1) ^ Math.imul(seconds | 0, 0x85eb_ca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2_ae35) >>> 0;
}
