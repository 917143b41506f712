import type { Lease, UserRecord } from "./migration-store.js";
import type { SqlConnection, SqlDialect, SqlRow, SqlValue } from "./sql-database.js";
import { integer, userOf } from "./sql-rows.js";
import { emailKey, journalReopened, leaseLost } from "./user-record.js";

/** A user as a lease holds it, locked until the transaction ends. */
export interface HeldUser {
  readonly id: number;
  readonly record: UserRecord;
}

const HELD = "batch = ? AND email_key = ? AND lease_worker = ? AND lease_fence = ?";

/** @throws MigrationError `lease-lost` */
export async function heldUser(connection: SqlConnection, lease: Lease, dialect: SqlDialect): Promise<HeldUser> {
  const sql = `SELECT * FROM migration_user WHERE ${HELD}${dialect.forUpdate}`;
  const [row] = await connection.query(sql, leaseKey(lease));
  if (!row) throw leaseLost();
  return { id: integer(row, "id"), record: userOf(row) };
}

/** @throws MigrationError `lease-lost`, also when the folder's journal was opened again since */
export async function checkJournal(
  connection: SqlConnection,
  lease: Lease,
  folder: { id: number; opened: number },
  dialect: SqlDialect,
): Promise<void> {
  await heldUser(connection, lease, dialect);
  const sql = `SELECT id FROM migration_folder WHERE id = ? AND opened = ?${dialect.forUpdate}`;
  const rows: readonly SqlRow[] = await connection.query(sql, [folder.id, folder.opened]);
  if (rows.length === 0) throw journalReopened();
}

function leaseKey({ batch, emailAddress, worker, fence }: Lease): readonly SqlValue[] {
  return [batch, emailKey(emailAddress), worker, fence];
}
