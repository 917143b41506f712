import { createHash } from "node:crypto";
import { countBareLineFeeds, headerDigest, secondsOf } from "./header-key.js";
import type { Found } from "./mail-target.js";
import type { MessageHead } from "./message.js";

/** A message of the target that one which is looked for may turn out to be. */
export interface MatchCandidate {
  /** The target's UID or id. */
  readonly id: string;
  /** RFC822.SIZE in octets. */
  readonly size: number;
  /** The octets of its header block. */
  readonly header: Uint8Array;
  readonly internalDate: Date;
}

/** How a target changes what it is given. */
export interface MatchOptions {
  /**
   * The target rebuilds messages (Exchange does), so that neither header octets nor size come back: a message that is only
   * alike is taken for the one that is looked for. Default false: it is told as `unsure`.
   */
  rewrites?: boolean;
  /** Ids that belong to other messages already. */
  taken?: ReadonlySet<string> | undefined;
}

/** What is kept of a candidate: about 300 octets, however long its header is. */
interface Entry {
  readonly id: string;
  readonly size: number;
  readonly seconds: number | undefined;
  readonly bareLineFeeds: number;
}

/** A message that is looked for. */
interface Sought extends Omit<Entry, "id"> {
  readonly head: MessageHead;
  readonly digest: string;
  readonly header: Uint8Array;
}

/** Which entries may be this message; undefined where none can. */
type Choice = (sought: Sought) => readonly Entry[] | undefined;

/** The messages of one folder at a target, by what they can be recognised by. */
export class HeaderIndex {
  readonly #byHeader = new EntryMap();
  readonly #byLikeness = new EntryMap();

  static of(candidates: Iterable<MatchCandidate>): HeaderIndex {
    const index = new HeaderIndex();
    for (const candidate of candidates) index.add(candidate);
    return index;
  }

  add({ id, size, header, internalDate }: MatchCandidate): void {
    const seconds = secondsOf(internalDate);
    const entry: Entry = { id, size, seconds, bareLineFeeds: countBareLineFeeds(header) };
    this.#byHeader.add(headerDigest(header), entry);
    for (const likeness of likenesses(header, seconds)) if (likeness) this.#byLikeness.add(likeness, entry);
  }

  /**
   * Which of `heads` the folder holds, by UID; heads without a header block are left out. Every candidate is used once,
   * so that equal messages are matched by count, and no order makes a difference. In this order:
   *
   * 1. equal header block ({@link headerDigest}), INTERNALDATE to the second and size;
   * 2. the same but for a size that known servers explain: with `changes`, any within them; without, two octets more
   *    (Courier adds a missing final CRLF) or, where the header itself shows that bare LFs are served as CRLF (Dovecot),
   *    more by at least the header's own bare LFs and at most one octet for each octet there is. No other difference is
   *    explained: a message taken for another is lost, while one that is not recognised is only doubled;
   * 3. those that are only alike: another size; equal Message-ID and INTERNALDATE; or, where the message has no
   *    Message-ID, equal INTERNALDATE, subject and sender. Never Message-ID alone. They are `unsure`, unless the target
   *    `rewrites`.
   *
   * A head whose INTERNALDATE is invalid is compared without dates, after all others.
   */
  match(heads: readonly MessageHead[], { rewrites = false, taken }: MatchOptions = {}): Map<number, Found> {
    const pairing = new Pairing(heads, taken);
    const sameHeader: Choice = ({ digest }) => this.#byHeader.get(digest);
    const alike =
      (which: 0 | 1): Choice =>
      ({ header, seconds }) => {
        const likeness = seconds === undefined ? undefined : likenesses(header, seconds)[which];
        return likeness === undefined ? undefined : this.#byLikeness.get(likeness);
      };
    pairing.round(sameHeader, ({ size }, entry) => entry.size === size);
    pairing.round(sameHeader, isChangeExplained);
    const unsure = rewrites ? {} : { unsure: true };
    pairing.round(alike(0), () => true, unsure);
    pairing.round(alike(1), ({ header }) => fieldOf(header, "message-id") === "", unsure);
    pairing.round(sameHeader, () => true, { unsure: true });
    return pairing.found;
  }
}

/** {@link HeaderIndex.match} for candidates that are looked at once. */
export function matchByHeader(
  heads: readonly MessageHead[],
  candidates: Iterable<MatchCandidate>,
  options: MatchOptions = {},
): Map<number, Found> {
  return HeaderIndex.of(candidates).match(heads, options);
}

/** Mostly one entry for each key, for which a list would be half of the memory. */
class EntryMap {
  readonly #entries = new Map<string, Entry | Entry[]>();

