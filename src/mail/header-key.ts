import { createHash } from "node:crypto";
import type { MessageHead } from "./message.js";

const NUL = 0x00;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const NUL_AS_DOVECOT_KEEPS_IT = 0x80;

/** A message of the target that one in doubt may turn out to be. */
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
   * The target rebuilds messages (Exchange does), so that neither header octets nor size come back: what was not found
   * by them is looked for by Message-ID and INTERNALDATE, or, where the message has no Message-ID, by INTERNALDATE,
   * subject and sender. Never by Message-ID alone. Default false.
   */
  rewrites?: boolean;
}

/** The header block of a message: up to and with its first empty line, or all of it where there is none. */
export function headerBlock(octets: Uint8Array): Uint8Array {
  let lineStart = 0;
  for (let at = 0; at < octets.length; at++) {
    if (octets[at] !== LF) continue;
    const lineLength = at - lineStart;
    if (lineLength === 0 || (lineLength === 1 && octets[lineStart] === CR)) return octets.subarray(0, at + 1);
    lineStart = at + 1;
  }
  return octets;
}

/**
 * What a message is recognised by: SHA-256, in hex, over its header block and its INTERNALDATE to the second (left out
 * where it is invalid). What real servers change makes no difference: CRLF, LF and CR are one line end, NUL and 0x80 one
 * octet (Dovecot keeps NUL so), and blanks and empty lines at the end of the block do not count.
 */
export function headerKey(header: Uint8Array, internalDate: Date): string {
  const seconds = secondsOf(internalDate);
  return createHash("sha256")
    .update(normalised(header))
    .update(seconds === undefined ? "" : `\n\n${seconds}`)
    .digest("hex");
}

/**
 * Which of `heads` the candidates are, by UID; heads without a header block are left out. Every candidate is used once,
 * so that equal messages are matched by count, and the order of neither list makes a difference. In this order:
 *
 * 1. equal {@link headerKey} and equal size;
 * 2. equal key and a size that known servers explain: two octets more (Courier adds a missing final CRLF), or, where the
 *    header itself shows that bare LFs are served as CRLF (Dovecot), more by at least the header's own bare LFs and at
 *    most one octet for each octet there is. No other difference is explained: a message taken for another is lost,
 *    while one that is not recognised is only doubled;
 * 3. with `rewrites`, see {@link MatchOptions}.
 *
 * A head whose INTERNALDATE is invalid is compared without dates, and is never found by 3.
 */
export function matchByHeader(
  heads: readonly MessageHead[],
  candidates: readonly MatchCandidate[],
  { rewrites = false }: MatchOptions = {},
): Map<number, string> {
  const pairing = new Pairing(heads, candidates);
  const key = memoised((message, dated) => headerKey(message.header, dated ? message.internalDate : NO_DATE));
  pairing.round((message, dated) => `${key(message, dated)} ${message.size}`);
  pairing.round(key, isGrowthExplained);
  if (rewrites) {
    pairing.round((message, dated) => (dated ? idAndDate(message) : undefined));
    pairing.round(
      (message, dated) => (dated ? dateSubjectAndSender(message) : undefined),
      (head) => fieldOf(head.header, "message-id") === "",
    );
  }
  return pairing.found;
}

const NO_DATE = new Date(Number.NaN);

/** What heads and candidates have in common. */
interface Seen {
  readonly size: number;
  readonly header: Uint8Array;
  readonly internalDate: Date;
}

interface SeenHead extends Seen {
  readonly uid: number;
}

/** What two messages must have equal to be one; undefined where it cannot be told. */
type Label = (message: Seen, dated: boolean) => string | undefined;

/** Pairs heads and candidates in rounds, smallest first, each at most once. */
class Pairing {
  readonly found = new Map<number, string>();
  readonly #heads: readonly SeenHead[];
  #candidates: readonly MatchCandidate[];

  constructor(heads: readonly MessageHead[], candidates: readonly MatchCandidate[]) {
    this.#heads = heads
      .flatMap(({ uid, size, internalDate, header }) => (header ? [{ uid, size, internalDate, header }] : []))
      .sort((one, other) => one.size - other.size || one.uid - other.uid);
    this.#candidates = [...candidates].sort((one, other) => one.size - other.size || compareIds(one.id, other.id));
  }

