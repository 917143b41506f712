import { MigrationError } from "../errors.js";
import type { SqlConnection, SqlDatabase, SqlDialect } from "./sql-database.js";

/** What each version of the store changed, from an empty database on. A step never changes once it was released. */
const steps: readonly ((dialect: SqlDialect) => readonly string[])[] = [firstTables];

/** The version of the tables that this package writes. */
export const storeVersion = steps.length;

/**
 * Makes the tables, or brings older ones up to date, all or nothing.
 * @throws MigrationError `store-version` where a newer package wrote them, or another program the database
 */
export async function applySchema(database: SqlDatabase): Promise<void> {
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
      for (const statement of step(database.dialect)) await connection.query(statement);
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
