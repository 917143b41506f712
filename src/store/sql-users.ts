import type { UserSelection, UserTally } from "./batch-records.js";
import type { SqlConnection, SqlDatabase, SqlValue } from "./sql-database.js";
import { integer, optionalInteger, text } from "./sql-rows.js";
import { emailKey } from "./user-record.js";

/** Many users of a batch at a time, in SQL. */

/** `?` twice: now. The milliseconds since a user entered its status, should that be this one. */
const elapsedIn = (status: string) =>
  `CASE WHEN status = '${status}' AND queued_at < ? THEN CAST(? AS BIGINT) - queued_at ELSE 0 END`;

const INTO_QUEUE = `status = 'Queued', error_code = NULL, error_message = NULL, lease_worker = NULL, lease_until = NULL,
  queued_at = CASE WHEN status = 'Queued' THEN queued_at ELSE CAST(? AS BIGINT) END,
  synced_ms = synced_ms + ${elapsedIn("Synced")}`;

const NOT_HELD = "(lease_until IS NULL OR lease_until <= ?)";

export async function queueUsers(database: SqlDatabase, batch: string, users: UserSelection): Promise<void> {
  const now = await database.now();
  const sql = `UPDATE migration_user SET ${INTO_QUEUE}, requested = 1 WHERE batch = ? AND ${NOT_HELD}`;
  await forEach(database, sql, [now, now, now, batch, now], users);
}

export async function stopUsers(database: SqlDatabase, batch: string, users: UserSelection): Promise<void> {
  const now = await database.now();
  // A lease that somebody else holds counts at its endpoint until it has run out: its connection may still be open.
  const sql = `UPDATE migration_user SET
      status = CASE WHEN last_synced_at IS NULL THEN 'Stopped' ELSE 'IncrementalStopped' END,
      error_code = NULL, error_message = NULL, next_sync_at = NULL, requested = NULL, lease_worker = NULL,
      lease_until = CASE WHEN lease_until > ? THEN lease_until ELSE NULL END,
      queued_ms = queued_ms + ${elapsedIn("Queued")}, synced_ms = synced_ms + ${elapsedIn("Synced")}, queued_at = NULL
    WHERE batch = ? AND status NOT IN ('Failed', 'Stopped', 'IncrementalStopped')`;
  await forEach(database, sql, [now, now, now, now, now, batch], users);
}

export async function queueDueUsers(
  database: SqlDatabase,
  batch: string,
  { now: wallTime, intervalMs }: { now: number; intervalMs: number },
): Promise<number | undefined> {
  const interval = Math.max(1, Math.round(intervalMs));
  const wall = Math.floor(wallTime);
  const { first, last } = await dueBetween(database, batch);
  if (first === undefined || last === undefined || (first > wall && last <= wall + interval)) return first;
  const now = await database.now();
  await database.transaction(async (connection) => {
    await connection.query(
      `UPDATE migration_user SET next_sync_at = CAST(? AS BIGINT) + (next_sync_at - CAST(? AS BIGINT)) % CAST(? AS BIGINT)
       WHERE batch = ? AND next_sync_at > ?`,
      [wall, wall, interval, batch, wall + interval],
    );
    await connection.query(
      `UPDATE migration_user SET ${INTO_QUEUE} WHERE batch = ? AND next_sync_at <= ? AND ${NOT_HELD}
         AND status IN ('Synced', 'IncrementalFailed')`,
      [now, now, now, batch, wall, now],
    );
    await connection.query(
      `UPDATE migration_user SET next_sync_at = next_sync_at
         + ((CAST(? AS BIGINT) - next_sync_at) / CAST(? AS BIGINT) + 1) * CAST(? AS BIGINT)
       WHERE batch = ? AND next_sync_at <= ?`,
      [wall, interval, interval, batch, wall],
    );
  });
  return (await dueBetween(database, batch)).first;
}

export async function countUsers(connection: SqlConnection, batch: string): Promise<UserTally> {
  const rows = await connection.query(
    "SELECT status, COUNT(*) AS users FROM migration_user WHERE batch = ? GROUP BY status",
    [batch],
  );
  const sql = "SELECT COUNT(*) AS users FROM migration_user WHERE batch = ? AND requested = 1";
  const [requested] = await connection.query(sql, [batch]);
  return {
    byStatus: Object.fromEntries(rows.map((row) => [text(row, "status"), integer(row, "users")])),
    requested: requested ? integer(requested, "users") : 0,
  };
}

async function dueBetween(connection: SqlConnection, batch: string) {
  // Each by itself: together they would be read from every row.
  const edge = (order: "ASC" | "DESC") =>
    `SELECT next_sync_at FROM migration_user WHERE batch = ? AND next_sync_at IS NOT NULL
     ORDER BY next_sync_at ${order} LIMIT 1`;
  const [first] = await connection.query(edge("ASC"), [batch]);
  const [last] = await connection.query(edge("DESC"), [batch]);
  return {
    first: first && optionalInteger(first, "next_sync_at"),
    last: last && optionalInteger(last, "next_sync_at"),
  };
}

async function forEach(
  database: SqlDatabase,
  sql: string,
  parameters: readonly SqlValue[],
  { statuses, emailAddresses }: UserSelection,
): Promise<void> {
  const ofStatus = statuses ? ` AND status IN (${statuses.map(() => "?").join(", ") || "''"})` : "";
  const all = [...parameters, ...(statuses ?? [])];
  await database.transaction(async (connection) => {
    if (!emailAddresses) await connection.query(sql + ofStatus, all);
    else {
      const lists = emailAddresses.map((emailAddress) => [...all, emailKey(emailAddress)]);
      await connection.runEach(`${sql}${ofStatus} AND email_key = ?`, lists);
    }
  });
}
