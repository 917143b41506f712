import type { Books } from "../outcome.js";
import type { MigrationUserStatus } from "../status.js";
import type { OutcomeFacts } from "./item-record.js";
import type { BeginTarget, BegunMessage, HeldRecord, SyncPoint, UserRecord } from "./migration-store.js";
import type { SqlRow, SqlValue } from "./sql-database.js";

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
  return {
    emailAddress: text(row, "email_address"),
    status: text(row, "status") as MigrationUserStatus, // only these are ever written
    ...(code !== undefined && { error: { code, message: text(row, "error_message") } }),
    ...(lastSyncedAt !== undefined && { lastSyncedAt }),
    queuedMs: integer(row, "queued_ms"),
    inProgressMs: integer(row, "in_progress_ms"),
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
  const lost = optionalText(row, "lost");
  return {
    uid: integer(row, "uid"),
    kind: text(row, "kind") as OutcomeFacts["kind"], // only these are ever written
    size: integer(row, "size"),
    ...(reason !== undefined && { reason }),
    ...(detail !== undefined && { detail }),
    ...(lost !== undefined && { lost: JSON.parse(lost) }),
    ...(row["uncertain"] !== null && { uncertain: true }),
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

export function orNull(value: SqlValue | undefined): SqlValue {
  return value ?? null;
}