  round(label: Label, fits: (head: SeenHead, candidate: MatchCandidate) => boolean = () => true): void {
    for (const dated of [true, false]) {
      const waiting = this.#heads.filter(
        (head) => !this.found.has(head.uid) && (secondsOf(head.internalDate) !== undefined) === dated,
      );
      if (waiting.length > 0) this.#pair(waiting, (message) => label(message, dated), fits);
    }
  }

  #pair(
    waiting: readonly SeenHead[],
    label: (message: Seen) => string | undefined,
    fits: (head: SeenHead, candidate: MatchCandidate) => boolean,
  ): void {
    const groups = new Map<string | undefined, MatchCandidate[]>();
    for (const candidate of this.#candidates) {
      const name = label(candidate);
      const group = groups.get(name);
      if (group) group.push(candidate);
      else groups.set(name, [candidate]);
    }
    groups.delete(undefined);
    const used = new Set<MatchCandidate>();
    for (const head of waiting) {
      const group = groups.get(label(head)) ?? [];
      const at = group.findIndex((candidate) => fits(head, candidate));
      const [candidate] = at < 0 ? [] : group.splice(at, 1);
      if (!candidate) continue;
      used.add(candidate);
      this.found.set(head.uid, candidate.id);
    }
    this.#candidates = this.#candidates.filter((candidate) => !used.has(candidate));
  }
}

/** UIDs are compared as the numbers that they are, other ids as text. */
function compareIds(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}

function memoised(label: (message: Seen, dated: boolean) => string): (message: Seen, dated: boolean) => string {
  const known = { dated: new Map<Seen, string>(), undated: new Map<Seen, string>() };
  return (message, dated) => {
    const labels = dated ? known.dated : known.undated;
    const text = labels.get(message) ?? label(message, dated);
    labels.set(message, text);
    return text;
  };
}

function isGrowthExplained(head: SeenHead, candidate: MatchCandidate): boolean {
  const growth = candidate.size - head.size;
  if (growth === 2) return true;
  const bareLineFeeds = countBareLineFeeds(head.header);
  const rewritesLineEnds = bareLineFeeds > 0 && countBareLineFeeds(candidate.header) === 0;
  return rewritesLineEnds && growth >= bareLineFeeds && growth <= head.size + 2;
}

function countBareLineFeeds(octets: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < octets.length; at++) if (octets[at] === LF && octets[at - 1] !== CR) count++;
  return count;
}

function secondsOf(date: Date): number | undefined {
  const milliseconds = date.getTime();
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

function normalised(header: Uint8Array): Uint8Array {
  const octets = new Uint8Array(header.length);
  let length = 0;
  for (let at = 0; at < header.length; at++) {
    const octet = header[at] ?? 0;
    if (octet === CR && header[at + 1] === LF) continue;
    octets[length++] = octet === CR ? LF : octet === NUL ? NUL_AS_DOVECOT_KEEPS_IT : octet;
  }
  while (length > 0 && isBlank(octets[length - 1])) length--;
  return octets.subarray(0, length);
}

function isBlank(octet: number | undefined): boolean {
  return octet === LF || octet === SPACE || octet === TAB;
}

function idAndDate(message: Seen): string | undefined {
  const id = fieldOf(message.header, "message-id");
  return id === "" ? undefined : `${secondsOf(message.internalDate)} ${id}`;
}

function dateSubjectAndSender(message: Seen): string | undefined {
  const subject = fieldOf(message.header, "subject");
  const from = fieldOf(message.header, "from");
  const sender = (/<([^<>]*)>\s*$/.exec(from)?.[1] ?? from).toLowerCase();
  return subject === "" && sender === ""
    ? undefined
    : JSON.stringify([secondsOf(message.internalDate), subject, sender]);
}

/** The first field of that name, unfolded (RFC 5322 section 2.2.3) and with its blanks made one each; "" for none. */
function fieldOf(header: Uint8Array, name: string): string {
  const lines = Buffer.from(header.buffer, header.byteOffset, header.byteLength)
    .toString("latin1")
    .replace(/\r\n|\r/g, "\n")
    .replace(/\n(?=[ \t])/g, "")
    .split("\n");
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).trimEnd().toLowerCase() === name) {
      return line
        .slice(colon + 1)
        .trim()
        .replace(/\s+/g, " ");
    }
  }
  return "";
}
