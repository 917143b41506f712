import { decodeCharset } from "./charset.js";
import { decodeWords } from "./encoded-words.js";

/** A header value with parameters: Content-Type, Content-Disposition. */
export interface ParameterisedValue {
  /** In lower case, without its parameters; "" where there is none. */
  readonly value: string;
  /** By their names in lower case, decoded. */
  readonly parameters: ReadonlyMap<string, string>;
}

interface Piece {
  readonly text: string;
  readonly isEncoded: boolean;
}

/**
 * Reads `value; name=value; …` (RFC 2045 section 5.1) with continuations and charsets (RFC 2231), and encoded words in
 * parameters, which RFC 2047 forbids and mail is full of. Of two parameters of one name the first counts.
 */
export function parseParameters(field: string): ParameterisedValue {
  const [value = "", ...rest] = splitOutsideQuotes(field);
  const pieces = new Map<string, Map<number, Piece>>();
  for (const item of rest) {
    const equals = item.indexOf("=");
    if (equals < 1) continue;
    const [, name = "", section, star] =
      /^([^*\s]+)(?:\*(\d{1,4}))?(\*)?$/.exec(item.slice(0, equals).trim().toLowerCase()) ?? [];
    if (name === "") continue;
    const known = pieces.get(name) ?? new Map<number, Piece>();
    pieces.set(name, known);
    const number = Number(section ?? 0);
    // The form of RFC 2231 is the better one of two that a sender gives.
    if (!known.has(number) || (star && !known.get(number)?.isEncoded)) {
      known.set(number, { text: unquote(item.slice(equals + 1).trim()), isEncoded: star !== undefined });
    }
  }
  const parameters = new Map([...pieces].map(([name, sections]) => [name, joined(sections)]));
  return { value: value.trim().toLowerCase(), parameters };
}

function joined(sections: ReadonlyMap<number, Piece>): string {
  const ordered = [...sections].sort(([one], [other]) => one - other).map(([, piece]) => piece);
  const [first] = ordered;
  if (!first?.isEncoded) {
    return ordered.length === 1 ? decodeWords(first?.text ?? "") : ordered.map(({ text }) => text).join("");
  }
  const [, charset = "", start = first.text] = /^([^']*)'[^']*'(.*)$/s.exec(first.text) ?? [];
  const octets = ordered.map(({ text, isEncoded }, at) =>
    isEncoded ? percentDecoded(at === 0 ? start : text) : Buffer.from(text),
  );
  return decodeCharset(Buffer.concat(octets), charset).text;
}

function percentDecoded(text: string): Buffer {
  const latin1 = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(latin1, "latin1");
}

/** The pieces between semicolons; comments (RFC 822) are left out. */
function splitOutsideQuotes(field: string): string[] {
  const pieces = [""];
  let isQuoted = false;
  let depth = 0;
  for (let at = 0; at < field.length; at++) {
    const character = field.charAt(at);
    let kept = character;
    if (character === "\\" && (isQuoted || depth > 0)) kept = field.slice(at, ++at + 1);
    else if (character === '"' && depth === 0) isQuoted = !isQuoted;
    else if (!isQuoted && character === "(") depth += 1;
    else if (!isQuoted && character === ")" && depth > 0) {
      depth -= 1;
      continue;
    } else if (!isQuoted && depth === 0 && character === ";") {
      pieces.push("");
      continue;
    }
    if (depth === 0) pieces[pieces.length - 1] += kept;
  }
  return pieces;
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  const inner = text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text.slice(1);
  return inner.replace(/\\(.)/gs, "$1");
}
