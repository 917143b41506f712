import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { MigrationError } from "../errors.js";
import { type CommittingConnection, GroupCommit } from "./group-commit.js";
import { oneAtATime } from "./one-at-a-time.js";
import type { SqlConnection, SqlDatabase, SqlDialect, SqlRow, SqlValue } from "./sql-database.js";
import { loadSqlite, type SqliteDriver, type SqliteStatement } from "./sqlite-driver.js";
import { isBusy, sqliteError } from "./sqlite-errors.js";
import { steadyClock } from "./steady-clock.js";

/** How long a process that is just ending may keep the file, in milliseconds. */
const PATIENCE_MS = 1000;

const dialect: SqlDialect = {
  countedKey: "INTEGER PRIMARY KEY",
  octets: "BLOB",
  keptInKey: " WITHOUT ROWID",
  forUpdate: "",
  tableNames: "SELECT name FROM sqlite_schema WHERE type = 'table'",
};

/** A SQLite file, opened at the first call and locked by the operating system for as long as it is open. */
export class SqliteDatabase implements SqlDatabase {
  readonly dialect = dialect;
  readonly soleOwner = true;
  readonly #path: string;
  readonly #now = steadyClock();
  /** There is one connection: whatever came between the statements of a transaction would become part of it. */
  readonly #inTurn = oneAtATime();
  #connection: SqliteConnection | undefined;
  #closed = false;
  /** The transactions that wait for their turn. */
  #group: GroupCommit | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#inTurn(async () => (await this.#open()).query(sql, parameters));
  }

  runEach(sql: string, parameterLists: Iterable<readonly SqlValue[]>): Promise<void> {
    return this.#inTurn(async () => (await this.#open()).runEach(sql, parameterLists));
  }

  transaction<Result>(work: (connection: SqlConnection) => Promise<Result>): Promise<Result> {
    this.#group ??= this.#openGroup();
    return this.#group.join(work);
  }

  /** Whatever is asked for before the event loop's turn ends is of the same group. */
  #openGroup(): GroupCommit {
    const group = new GroupCommit();
    void this.#inTurn(async () => {
      await nextTurn();
      this.#group = undefined;
      try {
        await group.run(await this.#open());
      } catch (error) {
        group.fail(error);
      }
    });
    return group;
  }

  async now(): Promise<number> {
    return this.#now();
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#closed = true;
      const connection = this.#connection;
      this.#connection = undefined;
      connection?.close();
    });
  }

  async #open(): Promise<SqliteConnection> {
    if (this.#closed) throw new MigrationError("store-unavailable", `The store ${this.#path} is closed.`);
    this.#connection ??= new SqliteConnection(await openLocked(this.#path), this.#path);
    return this.#connection;
  }
}

async function openLocked(path: string): Promise<SqliteDriver> {
  const { DatabaseSync } = await loadSqlite();
  const giveUp = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return locked(new DatabaseSync(path));
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUp) throw sqliteError(error, path);
    }
    await pause(20 + Math.random() * 80); // two that wait for each other must not try again at the same time
  }
}

/**
 * Exclusive locking before the first access in WAL mode: the lock is the operating system's and ends with its process,
 * however that ends (sqlite.org/wal.html section 8).
 */
function locked(driver: SqliteDriver): SqliteDriver {
  try {
    driver.exec("PRAGMA locking_mode = EXCLUSIVE");
    driver.exec("BEGIN EXCLUSIVE");
    driver.exec("COMMIT");
    driver.exec("PRAGMA journal_mode = WAL");
    driver.exec("PRAGMA synchronous = FULL");
    driver.exec("PRAGMA fullfsync = ON"); // on macOS a plain fsync leaves data in the disk's cache
    return driver;
  } catch (error) {
    driver.close();
    throw error;
  }
}

class SqliteConnection implements CommittingConnection {
  readonly #driver: SqliteDriver;
  readonly #path: string;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(driver: SqliteDriver, path: string) {
    this.#driver = driver;
    this.#path = path;
  }

  async query(sql: string, parameters: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#attempt(() => this.#prepared(sql).all(...parameters) as SqlRow[]); // the driver types no rows
  }

  async runEach(sql: string, parameterLists: Iterable<readonly SqlValue[]>): Promise<void> {
    this.#attempt(() => {
      const statement = this.#prepared(sql);
      for (const parameters of parameterLists) statement.run(...parameters);
    });
  }

  execute(sql: string): void {
    this.#attempt(() => this.#driver.exec(sql));
  }

  /** Gives the lock back first: @photostructure/sqlite holds the file until its statements are garbage-collected. */
  close(): void {
    try {
      this.#driver.exec("PRAGMA journal_mode = DELETE");
      this.#driver.exec("PRAGMA locking_mode = NORMAL");
      this.#driver.exec("SELECT 1 FROM sqlite_schema"); // the mode changes with the next access
    } catch {
      // on a full disk the WAL stays beside the file, and is read when the store is opened again
    }
    this.#statements.clear();
    this.#attempt(() => this.#driver.close());
  }

  #prepared(sql: string): SqliteStatement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#driver.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #attempt<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.#path);
    }
  }
}
