import { type CsvColumn, type CsvFault, csvFault } from "./csv-faults.js";

/** The cells of one row, blanks around them removed except around the password. */
export type CsvCells = Readonly<Partial<Record<CsvColumn, string>>>;

/** Removes surrounding blanks and tabs; a password is kept to the code unit. */
export function trimCell(column: CsvColumn, cell: string): string {
  if (column === "Password") return cell;
  let start = 0;
  let end = cell.length;
  while (start < end && isBlank(cell, start)) start++;
  while (end > start && isBlank(cell, end - 1)) end--;
  return cell.slice(start, end);
}

function isBlank(cell: string, index: number): boolean {
  return cell[index] === " " || cell[index] === "\t";
}

/** Checks the cells that are there. No fault quotes a cell. */
export function checkCells(cells: CsvCells, line: number): CsvFault[] {
  const { EmailAddress, UserName, Password, UserRoot } = cells;
  const empty = (
    [
      ["EmailAddress", EmailAddress],
      ["UserName", UserName],
      ["Password", Password],
    ] as const
  )
    .filter(([, cell]) => cell === "")
    .map(([column]) => csvFault("empty-cell", line, "The cell is empty", column));
  const wrong: CsvFault[] = [];
  if (EmailAddress && !isAddress(EmailAddress)) {
    wrong.push(csvFault("invalid-address", line, "The cell is not one e-mail address", "EmailAddress"));
  }
  for (const [column, cell] of [
    ["UserName", UserName],
    ["UserRoot", UserRoot],
  ] as const) {
    // A lone surrogate has no form in UTF-8: what the server received would be another name.
    if (cell && /[\p{Control}\p{Surrogate}]/u.test(cell)) {
      wrong.push(csvFault("invalid-character", line, "The cell holds a control character", column));
    }
  }
  if (Password && /[\r\n\0]/.test(Password)) {
    wrong.push(csvFault("invalid-character", line, "The cell holds a line end or a NUL", "Password"));
  }
  return [...empty, ...wrong];
}

/** As long as RFC 3696 (erratum 1690) allows: 64 octets, "@" and 255. */
const LONGEST_ADDRESS = 320;

function isAddress(text: string): boolean {
  return (
    text.length <= LONGEST_ADDRESS &&
    /^[^@\s\p{Control}\p{Surrogate}<>,;:"]+@[^@\s\p{Control}\p{Surrogate}<>,;:"]+$/u.test(text)
  );
}
