/** The octets that a transfer encoding stood for. */
export interface DecodedOctets {
  readonly octets: Buffer;
  /** Something was no such encoding: it was left out (base64) or left as it is. */
  readonly isDamaged: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;
const NO_DIGIT = 0xff;

/** The value of each base64 character (RFC 4648 section 4), NO_DIGIT for all others. */
const BASE64 = digits("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const HEX = digits("0123456789ABCDEF");
for (const letter of "abcdef") HEX[letter.charCodeAt(0)] = Number.parseInt(letter, 16);

/**
 * Undoes a Content-Transfer-Encoding (RFC 2045 section 6). An unknown one leaves the octets as they are, damaged.
 *
 * @param into where the result is written; at least as long as `body`. It may be `body` itself, which then is no more:
 * so a large attachment needs no second room beside its message.
 */
export function decodeTransfer(body: Buffer, encoding: string, into: Buffer): DecodedOctets {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return decodeBase64(body, into);
    case "quoted-printable":
      return decodeQuotedPrintable(body, into);
    case "":
    case "7bit":
    case "8bit":
    case "binary":
      return { octets: body, isDamaged: false };
    default:
      return { octets: body, isDamaged: true };
  }
}

/** Octets decoded at a time by Node itself. */
const BLOCK = 64 * 1024;

/** As senders write it, by Node, which is many times faster; from the first block that is not, octet by octet. */
function decodeBase64(body: Buffer, into: Buffer): DecodedOctets {
  let length = 0;
  let at = 0;
  while (at < body.length) {
    const lineEnd = body.indexOf(LF, at + BLOCK);
    const end = lineEnd === -1 ? body.length : lineEnd + 1;
    // A string of its own, so that `into` may be `body`.
    const block = body.toString("latin1", at, end).replace(/[\r\n]+/g, "");
    if (block.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(block)) break;
    length += into.write(block, length, "base64");
    at = end;
  }
  return at < body.length
    ? decodeLooseBase64(body.subarray(at), into, length)
    : { octets: into.subarray(0, length), isDamaged: false };
}

/** Line ends, blanks and padding are passed over, wherever they stand; what is cut off within a group is dropped. */
function decodeLooseBase64(body: Buffer, into: Buffer, from: number): DecodedOctets {
  let length = from;
  let bits = 0;
  let waiting = 0;
  let isDamaged = false;
  for (const octet of body) {
    const digit = BASE64[octet] ?? NO_DIGIT;
    if (digit === NO_DIGIT) {
      if (octet === EQUALS) waiting = 0;
      else if (!isBlank(octet)) isDamaged = true;
      continue;
    }
    bits = ((bits << 6) | digit) & 0xffff;
    waiting += 6;
    if (waiting < 8) continue;
    waiting -= 8;
    into[length++] = bits >> waiting;
  }
  return { octets: into.subarray(0, length), isDamaged: isDamaged || waiting >= 6 };
}

/** Blanks at the end of a line are the transport's (RFC 2045 section 6.7 rule 3); an `=` that encodes nothing stays. */
function decodeQuotedPrintable(body: Buffer, into: Buffer): DecodedOctets {
  let length = 0;
  let isDamaged = false;
  for (let at = 0; at < body.length; at++) {
    const octet = body[at] ?? 0;
    if (octet === SPACE || octet === TAB) {
      const end = endOfBlanks(body, at);
      if (isLineEnd(body, end) || end === body.length) {
        at = end - 1;
      } else {
        into[length++] = octet;
      }
      continue;
    }
    if (octet !== EQUALS) {
      into[length++] = octet;
      continue;
    }
    const high = HEX[body[at + 1] ?? 0] ?? NO_DIGIT;
    const low = HEX[body[at + 2] ?? 0] ?? NO_DIGIT;
    if (high !== NO_DIGIT && low !== NO_DIGIT) {
      into[length++] = (high << 4) | low;
      at += 2;
      continue;
    }
    const end = endOfBlanks(body, at + 1);
    if (isLineEnd(body, end)) at = body[end] === CR && body[end + 1] === LF ? end + 1 : end;
    else if (end === body.length) at = end;
    else {
      into[length++] = octet;
      isDamaged = true;
    }
  }
  return { octets: into.subarray(0, length), isDamaged };
}

function endOfBlanks(body: Buffer, from: number): number {
  let at = from;
  while (body[at] === SPACE || body[at] === TAB) at++;
  return at;
}

function isLineEnd(body: Buffer, at: number): boolean {
  return body[at] === LF || body[at] === CR;
}

function isBlank(octet: number): boolean {
  return octet === LF || octet === CR || octet === SPACE || octet === TAB;
}

function digits(alphabet: string): Uint8Array {
  const values = new Uint8Array(256).fill(NO_DIGIT);
  for (const [value, letter] of Array.from(alphabet).entries()) values[letter.charCodeAt(0)] = value;
  return values;
}
