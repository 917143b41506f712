/** One row of a CSV text, header included, as RFC 4180 delimits it; not yet split into cells. */
export interface CsvRecord {
  /** The row without its line end. */
  readonly text: string;
  /** Numbers of the lines it begins and ends in; the first line of the text is 1. */
  readonly line: number;
  readonly lastLine: number;
  /** A fault of quoting, which leaves the row unreadable; absent for a sound row. */
  readonly flaw?: CsvFlaw;
}

export interface CsvFlaw {
  readonly kind: "unterminated-quote" | "stray-quote";
  /** The line in which the cell begins. */
  readonly line: number;
  /** Which cell of the row; the first is 0. */
  readonly cell: number;
  readonly message: string;
}

/** A row, and where the next one begins. */
interface Reading {
  readonly record: CsvRecord;
  readonly next: number;
  readonly nextLine: number;
}

/**
 * Splits a text into rows at LF, CRLF and CR outside quotes, and finds every fault of quoting; csv-parse would stop at
 * the first. Reads no more than `maxRecords`. Of each run of blank lines between rows the first is told; blank lines at
 * the end count for nothing.
 */
export function splitRecords(text: string, maxRecords: number): { records: CsvRecord[]; blankLines: number[] } {
  const records: CsvRecord[] = [];
  const blankLines: number[] = [];
  let firstBlank: number | undefined;
  for (let position = 0, line = 1; position < text.length && records.length < maxRecords; ) {
    const { record, next, nextLine } = readRecord(text, position, line);
    if (record.text.trim() === "") {
      firstBlank ??= line;
    } else {
      if (firstBlank !== undefined) blankLines.push(firstBlank);
      firstBlank = undefined;
      records.push(record);
    }
    position = next;
    line = nextLine;
  }
  return { records, blankLines };
}

function readRecord(text: string, start: number, firstLine: number): Reading {
  let line = firstLine;
  let cellStart = start;
  for (let cell = 0; ; cell++) {
    const end = endOfCell(text, cellStart);
    const lastLine = line + countLineEnds(text.slice(cellStart, end));
    const follower = text.charAt(end);
    if (end <= text.length && LINE_END_OR_NOTHING.test(follower)) {
      const record = { text: text.slice(start, end), line: firstLine, lastLine };
      return { record, next: afterLineEnd(text, end), nextLine: lastLine + 1 };
    }
    if (follower !== ",") {
      const flaw = { ...nameFlaw(end > text.length, line, lastLine), line, cell };
      const lineEnd = endOfLine(text, cellStart);
      const record = { text: text.slice(start, lineEnd), line: firstLine, lastLine: line, flaw };
      // Going on with the next line keeps one forgotten quote from hiding the faults of all other rows.
      return { record, next: afterLineEnd(text, lineEnd), nextLine: line + 1 };
    }
    cellStart = end + 1;
    line = lastLine;
  }
}

const LINE_END_OR_NOTHING = /^[\r\n]?$/;

/** Where the cell ends; beyond the end of the text when its quote is never closed. */
function endOfCell(text: string, start: number): number {
  if (text[start] !== '"') {
    PLAIN_CELL.lastIndex = start;
    PLAIN_CELL.test(text);
    return PLAIN_CELL.lastIndex;
  }
  let quote = text.indexOf('"', start + 1);
  while (quote >= 0 && text[quote + 1] === '"') quote = text.indexOf('"', quote + 2);
  return quote < 0 ? text.length + 1 : quote + 1;
}

const PLAIN_CELL = /[^",\r\n]*/y;

/**
 * A quoted cell that ends in a later line, with text behind it, most likely was not closed in its own line and met the
 * quote of another row.
 */
function nameFlaw(unclosed: boolean, line: number, lastLine: number): Pick<CsvFlaw, "kind" | "message"> {
  if (unclosed) return { kind: "unterminated-quote", message: "The quoted cell is not closed" };
  if (lastLine === line) return { kind: "stray-quote", message: "The cell has a quote in a place where none can be" };
  return {
    kind: "unterminated-quote",
    message: `The quoted cell is closed only in line ${lastLine}, with text behind it`,
  };
}

function endOfLine(text: string, position: number): number {
  REST_OF_LINE.lastIndex = position;
  REST_OF_LINE.test(text);
  return REST_OF_LINE.lastIndex;
}

const REST_OF_LINE = /[^\r\n]*/y;

function afterLineEnd(text: string, end: number): number {
  return text.startsWith("\r\n", end) ? end + 2 : end + 1;
}

function countLineEnds(cell: string): number {
  return cell.match(/\r\n|\r|\n/g)?.length ?? 0;
}