  add(key: string, entry: Entry): void {
    const there = this.#entries.get(key);
    if (!there) this.#entries.set(key, entry);
    else if (Array.isArray(there)) there.push(entry);
    else this.#entries.set(key, [there, entry]);
  }

  get(key: string): readonly Entry[] {
    const there = this.#entries.get(key);
    return there === undefined ? [] : Array.isArray(there) ? there : [there];
  }
}

/** Pairs heads and entries in rounds, smallest first, each at most once. */
class Pairing {
  readonly found = new Map<number, Found>();
  readonly #sought: readonly Sought[];
  readonly #used = new Set<string>();
  readonly #taken: ReadonlySet<string> | undefined;

  constructor(heads: readonly MessageHead[], taken: ReadonlySet<string> | undefined) {
    this.#taken = taken;
    this.#sought = heads
      .flatMap((head) => (head.header ? [sought(head, head.header)] : []))
      .sort((one, other) => one.size - other.size || one.head.uid - other.head.uid);
  }

  round(choice: Choice, fits: (sought: Sought, entry: Entry) => boolean, how: Pick<Found, "unsure"> = {}): void {
    for (const dated of [true, false]) {
      for (const one of this.#sought) {
        if (this.found.has(one.head.uid) || (one.seconds !== undefined) !== dated) continue;
        const entry = this.#lowest(
          choice(one) ?? [],
          (each) => (!dated || each.seconds === one.seconds) && fits(one, each),
        );
        if (!entry) continue;
        this.#used.add(entry.id);
        this.found.set(one.head.uid, { id: entry.id, ...how });
      }
    }
  }

  #lowest(entries: readonly Entry[], fits: (entry: Entry) => boolean): Entry | undefined {
    let lowest: Entry | undefined;
    for (const entry of entries) {
      if (this.#used.has(entry.id) || this.#taken?.has(entry.id) || !fits(entry)) continue;
      if (!lowest || compareEntries(entry, lowest) < 0) lowest = entry;
    }
    return lowest;
  }
}

function sought(head: MessageHead, header: Uint8Array): Sought {
  const { size, internalDate } = head;
  const bareLineFeeds = countBareLineFeeds(header);
  return { head, header, size, digest: headerDigest(header), seconds: secondsOf(internalDate), bareLineFeeds };
}

/** UIDs are compared as the numbers that they are, other ids as text. */
function compareEntries(one: Entry, other: Entry): number {
  const bySize = one.size - other.size || one.id.length - other.id.length;
  return bySize || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
}

function isChangeExplained({ head, size, bareLineFeeds }: Sought, entry: Entry): boolean {
  const growth = entry.size - size;
  const { changes } = head;
  if (changes) return growth >= -changes.fewer && growth <= changes.more;
  if (growth === 2) return true;
  const rewritesLineEnds = bareLineFeeds > 0 && entry.bareLineFeeds === 0;
  return rewritesLineEnds && growth >= bareLineFeeds && growth <= size + 2;
}

/** By Message-ID and INTERNALDATE, and by INTERNALDATE, subject and sender; each where the message has them. */
function likenesses(header: Uint8Array, seconds: number | undefined): (string | undefined)[] {
  if (seconds === undefined) return [];
  const id = fieldOf(header, "message-id");
  const subject = fieldOf(header, "subject");
  const from = fieldOf(header, "from");
  const sender = (/<([^<>]*)>\s*$/.exec(from)?.[1] ?? from).toLowerCase();
  return [
    id === "" ? undefined : shortDigest(["id", seconds, id]),
    subject === "" && sender === "" ? undefined : shortDigest([seconds, subject, sender]),
  ];
}

function shortDigest(of: unknown): string {
  return createHash("sha256").update(JSON.stringify(of)).digest().toString("latin1", 0, 16);
}

/** The first field of that name, unfolded (RFC 5322 section 2.2.3) and with its blanks made one each; "" for none. */
function fieldOf(header: Uint8Array, name: string): string {
  const text = Buffer.from(header.buffer, header.byteOffset, header.byteLength).toString("latin1");
  const value = FIELDS[name]?.exec(text)?.[1] ?? "";
  return value.trim().replace(/\s+/g, " ");
}

const FIELDS: Readonly<Record<string, RegExp>> = Object.fromEntries(
  ["message-id", "subject", "from"].map((name) => [
    name,
    new RegExp(`^${name}[ \\t]*:([^\\r\\n]*(?:(?:\\r\\n|\\r|\\n)[ \\t][^\\r\\n]*)*)`, "im"),
  ]),
);
