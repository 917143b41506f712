import { MigrationError } from "../errors.js";

const REMEDIES = {
  "empty-file": "Submit a file with a header line and one line for each mailbox.",
  "no-rows": "Add one line for each mailbox below the header.",
  "too-many-rows": "Divide the file into several files and submit them as batches of their own.",
  "too-large": "Divide the file into several files and submit them as batches of their own.",
  "missing-column": "Name it in the first line, spelled exactly so and in one word.",
  "unknown-column":
    "Spell the name exactly, or remove the column; allowUnknownColumns passes over columns of another kind.",
  "duplicate-column": "Remove or rename one of the two columns.",
  "not-comma-separated":
    'Save the file with commas between the cells; spreadsheet programs of many countries take semicolons for "CSV".',
  "cell-count":
    "Give the line one cell for each column, empty ones included; put a cell with commas in it into double quotes.",
  "blank-line": "Remove the blank line.",
  "empty-cell": "Fill in the cell.",
  "invalid-address": "Write one address of the target mailbox, such as terrya@contoso.edu.",
  "duplicate-address": "Keep one line for each mailbox.",
  "unterminated-quote": 'Close the quoted cell with ", and write a " inside it twice.',
  "stray-quote": 'Put the whole cell into double quotes, with nothing around them, and write each " inside it twice.',
  "invalid-encoding":
    'Save the file as UTF-8 (in Excel "CSV UTF-8"); in another encoding names and passwords would be altered.',
  "nul-byte": "Save the file as UTF-8; UTF-16 is read only when it starts with a byte order mark.",
  "invalid-character": "Remove line ends and other control characters from the cell: no sign-in can send them.",
} as const satisfies Record<string, string>;

/** What can be wrong with a user list. */
export type CsvFaultKind = keyof typeof REMEDIES;

/** The columns of a user list, as Microsoft spells them. */
export type CsvColumn = "EmailAddress" | "UserName" | "Password" | "UserRoot";

/** One fault of a user list. Its text quotes no cell, since a shifted file has passwords in any column. */
export interface CsvFault {
  readonly kind: CsvFaultKind;
  /**
   * The line in the file where the row begins, or for a fault of quoting the cell; the first line is 1. A quoted cell
   * may span lines. 0 for a row that was made without a file.
   */
  readonly line: number;
  /** The column it concerns; absent where it concerns none or the column is not known. */
  readonly column?: CsvColumn;
  readonly message: string;
  /** What a person can do about it. */
  readonly remedy: string;
}

export function csvFault(kind: CsvFaultKind, line: number, message: string, column?: CsvColumn): CsvFault {
  return { kind, line, ...(column === undefined ? {} : { column }), message, remedy: REMEDIES[kind] };
}

const NAMED_IN_MESSAGE = 5;

/** The `csv-invalid` error for these faults: all in `faults`, in the order of the lines, the first few in its message. */
export function csvInvalid(faults: readonly CsvFault[]): MigrationError {
  const sorted = [...faults].sort((one, other) => one.line - other.line);
  const named = sorted.slice(0, NAMED_IN_MESSAGE).map(describe);
  const more = sorted.length > named.length ? ["and so on"] : [];
  const count = sorted.length === 1 ? "1 fault" : `${sorted.length} faults`;
  const subject = sorted.every(({ line }) => line === 0) ? "row" : "user list";
  return new MigrationError("csv-invalid", `The ${subject} has ${count}: ${[...named, ...more].join("; ")}`, {
    faults: sorted,
  });
}

function describe({ line, column, message }: CsvFault): string {
  const place = [line > 0 ? `line ${line}` : "", column ?? ""].filter((part) => part !== "").join(", ");
  return place === "" ? message : `${place}: ${message}`;
}
