import { randomUUID } from "node:crypto";
import { MigrationError } from "../errors.js";
import type { SqlConnection, SqlDatabase, SqlDialect } from "./sql-database.js";
import { nameKey } from "./user-record.js";

/** One version of the store: its statements, and what has to be written into the new tables. */
interface Step {
  statements(dialect: SqlDialect): readonly string[];
  fill?(connection: SqlConnection, now: number): Promise<void>;
}

/** What each version of the store changed, from an empty database on. A step never changes once it was released. */
const steps: readonly Step[] = [
  { statements: firstTables },
  { statements: batchesAndEndpoints, fill: enterBatches },
  { statements: sharedMessages },
  { statements: movesAndFlags },
];

/** The version of the tables that this package writes. */
export const storeVersion = steps.length;

/**
 * Makes the tables, or brings older ones up to date, all or nothing.
 * @throws MigrationError `store-version` where a newer package wrote them, or another program the database
 */
export async function applySchema(database: SqlDatabase): Promise<void> {
  const now = await database.now();
  await database.transaction(async (connection) => {
    const version = await currentVersion(connection, database);
    if (version > storeVersion) {
      throw new MigrationError(
        "store-version",
        `The store has version ${version}; this package knows versions up to ${storeVersion}.`,
      );
    }
    if (version === storeVersion) return;
    for (const step of steps.slice(version)) {
      for (const statement of step.statements(database.dialect)) await connection.query(statement);
      await step.fill?.(connection, now);
    }
    await connection.query("UPDATE migration_store SET version = ?", [storeVersion]);
  });
}

async function currentVersion(connection: SqlConnection, { dialect, soleOwner }: SqlDatabase): Promise<number> {
  const tables = (await connection.query(dialect.tableNames)).map(({ name }) => name);
  if (tables.includes("migration_store")) {
    const [row] = await connection.query(`SELECT version FROM migration_store${dialect.forUpdate}`);
    if (row) return Number(row["version"]);
  }
  if (soleOwner && tables.length > 0) {
    throw new MigrationError("store-version", "The database holds something else; no migration store is in it.");
  }
  await connection.query("CREATE TABLE migration_store (version BIGINT NOT NULL)");
  await connection.query("INSERT INTO migration_store (version) VALUES (0)");
  return 0;
}

function firstTables({ countedKey, octets, keptInKey }: SqlDialect): readonly string[] {
  return [
    // email_key is the address in lower case; lease_until is null where nobody holds or held the user.
    `CREATE TABLE migration_user (
      id ${countedKey},
      batch TEXT NOT NULL,
      email_key TEXT NOT NULL,
      email_address TEXT NOT NULL,
      status TEXT NOT NULL,
      error_code TEXT,
      error_message TEXT,
      last_synced_at BIGINT,
      queued_at BIGINT,
      queued_ms BIGINT NOT NULL DEFAULT 0,
      in_progress_ms BIGINT NOT NULL DEFAULT 0,
      lease_worker TEXT,
      lease_endpoint TEXT,
      lease_ms BIGINT,
      lease_until BIGINT,
      lease_fence BIGINT NOT NULL DEFAULT 0,
      UNIQUE (batch, email_key)
    )`,
    "CREATE INDEX migration_user_waiting ON migration_user (batch, status, id)",
    "CREATE INDEX migration_user_leased ON migration_user (batch, lease_until) WHERE lease_until IS NOT NULL",
    "CREATE INDEX migration_user_endpoint ON migration_user (lease_endpoint, lease_until) WHERE lease_until IS NOT NULL",

    // name is the raw name, one character per octet; path is for people.
    `CREATE TABLE migration_folder (
      id ${countedKey},
      user_id BIGINT NOT NULL,
      name TEXT NOT NULL,
      path TEXT NOT NULL,
      uid_validity BIGINT NOT NULL,
      opened BIGINT NOT NULL,
      target_name TEXT,
      target_path TEXT,
      target_uid_validity BIGINT,
      found BIGINT NOT NULL DEFAULT 0,
      copied BIGINT NOT NULL DEFAULT 0,
      already_there BIGINT NOT NULL DEFAULT 0,
      skipped BIGINT NOT NULL DEFAULT 0,
      refused BIGINT NOT NULL DEFAULT 0,
      failed BIGINT NOT NULL DEFAULT 0,
      vanished BIGINT NOT NULL DEFAULT 0,
      uncertain BIGINT NOT NULL DEFAULT 0,
      octets_copied BIGINT NOT NULL DEFAULT 0,
      sync_uid_next BIGINT,
      sync_messages BIGINT,
      sync_mod_seq TEXT,
      UNIQUE (user_id, name, uid_validity)
    )`,

    // reason is a skip rule or an error code, lost a JSON list; uncertain is 1 or null.
    `CREATE TABLE migration_message (
      folder_id BIGINT NOT NULL,
      uid BIGINT NOT NULL,
      kind TEXT NOT NULL,
      size BIGINT NOT NULL,
      target_id TEXT,
      sha256 ${octets},
      reason TEXT,
      detail TEXT,
      internal_date BIGINT,
      lost TEXT,
      uncertain BIGINT,
      PRIMARY KEY (folder_id, uid)
    )${keptInKey}`,

    // One row for each group that is in doubt; messages is a JSON list of [uid, size, milliseconds or null].
    `CREATE TABLE migration_begun (
      id ${countedKey},
      folder_id BIGINT NOT NULL,
      messages TEXT NOT NULL,
      target_name TEXT NOT NULL,
      target_path TEXT NOT NULL,
      target_uid_validity BIGINT NOT NULL,
      target_uid_next BIGINT NOT NULL
    )`,
    "CREATE INDEX migration_begun_folder ON migration_begun (folder_id)",
  ];
}

