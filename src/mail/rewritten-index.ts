import type { MatchCandidate } from "./header-index.js";
import { headerDigest, secondsOf } from "./header-key.js";
import type { Found } from "./mail-target.js";
import type { MessageHead } from "./message.js";
import { type StableHeader, stableHeader } from "./stable-header.js";

/** How far a size may differ and still be that of the same message: a hint, never a proof. */
const SIZE_TOLERANCE = 0.2;
/** What a server may add in header fields alone. */
const SIZE_SLACK = 4_096;

/**
 * True where a target that rebuilds messages may have made the one size of the other: boundaries, folding, encodings and
 * header fields of its own account for a fifth, and for 4,096 octets.
 */
export function isPlausibleSize(one: number, other: number): boolean {
  return Math.abs(one - other) <= Math.max(SIZE_SLACK, Math.max(one, other) * SIZE_TOLERANCE);
}

/** What is kept of a candidate: about 300 octets. */
interface Entry extends StableHeader {
  readonly id: string;
  readonly size: number;
  readonly seconds: number | undefined;
}

/** A message that is looked for. */
interface Sought extends StableHeader {
  readonly uid: number;
  /** Of the whole header block: equal only for messages that their bodies alone tell apart, if anything. */
  readonly headerDigest: string;
  readonly size: number;
  readonly seconds: number | undefined;
}

/** What must be equal in a round; undefined: this one takes no part in it. */
interface Round {
  readonly sought: (message: Sought) => string | undefined;
  readonly entry: (entry: Entry) => string | undefined;
}

type Seen = Sought | Entry;

const complete = ({ seconds, messageId, digest }: Seen) =>
  seconds === undefined || messageId === "" ? undefined : `${seconds} ${messageId} ${digest}`;
const fieldsAndDate = ({ seconds, digest }: Seen) =>
  seconds === undefined || digest === "" ? undefined : `${seconds} ${digest}`;
const idAndDate = ({ seconds, messageId }: Seen) =>
  seconds === undefined || messageId === "" ? undefined : `${seconds} ${messageId}`;

const ROUNDS: readonly Round[] = [
  { sought: complete, entry: complete },
  // The target may have given it a Message-ID.
  { sought: (message) => (message.messageId === "" ? fieldsAndDate(message) : undefined), entry: fieldsAndDate },
  // The target may write a field in a way that we do not know.
  { sought: idAndDate, entry: idAndDate },
];

/** The messages of one folder at a target that rebuilds them, by what stays. */
export class RewrittenIndex {
  readonly #entries: Entry[] = [];

  add({ id, size, header, internalDate }: MatchCandidate): void {
    this.#entries.push({ id, size, seconds: secondsOf(internalDate), ...stableHeader(header) });
  }

  /**
   * Which of `heads` the folder holds, by UID; heads without a header block or a date are left out. Every candidate is
   * used once, and no order makes a difference. In this order:
   *
   * 1. equal Message-ID, INTERNALDATE to the second, and stable fields ({@link stableHeader});
   * 2. where the message has no Message-ID: equal INTERNALDATE and stable fields;
   * 3. equal Message-ID and INTERNALDATE.
   *
   * Never by Message-ID or by size alone. Equal messages are matched by count. Where fewer candidates than messages have
   * all that equal, and the messages differ in their sizes or header blocks, a candidate is the one whose size it may be
   * ({@link isPlausibleSize}); where that is none or several, what is found is `unsure`.
   */
  match(
    heads: readonly MessageHead[],
    { taken }: { taken?: ReadonlySet<string> | undefined } = {},
  ): Map<number, Found> {
    const found = new Map<number, Found>();
    const sought = heads.flatMap(({ uid, size, internalDate, header }): Sought[] =>
      header
        ? [{ uid, size, seconds: secondsOf(internalDate), headerDigest: headerDigest(header), ...stableHeader(header) }]
        : [],
    );
    let free = this.#entries.filter(({ id }) => !taken?.has(id));
    for (const round of ROUNDS) {
      const groups = groupBy(free, round.entry);
      const used = new Set<Entry>();
      const waiting = sought.filter(({ uid }) => !found.has(uid));
      for (const [label, group] of groupBy(waiting, round.sought)) {
        for (const { message, entry, ...how } of pair(group, groups.get(label) ?? [])) {
          found.set(message.uid, { id: entry.id, ...how });
          used.add(entry);
        }
      }
      free = free.filter((entry) => !used.has(entry));
    }
    return found;
  }
}

function groupBy<Item>(items: readonly Item[], labelOf: (item: Item) => string | undefined): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const label = labelOf(item);
    if (label === undefined) continue;
    const group = groups.get(label);
    if (group) group.push(item);
    else groups.set(label, [item]);
  }
  return groups;
}

interface Pair extends Pick<Found, "unsure"> {
  readonly message: Sought;
  readonly entry: Entry;
}

/** Of messages and entries with one label, smallest first. */
function pair(messages: readonly Sought[], entries: readonly Entry[]): Pair[] {
  const there = [...messages].sort((one, other) => one.size - other.size || one.uid - other.uid);
  const here = [...entries].sort((one, other) => one.size - other.size || compareIds(one.id, other.id));
  const [first] = there;
  const areTwins = there.every((message) => isTwin(message, first));
  if (here.length >= there.length || areTwins) return inOrder(there, here);
  const pairs: Pair[] = [];
  const unclear: Entry[] = [];
  for (const entry of here) {
    const fitting = there.filter(({ size }) => isPlausibleSize(size, entry.size));
    const [message] = fitting;
    if (message && fitting.every((other) => isTwin(other, message))) {
      pairs.push({ message, entry });
      there.splice(there.indexOf(message), 1);
    } else unclear.push(entry);
  }
  return [...pairs, ...inOrder(there, unclear).map((each) => ({ ...each, unsure: true }))];
}

function isTwin(one: Sought, other: Sought | undefined): boolean {
  return one.size === other?.size && one.headerDigest === other.headerDigest;
}

function inOrder(messages: readonly Sought[], entries: readonly Entry[]): Pair[] {
  return messages.flatMap((message, at) => {
    const entry = entries[at];
    return entry ? [{ message, entry }] : [];
  });
}

/** UIDs are compared as the numbers that they are, other ids as text. */
function compareIds(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}
