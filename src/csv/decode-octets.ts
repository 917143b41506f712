import { isUtf8 } from "node:buffer";
import { type CsvFault, csvFault, csvInvalid } from "./csv-faults.js";

/** A user list as text, without its byte order mark. */
export interface CsvText {
  readonly text: string;
  readonly faults: readonly CsvFault[];
  /** The lines whose cells are not what the author wrote. */
  readonly unreadableLines: ReadonlySet<number>;
}

const BYTE_ORDER_MARK = "\uFEFF";

/**
 * UTF-8 with or without a byte order mark, or UTF-16 with one. Text that is no such thing is read as far as it goes and
 * its lines are named. A string is taken as it is.
 * @throws MigrationError `csv-invalid` when the input has more than `maxOctets` octets; for a string, of UTF-8
 */
export function decodeCsv(input: string | Uint8Array, maxOctets: number): CsvText {
  const octets = typeof input === "string" ? Buffer.byteLength(input) : input.byteLength;
  if (octets > maxOctets) {
    throw csvInvalid([csvFault("too-large", 1, `The file has ${octets} octets; ${maxOctets} are allowed`)]);
  }
  const { text, undecodable } = typeof input === "string" ? { text: input, undecodable: [] } : decodeOctets(input);
  const withNul = linesWhere(text, (line) => line.includes("\0"));
  return {
    text: text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text,
    faults: [
      ...undecodable.map((line) => csvFault("invalid-encoding", line, "The line is not valid UTF-8 or UTF-16")),
      ...withNul.map((line) => csvFault("nul-byte", line, "The line holds a NUL")),
    ],
    unreadableLines: new Set([...undecodable, ...withNul]),
  };
}

interface DecodedOctets {
  readonly text: string;
  /** Numbers of the lines that are not valid in the encoding. */
  readonly undecodable: readonly number[];
}

function decodeOctets(input: Uint8Array): DecodedOctets {
  const octets = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const mark = octets.subarray(0, 2).toString("latin1");
  return mark === "\xFF\xFE" || mark === "\xFE\xFF" ? decodeUtf16(octets, mark === "\xFE\xFF") : decodeUtf8(octets);
}

function decodeUtf8(octets: Buffer): DecodedOctets {
  const text = octets.toString("utf8");
  if (isUtf8(octets)) return { text, undecodable: [] };
  // CR and LF are never part of a longer sequence, so each line can be judged by itself.
  const undecodable = linesWhere(octets.toString("latin1"), (line) => !isUtf8(Buffer.from(line, "latin1")));
  return { text, undecodable };
}

function decodeUtf16(octets: Buffer, bigEndian: boolean): DecodedOctets {
  const odd = octets.length % 2;
  const pairs = Buffer.from(octets.subarray(0, octets.length - odd));
  const text = (bigEndian ? pairs.swap16() : pairs).toString("utf16le");
  const undecodable = new Set(linesWhere(text, (line) => /\p{Surrogate}/u.test(line)));
  if (odd === 1) undecodable.add(text.split(LINE_END).length);
  return { text, undecodable: [...undecodable] };
}

const LINE_END = /\r\n|\r|\n/;

/** A file that is wrong in more lines is not worth a longer list; it may be hostile. */
const MOST_LINES_NAMED = 100_000;

/** Numbers of the lines for which a test holds that no line passes unless the whole text does; the first line is 1. */
function linesWhere(text: string, test: (text: string) => boolean): number[] {
  if (!test(text)) return [];
  const numbers: number[] = [];
  for (const [index, line] of text.split(LINE_END).entries()) {
    if (test(line)) numbers.push(index + 1);
    if (numbers.length === MOST_LINES_NAMED) break;
  }
  return numbers;
}
