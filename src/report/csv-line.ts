import { visibleText } from "./visible-text.js";

/** A byte order mark: without it Excel takes UTF-8 for the code page of the machine. */
export const CSV_START = "\ufeff";

/**
 * One line of a CSV file (RFC 4180), safe to open in a spreadsheet program: invisible characters are written out, and
 * what a program would take for a formula gets an apostrophe in front of it, at the beginning of a cell (OWASP, "CSV
 * Injection") and behind a semicolon, where many locales of Excel begin a cell too.
 */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map((cell) => quoted(typeof cell === "string" ? harmless(visibleText(cell)) : `${cell ?? ""}`)).join(",")}\r\n`;
}

const FORMULA = /(^|;)([\s'"]*)([=+\-@\uff1d\uff0b\uff0d\uff20])/gu;

function harmless(text: string): string {
  return text.replace(FORMULA, "$1'$2$3");
}

/** Blanks at the ends are quoted too, since some programs remove them. */
function quoted(cell: string): string {
  return /[",;]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
