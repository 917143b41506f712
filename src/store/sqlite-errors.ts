import { MigrationError, type MigrationErrorCode } from "../errors.js";

interface Meaning {
  /** Primary result code (sqlite.org/rescode.html). */
  readonly result: number;
  /** SQLite's own words for it. */
  readonly words: string;
  readonly code: MigrationErrorCode;
  readonly what: string;
}

const IN_USE = { code: "store-in-use", what: "is in use by another process, or open in this one already" } as const;

const BUSY: Meaning = { result: 5, words: "database is locked", ...IN_USE };

const MEANINGS: readonly Meaning[] = [
  { result: 3, words: "access permission denied", code: "store-unavailable", what: "may not be opened" },
  BUSY,
  { result: 6, words: "database table is locked", ...IN_USE },
  { result: 8, words: "attempt to write a readonly database", code: "store-unavailable", what: "cannot be written" },
  { result: 10, words: "disk I/O error", code: "store-unavailable", what: "cannot be read or written" },
  { result: 11, words: "database disk image is malformed", code: "store-unavailable", what: "is damaged" },
  { result: 13, words: "database or disk is full", code: "store-full", what: "cannot grow" },
  { result: 14, words: "unable to open database file", code: "store-unavailable", what: "cannot be opened" },
  { result: 26, words: "file is not a database", code: "store-version", what: "is not a SQLite database" },
];

/** A driver's error in our words. */
export function sqliteError(error: unknown, path: string): MigrationError {
  const meaning = meaningOf(error);
  if (!meaning) return MigrationError.from(error);
  const { code, what, words } = meaning;
  return new MigrationError(code, `The store ${path} ${what} (${words}).`, { cause: error });
}

/** No flush after one that failed can be trusted: the system has dropped what it could not write. */
export function flushError(error: unknown, path: string): MigrationError {
  const isFull = error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
  const what = isFull ? "cannot grow" : "cannot be written";
  const words = `The store ${path} ${what}: flushing it to the disk failed. It has to be closed and opened again.`;
  return new MigrationError(isFull ? "store-full" : "store-unavailable", words, { cause: error });
}

export function isBusy(error: unknown): boolean {
  return meaningOf(error) === BUSY;
}

/** `all` of @photostructure/sqlite 1.2 throws errors without a result code; their words are SQLite's all the same. */
function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof Error) || MigrationError.is(error)) return undefined;
  if ("errcode" in error && typeof error.errcode === "number") {
    const primary = error.errcode & 0xff; // the rest of the code says where it happened
    return MEANINGS.find(({ result }) => result === primary);
  }
  return MEANINGS.find(({ words }) => error.message.endsWith(words));
}
