import { headerBlock } from "../../mail/header-key.js";
import { decodeHeaderOctets } from "./charset.js";
import { decodeWords } from "./encoded-words.js";

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;

interface HeaderField {
  /** In lower case. */
  readonly name: string;
  /** Unfolded, its octets as text; encoded words stand as they are. */
  readonly value: string;
}

/** The fields of one header block. Lines that are none are passed over. */
export class HeaderFields {
  readonly #fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  get isEmpty(): boolean {
    return this.#fields.length === 0;
  }

  /** The first field of that name, encoded words and all; "" where there is none. */
  raw(name: string): string {
    return this.#fields.find((field) => field.name === name)?.value ?? "";
  }

  /** The first field of that name as people read it; "" where there is none. */
  text(name: string): string {
    return decodeWords(this.raw(name));
  }

  /** All fields of that name in one, commas between: what a list of addresses that came in several fields means. */
  list(name: string): string {
    return this.#fields.flatMap((field) => (field.name === name ? [field.value] : [])).join(", ");
  }
}

/** A message or a part, split in two. */
export interface Entity {
  readonly header: HeaderFields;
  /** The octets of the header block, without the empty line behind it. */
  readonly block: Buffer;
  readonly body: Buffer;
}

/** Splits at the first empty line. A text in which nothing looks like a field is all body. */
export function parseEntity(octets: Buffer): Entity {
  const { length } = headerBlock(octets);
  const header = parseFields(octets.subarray(0, length));
  if (header.isEmpty && length === octets.length) return { header, block: octets.subarray(0, 0), body: octets };
  return { header, block: withoutEmptyLine(octets.subarray(0, length)), body: octets.subarray(length) };
}

function parseFields(block: Buffer): HeaderFields {
  const fields: HeaderField[] = [];
  let start = 0;
  for (let at = 0; at <= block.length; at++) {
    const isEnd = at === block.length || (block[at] === LF && !isFolded(block[at + 1]));
    if (!isEnd) continue;
    const field = parseField(block.subarray(start, at));
    if (field) fields.push(field);
    start = at + 1;
  }
  return new HeaderFields(fields);
}

function parseField(line: Buffer): HeaderField | undefined {
  const colon = line.indexOf(":");
  if (colon < 1) return undefined;
  const name = line.toString("latin1", 0, colon).replace(/^\xef\xbb\xbf/, "");
  // RFC 5322 section 2.2, and the blanks before the colon of section 4.5.8
  if (!/^[!-9;-~]+[ \t]*$/.test(name)) return undefined;
  const value = decodeHeaderOctets(line.subarray(colon + 1)).text.replace(/\r?\n(?=[ \t])|[\r\n]/g, "");
  return { name: name.trimEnd().toLowerCase(), value: value.trim() };
}

function withoutEmptyLine(block: Buffer): Buffer {
  let end = block.length;
  if (block[end - 1] === LF) end -= block[end - 2] === CR ? 2 : 1;
  // A block that ends with its last field keeps that line's end.
  return end === 0 || block[end - 1] === LF ? block.subarray(0, end) : block;
}

function isFolded(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}
