import { resolve } from "node:path";
import { MigrationError } from "../errors.js";
import type { MigrationStore } from "./migration-store.js";
import { sqlStore } from "./sql-store.js";
import { SqliteDatabase } from "./sqlite-database.js";

/**
 * The ledger in one SQLite file, for one process at a time. The file is made if it is missing, and opened at the first
 * call, which is where its errors come from: `store-in-use`, `store-unavailable`, `store-version`, `store-full`. What a
 * call has resolved survives a power cut. Where flushing to the disk fails (`store-unavailable`, `store-full`), every call
 * from then on does, until the store is closed and opened again.
 *
 * Another process, or another `sqliteStore` of the same process, is refused with `store-in-use` while this one is open,
 * and no longer once its process has ended, however it ended. That rests on a lock of the operating system: keep the
 * file on a local disk, and read it with nothing else in the same process while it is open (POSIX drops a process's
 * locks on a file when it closes any handle of it; sqlite.org/howtocorrupt.html section 2.2).
 *
 * @param path - the file, from the working directory on; `:memory:` for a ledger that ends with the process
 * @throws MigrationError `option-invalid` for an empty path
 */
export function sqliteStore(path: string): MigrationStore {
  if (path === "") throw new MigrationError("option-invalid", "The path of a SQLite store is empty.");
  return sqlStore(new SqliteDatabase(path === ":memory:" ? path : resolve(path)));
}
