import { setTimeout as pause } from "node:timers/promises";
import { MigrationError } from "../errors.js";
import { type CommittingConnection, GroupCommit } from "./group-commit.js";
import { oneAtATime } from "./one-at-a-time.js";
import type { SqlConnection, SqlDatabase, SqlDialect, SqlRow, SqlValue } from "./sql-database.js";
import { loadSqlite, type SqliteDriver, type SqliteStatement } from "./sqlite-driver.js";
import { flushError, isBusy, sqliteError } from "./sqlite-errors.js";
import { steadyClock } from "./steady-clock.js";
import { WalFile } from "./wal-file.js";

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
    return this.#alone((connection) => connection.query(sql, parameters));
  }

  runEach(sql: string, parameterLists: Iterable<readonly SqlValue[]>): Promise<void> {
    return this.#alone((connection) => connection.runEach(sql, parameterLists));
  }

  /** Outside a transaction: what it writes is durable when it resolves. */
  #alone<Result>(work: (connection: SqlConnection) => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      const connection = await this.#open();
      const result = await work(connection);
      await connection.flush();
      return result;
    });
  }

  transaction<Result>(work: (connection: SqlConnection) => Promise<Result>): Promise<Result> {
    this.#group ??= this.#openGroup();
    return this.#group.join(work);
  }

  /** Whatever is asked for in the same tick is of the same group, and whatever is while the one before it is flushed. */
  #openGroup(): GroupCommit {
    const group = new GroupCommit();
    void this.#inTurn(async () => {
      await new Promise<void>((resolve) => process.nextTick(resolve));
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
      await connection?.close();
    });
  }

  async #open(): Promise<SqliteConnection> {
    if (this.#closed) throw new MigrationError("store-unavailable", `The store ${this.#path} is closed.`);
    this.#connection ??= await openConnection(this.#path);
    return this.#connection;
  }
}

async function openConnection(path: string): Promise<SqliteConnection> {
  const driver = await openLocked(path);
  try {
    return new SqliteConnection(driver, path, await flushedByUs(driver));
  } catch (error) {
    driver.close();
    throw sqliteError(error, path);
  }
}

/**
 * From here on a COMMIT leaves the flush to us, unless the log cannot be opened here. A locked database keeps the log
 * that its first access opens, and goes on to flush it by itself before and after it writes to the database file.
 */
async function flushedByUs(driver: SqliteDriver): Promise<WalFile | undefined> {
  driver.exec("SELECT 1 FROM sqlite_schema");
  const [main] = driver.prepare("PRAGMA database_list").all() as SqlRow[]; // with symbolic links resolved
  const log = main?.["file"] ? await WalFile.open(`${main["file"]}-wal`) : undefined;
  if (log) driver.exec("PRAGMA synchronous = NORMAL");
  return log;
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

/** Only this is sure to write nothing. */
const READS = /^\s*SELECT\b/i;

class SqliteConnection implements CommittingConnection {
  readonly #driver: SqliteDriver;
  readonly #path: string;
  readonly #log: WalFile | undefined;
  readonly #statements = new Map<string, SqliteStatement>();
  /** Something may be in the log that no flush has covered. */
  #isDirty = false;
  /** The flush that failed: nothing that was written since the one before it can be relied on. */
  #fault: MigrationError | undefined;

  /** @param log - what `flush` flushes; absent where SQLite does at each COMMIT */
  constructor(driver: SqliteDriver, path: string, log: WalFile | undefined) {
    this.#driver = driver;
    this.#path = path;
    this.#log = log;
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

  /** @throws MigrationError `store-full`, `store-unavailable`, and so does every call from then on */
  async flush(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    try {
      await this.#log?.sync();
    } catch (error) {
      this.#fault = flushError(error, this.#path);
      throw this.#fault;
    }
  }

  /** Gives the lock back first: @photostructure/sqlite holds the file until its statements are garbage-collected. */
  async close(): Promise<void> {
    await this.#log?.close(); // Windows deletes no file that is open
    try {
      this.#driver.exec("PRAGMA journal_mode = DELETE");
      this.#driver.exec("PRAGMA locking_mode = NORMAL");
      this.#driver.exec("SELECT 1 FROM sqlite_schema"); // the mode changes with the next access
    } catch {
      // on a full disk the WAL stays beside the file, and is read when the store is opened again
    }
    this.#statements.clear();
    try {
      this.#driver.close();
    } catch (error) {
      throw sqliteError(error, this.#path);
    }
  }

  #prepared(sql: string): SqliteStatement {
    if (!READS.test(sql)) this.#isDirty = true;
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#driver.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #attempt<Result>(work: () => Result): Result {
    if (this.#fault) throw this.#fault;
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.#path);
    }
  }
}
