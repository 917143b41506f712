import type { SourceFolder } from "../mail/folder.js";
import { folderPath } from "../mail/folder.js";
import type { Books, Outcome } from "../outcome.js";
import { type BegunGroup, FolderPage, type Settlement } from "./folder-page.js";
import { isAtTarget, outcomeFacts } from "./item-record.js";
import type {
  BeginTarget,
  BegunMessage,
  Doubt,
  FolderJournal,
  HeldFlags,
  HeldRecord,
  KeptFlags,
  Lease,
  PageTarget,
  SyncPoint,
} from "./migration-store.js";
import { oneAtATime } from "./one-at-a-time.js";
import type { SqlConnection, SqlDatabase, SqlRow, SqlValue } from "./sql-database.js";
import { checkJournal, heldUser } from "./sql-lease.js";
import {
  beginTargetOf,
  begunFromJson,
  begunToJson,
  booksOf,
  heldFlagsOf,
  heldRecordOf,
  integer,
  keptFlagsToText,
  optionalText,
  orNull,
  pageTargetOf,
  syncPointOf,
  text,
} from "./sql-rows.js";

/** @throws MigrationError `lease-lost` */
export async function openSqlJournal(
  database: SqlDatabase,
  lease: Lease,
  folder: SourceFolder,
): Promise<FolderJournal> {
  return database.transaction(async (connection) => {
    const { id: userId } = await heldUser(connection, lease, database.dialect);
    const row = await openFolder(connection, userId, folder);
    const page = new FolderPage(booksOf(row), syncPointOf(row), pageTargetOf(row));
    const id = integer(row, "id");
    await readOutcomes(connection, id, page);
    await readGroups(connection, id, page);
    const renumbered = await isRenumbered(connection, userId, folder);
    return new SqlJournal(database, lease, { id, opened: integer(row, "opened"), renumbered }, page);
  });
}

async function openFolder(connection: SqlConnection, userId: number, folder: SourceFolder): Promise<SqlRow> {
  const [row] = await connection.query(
    `INSERT INTO migration_folder (user_id, name, path, uid_validity, opened) VALUES (?, ?, ?, ?, 1)
     ON CONFLICT (user_id, name, uid_validity) DO UPDATE SET opened = migration_folder.opened + 1
     RETURNING *`,
    [userId, folder.name, folderPath(folder.levels), folder.uidValidity],
  );
  if (!row) throw new Error("The database returned no row for a folder that it was given.");
  return row;
}

/** UIDs come as lists in text: a row for each would take three times as long. */
async function readOutcomes(connection: SqlConnection, folderId: number, page: FolderPage): Promise<void> {
  const sql = `
    SELECT string_agg(CAST(uid AS TEXT), ',') AS uids, MAX(uid) AS last FROM (
      SELECT uid FROM migration_message WHERE folder_id = ? AND uid > ? AND kind <> 'failed' ORDER BY uid LIMIT 20000
    ) AS part`;
  for (let after = -1; ; ) {
    const [row] = await connection.query(sql, [folderId, after]);
    if (!row || row["last"] === null) break;
    for (const uid of text(row, "uids").split(",")) page.addStanding(Number(uid));
    after = integer(row, "last");
  }
  for await (const rows of messagePages(connection, "uid", folderId, "AND kind = 'failed'")) {
    for (const row of rows) page.addFailed(integer(row, "uid"));
  }
}

async function readGroups(connection: SqlConnection, folderId: number, page: FolderPage): Promise<void> {
  for (const row of await connection.query("SELECT * FROM migration_begun WHERE folder_id = ? ORDER BY id", [
    folderId,
  ])) {
    page.addGroup(integer(row, "id"), begunFromJson(text(row, "messages")), beginTargetOf(row));
  }
}

async function isRenumbered(connection: SqlConnection, userId: number, folder: SourceFolder): Promise<boolean> {
  const rows = await connection.query(
    `SELECT 1 AS used FROM migration_folder f WHERE user_id = ? AND name = ? AND uid_validity <> ? AND (
       EXISTS (SELECT 1 FROM migration_message WHERE folder_id = f.id)
       OR EXISTS (SELECT 1 FROM migration_begun WHERE folder_id = f.id))`,
    [userId, folder.name, folder.uidValidity],
  );
  return rows.length > 0;
}

/** The message rows of a folder in UID order, a thousand at a time. `columns` must have the UID. */
export async function* messagePages(
  connection: SqlConnection,
  columns: string,
  folderId: number,
  condition: string,
  parameters: readonly SqlValue[] = [],
): AsyncGenerator<readonly SqlRow[]> {
  const pageLength = 1000;
  const sql = `SELECT ${columns} FROM migration_message WHERE folder_id = ? AND uid > ? ${condition}
               ORDER BY uid LIMIT ${pageLength}`;
  for (let after = -1; ; ) {
    const rows = await connection.query(sql, [folderId, after, ...parameters]);
    yield rows;
    const last = rows[pageLength - 1];
    if (!last) return;
    after = integer(last, "uid");
  }
}

