import { createHash } from "node:crypto";

const NUL = 0x00;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const NUL_AS_DOVECOT_KEEPS_IT = 0x80;

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
  return createHash("sha256").update(normalised(header)).digest().toString("latin1", 0, 16);
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

function normalised(header: Uint8Array): Uint8Array {
  const octets = new Uint8Array(header.length);
  let length = 0;
  for (const octet of header) {
    if (octet !== CR) octets[length++] = octet === NUL ? NUL_AS_DOVECOT_KEEPS_IT : octet;
  }
  while (length > 0 && isBlank(octets[length - 1])) length--;
  return octets.subarray(0, length);
}

function isBlank(octet: number | undefined): boolean {
  return octet === LF || octet === SPACE || octet === TAB;
}
