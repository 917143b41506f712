/**
 * A set of UIDs that stays small while they are mostly consecutive: a mailbox of 500,000 messages is one range.
 * Its text is an IMAP sequence-set (RFC 9051 section 9): `1:4,7,9:12`.
 */
export class UidSet {
  /** Ascending, apart from each other: start and end (inclusive) of each range. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #size = 0;

  static of(uids: Iterable<number>): UidSet {
    const set = new UidSet();
    for (const uid of uids) set.add(uid);
    return set;
  }

  get size(): number {
    return this.#size;
  }

  has(uid: number): boolean {
    const at = this.#rangeAtOrBefore(uid);
    return at >= 0 && uid <= (this.#ends[at] ?? -1);
  }

  add(uid: number): void {
    const at = this.#rangeAtOrBefore(uid);
    const end = this.#ends[at] ?? Number.NEGATIVE_INFINITY;
    if (uid <= end) return;
    this.#size += 1;
    const growsLeft = uid === end + 1;
    const meetsRight = this.#starts[at + 1] === uid + 1;
    if (growsLeft && meetsRight) {
      this.#ends[at] = this.#ends[at + 1] ?? uid;
      this.#starts.splice(at + 1, 1);
      this.#ends.splice(at + 1, 1);
    } else if (growsLeft) {
      this.#ends[at] = uid;
    } else if (meetsRight) {
      this.#starts[at + 1] = uid;
    } else {
      this.#starts.splice(at + 1, 0, uid);
      this.#ends.splice(at + 1, 0, uid);
    }
  }

  *[Symbol.iterator](): Generator<number> {
    for (let at = 0; at < this.#starts.length; at++) {
      const end = this.#ends[at] ?? 0;
      for (let uid = this.#starts[at] ?? 0; uid <= end; uid++) yield uid;
    }
  }

  toString(): string {
    return this.#starts
      .map((start, at) => (start === this.#ends[at] ? `${start}` : `${start}:${this.#ends[at]}`))
      .join(",");
  }

  /** Index of the last range that starts at or before `uid`; -1 where there is none. */
  #rangeAtOrBefore(uid: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= uid) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Octets of one command's UIDs: servers take lines of 8,000 (RFC 7162 section 4). A whole folder is mostly one range. */
const MAX_SET_OCTETS = 7_500;

/**
 * The UIDs from index `from` on as an IMAP sequence-set that fits one command, and the index of the first one that did
 * not fit. `uids` are ascending. `most`: how many messages one command may be about (RFC 9738).
 */
export function sequenceSet(
  uids: readonly number[],
  from: number,
  most = Number.POSITIVE_INFINITY,
): { set: string; next: number } {
  let set = "";
  let next = from;
  const last = Math.min(uids.length, from + most) - 1;
  while (next <= last) {
    const start = uids[next] ?? 0;
    let end = next;
    while (end < last && uids[end + 1] === start + end + 1 - next) end += 1;
    const range = end === next ? `${start}` : `${start}:${uids[end]}`;
    if (set !== "" && set.length + 1 + range.length > MAX_SET_OCTETS) break;
    set += set === "" ? range : `,${range}`;
    next = end + 1;
  }
  return { set, next };
}
