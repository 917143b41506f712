import type { MigrationBatchStatus } from "../status.js";
import type { BatchChange, BatchRecord, EndpointChange, EndpointRecord, EndpointRemoval } from "./batch-records.js";
import { changedBatch, changedEndpoint } from "./changed-records.js";
import type { SqlConnection, SqlDatabase, SqlRow, SqlValue } from "./sql-database.js";
import { batchOf, endpointOf, integer, orNull } from "./sql-rows.js";
import { nameKey } from "./user-record.js";

/** The endpoints and batches of a store, in SQL. */

export async function createEndpoint(database: SqlDatabase, endpoint: EndpointRecord): Promise<boolean> {
  const rows = await database.query(
    `INSERT INTO migration_endpoint
       (name_key, name, settings, max_migrations, max_incremental_syncs, max_connections, last_modified_at)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name_key) DO NOTHING RETURNING id`,
    [nameKey(endpoint.name), endpoint.name, ...endpointColumns(endpoint)],
  );
  return rows.length > 0;
}

export async function getEndpoint(connection: SqlConnection, name: string): Promise<EndpointRecord | undefined> {
  const [row] = await connection.query("SELECT * FROM migration_endpoint WHERE name_key = ?", [nameKey(name)]);
  return row && endpointOf(row);
}

export async function updateEndpoint(
  database: SqlDatabase,
  name: string,
  change: EndpointChange,
): Promise<EndpointRecord | undefined> {
  return database.transaction(async (connection) => {
    const sql = `SELECT * FROM migration_endpoint WHERE name_key = ?${database.dialect.forUpdate}`;
    const [row] = await connection.query(sql, [nameKey(name)]);
    if (!row) return undefined;
    const changed = changedEndpoint(endpointOf(row), change);
    await connection.query(
      `UPDATE migration_endpoint SET settings = ?, max_migrations = ?, max_incremental_syncs = ?, max_connections = ?,
         last_modified_at = ? WHERE id = ?`,
      [...endpointColumns(changed), integer(row, "id")],
    );
    return changed;
  });
}

export async function removeEndpoint(database: SqlDatabase, name: string): Promise<EndpointRemoval> {
  return database.transaction(async (connection) => {
    // A batch that is created at the same time must not find the endpoint gone afterwards.
    await connection.query(`SELECT version FROM migration_store${database.dialect.forUpdate}`);
    const key = nameKey(name);
    const users = await connection.query("SELECT id FROM migration_batch WHERE endpoint_key = ? LIMIT 1", [key]);
    if (users.length > 0) return "in-use";
    const removed = await connection.query("DELETE FROM migration_endpoint WHERE name_key = ? RETURNING id", [key]);
    return removed.length > 0 ? "removed" : "not-found";
  });
}

export async function createBatch(database: SqlDatabase, batch: BatchRecord): Promise<boolean> {
  return database.transaction(async (connection) => {
    await connection.query(`SELECT version FROM migration_store${database.dialect.forUpdate}`);
    const rows = await connection.query(
      `INSERT INTO migration_batch (name_key, name, batch_guid, created_at, endpoint, endpoint_key, status, settings,
         started_at, initial_synced_at, last_synced_at, next_report_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name_key) DO NOTHING RETURNING id`,
      [nameKey(batch.name), batch.name, batch.batchGuid, batch.createdAt, ...batchColumns(batch)],
    );
    return rows.length > 0;
  });
}

export async function getBatch(connection: SqlConnection, name: string): Promise<BatchRecord | undefined> {
  const [row] = await connection.query("SELECT * FROM migration_batch WHERE name_key = ?", [nameKey(name)]);
  return row && batchOf(row);
}

export async function updateBatch(
  database: SqlDatabase,
  name: string,
  change: BatchChange,
  from: readonly MigrationBatchStatus[] | undefined,
): Promise<BatchRecord | undefined> {
  return database.transaction(async (connection) => {
    const sql = `SELECT * FROM migration_batch WHERE name_key = ?${database.dialect.forUpdate}`;
    const [row] = await connection.query(sql, [nameKey(name)]);
    if (!row) return undefined;
    const before = batchOf(row);
    if (from && !from.includes(before.status)) return before;
    const changed = changedBatch(before, change);
    await connection.query(
      `UPDATE migration_batch SET endpoint = ?, endpoint_key = ?, status = ?, settings = ?, started_at = ?,
         initial_synced_at = ?, last_synced_at = ?, next_report_at = ? WHERE id = ?`,
      [...batchColumns(changed), integer(row, "id")],
    );
    return changed;
  });
}

/** The rows of a small table, in the order of their making. */
export async function* listRows(connection: SqlConnection, table: string): AsyncGenerator<SqlRow> {
  const pageLength = 500;
  let after = 0;
  for (;;) {
    const sql = `SELECT * FROM ${table} WHERE id > ? ORDER BY id LIMIT ${pageLength}`;
    const rows = await connection.query(sql, [after]);
    yield* rows;
    const last = rows[pageLength - 1];
    if (!last) return;
    after = integer(last, "id");
  }
}

function endpointColumns(endpoint: EndpointRecord): readonly SqlValue[] {
  const { settings, maxConcurrentMigrations, maxConcurrentIncrementalSyncs, maxConnections, lastModifiedAt } = endpoint;
  return [
    JSON.stringify(settings),
    maxConcurrentMigrations,
    maxConcurrentIncrementalSyncs,
    orNull(maxConnections),
    lastModifiedAt,
  ];
}

function batchColumns(batch: BatchRecord): readonly SqlValue[] {
  const { endpoint, status, settings, startedAt, initialSyncedAt, lastSyncedAt, nextReportAt } = batch;
  return [
    endpoint,
    nameKey(endpoint),
    status,
    JSON.stringify(settings),
    orNull(startedAt),
    orNull(initialSyncedAt),
    orNull(lastSyncedAt),
    orNull(nextReportAt),
  ];
}
