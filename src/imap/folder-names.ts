import { MigrationError } from "../errors.js";

const SHIFTED = /&([A-Za-z0-9+,]*)-/g;
const UNPRINTABLE_RUN = /&|[^\x20-\x7e]+/g;
const LONE_SURROGATE = /\p{Cs}/u;

/**
 * A folder name, or one level of it, as people read it: modified UTF-7 (RFC 3501 section 5.1.3) decoded.
 *
 * `raw` has one character per octet. Never throws: a sequence that is none, such as `&AOA` or `R&D-team`, stays as it
 * is. A name with octets above 127 comes from a server that sends UTF-8, or nothing known: it is read as UTF-8 where it
 * is valid as that, else it stays as it is.
 */
export function decodeFolderName(raw: string): string {
  if (/[\x80-\xff]/.test(raw)) return decodeUtf8(raw) ?? raw;
  return raw.replace(SHIFTED, (sequence, base64: string) => (base64 === "" ? "&" : (decodeUtf16(base64) ?? sequence)));
}

/**
 * The one canonical form of a name in modified UTF-7 (RFC 3501 section 5.1.3).
 * @throws MigrationError `folder-name` for half a surrogate pair, which is no character
 */
export function encodeFolderName(text: string): string {
  if (LONE_SURROGATE.test(text)) {
    throw new MigrationError("folder-name", `${JSON.stringify(text)} holds half a character`, { folder: text });
  }
  return text.replace(UNPRINTABLE_RUN, (run) => (run === "&" ? "&-" : `&${encodeUtf16(run)}-`));
}

/**
 * The levels of a listed name from the top, decoded. `delimiter` is that of the LIST answer; undefined stands for NIL,
 * where a name has one level.
 *
 * A first level that spells INBOX in any case is `INBOX`; below it case counts (RFC 9051 section 5.1). A delimiter at
 * the end, which some servers put behind folders that only hold others, makes no level; one at the front does.
 */
export function splitLevels(raw: string, delimiter: string | undefined): string[] {
  const levels = delimiter ? raw.split(delimiter) : [raw];
  if (levels.length > 1 && levels.at(-1) === "") levels.pop();
  if (levels[0]?.toUpperCase() === "INBOX") levels[0] = "INBOX";
  return levels.map(decodeFolderName);
}

function decodeUtf8(raw: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(raw, "latin1"));
  } catch {
    return undefined;
  }
}

/** Undefined where the sequence does not hold whole characters, or bits that belong to none. */
function decodeUtf16(base64: string): string | undefined {
  const octets = Buffer.from(base64.replaceAll(",", "/"), "base64");
  if (octets.length === 0 || octets.length % 2 !== 0) return undefined;
  const text = octets.swap16().toString("utf16le");
  return LONE_SURROGATE.test(text) || encodeUtf16(text) !== base64 ? undefined : text;
}

function encodeUtf16(text: string): string {
  return Buffer.from(text, "utf16le").swap16().toString("base64").replaceAll("/", ",").replace(/=+$/, "");
}
