/**
 * Status of a batch, in the words of Get-MigrationBatch. `Completing`, `Completed` and `CompletedWithErrors` belong to
 * migration types that have a finalization; an IMAP migration does not reach them.
 */
export type MigrationBatchStatus =
  | "Created"
  | "Starting"
  | "Waiting"
  | "Syncing"
  | "IncrementalSyncing"
  | "Synced"
  | "SyncedWithErrors"
  | "Stopping"
  | "Stopped"
  | "Failed"
  | "Corrupted"
  | "Removing"
  | "Completing"
  | "Completed"
  | "CompletedWithErrors";

/** Status of a user, in the words of Get-MigrationUser; those that an IMAP migration reaches. */
export type MigrationUserStatus =
  | "Queued"
  | "Syncing"
  | "Synced"
  | "IncrementalSyncing"
  | "IncrementalFailed"
  | "IncrementalStopped"
  | "Stopped"
  | "Failed";

/** StatusSummary of Get-MigrationUser. */
export type MigrationUserStatusSummary = "Active" | "Synced" | "Failed" | "Stopped";

const SUMMARIES: Readonly<Record<MigrationUserStatus, MigrationUserStatusSummary>> = {
  Queued: "Active",
  Syncing: "Active",
  Synced: "Synced",
  IncrementalSyncing: "Active",
  IncrementalFailed: "Failed",
  IncrementalStopped: "Stopped",
  Stopped: "Stopped",
  Failed: "Failed",
};

export function summarizeUserStatus(status: MigrationUserStatus): MigrationUserStatusSummary {
  return SUMMARIES[status];
}

/** The resting status of a batch, derived from how many of its users stand where. */
export function restingBatchStatus(users: Readonly<Record<MigrationUserStatusSummary, number>>): MigrationBatchStatus {
  if (users.Active > 0) return "Syncing";
  if (users.Stopped > 0) return "Stopped";
  if (users.Failed === 0) return "Synced";
  return users.Synced > 0 ? "SyncedWithErrors" : "Failed";
}
