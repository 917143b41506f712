import { actionWith, type CutKind, type ServerFault } from "./faults.js";

/** One data item of a FETCH row: text as it stands, or octets to be sent as literal. */
export interface RowItem {
  readonly name: string;
  readonly value: string | Buffer;
}

/** One FETCH row before it is written. */
export interface FetchRow {
  readonly sequence: number;
  readonly uid: number;
  readonly items: readonly RowItem[];
}

/** A row as it goes out: lines with their ends, and octets, by turns. */
export interface EncodedRow {
  readonly pieces: readonly (string | Buffer)[];
  /** Lose the connection behind the last piece. */
  readonly thenCut?: CutKind | undefined;
}

/** The row as the faults want it: none, one or two. */
export function encodeRow(row: FetchRow, faults: readonly ServerFault[]): EncodedRow[] {
  const own = faults.filter(({ when }) => when.uid === undefined || when.uid === row.uid);
  if (actionWith(own, "omitRow")) return [];
  const raw = actionWith(own, "rawRow")?.rawRow;
  const encoded = raw === undefined ? encode(row, own) : { pieces: [octetsOf(raw), "\r\n"] };
  return actionWith(own, "repeatRow") ? [encoded, encoded] : [encoded];
}

function encode(row: FetchRow, faults: readonly ServerFault[]): EncodedRow {
  const pieces: (string | Buffer)[] = [];
  let text = `* ${row.sequence} FETCH (`;
  for (const [index, item] of row.items.entries()) {
    const value = faultyValue(item, faults);
    text += `${index > 0 ? " " : ""}${item.name} `;
    if (typeof value === "string") {
      text += value;
      continue;
    }
    const lie = isBody(item) ? actionWith(faults, "literalSize") : undefined;
    pieces.push(`${text}{${lie?.literalSize ?? value.length}}\r\n`, value);
    if (lie?.thenCut) return { pieces, thenCut: lie.thenCut };
    text = "";
  }
  return { pieces: [...pieces, `${text})\r\n`] };
}

function octetsOf(value: Uint8Array | string): Buffer {
  return typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value);
}

const isBody = (item: RowItem): boolean => item.name.startsWith("BODY[]");

function faultyValue(item: RowItem, faults: readonly ServerFault[]): string | Buffer {
  const claimed = item.name === "RFC822.SIZE" ? actionWith(faults, "claimedSize") : undefined;
  if (claimed) return String(claimed.claimedSize);
  const other = isBody(item) ? actionWith(faults, "body") : undefined;
  if (!other) return item.value;
  if (other.body === null) return "NIL";
  return other.body === "" ? '""' : Buffer.from(other.body);
}
