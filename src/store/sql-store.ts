import type { SourceFolder } from "../mail/folder.js";
import type { OutcomeKind } from "../outcome.js";
import type {
  Claim,
  FolderJournal,
  FolderRecord,
  HeldRecord,
  ItemRecord,
  Lease,
  MigrationStore,
  UserChange,
  UserRecord,
} from "./migration-store.js";
import { applySchema } from "./schema.js";
import type { SqlConnection, SqlDatabase, SqlRow } from "./sql-database.js";
import { messagePages, openSqlJournal } from "./sql-journal.js";
import { heldUser } from "./sql-lease.js";
import {
  booksOf,
  heldRecordOf,
  integer,
  optionalInteger,
  optionalText,
  orNull,
  outcomeFactsOf,
  syncPointOf,
  text,
  userOf,
} from "./sql-rows.js";
import { changedUser, claimedUser, emailKey } from "./user-record.js";

/** The ledger in a SQL database. Its tables are made, and brought up to date, at the first call. */
export function sqlStore(database: SqlDatabase): MigrationStore {
  return new SqlStore(database);
}

class SqlStore implements MigrationStore {
  readonly #database: SqlDatabase;
  #prepared: Promise<void> | undefined;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async addUsers(batch: string, emailAddresses: readonly string[]): Promise<void> {
    const database = await this.#ready();
    const now = await database.now();
    await database.transaction((connection) =>
      connection.runEach(
        `INSERT INTO migration_user (batch, email_key, email_address, status, queued_at)
         VALUES (?, ?, ?, 'Queued', ?) ON CONFLICT (batch, email_key) DO NOTHING`,
        emailAddresses.map((emailAddress) => [batch, emailKey(emailAddress), emailAddress, now]),
      ),
    );
  }

  async *listUsers(batch: string): AsyncGenerator<UserRecord> {
    const database = await this.#ready();
    const pageLength = 500;
    const sql = `SELECT * FROM migration_user WHERE batch = ? AND id > ? ORDER BY id LIMIT ${pageLength}`;
    let after = 0;
    for (;;) {
      const rows = await database.query(sql, [batch, after]);
      yield* rows.map(userOf);
      const last = rows[pageLength - 1];
      if (!last) return;
      after = integer(last, "id");
    }
  }

  async queueUsers(batch: string): Promise<void> {
    const database = await this.#ready();
    const now = await database.now();
    await database.query(
      `UPDATE migration_user SET status = 'Queued', error_code = NULL, error_message = NULL, queued_at = ?,
         lease_worker = NULL, lease_until = NULL
       WHERE batch = ? AND (lease_until <= ? OR lease_until IS NULL AND status <> 'Queued')`,
      [now, batch, now],
    );
  }

  async claimUser(batch: string, claim: Claim): Promise<Lease | undefined> {
    const database = await this.#ready();
    const now = await database.now();
    return database.transaction(async (connection) => {
      // Two claims at a time could both find the last place under the cap.
      await connection.query(`SELECT version FROM migration_store${database.dialect.forUpdate}`);
      if ((await countLeases(connection, claim.endpoint, now)) >= claim.cap) return undefined;
      const row = await nextUser(connection, batch, now);
      return row && lend(connection, row, claim, now);
    });
  }

  async renewLease(lease: Lease): Promise<void> {
    const database = await this.#ready();
    const now = await database.now();
    await database.transaction(async (connection) => {
      const { id } = await heldUser(connection, lease, database.dialect);
      await connection.query("UPDATE migration_user SET lease_until = ? + lease_ms WHERE id = ?", [now, id]);
    });
  }

  async updateUser(lease: Lease, change: UserChange): Promise<void> {
    await this.#changeUser(lease, change, "");
  }

  async releaseUser(lease: Lease, change: UserChange): Promise<void> {
    await this.#changeUser(lease, change, ", lease_worker = NULL, lease_until = NULL");
  }

  async openJournal(lease: Lease, folder: SourceFolder): Promise<FolderJournal> {
    return openSqlJournal(await this.#ready(), lease, folder);
  }

  async listFolders(batch: string, emailAddress: string): Promise<FolderRecord[]> {
    return (await this.#folderRows(batch, emailAddress)).map((row) => {
      const target = optionalText(row, "target_path");
      const syncPoint = syncPointOf(row);
      return {
        name: text(row, "name"),
        source: text(row, "path"),
        ...(target !== undefined && {
          target,
          targetFolder: { name: text(row, "target_name"), uidValidity: integer(row, "target_uid_validity") },
        }),
        uidValidity: integer(row, "uid_validity"),
        books: booksOf(row),
        ...(syncPoint && { syncPoint }),
      };
    });
  }

  async *listItems(batch: string, emailAddress: string, kinds: readonly OutcomeKind[]): AsyncGenerator<ItemRecord> {
    const listed = [...kinds.map(() => "kind = ?"), "lost IS NOT NULL", "uncertain = 1"].join(" OR ");
    const columns = "uid, kind, size, reason, detail, lost, uncertain";
    for (const folder of await this.#folderRows(batch, emailAddress)) {
      const user = { emailAddress: text(folder, "email_address"), folder: text(folder, "path") };
      for await (const rows of messagePages(this.#database, columns, integer(folder, "id"), `AND (${listed})`, kinds)) {
        for (const row of rows) yield { ...user, ...outcomeFactsOf(row) };
      }
    }
  }

  async *listHeld(
    batch: string,
    emailAddress: string,
    page: Pick<FolderRecord, "name" | "uidValidity">,
  ): AsyncGenerator<HeldRecord> {
    const folders = await this.#folderRows(batch, emailAddress);
    const folder = folders.find(
      (row) => text(row, "name") === page.name && integer(row, "uid_validity") === page.uidValidity,
    );
    if (!folder) return;
    const columns = "uid, size, target_id, sha256, lost";
    const held = "AND kind IN ('copied', 'alreadyThere')";
    for await (const rows of messagePages(this.#database, columns, integer(folder, "id"), held)) {
      yield* rows.map(heldRecordOf);
    }
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #ready(): Promise<SqlDatabase> {
    this.#prepared ??= this.#prepare();
    await this.#prepared;
    return this.#database;
  }

  /** A failure is forgotten, so that the next call tries again. */
  async #prepare(): Promise<void> {
    try {
      await applySchema(this.#database);
      if (this.#database.soleOwner) {
        await this.#database.query("UPDATE migration_user SET lease_until = 0 WHERE lease_until > 0");
      }
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }

  async #changeUser(lease: Lease, change: UserChange, more: string): Promise<void> {
    const database = await this.#ready();
    const now = await database.now();
    await database.transaction(async (connection) => {
      const { id, record } = await heldUser(connection, lease, database.dialect);
      const changed = changedUser(record, change);
      await writeUser(connection, id, changed, changed.status === "Queued" ? now : null, more);
    });
  }

  async #folderRows(batch: string, emailAddress: string): Promise<readonly SqlRow[]> {
    const database = await this.#ready();
    return database.query(
      `SELECT migration_folder.*, migration_user.email_address
       FROM migration_folder JOIN migration_user ON migration_user.id = migration_folder.user_id
       WHERE batch = ? AND email_key = ? ORDER BY migration_folder.id`,
      [batch, emailKey(emailAddress)],
    );
  }
}

