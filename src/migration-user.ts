import type { MigrationErrorCode } from "./errors.js";
import {
  type MigrationUserAction,
  type MigrationUserStatus,
  type MigrationUserStatusSummary,
  summarizeUserStatus,
  supportedUserActions,
} from "./status.js";
import type { UserRecord } from "./store/migration-store.js";

/** One mailbox of a batch as it stands in the store (Get-MigrationUser). */
export class MigrationUser {
  /** The EmailAddress of the row: whose mailbox at the target. */
  readonly identity: string;
  /** The batch's name. */
  readonly batchId: string;
  readonly status: MigrationUserStatus;
  /** Why the user failed; absent for all others. */
  readonly error?: { readonly code: MigrationErrorCode; readonly message: string };
  /** When the last pass ended with balanced books; absent before the first. */
  readonly lastSuccessfulSyncTime?: Date;
  /** When the next incremental pass is due; absent where none is. */
  readonly nextSyncTime?: Date;
  /** Milliseconds spent waiting for a place, over all passes. */
  readonly queuedDuration: number;
  /** Milliseconds at work, over all passes. */
  readonly inProgressDuration: number;
  /** Milliseconds between passes. */
  readonly syncedDuration: number;
  /** Milliseconds held up during passes: pauses that a server asked for, and ours after an error. */
  readonly stalledDuration: number;

  constructor(batch: string, record: UserRecord) {
    this.identity = record.emailAddress;
    this.batchId = batch;
    this.status = record.status;
    // Only codes of the table are ever written.
    if (record.error) this.error = { code: record.error.code as MigrationErrorCode, message: record.error.message };
    if (record.lastSyncedAt !== undefined) this.lastSuccessfulSyncTime = new Date(record.lastSyncedAt);
    if (record.nextSyncAt !== undefined) this.nextSyncTime = new Date(record.nextSyncAt);
    // Queued and Synced last until they end; the store's clock is that of the wall when the process began.
    const lasting = record.since === undefined ? 0 : Math.max(0, Date.now() - record.since);
    this.queuedDuration = record.queuedMs + (record.status === "Queued" ? lasting : 0);
    this.inProgressDuration = record.inProgressMs;
    this.syncedDuration = record.syncedMs + (record.status === "Synced" ? lasting : 0);
    this.stalledDuration = record.stalledMs;
  }

  get statusSummary(): MigrationUserStatusSummary {
    return summarizeUserStatus(this.status);
  }

  /** What may be done with the user as it is (SupportedActions). */
  get supportedActions(): readonly MigrationUserAction[] {
    return supportedUserActions(this.status);
  }
}
