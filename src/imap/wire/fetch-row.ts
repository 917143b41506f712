import type { Flag } from "../../mail/flags.js";
import { parseValues, type ResponseValue } from "./response-values.js";

/** The items of one FETCH answer that a migration asks for (RFC 9051 section 7.5.2). Undefined: the row did not hold it. */
export interface FetchRow {
  uid: number | undefined;
  size: number | undefined;
  /** An invalid Date where the server sent NIL or something that is no date. */
  internalDate: Date | undefined;
  flags: ReadonlySet<Flag> | undefined;
  /** `BODY[]`; null for NIL; an empty Buffer where it was streamed. */
  body: Buffer | null | undefined;
  /** `BODY[HEADER]` or `BODY[HEADER.FIELDS …]`; null for NIL. */
  header: Buffer | null | undefined;
  /** EMAILID (RFC 8474 section 5.1) or X-GM-MSGID. */
  emailId: string | undefined;
}

/** What an untagged answer with a row begins with: a sequence number, of no meaning here. */
export const FETCH_ROW = /^\d+ FETCH /i;

/** Reads `(UID 5 FLAGS (\Seen) …)` from `start`; a row that broke off at a body literal may lack its last bracket. */
export function parseFetchRow(text: string, literals: readonly Buffer[], start: number): FetchRow {
  const row = emptyRow();
  const [items] = parseValues(text, literals, start);
  if (!Array.isArray(items)) return row;
  for (let at = 0; at + 1 < items.length; at += 2) {
    const name = items[at];
    const value = items[at + 1];
    if (typeof name === "string" && value !== undefined) setItem(row, name.toUpperCase(), value);
  }
  return row;
}

/** All rows have the same fields in the same order, whatever order a server sends them in. */
export function emptyRow(uid?: number): FetchRow {
  return {
    uid,
    size: undefined,
    internalDate: undefined,
    flags: undefined,
    body: undefined,
    header: undefined,
    emailId: undefined,
  };
}

function setItem(row: FetchRow, name: string, value: ResponseValue): void {
  if (name === "UID") setNumber(row, "uid", value);
  else if (name === "RFC822.SIZE") setNumber(row, "size", value);
  else if (name === "FLAGS") row.flags = flagSet(value);
  else if (name === "INTERNALDATE") row.internalDate = parseInternalDate(typeof value === "string" ? value : "");
  else if (name === "EMAILID" || name === "X-GM-MSGID") setEmailId(row, value);
  else if (name.startsWith("BODY[HEADER")) row.header = octets(value);
  else if (name === "BODY[]" || name.startsWith("BODY[]<")) row.body = octets(value);
}

/** What is no number is as good as missing. */
function setNumber(row: FetchRow, item: "uid" | "size", value: ResponseValue): void {
  if (typeof value === "string" && /^\d{1,15}$/.test(value)) row[item] = Number(value);
}

/** An EMAILID stands in brackets. */
function setEmailId(row: FetchRow, value: ResponseValue): void {
  const [id] = Array.isArray(value) ? value : [value];
  if (typeof id === "string" && id !== "") row.emailId = id;
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
  const key = flags.join("\n"); // no flag can hold it
  const known = FLAG_SETS.get(key);
  if (known) return known;
  const set = new Set(flags);
  if (FLAG_SETS.size >= MOST_FLAG_SETS) FLAG_SETS.clear();
  FLAG_SETS.set(key, set);
  return set;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH_NUMBERS = new Map(MONTHS.map((name, month) => [name, month]));
/** The calendar repeats after these; Date.UTC takes the years 0 to 99 for those of the last century. */
const FOUR_CENTURIES_MS = 146_097 * 86_400_000;
const DATE_TIME =
  /^(?:[ 0]?[1-9]|[12]\d|3[01])-[A-Za-z]{3}-\d{4} (?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60) [+-](?:0\d|1[0-5])[0-5]\d$/;

/** The date-time of RFC 9051 section 9, ` 7-Feb-1994 21:52:25 -0800`; an invalid Date for anything else. */
export function parseInternalDate(text: string): Date {
  const dash = text.indexOf("-");
  const month = MONTH_NUMBERS.get(text.slice(dash + 1, dash + 4).toLowerCase());
  if (month === undefined || !DATE_TIME.test(text)) return new Date(Number.NaN);
  const number = (from: number, length: number) => Number(text.slice(dash + from, dash + from + length));
  const zone = number(20, 2) * 60 + number(22, 2);
  const minute = number(13, 2) + (text[dash + 19] === "-" ? zone : -zone);
  const time = Date.UTC(number(5, 4) + 400, month, Number(text.slice(0, dash)), number(10, 2), minute, number(16, 2));
  const date = new Date(time - FOUR_CENTURIES_MS);
  const year = date.getUTCFullYear();
  // The zone can lead out of what a date-time can say.
  return year < 0 || year > 9999 ? new Date(Number.NaN) : date;
}

/** A date as APPEND wants it, in UTC: the same instant, whatever zone the source named. */
export function formatInternalDate(date: Date): string {
  const [, day = "", month, year, time] = date.toUTCString().split(" "); // Mon, 07 Feb 1994 21:52:25 GMT
  return `${day.startsWith("0") ? ` ${day.slice(1)}` : day}-${month}-${year} ${time} +0000`;
}
