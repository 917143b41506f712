import { MigrationError } from "../errors.js";

/** What we use of Node's `node:sqlite` and of `@photostructure/sqlite`, which has the same interface. */
export interface SqliteDriver {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

export interface SqliteStatement {
  all(...parameters: SqliteValue[]): unknown[];
  run(...parameters: SqliteValue[]): unknown;
}

type SqliteValue = string | number | bigint | null | Uint8Array;

interface SqliteModule {
  readonly DatabaseSync: new (path: string) => SqliteDriver;
}

/**
 * The built-in driver from Node 24 on; before, `@photostructure/sqlite`; where that is not installed, the built-in one
 * of Node 22, which prints an ExperimentalWarning.
 * @throws MigrationError `store-unavailable`
 */
export async function loadSqlite(): Promise<SqliteModule> {
  const nodeVersion = Number.parseInt(process.versions.node, 10);
  const found = nodeVersion >= 24 ? builtIn() : ((await installed()) ?? builtIn());
  if (found) return found;
  throw new MigrationError(
    "store-unavailable",
    "No SQLite driver: install the package @photostructure/sqlite, or use Node 24 or newer.",
  );
}

function builtIn(): SqliteModule | undefined {
  // The types of Node 20 do not know the module.
  return process.getBuiltinModule?.("node:sqlite") as SqliteModule | undefined;
}

async function installed(): Promise<SqliteModule | undefined> {
  try {
    return await import("@photostructure/sqlite");
  } catch {
    return undefined; // an optional dependency: not installed, or not for this machine
  }
}
