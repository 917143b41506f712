import { MigrationError } from "../errors.js";
import type { MigrationUserStatus } from "../status.js";
import type { PassKind } from "./batch-records.js";
import type { UserChange, UserRecord } from "./migration-store.js";

/** How long a batch counts as waiting for room after a claim that found none; it asks again every quarter of a second. */
export const WAITING_MS = 2_000;

/** What makes a name unique in the store: Exchange compares names without regard to case. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/** What makes an address unique in its batch. */
export function emailKey(emailAddress: string): string {
  return emailAddress.toLowerCase();
}

export function newUser(emailAddress: string, now: number): UserRecord {
  return { emailAddress, status: "Queued", since: now, queuedMs: 0, inProgressMs: 0, syncedMs: 0, stalledMs: 0 };
}

/** The user with the change, having been where it was until `now`. */
export function changedUser(user: UserRecord, change: UserChange, now: number): UserRecord {
  const { error: errorBefore, nextSyncAt: dueBefore, since: sinceBefore, ...rest } = user;
  const status = change.status ?? user.status;
  const error = change.error === undefined ? errorBefore : change.error;
  const lastSyncedAt = change.lastSyncedAt ?? user.lastSyncedAt;
  const nextSyncAt = change.nextSyncAt === undefined ? dueBefore : change.nextSyncAt;
  const moved = status !== user.status;
  const since = moved ? now : (sinceBefore ?? now);
  // The clock may have been set back meanwhile.
  const elapsed = moved && sinceBefore !== undefined ? Math.max(0, now - sinceBefore) : 0;
  return {
    ...rest,
    status,
    ...(error && { error: { code: error.code, message: error.message } }),
    ...(lastSyncedAt !== undefined && { lastSyncedAt }),
    ...(nextSyncAt !== null && nextSyncAt !== undefined && { nextSyncAt: Math.round(nextSyncAt) }),
    ...(isCounted(status) && { since }),
    queuedMs: user.queuedMs + Math.round(change.queuedMs ?? 0) + (user.status === "Queued" ? elapsed : 0),
    inProgressMs: user.inProgressMs + Math.round(change.inProgressMs ?? 0),
    syncedMs: user.syncedMs + (user.status === "Synced" ? elapsed : 0),
    stalledMs: user.stalledMs + Math.round(change.stalledMs ?? 0),
  };
}

/** The user as a worker gets it. */
export function claimedUser(user: UserRecord, now: number): UserRecord {
  const status = passKind(user) === "initial" ? "Syncing" : "IncrementalSyncing";
  return changedUser(user, { status, error: null }, now);
}

/** The user as it is once it was stopped; the same where nothing was to be stopped. */
export function stoppedUser(user: UserRecord, now: number): UserRecord {
  if (user.status === "Failed" || user.status === "Stopped") return user;
  const status = passKind(user) === "initial" ? "Stopped" : "IncrementalStopped";
  return changedUser(user, { status, error: null, nextSyncAt: null }, now);
}

export function passKind({ lastSyncedAt }: UserRecord): PassKind {
  return lastSyncedAt === undefined ? "initial" : "incremental";
}

function isCounted(status: MigrationUserStatus): boolean {
  return status === "Queued" || status === "Synced";
}

export function leaseLost(): MigrationError {
  return new MigrationError("lease-lost", "The lease on this user is lost; nothing more can be written with it.");
}

export function journalReopened(): MigrationError {
  return new MigrationError("lease-lost", "The journal of this folder was opened again; the older one writes nothing.");
}
