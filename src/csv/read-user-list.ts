import { parse } from "csv-parse/sync";
import { type CsvCells, checkCells, trimCell } from "./check-cells.js";
import { readHeader } from "./check-header.js";
import { type CsvColumn, type CsvFault, csvFault, csvInvalid } from "./csv-faults.js";
import { decodeCsv } from "./decode-octets.js";
import { type CsvRecord, splitRecords } from "./split-records.js";

/** What {@link CsvRow.parse} takes as a user list. */
export interface CsvParseOptions {
  /**
   * Pass over columns other than EmailAddress, UserName, Password and UserRoot. A misspelling of one of these that is
   * missing stays a fault.
   * @default false
   */
  allowUnknownColumns?: boolean;
  /**
   * Most rows below the header.
   * @default 50,000, the limit of Microsoft's IMAP migration
   */
  maxRows?: number;
  /**
   * Largest file in octets; a string counts as its UTF-8.
   * @default 10 MB (10,485,760), the limit of Microsoft's IMAP migration
   */
  maxOctets?: number;
}

/** A row split into cells; a row with a flaw has none. */
interface Row extends CsvRecord {
  readonly cells: readonly string[];
}

/**
 * The cells of every row.
 * @throws MigrationError `csv-invalid` with every fault
 */
export function readUserList(input: string | Uint8Array, options: CsvParseOptions): CsvCells[] {
  const { allowUnknownColumns = false, maxRows = 50_000, maxOctets = 10 * 1024 * 1024 } = options;
  const { text, faults: faultsOfText, unreadableLines } = decodeCsv(input, maxOctets);
  const { records, blankLines } = splitRecords(text, maxRows + 2); // the header, and one that is too many
  const [head, ...rows] = splitCells(records);
  if (head === undefined) throw csvInvalid([...faultsOfText, csvFault("empty-file", 1, "The file is empty")]);
  // A NUL in the header is the mark of UTF-16 without a byte order mark: there is no table to be seen.
  if (head.text.includes("\0")) throw csvInvalid(faultsOfText);
  if (isSeparatedOtherwise(head)) {
    const why = "The header has semicolons or tabs where commas belong";
    throw csvInvalid([...faultsOfText, csvFault("not-comma-separated", head.line, why)]);
  }

  // Of a line that is not what its author wrote nothing is said but that.
  const isReadable = (row: Row) => row.flaw === undefined && !touches(row, unreadableLines);
  const { columns, faults: faultsOfHeader } = readHeader(head.cells, head.line, allowUnknownColumns);
  const users = rows
    .filter((row) => row.cells.length === columns.length && isReadable(row))
    .map(({ line, cells }) => ({ line, cells: nameCells(cells, columns) }));
  const faults = [
    ...faultsOfText,
    ...blankLines.map((line) => csvFault("blank-line", line, "The line is blank")),
    ...(isReadable(head) ? faultsOfHeader : []),
    ...checkRowCount(head, rows, maxRows),
    ...[head, ...rows].flatMap((row) => checkShape(row, head, columns)),
    ...users.flatMap(({ line, cells }) => checkCells(cells, line)),
    ...findDuplicates(users),
  ];
  if (faults.length > 0) throw csvInvalid(faults);
  return users.map(({ cells }) => cells);
}

/** Each sound row goes to csv-parse as one line, so that its records are our rows, one to one. */
function splitCells(records: readonly CsvRecord[]): Row[] {
  const sound = records.filter(({ flaw }) => flaw === undefined).map(({ text }) => `${text}\n`);
  const split = parse(protectSurrogates(sound.join("")), { record_delimiter: "\n", relax_column_count: true });
  let next = 0;
  return records.map((record) => {
    const cells = record.flaw === undefined ? (split[next++] ?? []) : [];
    return { ...record, cells: cells.map(restoreSurrogates) };
  });
}

/**
 * csv-parse works on UTF-8, which has no form for a lone surrogate: it goes through as U+FDD0, a code point that is no
 * character, and four hexadecimal digits.
 */
function protectSurrogates(text: string): string {
  return text.replace(/[\uFDD0\p{Surrogate}]/gu, (unit) => `\uFDD0${unit.charCodeAt(0).toString(16)}`);
}

function restoreSurrogates(cell: string): string {
  return cell.replace(/\uFDD0(.{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function isSeparatedOtherwise({ text }: CsvRecord): boolean {
  return !text.includes(",") && /[;\t]/.test(text);
}

/** True when one of the lines is among those that the row stands in. */
function touches({ line, lastLine }: CsvRecord, lines: ReadonlySet<number>): boolean {
  for (let at = line; at <= lastLine; at++) if (lines.has(at)) return true;
  return false;
}

function nameCells(cells: readonly string[], columns: readonly (CsvColumn | undefined)[]): CsvCells {
  const named: Partial<Record<CsvColumn, string>> = {};
  for (const [index, column] of columns.entries()) {
    if (column !== undefined) named[column] = trimCell(column, cells[index] ?? "");
  }
  return named;
}

function checkRowCount(head: Row, rows: readonly Row[], maxRows: number): CsvFault[] {
  if (rows.length === 0) return [csvFault("no-rows", head.line, "There is no row below the header")];
  const tooMany = rows[maxRows];
  if (tooMany === undefined) return [];
  return [csvFault("too-many-rows", tooMany.line, `The file has more than ${maxRows} rows`)];
}

function checkShape(row: Row, head: Row, columns: readonly (CsvColumn | undefined)[]): CsvFault[] {
  if (row.flaw !== undefined) {
    const { kind, line, message, cell } = row.flaw;
    return [csvFault(kind, line, message, columns[cell])];
  }
  if (head.flaw !== undefined || row.cells.length === head.cells.length) return [];
  const message = `The row has the wrong number of cells: ${head.cells.length} expected, ${row.cells.length} found`;
  return [csvFault("cell-count", row.line, message)];
}

function findDuplicates(users: readonly { line: number; cells: CsvCells }[]): CsvFault[] {
  const firstLines = new Map<string, number>();
  const faults: CsvFault[] = [];
  for (const { line, cells } of users) {
    const address = cells.EmailAddress?.toLowerCase();
    if (!address) continue;
    const first = firstLines.get(address);
    if (first === undefined) firstLines.set(address, line);
    else faults.push(csvFault("duplicate-address", line, `The address stands in line ${first} too`, "EmailAddress"));
  }
  return faults;
}