function batchesAndEndpoints({ countedKey }: SqlDialect): readonly string[] {
  return [
    // settings is a JSON object; name_key is the name in lower case.
    `CREATE TABLE migration_endpoint (
      id ${countedKey},
      name_key TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      settings TEXT NOT NULL,
      max_migrations BIGINT NOT NULL,
      max_incremental_syncs BIGINT NOT NULL,
      max_connections BIGINT,
      last_modified_at BIGINT NOT NULL
    )`,

    // initial_asked_at and incremental_asked_at: when a claim of that kind last found no room.
    `CREATE TABLE migration_batch (
      id ${countedKey},
      name_key TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      batch_guid TEXT NOT NULL,
      endpoint TEXT NOT NULL,
      endpoint_key TEXT NOT NULL,
      status TEXT NOT NULL,
      settings TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      started_at BIGINT,
      initial_synced_at BIGINT,
      last_synced_at BIGINT,
      next_report_at BIGINT,
      initial_asked_at BIGINT,
      incremental_asked_at BIGINT
    )`,
    "CREATE INDEX migration_batch_endpoint ON migration_batch (endpoint_key)",

    // queued_at is since when the user is Queued or Synced; requested is 1 or null.
    "ALTER TABLE migration_user ADD COLUMN next_sync_at BIGINT",
    "ALTER TABLE migration_user ADD COLUMN synced_ms BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE migration_user ADD COLUMN stalled_ms BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE migration_user ADD COLUMN requested BIGINT",
    "ALTER TABLE migration_user ADD COLUMN lease_kind TEXT",
    // Two narrow indexes in place of one by status: a claim has to look past nobody.
    "DROP INDEX migration_user_waiting",
    `CREATE INDEX migration_user_first_pass ON migration_user (batch, id)
      WHERE status = 'Queued' AND last_synced_at IS NULL`,
    `CREATE INDEX migration_user_later_pass ON migration_user (batch, id)
      WHERE status = 'Queued' AND last_synced_at IS NOT NULL`,
    "CREATE INDEX migration_user_due ON migration_user (batch, next_sync_at) WHERE next_sync_at IS NOT NULL",
    "CREATE INDEX migration_user_count ON migration_user (batch, requested, status)",
  ];
}

function sharedMessages(): readonly string[] {
  return [
    // email_id is set for messages at the target alone; octets is a JSON object, hours since 1970 with what was moved in each.
    "ALTER TABLE migration_message ADD COLUMN email_id TEXT",
    "CREATE TABLE migration_octets (account TEXT NOT NULL PRIMARY KEY, octets TEXT NOT NULL)",
  ];
}

function movesAndFlags({ octets }: SqlDialect): readonly string[] {
  return [
    // identity is what a moved message is recognised by, moved_from a JSON object; flags are apart by blanks.
    `ALTER TABLE migration_message ADD COLUMN identity ${octets}`,
    "ALTER TABLE migration_message ADD COLUMN flags TEXT",
    "ALTER TABLE migration_message ADD COLUMN moved_from TEXT",
    // 1 where the flags were followed up to the sync point.
    "ALTER TABLE migration_folder ADD COLUMN sync_flags BIGINT",
  ];
}

/** Version 1 knew batches by the names of their users alone. Of names that differ in case only, the first is entered. */
async function enterBatches(connection: SqlConnection, now: number): Promise<void> {
  const settings = '{"syncIntervalMs":86400000,"reportIntervalMs":86400000,"notificationEmails":[]}';
  const rows = await connection.query("SELECT batch FROM migration_user GROUP BY batch ORDER BY MIN(id)");
  await connection.runEach(
    `INSERT INTO migration_batch (name_key, name, batch_guid, endpoint, endpoint_key, status, settings, created_at)
     VALUES (?, ?, ?, '', '', 'Stopped', ?, ?) ON CONFLICT (name_key) DO NOTHING`,
    rows.map(({ batch }) => [nameKey(String(batch)), String(batch), randomUUID(), settings, now]),
  );
}
