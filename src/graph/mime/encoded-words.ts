import { decodeCharset } from "./charset.js";
import { decodeTransfer } from "./transfer-encoding.js";

const WORD = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=/gi;

interface Run {
  readonly charset: string;
  readonly octets: Buffer[];
}

/**
 * A header value with its encoded words decoded (RFC 2047, RFC 2231 section 5). Blanks between two of them go. Neighbours
 * in one charset are decoded together: senders split characters between words. What is no encoded word stays.
 */
export function decodeWords(value: string): string {
  if (!value.includes("=?")) return value;
  let text = "";
  let position = 0;
  let run: Run | undefined;
  const flush = (): void => {
    if (run) text += decodeCharset(Buffer.concat(run.octets), run.charset).text;
    run = undefined;
  };
  for (const match of value.matchAll(WORD)) {
    const [whole, charset = "", encoding = "", encoded = ""] = match;
    const between = value.slice(position, match.index);
    position = match.index + whole.length;
    const isNeighbour = run !== undefined && between.trim() === "";
    if (!isNeighbour || run?.charset !== charset.toLowerCase()) flush();
    if (!isNeighbour) text += between;
    run ??= { charset: charset.toLowerCase(), octets: [] };
    run.octets.push(decodeWord(encoding, encoded));
  }
  flush();
  return text + value.slice(position);
}

function decodeWord(encoding: string, encoded: string): Buffer {
  const isBase64 = encoding.toLowerCase() === "b";
  // Blanks at the end of a line mean something within a word: `_` is one (RFC 2047 section 4.2).
  const octets = Buffer.from(isBase64 ? encoded : encoded.replaceAll("_", "=20"), "latin1");
  return decodeTransfer(octets, isBase64 ? "base64" : "quoted-printable", Buffer.alloc(octets.length)).octets;
}
