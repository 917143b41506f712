import { createHash } from "node:crypto";
import type { KnownChange } from "../verification.js";

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const NUL_AS_DOVECOT_KEEPS_IT = 0x80;

/** What is left of a message when everything is taken away that servers are known to change, and how much that was. */
export interface ContentTraits {
  /** SHA-256 in hex, with every NUL as 0x80, every CRLF as LF, and without the line end at the end. */
  readonly normalised: string;
  readonly nuls: number;
  readonly bareLineFeeds: number;
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
 * count as changed only where none is left: a server changes all or none.
 */
export function knownChanges(there: ContentTraits, here: ContentTraits): KnownChange[] | undefined {
  if (there.normalised !== here.normalised) return undefined;
  const changes: KnownChange[] = [];
  if (there.bareLineFeeds !== here.bareLineFeeds) {
    if (here.bareLineFeeds > 0) return undefined;
    changes.push("line-ends");
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
  /** A CR was read, and what follows it decides what it is. */
  #afterCr = false;
  /** A line end was read that counts only if something follows it. */
  #afterLineEnd = false;
  #out = Buffer.alloc(0);
  #length = 0;

  read(chunk: Uint8Array): void {
    if (this.#out.length < chunk.length + 2) this.#out = Buffer.allocUnsafe(chunk.length + 2);
    this.#length = 0;
    for (const octet of chunk) this.#readOctet(octet);
    this.#hash.update(this.#out.subarray(0, this.#length));
  }

  end(): ContentTraits {
    this.#out = Buffer.allocUnsafe(2);
    this.#length = 0;
    if (this.#afterCr) this.#write(CR);
    this.#hash.update(this.#out.subarray(0, this.#length));
    return {
      normalised: this.#hash.digest("hex"),
      nuls: this.#nuls,
      bareLineFeeds: this.#bareLineFeeds,
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
    if (this.#afterCr) this.#write(CR);
    this.#afterCr = octet === CR;
    if (this.#afterCr) return;
    if (octet === NUL) this.#nuls++;
    this.#write(octet === NUL ? NUL_AS_DOVECOT_KEEPS_IT : octet);
  }

  #write(octet: number): void {
    this.#writeLineEnd();
    this.#out[this.#length++] = octet;
  }

  #writeLineEnd(): void {
    if (this.#afterLineEnd) this.#out[this.#length++] = LF;
    this.#afterLineEnd = false;
  }
}
