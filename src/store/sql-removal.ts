import type { SqlConnection, SqlDatabase } from "./sql-database.js";
import { integer } from "./sql-rows.js";
import { emailKey, nameKey } from "./user-record.js";

/** Rows that one transaction takes away: nobody else can write meanwhile. */
const ROWS_AT_ONCE = 20_000;
const FOLDERS_AT_ONCE = 200;

/*
 * A removal takes the users away at once and leaves their folders without an owner (a negative one); those go piece by
 * piece. What a crash leaves of them is taken away by the next removal.
 */

export async function removeUser(database: SqlDatabase, batch: string, emailAddress: string): Promise<void> {
  await removeOrphans(database);
  await database.transaction(async (connection) => {
    await orphan(connection, "batch = ? AND email_key = ?", [batch, emailKey(emailAddress)]);
  });
  await removeOrphans(database);
}

export async function removeBatch(database: SqlDatabase, name: string): Promise<void> {
  await removeOrphans(database);
  await database.transaction(async (connection) => {
    const [row] = await connection.query("SELECT name FROM migration_batch WHERE name_key = ?", [nameKey(name)]);
    await orphan(connection, "batch = ?", [String(row?.["name"] ?? name)]);
    await connection.query("DELETE FROM migration_batch WHERE name_key = ?", [nameKey(name)]);
  });
  await removeOrphans(database);
}

async function orphan(connection: SqlConnection, users: string, parameters: readonly string[]): Promise<void> {
  await connection.query(
    `UPDATE migration_folder SET user_id = -user_id WHERE user_id IN (SELECT id FROM migration_user WHERE ${users})`,
    parameters,
  );
  await connection.query(`DELETE FROM migration_user WHERE ${users}`, parameters);
}

async function removeOrphans(database: SqlDatabase): Promise<void> {
  while (await database.transaction(removeSome));
}

/** False when nothing is left. */
async function removeSome(connection: SqlConnection): Promise<boolean> {
  const sql = `SELECT id FROM migration_folder WHERE user_id < 0 ORDER BY user_id LIMIT ${FOLDERS_AT_ONCE}`;
  const folders = await connection.query(sql);
  let left = ROWS_AT_ONCE;
  for (const row of folders) {
    const id = integer(row, "id");
    const removed = await connection.query(
      `DELETE FROM migration_message WHERE folder_id = ? AND uid IN
         (SELECT uid FROM migration_message WHERE folder_id = ? ORDER BY uid LIMIT ${left}) RETURNING 1 AS one`,
      [id, id],
    );
    left -= removed.length;
    if (left <= 0) return true;
    await connection.query("DELETE FROM migration_begun WHERE folder_id = ?", [id]);
    await connection.query("DELETE FROM migration_folder WHERE id = ?", [id]);
  }
  return folders.length > 0;
}
