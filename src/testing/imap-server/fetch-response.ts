import type { Argument } from "./command-syntax.js";
import { refuse } from "./command-syntax.js";
import { formatDateTime } from "./date-time.js";
import type { RowItem } from "./fetch-row.js";
import type { ScriptedMessage } from "./mailbox-state.js";

/** Makes one data item of a message's row. */
export type ItemWriter = (message: ScriptedMessage) => RowItem;

/** What a FETCH asks for, ready to be applied to each message. */
export interface FetchItems {
  readonly writers: ReadonlyMap<string, ItemWriter>;
  /** BODY[...] without PEEK: reading sets `\Seen`. */
  readonly setsSeen: boolean;
}

const MACROS: Readonly<Record<string, readonly string[]>> = {
  ALL: ["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
  FAST: ["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
};

const SIMPLE = new Map<string, ItemWriter>([
  ["UID", (message) => ({ name: "UID", value: String(message.uid) })],
  ["FLAGS", (message) => ({ name: "FLAGS", value: `(${[...message.flags].join(" ")})` })],
  ["INTERNALDATE", (message) => ({ name: "INTERNALDATE", value: internalDateOf(message) })],
  ["RFC822.SIZE", (message) => ({ name: "RFC822.SIZE", value: String(message.claimedSize ?? message.octets.length) })],
  ["MODSEQ", (message) => ({ name: "MODSEQ", value: `(${message.modSeq})` })],
  ["EMAILID", (message) => ({ name: "EMAILID", value: `(${message.emailId})` })],
  ["X-GM-MSGID", (message) => ({ name: "X-GM-MSGID", value: message.emailId })],
  ["RFC822", (message) => ({ name: "RFC822", value: message.octets })],
  ["RFC822.HEADER", (message) => ({ name: "RFC822.HEADER", value: headerOf(message.octets) })],
]);

/** The capability that an item is part of. */
const EXTENSIONS = new Map([
  ["EMAILID", "OBJECTID"], // RFC 8474
  ["X-GM-MSGID", "X-GM-EXT-1"],
]);

const SECTION = /^BODY(\.PEEK)?\[(.*)\](?:<(\d+)\.(\d+)>)?$/is;
const FIELDS = /^HEADER\.FIELDS(\.NOT)? \(([^)]*)\)$/i;

/** Reads the items of a FETCH; those not listed here, or of an extension that is not announced, are answered with BAD. */
export function readFetchItems(argument: Argument | undefined, has: (capability: string) => boolean): FetchItems {
  const given = argument?.kind === "list" ? argument.items : argument ? [argument] : [];
  const texts = given.flatMap((item) => {
    const text = item.kind === "atom" ? item.text : refuse("BAD Invalid FETCH item");
    return (argument?.kind === "atom" ? MACROS[text.toUpperCase()] : undefined) ?? [text];
  });
  if (texts.length === 0) refuse("BAD Missing FETCH items");
  const writers = new Map<string, ItemWriter>();
  let setsSeen = false;
  for (const text of texts) {
    const extension = EXTENSIONS.get(text.toUpperCase());
    if (extension !== undefined && !has(extension)) refuse("BAD Unknown FETCH item");
    const simple = SIMPLE.get(text.toUpperCase());
    writers.set(text.toUpperCase(), simple ?? sectionWriter(text));
    if (/^(?:BODY\[|RFC822$)/i.test(text)) setsSeen = true;
  }
  return { writers, setsSeen };
}

/** `item` as `SIMPLE` has it; for items that the server adds by itself. */
export function simpleItem(name: "UID" | "FLAGS" | "MODSEQ", message: ScriptedMessage): RowItem {
  const writer = SIMPLE.get(name);
  return writer ? writer(message) : refuse("BAD Unknown FETCH item");
}

function sectionWriter(text: string): ItemWriter {
  const match = SECTION.exec(text);
  if (!match) refuse("BAD Unknown FETCH item");
  const [, , section = "", start, count] = match;
  const select = sectionSelector(section);
  const name = `BODY[${section.toUpperCase()}]${start === undefined ? "" : `<${start}>`}`;
  return ({ octets }) => {
    const selected = select(octets);
    if (start === undefined) return { name, value: selected };
    return { name, value: selected.subarray(Number(start), Number(start) + Number(count)) };
  };
}

function sectionSelector(section: string): (octets: Buffer) => Buffer {
  const keyword = section.toUpperCase();
  if (keyword === "") return (octets) => octets;
  if (keyword === "HEADER") return headerOf;
  if (keyword === "TEXT") return (octets) => octets.subarray(headerOf(octets).length);
  const fields = FIELDS.exec(section) ?? refuse("BAD Unknown body section");
  const wanted = new Set((fields[2] ?? "").split(" ").map((name) => name.replaceAll('"', "").toLowerCase()));
  const isNot = fields[1] !== undefined;
  return (octets) => headerFields(octets, (name) => wanted.has(name) !== isNot);
}

function internalDateOf(message: ScriptedMessage): string {
  return message.rawInternalDate ?? `"${formatDateTime(message.internalDate)}"`;
}

/** The header block with the empty line that ends it; the whole message where there is none. */
function headerOf(octets: Buffer): Buffer {
  if (octets.indexOf("\r\n") === 0) return octets.subarray(0, 2);
  const ends = ["\r\n\r\n", "\n\n"].map((end) => ({ at: octets.indexOf(end), length: end.length }));
  const [first] = ends.filter(({ at }) => at >= 0).sort((one, other) => one.at - other.at);
  return first ? octets.subarray(0, first.at + first.length) : octets;
}

/** The chosen fields, folded lines included, and an empty line. */
function headerFields(octets: Buffer, isChosen: (name: string) => boolean): Buffer {
  const lines =
    headerOf(octets)
      .toString("latin1")
      .match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const kept: string[] = [];
  let isKept = false;
  for (const line of lines) {
    if (line.trim() === "") break;
    if (!/^[ \t]/.test(line))
      isKept = isChosen(
        line
          .slice(0, Math.max(0, line.indexOf(":")))
          .trim()
          .toLowerCase(),
      );
    if (isKept) kept.push(line);
  }
  return Buffer.from(`${kept.join("")}\r\n`, "latin1");
}
