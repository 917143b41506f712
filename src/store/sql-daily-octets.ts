import type { OctetsByHour } from "./batch-records.js";
import type { SqlConnection } from "./sql-database.js";
import { text } from "./sql-rows.js";

/** What each account has moved lately, in SQL. */

export async function getDailyOctets(connection: SqlConnection, account: string): Promise<OctetsByHour | undefined> {
  const [row] = await connection.query("SELECT octets FROM migration_octets WHERE account = ?", [account]);
  return row && JSON.parse(text(row, "octets")); // as setDailyOctets wrote it
}

export async function setDailyOctets(connection: SqlConnection, account: string, octets: OctetsByHour): Promise<void> {
  await connection.query(
    `INSERT INTO migration_octets (account, octets) VALUES (?, ?)
     ON CONFLICT (account) DO UPDATE SET octets = excluded.octets`,
    [account, JSON.stringify(octets)],
  );
}
