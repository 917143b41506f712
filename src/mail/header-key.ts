import { createHash, hash } from "node:crypto";

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const NUL_AS_DOVECOT_KEEPS_IT = "\x80";

/** The header block of a message: up to and with its first empty line, or all of it where there is none. */
export function headerBlock(octets: Uint8Array): Uint8Array {
  if (octets[0] === LF) return octets.subarray(0, 1);
  if (octets[0] === CR && octets[1] === LF) return octets.subarray(0, 2);
  const crlf = bufferOf(octets).indexOf("\n\r\n", 0, "latin1");
  const before = crlf < 0 ? octets : octets.subarray(0, crlf + 3);
  const lf = bufferOf(before).indexOf("\n\n", 0, "latin1");
  return lf < 0 ? before : octets.subarray(0, lf + 2);
}

/**
 * What a message is recognised by: SHA-256, in hex, over its header block and its INTERNALDATE to the second (left out
 * where it is invalid). What real servers change makes no difference: CRLF and LF are one line end, a CR without LF is
 * nothing (Courier drops it), NUL and 0x80 are one octet (Dovecot keeps NUL so), and blanks and empty lines at the end of
 * the block do not count.
 */
export function headerKey(header: Uint8Array, internalDate: Date): string {
  const seconds = secondsOf(internalDate);
  return createHash("sha256")
    .update(normalised(header))
    .update(seconds === undefined ? "" : `\n\n${seconds}`)
    .digest("hex");
}

/** The same of the header block alone, as short as it can be kept in memory: 16 octets, one character each. */
export function headerDigest(header: Uint8Array): string {
  return hash("sha256", normalised(header), "binary").slice(0, 16);
}

/** LFs without a CR before them. */
export function countBareLineFeeds(octets: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < octets.length; at++) if (octets[at] === LF && octets[at - 1] !== CR) count++;
  return count;
}

/** INTERNALDATE as servers keep it; undefined where it is invalid. */
export function secondsOf(date: Date): number | undefined {
  const milliseconds = date.getTime();
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

/** As text, one character an octet: many times as fast as octet by octet, and every message that is copied comes by. */
function normalised(header: Uint8Array): Uint8Array {
  const text = bufferOf(header).toString("latin1").replaceAll("\r", "").replaceAll("\0", NUL_AS_DOVECOT_KEEPS_IT);
  const octets = Buffer.from(text, "latin1");
  let { length } = octets;
  while (length > 0 && isBlank(octets[length - 1])) length--;
  return octets.subarray(0, length);
}

function bufferOf(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

function isBlank(octet: number | undefined): boolean {
  return octet === LF || octet === SPACE || octet === TAB;
}