async function countLeases(connection: SqlConnection, endpoint: string, now: number): Promise<number> {
  const sql = "SELECT COUNT(*) AS leases FROM migration_user WHERE lease_until > ? AND lease_endpoint = ?";
  const [row] = await connection.query(sql, [now, endpoint]);
  return row ? integer(row, "leases") : 0;
}

/** The first that waits, or whose lease ran out, in the order of adding. */
async function nextUser(connection: SqlConnection, batch: string, now: number): Promise<SqlRow | undefined> {
  const select = "SELECT * FROM migration_user WHERE batch = ?";
  const waiting = `${select} AND status = 'Queued' AND lease_until IS NULL ORDER BY id LIMIT 1`;
  const abandoned = `${select} AND lease_until <= ? ORDER BY id LIMIT 1`;
  const rows = [...(await connection.query(waiting, [batch])), ...(await connection.query(abandoned, [batch, now]))];
  return rows.sort((one, other) => integer(one, "id") - integer(other, "id"))[0];
}

async function lend(connection: SqlConnection, row: SqlRow, claim: Claim, now: number): Promise<Lease> {
  const user = claimedUser(userOf(row), optionalInteger(row, "queued_at"), now);
  const { worker, endpoint, leaseMs } = claim;
  const fence = integer(row, "lease_fence") + 1;
  await writeUser(connection, integer(row, "id"), user, null);
  await connection.query(
    `UPDATE migration_user SET lease_worker = ?, lease_endpoint = ?, lease_ms = ?, lease_until = ?, lease_fence = ?
     WHERE id = ?`,
    [worker, endpoint, leaseMs, now + leaseMs, fence, integer(row, "id")],
  );
  return { batch: text(row, "batch"), emailAddress: user.emailAddress, worker, fence, user };
}

async function writeUser(
  connection: SqlConnection,
  id: number,
  { status, error, lastSyncedAt, queuedMs, inProgressMs }: UserRecord,
  queuedAt: number | null,
  more = "",
): Promise<void> {
  await connection.query(
    `UPDATE migration_user SET status = ?, error_code = ?, error_message = ?, last_synced_at = ?, queued_at = ?,
       queued_ms = ?, in_progress_ms = ?${more} WHERE id = ?`,
    [status, orNull(error?.code), orNull(error?.message), orNull(lastSyncedAt), queuedAt, queuedMs, inProgressMs, id],
  );
}
