import { type CsvColumn, type CsvFault, csvFault } from "./csv-faults.js";

const REQUIRED: readonly CsvColumn[] = ["EmailAddress", "UserName", "Password"];
const KNOWN: readonly CsvColumn[] = [...REQUIRED, "UserRoot"];

/** A header with more is no header; it may be hostile. */
const MOST_COLUMNS = 1000;

/** What the header says of the columns. */
export interface CsvHeader {
  /** For each cell of the header the column it names, also in another spelling; undefined for an unknown one. */
  readonly columns: readonly (CsvColumn | undefined)[];
  readonly faults: readonly CsvFault[];
}

/**
 * Reads the header. Microsoft wants the names "exactly as written" ("CSV files for IMAP migration batches"): another
 * spelling or case is a fault, but is understood well enough to check the cells below it. That holds with
 * `allowUnknownColumns` too, since a misspelt UserRoot that is passed over would copy the administrator's mailbox to
 * every user.
 *
 * No cell of the header is quoted in a fault: a file without one has a password here.
 */
export function readHeader(cells: readonly string[], line: number, allowUnknownColumns: boolean): CsvHeader {
  if (cells.length > MOST_COLUMNS) {
    const faults = [csvFault("unknown-column", line, `The header names ${cells.length} columns`)];
    return { columns: [], faults };
  }
  const names = cells.map((cell) => cell.trim());
  if (!names.some(isKnown) && names.some((name) => name.includes("@"))) return headerAbsent(names, line);

  const faults: CsvFault[] = [];
  const columns = names.map((name, index) => {
    const position = `Column ${index + 1}`;
    if (isKnown(name)) {
      if (names.indexOf(name) === index) return name;
      faults.push(
        csvFault("duplicate-column", line, `${position} is named like column ${names.indexOf(name) + 1}`, name),
      );
      return undefined;
    }
    const meant = KNOWN.find((known) => !names.includes(known) && isLike(name, known));
    if (meant !== undefined) {
      faults.push(csvFault("unknown-column", line, `${position} is not known; did you mean "${meant}"?`, meant));
    } else if (!allowUnknownColumns) {
      faults.push(csvFault("unknown-column", line, `${position} is not one of ${KNOWN.join(", ")}`));
    }
    return meant;
  });
  return { columns, faults: [...faults, ...missing(columns, line, "")] };
}

function headerAbsent(names: readonly string[], line: number): CsvHeader {
  const faults = missing([], line, "; the first line looks like a row, not like a header");
  return { columns: names.map(() => undefined), faults };
}

function missing(columns: CsvHeader["columns"], line: number, why: string): CsvFault[] {
  return REQUIRED.filter((column) => !columns.includes(column)).map((column) =>
    csvFault("missing-column", line, `Column "${column}" is missing${why}`, column),
  );
}

function isKnown(name: string): name is CsvColumn {
  return KNOWN.some((known) => known === name);
}

/** The same but for case, blanks and punctuation, or at most two letters off. */
function isLike(name: string, known: CsvColumn): boolean {
  const letters = name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return Math.abs(letters.length - known.length) <= 2 && editDistance(letters, known.toLowerCase()) <= 2;
}

/** Letters to insert, delete or replace (Levenshtein). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const replaced = (row[j] ?? 0) + (letter === other[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
