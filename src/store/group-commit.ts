import { MigrationError } from "../errors.js";
import type { SqlConnection } from "./sql-database.js";

/** A connection that transactions share. */
export interface CommittingConnection extends SqlConnection {
  /** Runs one statement that gives no rows. */
  execute(sql: string): void;
  /** Resolves once everything that was committed is on the disk. */
  flush(): Promise<void>;
}

/** One transaction of a group. */
interface Member {
  work(connection: SqlConnection): Promise<unknown>;
  /** Tells the caller, once it is certain. */
  done(result: unknown): void;
  failed(error: unknown): void;
}

/**
 * Transactions that are asked for together and become one: the disk is flushed once for all of them. Each is durable when
 * its promise resolves. One that throws is undone by itself; where the database fails, all of them are.
 */
export class GroupCommit {
  readonly #members: Member[] = [];

  join<Result>(work: (connection: SqlConnection) => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      // What `work` gives goes to nobody but its own `resolve`.
      this.#members.push({ work, done: (result) => resolve(result as Result), failed: reject });
    });
  }

  /** Runs the members in the order in which they joined. Never rejects. */
  async run(connection: CommittingConnection): Promise<void> {
    const ends: (() => void)[] = [];
    try {
      connection.execute("BEGIN IMMEDIATE");
      for (const member of this.#members) ends.push(await runMember(member, connection));
      connection.execute("COMMIT");
      await connection.flush();
    } catch (error) {
      rollBack(connection);
      for (const member of this.#members) member.failed(error);
      return;
    }
    for (const end of ends) end();
  }

  /** For members of a group that cannot be run at all. */
  fail(error: unknown): void {
    for (const member of this.#members) member.failed(error);
  }
}

/** @throws MigrationError where the database failed, and the whole group with it */
async function runMember(member: Member, connection: CommittingConnection): Promise<() => void> {
  connection.execute("SAVEPOINT member");
  try {
    const result = await member.work(connection);
    connection.execute("RELEASE member");
    return () => member.done(result);
  } catch (error) {
    if (MigrationError.is(error) && error.code.startsWith("store-")) throw error;
    connection.execute("ROLLBACK TO member");
    connection.execute("RELEASE member");
    return () => member.failed(error);
  }
}

function rollBack(connection: CommittingConnection): void {
  try {
    connection.execute("ROLLBACK");
  } catch {
    // SQLite has rolled back by itself, as it does when the disk is full, or it had committed and the flush failed
  }
}
