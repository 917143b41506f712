import { createHash } from "node:crypto";
import type { KnownChange } from "../../verification.js";

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const NUL_AS_DOVECOT_KEEPS_IT = 0x80;

/** What is left of a message when everything is taken away that servers are known to change, and how much that was. */
export interface ContentTraits {
  /** SHA-256 in hex, with every NUL as 0x80, every CRLF as LF, and without bare CRs and the line end at the end. */
  readonly normalised: string;
  readonly nuls: number;
  readonly bareLineFeeds: number;
  readonly bareCarriageReturns: number;
  readonly endsInLineEnd: boolean;
}

/** Reads a content to its end; holds no more of it than a chunk. */
export async function contentTraits(content: AsyncIterable<Uint8Array>): Promise<ContentTraits> {
  const reader = new TraitReader();
  for await (const chunk of content) reader.read(chunk);
  return reader.end();
}

/**
 * What servers are known to do that makes `there` into `here`; undefined where that does not explain it. NUL and bare LF
 * count as changed only where none is left: a server changes all or none. Of bare CRs, Dovecot drops some.
 */
export function knownChanges(there: ContentTraits, here: ContentTraits): KnownChange[] | undefined {
  if (there.normalised !== here.normalised) return undefined;
  const changes: KnownChange[] = [];
  if (there.bareLineFeeds !== here.bareLineFeeds) {
    if (here.bareLineFeeds > 0) return undefined;
    changes.push("line-ends");
  }
  if (there.bareCarriageReturns !== here.bareCarriageReturns) {
    if (here.bareCarriageReturns > there.bareCarriageReturns) return undefined;
    changes.push("bare-cr");
  }
  if (there.nuls !== here.nuls) {
    if (here.nuls > 0) return undefined;
    changes.push("nul");
  }
  if (there.endsInLineEnd !== here.endsInLineEnd) {
    if (there.endsInLineEnd) return undefined;
    changes.push("final-line-end");
  }
  return changes.length > 0 ? changes : undefined;
}

class TraitReader {
  readonly #hash = createHash("sha256");
  #nuls = 0;
  #bareLineFeeds = 0;
  #bareCarriageReturns = 0;
  /** A CR was read, and what follows it decides what it is. */
  #afterCr = false;
  /** A line end was read that counts only if something follows it. */
  #afterLineEnd = false;
  #out = Buffer.alloc(0);
  #length = 0;

  read(chunk: Uint8Array): void {
    if (this.#out.length <= chunk.length) this.#out = Buffer.allocUnsafe(chunk.length + 1);
    this.#length = 0;
    for (const octet of chunk) this.#readOctet(octet);
    this.#hash.update(this.#out.subarray(0, this.#length));
  }

  end(): ContentTraits {
    if (this.#afterCr) this.#bareCarriageReturns++;
    return {
      normalised: this.#hash.digest("hex"),
      nuls: this.#nuls,
      bareLineFeeds: this.#bareLineFeeds,
      bareCarriageReturns: this.#bareCarriageReturns,
      endsInLineEnd: this.#afterLineEnd,
    };
  }

  #readOctet(octet: number): void {
    if (octet === LF) {
      if (!this.#afterCr) this.#bareLineFeeds++;
      this.#afterCr = false;
      this.#writeLineEnd();
      this.#afterLineEnd = true;
      return;
    }
    if (this.#afterCr) this.#bareCarriageReturns++;
    this.#afterCr = octet === CR;
    if (this.#afterCr) return;
    if (octet === NUL) this.#nuls++;
    this.#writeLineEnd();
    this.#out[this.#length++] = octet === NUL ? NUL_AS_DOVECOT_KEEPS_IT : octet;
  }

  #writeLineEnd(): void {
    if (this.#afterLineEnd) this.#out[this.#length++] = LF;
    this.#afterLineEnd = false;
  }
}
