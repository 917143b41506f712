import type { PassKind } from "./batch-records.js";
import { type HeldPlaces, hasRoom, lendsUsers } from "./endpoint-places.js";
import type { Claim, Lease } from "./migration-store.js";
import type { SqlConnection, SqlDatabase, SqlRow } from "./sql-database.js";
import { batchOf, integer, optionalInteger, optionalText, text, userOf, writeUser } from "./sql-rows.js";
import { claimedUser, nameKey, passKind, WAITING_MS } from "./user-record.js";

export async function claimUser(database: SqlDatabase, batch: string, claim: Claim): Promise<Lease | undefined> {
  const now = await database.now();
  return database.transaction(async (connection) => {
    // Two claims at a time could both find the last place under the cap.
    await connection.query(`SELECT version FROM migration_store${database.dialect.forUpdate}`);
    const [record] = await connection.query("SELECT * FROM migration_batch WHERE name_key = ?", [nameKey(batch)]);
    if (!lendsUsers(record && batchOf(record).status)) return undefined;
    const row = await nextUser(connection, batch, claim.kind, now);
    const isFull =
      row && !hasRoom(batch, claim, await heldPlaces(connection, claim, now), await waiting(connection, claim, now));
    if (record) await noteWaiting(connection, record, claim, isFull ? now : null);
    return row && !isFull ? lend(connection, row, claim, now) : undefined;
  });
}

async function heldPlaces(connection: SqlConnection, { endpoint }: Claim, now: number): Promise<HeldPlaces[]> {
  const rows = await connection.query(
    `SELECT batch, lease_kind, COUNT(*) AS leases FROM migration_user WHERE lease_until > ? AND lease_endpoint = ?
     GROUP BY batch, lease_kind`,
    [now, endpoint],
  );
  return rows.map((row) => ({
    batch: text(row, "batch"),
    kind: optionalText(row, "lease_kind") === "incremental" ? "incremental" : "initial",
    leases: integer(row, "leases"),
  }));
}

function askedColumn(kind: PassKind | undefined): string {
  return kind === "incremental" ? "incremental_asked_at" : "initial_asked_at";
}

/** The batches whose last claim of this kind found no room, a moment ago. */
async function waiting(connection: SqlConnection, { endpoint, kind }: Claim, now: number): Promise<string[]> {
  const sql = `SELECT name FROM migration_batch WHERE endpoint_key = ? AND ${askedColumn(kind)} > ?`;
  const rows = await connection.query(sql, [nameKey(endpoint), now - WAITING_MS]);
  return rows.map((row) => text(row, "name"));
}

async function noteWaiting(
  connection: SqlConnection,
  record: SqlRow,
  claim: Claim,
  asked: number | null,
): Promise<void> {
  const column = askedColumn(claim.kind);
  const before = optionalInteger(record, column);
  // A batch asks after each mailbox that ends: not every time is worth a row.
  if (asked === null ? before === undefined : before !== undefined && asked - before < WAITING_MS / 4) return;
  await connection.query(`UPDATE migration_batch SET ${column} = ? WHERE id = ?`, [asked, integer(record, "id")]);
}

/** Each kind has an index of its own, which is used where it is asked for in these words. */
function queuedOf(kind: PassKind, columns: string): string {
  return `SELECT ${columns} FROM migration_user WHERE batch = ? AND status = 'Queued'
    AND last_synced_at IS ${kind === "initial" ? "NULL" : "NOT NULL"} AND lease_until IS NULL ORDER BY id LIMIT 1`;
}

export async function hasQueued(connection: SqlConnection, batch: string, kind: PassKind): Promise<boolean> {
  return (await connection.query(queuedOf(kind, "id"), [batch])).length > 0;
}

/** The first that waits, or whose lease ran out, in the order of adding. */
async function nextUser(
  connection: SqlConnection,
  batch: string,
  kind: PassKind | undefined,
  now: number,
): Promise<SqlRow | undefined> {
  const rows: SqlRow[] = [];
  for (const each of kind ? [kind] : (["initial", "incremental"] as const)) {
    rows.push(...(await connection.query(queuedOf(each, "*"), [batch])));
    const abandoned = `SELECT * FROM migration_user WHERE batch = ? AND lease_until <= ?
      AND last_synced_at IS ${each === "initial" ? "NULL" : "NOT NULL"}
      AND status IN ('Queued', 'Syncing', 'IncrementalSyncing') ORDER BY id LIMIT 1`;
    rows.push(...(await connection.query(abandoned, [batch, now])));
  }
  return rows.sort((one, other) => integer(one, "id") - integer(other, "id"))[0];
}

async function lend(connection: SqlConnection, row: SqlRow, claim: Claim, now: number): Promise<Lease> {
  const before = userOf(row);
  const user = claimedUser(before, now);
  const { worker, endpoint, leaseMs } = claim;
  const fence = integer(row, "lease_fence") + 1;
  await writeUser(connection, integer(row, "id"), user);
  await connection.query(
    `UPDATE migration_user SET lease_worker = ?, lease_endpoint = ?, lease_kind = ?, lease_ms = ?, lease_until = ?,
       lease_fence = ? WHERE id = ?`,
    [worker, endpoint, passKind(before), leaseMs, now + leaseMs, fence, integer(row, "id")],
  );
  return { batch: text(row, "batch"), emailAddress: user.emailAddress, worker, fence, user };
}
