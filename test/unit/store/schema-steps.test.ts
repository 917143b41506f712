import { join } from "node:path";
import { expect, it } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite.js";
import { SqliteDatabase } from "../../../src/store/sqlite-database.js";
import { claimed, collect, sourceFolder } from "../../../src/testing/store-fixtures.js";
import { temporaryFolders } from "./temporary-folder.js";

/** The tables of version 1, as it wrote them. */
const VERSION_1: readonly string[] = [
  "CREATE TABLE migration_store (version BIGINT NOT NULL)",
  "INSERT INTO migration_store (version) VALUES (1)",

  // email_key is the address in lower case; lease_until is null where nobody holds or held the user.
  `CREATE TABLE migration_user (
      id INTEGER PRIMARY KEY,
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
      id INTEGER PRIMARY KEY,
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
      sha256 BLOB,
      reason TEXT,
      detail TEXT,
      lost TEXT,
      uncertain BIGINT,
      PRIMARY KEY (folder_id, uid)
    ) WITHOUT ROWID`,

  // One row for each group that is in doubt; messages is a JSON list of [uid, size, milliseconds or null].
  `CREATE TABLE migration_begun (
      id INTEGER PRIMARY KEY,
      folder_id BIGINT NOT NULL,
      messages TEXT NOT NULL,
      target_name TEXT NOT NULL,
      target_path TEXT NOT NULL,
      target_uid_validity BIGINT NOT NULL,
      target_uid_next BIGINT NOT NULL
    )`,
  "CREATE INDEX migration_begun_folder ON migration_begun (folder_id)",
];

const CONTENT: readonly string[] = [
  `INSERT INTO migration_user (id, batch, email_key, email_address, status, last_synced_at, queued_ms, in_progress_ms,
     lease_worker, lease_endpoint, lease_ms, lease_until, lease_fence)
   VALUES (1, 'IMAPBatch1', 'terry@contoso.com', 'Terry@contoso.com', 'Synced', 1700000000000, 5, 6, NULL, NULL, NULL,
     NULL, 1),
   (2, 'IMAPBatch1', 'ann@contoso.com', 'ann@contoso.com', 'Syncing', NULL, 0, 0, 'w', 'e', 60000, 9999999999999, 3),
   (3, 'imapbatch1', 'bob@contoso.com', 'bob@contoso.com', 'Queued', NULL, 0, 0, NULL, NULL, NULL, NULL, 0),
   (4, 'Zweiter Schwung', 'bob@contoso.com', 'bob@contoso.com', 'Queued', NULL, 0, 0, NULL, NULL, NULL, NULL, 0)`,
  `INSERT INTO migration_folder (id, user_id, name, path, uid_validity, opened, found, copied)
   VALUES (1, 1, 'INBOX', 'INBOX', 7, 1, 1, 1)`,
  "INSERT INTO migration_message (folder_id, uid, kind, size) VALUES (1, 41, 'copied', 1000)",
];

const { folder, closing } = temporaryFolders();

it("a file of version 1 opens, with its users and their ledger, and its batches can be found", async () => {
  const path = join(await folder(), "store.db");
  const database = new SqliteDatabase(path);
  for (const sql of [...VERSION_1, ...CONTENT]) await database.query(sql);
  await database.close();
  const store = closing(sqliteStore(path));
  const batches = await collect(store.listBatches());
  expect(batches.map(({ name, status }) => [name, status])).toEqual([
    ["IMAPBatch1", "Stopped"],
    ["Zweiter Schwung", "Stopped"],
  ]);
  expect(await collect(store.listUsers("IMAPBatch1"))).toMatchObject([
    { emailAddress: "Terry@contoso.com", status: "Synced", lastSyncedAt: 1_700_000_000_000, queuedMs: 5, syncedMs: 0 },
    { emailAddress: "ann@contoso.com", status: "Syncing" },
  ]);
  expect((await store.listFolders("IMAPBatch1", "terry@contoso.com"))[0]?.books.copied).toBe(1);
  await store.updateBatch("IMAPBatch1", { status: "Syncing" });
  await store.queueUsers("IMAPBatch1");
  const lease = await claimed(store, "IMAPBatch1", { kind: "incremental" });
  expect((await store.openJournal(lease, sourceFolder("INBOX"))).isSettled(41)).toBe(true);
});

it("a file that was brought up to date is opened again as it is", async () => {
  const path = join(await folder(), "store.db");
  const database = new SqliteDatabase(path);
  for (const sql of [...VERSION_1, ...CONTENT]) await database.query(sql);
  await database.close();
  const first = sqliteStore(path);
  const batches = await collect(first.listBatches());
  await first.close();
  expect(await collect(closing(sqliteStore(path)).listBatches())).toEqual(batches);
});
