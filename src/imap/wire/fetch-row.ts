import type { Flag } from "../../mail/flags.js";
import { parseValues, type ResponseValue } from "./response-values.js";

/** The items of one FETCH answer that a migration asks for (RFC 9051 section 7.5.2). Absent: the row did not hold it. */
export interface FetchRow {
  uid?: number;
  size?: number;
  /** An invalid Date where the server sent NIL or something that is no date. */
  internalDate?: Date;
  flags?: ReadonlySet<Flag>;
  modSeq?: bigint;
  /** `BODY[]`; null for NIL; an empty Buffer where it was streamed. */
  body?: Buffer | null;
  /** `BODY[HEADER]` or `BODY[HEADER.FIELDS …]`; null for NIL. */
  header?: Buffer | null;
}

/** Reads `(UID 5 FLAGS (\Seen) …)` from `start`; a row that broke off at a body literal may lack its last bracket. */
export function parseFetchRow(text: string, literals: readonly Buffer[], start: number): FetchRow {
  const row: FetchRow = {};
  const [items] = parseValues(text, literals, start);
  if (!Array.isArray(items)) return row;
  for (let at = 0; at + 1 < items.length; at += 2) {
    const name = items[at];
    const value = items[at + 1];
    if (typeof name === "string" && value !== undefined) setItem(row, name.toUpperCase(), value);
  }
  return row;
}

function setItem(row: FetchRow, name: string, value: ResponseValue): void {
  if (name === "UID") row.uid = Number(value);
  else if (name === "RFC822.SIZE") row.size = Number(value);
  else if (name === "FLAGS") row.flags = flagSet(value);
  else if (name === "INTERNALDATE") row.internalDate = parseInternalDate(typeof value === "string" ? value : "");
  else if (name === "MODSEQ" && Array.isArray(value) && typeof value[0] === "string") row.modSeq = BigInt(value[0]);
  else if (name.startsWith("BODY[HEADER")) row.header = octets(value);
  else if (name === "BODY[]" || name.startsWith("BODY[]<")) row.body = octets(value);
}

function octets(value: ResponseValue): Buffer | null {
  if (typeof value === "string") return Buffer.from(value, "latin1");
  return Buffer.isBuffer(value) ? value : null;
}

/** Most messages of a mailbox share a handful of flag lists: one Set for each. */
const FLAG_SETS = new Map<string, ReadonlySet<Flag>>();
const MOST_FLAG_SETS = 1_000;

function flagSet(value: ResponseValue): ReadonlySet<Flag> {
  const flags = Array.isArray(value) ? value.filter((flag) => typeof flag === "string") : [];
  const key = flags.join(" ");
  const known = FLAG_SETS.get(key);
  if (known) return known;
  const set = new Set(flags);
  if (FLAG_SETS.size >= MOST_FLAG_SETS) FLAG_SETS.clear();
  FLAG_SETS.set(key, set);
  return set;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DATE_TIME = /^\s?(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;

/** The date-time of RFC 9051 section 9, ` 7-Feb-1994 21:52:25 -0800`; an invalid Date for anything else. */
export function parseInternalDate(text: string): Date {
  const match = DATE_TIME.exec(text);
  const month = match ? MONTHS.findIndex((name) => name.toLowerCase() === match[2]?.toLowerCase()) : -1;
  if (!match || month < 0) return new Date(Number.NaN);
  const [day, year, hour, minute, second] = [match[1], match[3], match[4], match[5], match[6]].map(Number);
  const zone = (match[7] === "-" ? -1 : 1) * (Number(match[8]) * 60 + Number(match[9]));
  const date = new Date(0);
  date.setUTCFullYear(year ?? 0, month, day);
  date.setUTCHours(hour ?? 0, (minute ?? 0) - zone, second ?? 0);
  return date;
}

/** A date as APPEND wants it, in UTC: the same instant, whatever zone the source named. */
export function formatInternalDate(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = String(date.getUTCDate()).padStart(2, " ");
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day}-${MONTHS[date.getUTCMonth()]}-${year} ${time} +0000`;
}
