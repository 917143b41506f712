import { TextDecoder } from "node:util";

/** Text, and whether every octet of it was understood. */
export interface DecodedText {
  readonly text: string;
  /** The charset is unknown, or some octets are none of it: the text is a guess, or holds U+FFFD. */
  readonly isGuess: boolean;
}

/**
 * 0x80 to 0x9F in windows-1252 (encoding.spec.whatwg.org, index-windows-1252). Some versions of Node decode it as Latin-1
 * and Latin-1 is windows-1252 to the Encoding Standard and to every sender.
 */
const WINDOWS_1252 =
  "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
  "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178";
const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The charset names that say no more than that nothing was said. */
const SAYS_NOTHING = /^(|us-ascii|ascii|ansi_x3\.4-1968|unknown-8bit|x-unknown|unknown|default|8bit|binary)$/i;

/**
 * Text in the charset that a part names. Names are those of the Encoding Standard (encoding.spec.whatwg.org), which
 * covers what mail uses but UTF-7. Where none is named that is known: UTF-8 if it is that, otherwise windows-1252.
 */
export function decodeCharset(octets: Uint8Array, charset = ""): DecodedText {
  const name = charset.trim();
  if (!SAYS_NOTHING.test(name)) {
    const decoder = decoderOf(name);
    if (decoder?.encoding === "windows-1252") return { text: windows1252(octets), isGuess: false };
    if (decoder) {
      const text = decoder.decode(octets);
      // U+FFFD may have been in the text before: then it is no guess.
      return { text, isGuess: text.includes("\ufffd") && !isStrictly(octets, name) };
    }
    if (!isAscii(octets) || name !== "") return { text: guess(octets).text, isGuess: true };
  }
  return isAscii(octets) ? { text: latin1(octets), isGuess: false } : guess(octets);
}

/** Octets of a header: UTF-8 (RFC 6532) if they are that, otherwise windows-1252. */
export function decodeHeaderOctets(octets: Uint8Array): DecodedText {
  return decodeCharset(octets);
}

function guess(octets: Uint8Array): DecodedText {
  try {
    return { text: UTF_8.decode(octets), isGuess: false };
  } catch {
    return { text: windows1252(octets), isGuess: true };
  }
}

function decoderOf(name: string): TextDecoder | undefined {
  try {
    return new TextDecoder(name, { ignoreBOM: false });
  } catch {
    return undefined;
  }
}

function isStrictly(octets: Uint8Array, name: string): boolean {
  try {
    new TextDecoder(name, { fatal: true }).decode(octets);
    return true;
  } catch {
    return false;
  }
}

function isAscii(octets: Uint8Array): boolean {
  for (const octet of octets) if (octet > 0x7f) return false;
  return true;
}

/** Every octet has a meaning in it. */
function windows1252(octets: Uint8Array): string {
  return latin1(octets).replace(/[\x80-\x9f]/g, (octet) => WINDOWS_1252.charAt(octet.charCodeAt(0) - 0x80));
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
