import type { MigrationErrorCode } from "./errors.js";
import { type MigrationUserStatus, type MigrationUserStatusSummary, summarizeUserStatus } from "./status.js";
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
  /** Milliseconds spent waiting for a place, over all passes. */
  readonly queuedDuration: number;
  /** Milliseconds at work, over all passes. */
  readonly inProgressDuration: number;

  constructor(batch: string, record: UserRecord) {
    this.identity = record.emailAddress;
    this.batchId = batch;
    this.status = record.status;
    // Only codes of the table are ever written.
    if (record.error) this.error = { code: record.error.code as MigrationErrorCode, message: record.error.message };
    if (record.lastSyncedAt !== undefined) this.lastSuccessfulSyncTime = new Date(record.lastSyncedAt);
    this.queuedDuration = record.queuedMs;
    this.inProgressDuration = record.inProgressMs;
  }

  get statusSummary(): MigrationUserStatusSummary {
    return summarizeUserStatus(this.status);
  }
}
