import { MigrationError } from "../errors.js";
import type { UserChange, UserRecord } from "./migration-store.js";

/** What makes an address unique in its batch. */
export function emailKey(emailAddress: string): string {
  return emailAddress.toLowerCase();
}

export function newUser(emailAddress: string): UserRecord {
  return { emailAddress, status: "Queued", queuedMs: 0, inProgressMs: 0 };
}

export function changedUser(user: UserRecord, change: UserChange): UserRecord {
  const { error: errorBefore, ...rest } = user;
  const error = change.error === undefined ? errorBefore : change.error;
  const lastSyncedAt = change.lastSyncedAt ?? user.lastSyncedAt;
  return {
    ...rest,
    status: change.status ?? user.status,
    ...(error && { error: { code: error.code, message: error.message } }),
    ...(lastSyncedAt !== undefined && { lastSyncedAt }),
    queuedMs: user.queuedMs + Math.round(change.queuedMs ?? 0),
    inProgressMs: user.inProgressMs + Math.round(change.inProgressMs ?? 0),
  };
}

/** The user as a worker gets it, having waited since `queuedAt`. */
export function claimedUser(user: UserRecord, queuedAt: number | undefined, now: number): UserRecord {
  return changedUser(user, {
    status: user.lastSyncedAt === undefined ? "Syncing" : "IncrementalSyncing",
    error: null,
    queuedMs: queuedAt === undefined ? 0 : Math.max(0, now - queuedAt), // the clock may have been set back meanwhile
  });
}

export function leaseLost(): MigrationError {
  return new MigrationError("lease-lost", "The lease on this user is lost; nothing more can be written with it.");
}

export function journalReopened(): MigrationError {
  return new MigrationError("lease-lost", "The journal of this folder was opened again; the older one writes nothing.");
}
