import type { SourceFolder } from "../mail/folder.js";
import type { OutcomeKind } from "../outcome.js";
import type { MigrationBatchStatus } from "../status.js";
import type {
  BatchChange,
  BatchRecord,
  EndpointChange,
  EndpointRecord,
  EndpointRemoval,
  OctetsByHour,
  PassKind,
  UserSelection,
  UserTally,
} from "./batch-records.js";
import type {
  Claim,
  FolderJournal,
  FolderRecord,
  HeldRecord,
  ItemRecord,
  Lease,
  MigrationStore,
  RecognisableRecord,
  UserChange,
  UserRecord,
} from "./migration-store.js";
import { applySchema } from "./schema.js";
import {
  createBatch,
  createEndpoint,
  getBatch,
  getEndpoint,
  listRows,
  removeEndpoint,
  updateBatch,
  updateEndpoint,
} from "./sql-batches.js";
import { claimUser, hasQueued } from "./sql-claims.js";
import { getDailyOctets, setDailyOctets } from "./sql-daily-octets.js";
import type { SqlDatabase, SqlRow } from "./sql-database.js";
import { HELD_HERE, inParts, messagePages, openSqlJournal } from "./sql-journal.js";
import { heldUser } from "./sql-lease.js";
import { removeBatch, removeUser } from "./sql-removal.js";
import {
  batchOf,
  booksOf,
  endpointOf,
  heldRecordOf,
  integer,
  optionalText,
  outcomeFactsOf,
  recognisableOf,
  syncPointOf,
  text,
  userOf,
  writeUser,
} from "./sql-rows.js";
import { countUsers, queueDueUsers, queueUsers, stopUsers } from "./sql-users.js";
import { changedUser, emailKey } from "./user-record.js";

/** Sizes named in one statement. */
const SIZES_AT_ONCE = 1_000;

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

  async createEndpoint(endpoint: EndpointRecord): Promise<boolean> {
    return createEndpoint(await this.#ready(), endpoint);
  }

  async getEndpoint(name: string): Promise<EndpointRecord | undefined> {
    return getEndpoint(await this.#ready(), name);
  }

  async *listEndpoints(): AsyncGenerator<EndpointRecord> {
    for await (const row of listRows(await this.#ready(), "migration_endpoint")) yield endpointOf(row);
  }

  async updateEndpoint(name: string, change: EndpointChange): Promise<EndpointRecord | undefined> {
    return updateEndpoint(await this.#ready(), name, change);
  }

  async removeEndpoint(name: string): Promise<EndpointRemoval> {
    return removeEndpoint(await this.#ready(), name);
  }

  async createBatch(batch: BatchRecord): Promise<boolean> {
    return createBatch(await this.#ready(), batch);
  }

  async getBatch(name: string): Promise<BatchRecord | undefined> {
    return getBatch(await this.#ready(), name);
  }

  async *listBatches(): AsyncGenerator<BatchRecord> {
    for await (const row of listRows(await this.#ready(), "migration_batch")) yield batchOf(row);
  }

  async updateBatch(
    name: string,
    change: BatchChange,
    from?: readonly MigrationBatchStatus[],
  ): Promise<BatchRecord | undefined> {
    return updateBatch(await this.#ready(), name, change, from);
  }

  async removeBatch(name: string): Promise<void> {
    await removeBatch(await this.#ready(), name);
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

  async getUser(batch: string, emailAddress: string): Promise<UserRecord | undefined> {
    const sql = "SELECT * FROM migration_user WHERE batch = ? AND email_key = ?";
    const [row] = await (await this.#ready()).query(sql, [batch, emailKey(emailAddress)]);
    return row && userOf(row);
  }

  async countUsers(batch: string): Promise<UserTally> {
    return countUsers(await this.#ready(), batch);
  }

  async hasQueued(batch: string, kind: PassKind): Promise<boolean> {
    return hasQueued(await this.#ready(), batch, kind);
  }

  async queueUsers(batch: string, users: UserSelection = {}): Promise<void> {
    await queueUsers(await this.#ready(), batch, users);
  }

  async queueDueUsers(batch: string, time: { now: number; intervalMs: number }): Promise<number | undefined> {
    return queueDueUsers(await this.#ready(), batch, time);
  }

  async stopUsers(batch: string, users: UserSelection = {}): Promise<void> {
    await stopUsers(await this.#ready(), batch, users);
  }

  async removeUser(batch: string, emailAddress: string): Promise<void> {
    await removeUser(await this.#ready(), batch, emailAddress);
  }

  async claimUser(batch: string, claim: Claim): Promise<Lease | undefined> {
    return claimUser(await this.#ready(), batch, claim);
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
    const asked = change.status === "Queued" ? "" : ", requested = NULL";
    await this.#changeUser(lease, change, `, lease_worker = NULL, lease_until = NULL${asked}`);
  }

  async openJournal(lease: Lease, folder: SourceFolder): Promise<FolderJournal> {
    return openSqlJournal(await this.#ready(), lease, folder);
  }

  async setAside(lease: Lease, page: Pick<FolderRecord, "name" | "uidValidity">): Promise<void> {
    const database = await this.#ready();
    await database.transaction(async (connection) => {
      const { id } = await heldUser(connection, lease, database.dialect);
      await connection.query(
        `UPDATE migration_folder SET uid_validity = -id, opened = opened + 1
         WHERE user_id = ? AND name = ? AND uid_validity = ?`,
        [id, page.name, page.uidValidity],
      );
    });
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
    const columns = "uid, kind, size, reason, detail, internal_date, lost, uncertain, moved_from";
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
    for await (const rows of messagePages(this.#database, columns, integer(folder, "id"), `AND ${HELD_HERE}`)) {
      yield* rows.map(heldRecordOf);
    }
  }

  async *listRecognisable(
    batch: string,
    emailAddress: string,
    sizes?: readonly number[],
  ): AsyncGenerator<RecognisableRecord> {
    const wanted = sizes && [...new Set(sizes)];
    const columns = "uid, size, target_id, identity, flags, moved_from";
    for (const folder of await this.#folderRows(batch, emailAddress)) {
      const id = integer(folder, "id");
      const page = { name: text(folder, "name"), uidValidity: integer(folder, "uid_validity") };
      for (let at = 0; at < (wanted?.length ?? 1); at += SIZES_AT_ONCE) {
        const part = wanted ? inParts(wanted, at, SIZES_AT_ONCE) : [];
        const ofSize = wanted ? `AND size IN (${part.map(() => "?").join(", ")})` : "";
        const condition = `AND identity IS NOT NULL ${ofSize}`;
        for await (const rows of messagePages(this.#database, columns, id, condition, part)) {
          yield* rows.map((row) => recognisableOf(row, page));
        }
      }
    }
  }

  async *listEmailIds(batch: string, emailAddress: string): AsyncGenerator<string> {
    for (const folder of await this.#folderRows(batch, emailAddress)) {
      const pages = messagePages(this.#database, "uid, email_id", integer(folder, "id"), "AND email_id IS NOT NULL");
      for await (const rows of pages) yield* rows.map((row) => text(row, "email_id"));
    }
  }

  async getDailyOctets(account: string): Promise<OctetsByHour | undefined> {
    return getDailyOctets(await this.#ready(), account);
  }

  async setDailyOctets(account: string, octets: OctetsByHour): Promise<void> {
    await setDailyOctets(await this.#ready(), account, octets);
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
      await writeUser(connection, id, changedUser(record, change, now), more);
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
