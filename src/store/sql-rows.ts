import type { Flag } from "../mail/flags.js";
import type { Books, MovedFrom } from "../outcome.js";
import type { MigrationBatchStatus, MigrationUserStatus } from "../status.js";
import type { BatchRecord, EndpointRecord } from "./batch-records.js";
import type { OutcomeFacts } from "./item-record.js";
import type {
  BeginTarget,
  BegunMessage,
  HeldFlags,
  HeldRecord,
  KeptFlags,
  PageTarget,
  RecognisableRecord,
  SyncPoint,
  UserRecord,
} from "./migration-store.js";
import type { SqlConnection, SqlRow, SqlValue } from "./sql-database.js";

/** A whole number; some databases hand 64-bit integers out as text. */
export function integer(row: SqlRow, column: string): number {
  return Number(row[column]);
}

export function text(row: SqlRow, column: string): string {
  return String(row[column]);
}

export function optionalInteger(row: SqlRow, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column);
}

export function optionalText(row: SqlRow, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

export function userOf(row: SqlRow): UserRecord {
  const code = optionalText(row, "error_code");
  const lastSyncedAt = optionalInteger(row, "last_synced_at");
  const nextSyncAt = optionalInteger(row, "next_sync_at");
  const since = optionalInteger(row, "queued_at");
  return {
    emailAddress: text(row, "email_address"),
    status: text(row, "status") as MigrationUserStatus, // only these are ever written
    ...(code !== undefined && { error: { code, message: text(row, "error_message") } }),
    ...(lastSyncedAt !== undefined && { lastSyncedAt }),
    ...(nextSyncAt !== undefined && { nextSyncAt }),
    ...(since !== undefined && { since }),
    queuedMs: integer(row, "queued_ms"),
    inProgressMs: integer(row, "in_progress_ms"),
    syncedMs: integer(row, "synced_ms"),
    stalledMs: integer(row, "stalled_ms"),
  };
}

export function endpointOf(row: SqlRow): EndpointRecord {
  const maxConnections = optionalInteger(row, "max_connections");
  return {
    name: text(row, "name"),
    settings: JSON.parse(text(row, "settings")),
    maxConcurrentMigrations: integer(row, "max_migrations"),
    maxConcurrentIncrementalSyncs: integer(row, "max_incremental_syncs"),
    ...(maxConnections !== undefined && { maxConnections }),
    lastModifiedAt: integer(row, "last_modified_at"),
  };
}

export function batchOf(row: SqlRow): BatchRecord {
  const startedAt = optionalInteger(row, "started_at");
  const initialSyncedAt = optionalInteger(row, "initial_synced_at");
  const lastSyncedAt = optionalInteger(row, "last_synced_at");
  const nextReportAt = optionalInteger(row, "next_report_at");
  return {
    name: text(row, "name"),
    batchGuid: text(row, "batch_guid"),
    endpoint: text(row, "endpoint"),
    status: text(row, "status") as MigrationBatchStatus, // only these are ever written
    settings: JSON.parse(text(row, "settings")),
    createdAt: integer(row, "created_at"),
    ...(startedAt !== undefined && { startedAt }),
    ...(initialSyncedAt !== undefined && { initialSyncedAt }),
    ...(lastSyncedAt !== undefined && { lastSyncedAt }),
    ...(nextReportAt !== undefined && { nextReportAt }),
  };
}

export function booksOf(row: SqlRow): Books {
  return {
    found: integer(row, "found"),
    copied: integer(row, "copied"),
    alreadyThere: integer(row, "already_there"),
    skipped: integer(row, "skipped"),
    refused: integer(row, "refused"),
    failed: integer(row, "failed"),
    vanished: integer(row, "vanished"),
    uncertain: integer(row, "uncertain"),
    octetsCopied: integer(row, "octets_copied"),
  };
}

export function syncPointOf(row: SqlRow): SyncPoint | undefined {
  const uidNext = optionalInteger(row, "sync_uid_next");
  if (uidNext === undefined) return undefined;
  const modSeq = optionalText(row, "sync_mod_seq");
  return {
    uidNext,
    messages: integer(row, "sync_messages"),
    ...(modSeq !== undefined && { highestModSeq: BigInt(modSeq) }),
    ...(row["sync_flags"] !== null && { flags: true }),
  };
}

export function beginTargetOf(row: SqlRow): BeginTarget {
  return {
    name: text(row, "target_name"),
    path: text(row, "target_path"),
    uidValidity: integer(row, "target_uid_validity"),
    uidNext: integer(row, "target_uid_next"),
  };
}

/** Where the messages of a page go; undefined while nothing was begun. */
export function pageTargetOf(row: SqlRow): PageTarget | undefined {
  const name = optionalText(row, "target_name");
  if (name === undefined) return undefined;
  return { name, path: text(row, "target_path"), uidValidity: integer(row, "target_uid_validity") };
}

/** JSON knows no NaN; a message without INTERNALDATE has null there. */
export function begunToJson(messages: readonly BegunMessage[]): string {
  return JSON.stringify(messages.map(({ uid, size, internalDate }) => [uid, size, internalDate]));
}

export function begunFromJson(json: string): BegunMessage[] {
  const messages: [number, number, number | null][] = JSON.parse(json); // as begunToJson wrote it
  return messages.map(([uid, size, internalDate]) => ({ uid, size, internalDate: internalDate ?? Number.NaN }));
}

export function outcomeFactsOf(row: SqlRow): OutcomeFacts {
  const reason = optionalText(row, "reason");
  const detail = optionalText(row, "detail");
  const internalDate = optionalInteger(row, "internal_date");
  const lost = optionalText(row, "lost");
  return {
    uid: integer(row, "uid"),
    kind: text(row, "kind") as OutcomeFacts["kind"], // only these are ever written
    size: integer(row, "size"),
    ...(reason !== undefined && { reason }),
    ...(detail !== undefined && { detail }),
    ...(internalDate !== undefined && { internalDate }),
    ...(lost !== undefined && { lost: JSON.parse(lost) }),
    ...(row["uncertain"] !== null && { uncertain: true }),
    ...movedFromOf(row),
  };
}

export function heldRecordOf(row: SqlRow): HeldRecord {
  const id = optionalText(row, "target_id");
  const { sha256 } = row;
  const lost = optionalText(row, "lost");
  return {
    uid: integer(row, "uid"),
    size: integer(row, "size"),
    ...(id !== undefined && { id }),
    ...(sha256 instanceof Uint8Array && { sha256 }),
    ...(lost !== undefined && { lost: JSON.parse(lost) }),
  };
}

export function heldFlagsOf(row: SqlRow): HeldFlags {
  const id = optionalText(row, "target_id");
  const flags = optionalText(row, "flags");
  return {
    ...(id !== undefined && { id }),
    ...(flags !== undefined && keptFlagsFromText(flags)),
    ...movedFromOf(row),
  };
}

/** `identity` must not be null. */
export function recognisableOf(
  row: SqlRow,
  page: Pick<RecognisableRecord, "name" | "uidValidity">,
): RecognisableRecord {
  const { identity } = row;
  return {
    ...page,
    uid: integer(row, "uid"),
    size: integer(row, "size"),
    identity: identity instanceof Uint8Array ? identity : new Uint8Array(),
    ...heldFlagsOf(row),
  };
}

function movedFromOf(row: SqlRow): { movedFrom?: MovedFrom } {
  const json = optionalText(row, "moved_from");
  return json === undefined ? {} : { movedFrom: JSON.parse(json) }; // as the journal wrote it
}

/** One line, and a second for those in doubt. No flag holds a blank (RFC 9051 section 9). */
export function keptFlagsToText({ flags, inDoubt }: KeptFlags): string {
  return inDoubt ? `${flags.join(" ")}\n${inDoubt.join(" ")}` : flags.join(" ");
}

function keptFlagsFromText(text: string): KeptFlags {
  const [flags = [], inDoubt] = text.split("\n").map((line): Flag[] => (line === "" ? [] : line.split(" ")));
  return inDoubt ? { flags, inDoubt } : { flags };
}

export function orNull(value: SqlValue | undefined): SqlValue {
  return value ?? null;
}

/** `more` sets further columns. */
export async function writeUser(connection: SqlConnection, id: number, user: UserRecord, more = ""): Promise<void> {
  const { status, error, lastSyncedAt, nextSyncAt, since, queuedMs, inProgressMs, syncedMs, stalledMs } = user;
  await connection.query(
    `UPDATE migration_user SET status = ?, error_code = ?, error_message = ?, last_synced_at = ?, next_sync_at = ?,
       queued_at = ?, queued_ms = ?, in_progress_ms = ?, synced_ms = ?, stalled_ms = ?${more} WHERE id = ?`,
    [
      status,
      orNull(error?.code),
      orNull(error?.message),
      orNull(lastSyncedAt),
      orNull(nextSyncAt),
      orNull(since),
      queuedMs,
      inProgressMs,
      syncedMs,
      stalledMs,
      id,
    ],
  );
}