class SqlJournal implements FolderJournal {
  readonly renumbered: boolean;
  readonly #database: SqlDatabase;
  readonly #lease: Lease;
  readonly #folder: { readonly id: number; readonly opened: number };
  readonly #page: FolderPage;
  readonly #inTurn = oneAtATime();

  constructor(
    database: SqlDatabase,
    lease: Lease,
    folder: { readonly id: number; readonly opened: number; readonly renumbered: boolean },
    page: FolderPage,
  ) {
    this.renumbered = folder.renumbered;
    this.#database = database;
    this.#lease = lease;
    this.#folder = folder;
    this.#page = page;
  }

  get highestUid(): number {
    return this.#page.highestUid;
  }

  get settledCount(): number {
    return this.#page.settledCount;
  }

  get doubts(): readonly Doubt[] {
    return this.#page.doubts;
  }

  get syncPoint(): SyncPoint | undefined {
    return this.#page.syncPoint;
  }

  get target(): PageTarget | undefined {
    return this.#page.target;
  }

  get failedUids(): readonly number[] {
    return this.#page.failedUids;
  }

  isSettled(uid: number): boolean {
    return this.#page.isSettled(uid);
  }

  books(): Books {
    return this.#page.books;
  }

  async idsAtTarget(): Promise<Map<number, string | undefined>> {
    const ids = new Map<number, string | undefined>();
    const condition = `AND ${HELD_HERE}`;
    for await (const rows of messagePages(this.#database, "uid, target_id", this.#folder.id, condition)) {
      for (const row of rows) ids.set(integer(row, "uid"), optionalText(row, "target_id"));
    }
    return ids;
  }

  async newestAtTarget(most: number): Promise<HeldRecord[]> {
    const rows = await this.#database.query(
      `SELECT * FROM migration_message WHERE folder_id = ? AND ${HELD_HERE}
       ORDER BY uid DESC LIMIT ?`,
      [this.#folder.id, most],
    );
    return rows.map(heldRecordOf);
  }

  async heldFlags(uids: readonly number[]): Promise<Map<number, HeldFlags>> {
    const held = new Map<number, HeldFlags>();
    for (let at = 0; at < uids.length; at += UIDS_AT_ONCE) {
      const part = inParts(uids, at, UIDS_AT_ONCE);
      const rows = await this.#database.query(
        `SELECT uid, target_id, flags, moved_from FROM migration_message
         WHERE folder_id = ? AND kind IN ('copied', 'alreadyThere') AND uid IN (${part.map(() => "?").join(", ")})`,
        [this.#folder.id, ...part],
      );
      for (const row of rows) held.set(integer(row, "uid"), heldFlagsOf(row));
    }
    return held;
  }

  async keepFlags(flags: ReadonlyMap<number, KeptFlags>): Promise<void> {
    await this.#write(async (connection) => {
      const { id: folderId } = this.#folder;
      await connection.runEach(
        "UPDATE migration_message SET flags = ? WHERE folder_id = ? AND uid = ? AND kind IN ('copied', 'alreadyThere')",
        [...flags].map(([uid, kept]) => [keptFlagsToText(kept), folderId, uid]),
      );
      return () => {};
    });
  }

  async begin(messages: readonly BegunMessage[], target: BeginTarget): Promise<void> {
    await this.#write(async (connection) => {
      const unsettled = this.#page.unsettled(messages);
      if (unsettled.length === 0 && messages.length > 0) return () => {};
      const { id: folderId } = this.#folder;
      const { name, path, uidValidity } = target;
      if (this.#page.forgetsIds(target)) {
        await connection.query(
          "UPDATE migration_message SET target_id = NULL WHERE folder_id = ? AND moved_from IS NULL",
          [folderId],
        );
      }
      const group = unsettled.length > 0 ? await insertGroup(connection, folderId, unsettled, target) : 0;
      await connection.query(
        "UPDATE migration_folder SET target_name = ?, target_path = ?, target_uid_validity = ? WHERE id = ?",
        [name, path, uidValidity, folderId],
      );
      return () => this.#page.addGroup(group, unsettled, target);
    });
  }

  async settle(outcomes: readonly Outcome[]): Promise<void> {
    await this.#write(async (connection) => {
      const settlement = this.#page.settlement(outcomes);
      await this.#writeSettlement(connection, settlement);
      return () => this.#page.apply(settlement);
    });
  }

  async finish(found: number, syncPoint: SyncPoint): Promise<void> {
    const { uidNext, messages, highestModSeq, flags } = syncPoint;
    await this.#write(async (connection) => {
      await connection.query(
        `UPDATE migration_folder SET found = ?, sync_uid_next = ?, sync_messages = ?, sync_mod_seq = ?, sync_flags = ?
         WHERE id = ?`,
        [found, uidNext, messages, orNull(highestModSeq?.toString()), flags ? 1 : null, this.#folder.id],
      );
      return () => this.#page.finish(found, syncPoint);
    });
  }

  /** One transaction by a lease that holds; what `work` returns is done once it is durable. */
  async #write(work: (connection: SqlConnection) => Promise<() => void>): Promise<void> {
    await this.#inTurn(async () => {
      const remember = await this.#database.transaction(async (connection) => {
        await checkJournal(connection, this.#lease, this.#folder, this.#database.dialect);
        return work(connection);
      });
      remember();
    });
  }

  async #writeSettlement(connection: SqlConnection, { written, books, groups }: Settlement): Promise<void> {
    if (written.length > 0) {
      await connection.runEach(WRITE_OUTCOME, outcomeRows(this.#folder.id, written));
      await connection.query(WRITE_BOOKS, [...bookColumns(books), this.#folder.id]);
    }
    for (const group of groups) await writeGroup(connection, group);
  }
}

/** What stands where the page's folder goes to; see `isHeldHere`. */
export const HELD_HERE = "kind IN ('copied', 'alreadyThere') AND moved_from IS NULL";

/** UIDs named in one statement. */
const UIDS_AT_ONCE = 500;

/** So many of these numbers as parameters of one statement; filled up, so that the statement is always the same. */
export function inParts(numbers: readonly number[], from: number, length: number): number[] {
  return Array.from({ length }, (_, at) => numbers[from + at] ?? -1);
}

const WRITE_OUTCOME = `
  INSERT INTO migration_message
    (folder_id, uid, kind, size, target_id, email_id, sha256, reason, detail, internal_date, lost, uncertain, identity,
     flags, moved_from)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (folder_id, uid) DO UPDATE SET
    kind = excluded.kind, size = excluded.size, target_id = excluded.target_id, email_id = excluded.email_id,
    sha256 = excluded.sha256,
    reason = excluded.reason, detail = excluded.detail, internal_date = excluded.internal_date,
    lost = excluded.lost, uncertain = excluded.uncertain, identity = excluded.identity, flags = excluded.flags,
    moved_from = excluded.moved_from
  WHERE migration_message.kind = 'failed'`;

function* outcomeRows(folderId: number, outcomes: readonly Outcome[]): Generator<readonly SqlValue[]> {
  for (const outcome of outcomes) {
    const { uid, kind, size, reason, detail, internalDate, lost, uncertain, movedFrom } = outcomeFacts(outcome);
    const { identity = null, flags = undefined, inDoubt = undefined } = isAtTarget(outcome) ? outcome : {};
    yield [
      folderId,
      uid,
      kind,
      size,
      isAtTarget(outcome) ? orNull(outcome.id) : null,
      isAtTarget(outcome) ? orNull(outcome.emailId) : null,
      outcome.kind === "copied" ? outcome.sha256 : null,
      orNull(reason),
      orNull(detail),
      orNull(internalDate),
      lost ? JSON.stringify(lost) : null,
      uncertain ? 1 : null,
      identity,
      flags ? keptFlagsToText({ flags, ...(inDoubt && { inDoubt }) }) : null,
      movedFrom ? JSON.stringify(movedFrom) : null,
    ];
  }
}

const WRITE_BOOKS = `
  UPDATE migration_folder SET copied = ?, already_there = ?, skipped = ?, refused = ?, failed = ?, vanished = ?,
    uncertain = ?, octets_copied = ? WHERE id = ?`;

function bookColumns(books: Books): readonly SqlValue[] {
  const { copied, alreadyThere, skipped, refused, failed, vanished, uncertain, octetsCopied } = books;
  return [copied, alreadyThere, skipped, refused, failed, vanished, uncertain, octetsCopied];
}

async function insertGroup(
  connection: SqlConnection,
  folderId: number,
  messages: readonly BegunMessage[],
  { name, path, uidValidity, uidNext }: BeginTarget,
): Promise<number> {
  const [row] = await connection.query(
    `INSERT INTO migration_begun
       (folder_id, messages, target_name, target_path, target_uid_validity, target_uid_next)
     VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
    [folderId, begunToJson(messages), name, path, uidValidity, uidNext],
  );
  return Number(row?.["id"]);
}

async function writeGroup(connection: SqlConnection, { id, messages }: BegunGroup): Promise<void> {
  if (messages.length === 0) await connection.query("DELETE FROM migration_begun WHERE id = ?", [id]);
  else await connection.query("UPDATE migration_begun SET messages = ? WHERE id = ?", [begunToJson(messages), id]);
}
