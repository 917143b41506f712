import { MigrationError } from "./errors.js";

/**
 * Status of a batch, in the words of Get-MigrationBatch. `Completing`, `Completed` and `CompletedWithErrors` are reached
 * by `complete()` alone, which is ours: Microsoft's IMAP migration has no finalization. `Corrupted` is never entered.
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

/** What can be done with a batch (Start-, Stop-, Set-, Complete- and Remove-MigrationBatch). */
export type MigrationBatchAction = "start" | "stop" | "set" | "syncNow" | "addUsers" | "complete" | "remove";

/** What can be done with one user of a batch (Start-, Stop-, Set- and Remove-MigrationUser). */
export type MigrationUserAction = "start" | "stop" | "syncNow" | "remove";

/** How many users of a batch stand where: `total` is the sum of all others. */
export interface MigrationUserCounts {
  /** TotalCount. */
  readonly total: number;
  /** A pass is under way (ActiveCount). */
  readonly active: number;
  /** SyncedCount. */
  readonly synced: number;
  /** FailedCount. */
  readonly failed: number;
  /** StoppedCount. */
  readonly stopped: number;
  /** Waiting for a pass (PendingCount). */
  readonly pending: number;
}

interface StatusRow<Status, Action extends string> {
  /** Which actions are possible, and where each leads. */
  readonly actions: Readonly<Partial<Record<Action, Status>>>;
  /** What else it may become: by its users, by the time, or because an action under way has ended. */
  readonly becomes: readonly Status[];
  /** What to do where an action is not possible. */
  readonly instead: string;
}

type BatchRow = StatusRow<MigrationBatchStatus, MigrationBatchAction>;
type UserRow = StatusRow<MigrationUserStatus, Exclude<MigrationUserAction, "remove">>;

const RESTING: readonly MigrationBatchStatus[] = ["Synced", "SyncedWithErrors", "Failed", "Stopped"];
const AT_WORK: readonly MigrationBatchStatus[] = ["Syncing", "IncrementalSyncing", ...RESTING];

/**
 * The one table of batches: Microsoft's (New- to Remove-MigrationBatch, "Manage migration batches"), with `complete` of
 * our own. To stay in a status is always allowed. `Waiting` is what `start` leads to before `startAfter`.
 */
const BATCH: Readonly<Record<MigrationBatchStatus, BatchRow>> = {
  Created: {
    actions: { start: "Starting", set: "Created", addUsers: "Created", remove: "Removing" },
    becomes: ["Waiting"],
    instead: "start it first",
  },
  Waiting: {
    actions: { start: "Starting", stop: "Stopping", set: "Waiting", addUsers: "Waiting" },
    becomes: [],
    instead: "it waits for startAfter: stop it first, or set startAfter to null",
  },
  Starting: {
    actions: { start: "Starting", stop: "Stopping", set: "Starting", syncNow: "Starting", addUsers: "Starting" },
    becomes: ["Waiting", ...AT_WORK],
    instead: "stop it first",
  },
  Syncing: {
    actions: { start: "Starting", stop: "Stopping", set: "Syncing", syncNow: "Syncing", addUsers: "Syncing" },
    becomes: AT_WORK,
    instead: "stop it first, or wait until it is Synced",
  },
  IncrementalSyncing: {
    actions: {
      start: "Starting",
      stop: "Stopping",
      set: "IncrementalSyncing",
      syncNow: "IncrementalSyncing",
      addUsers: "IncrementalSyncing",
      complete: "Completing",
    },
    becomes: AT_WORK,
    instead: "stop it first, or wait until it is Synced",
  },
  Synced: {
    actions: {
      start: "Starting",
      stop: "Stopping",
      set: "Synced",
      syncNow: "IncrementalSyncing",
      addUsers: "Syncing",
      complete: "Completing",
      remove: "Removing",
    },
    becomes: ["Waiting", ...AT_WORK],
    instead: "",
  },
  SyncedWithErrors: {
    actions: {
      start: "Starting",
      stop: "Stopping",
      set: "SyncedWithErrors",
      syncNow: "IncrementalSyncing",
      addUsers: "Syncing",
      complete: "Completing",
      remove: "Removing",
    },
    becomes: ["Waiting", ...AT_WORK],
    instead: "",
  },
  Stopping: { actions: { stop: "Stopped" }, becomes: ["Stopped", "Failed"], instead: "wait until it is Stopped" },
  Stopped: {
    actions: { start: "Starting", stop: "Stopped", set: "Stopped", addUsers: "Stopped", remove: "Removing" },
    becomes: ["Waiting"],
    instead: "start it first",
  },
  // Users that failed after their first pass are tried again by the schedule, until it is stopped.
  Failed: {
    actions: { start: "Starting", stop: "Stopping", set: "Failed", addUsers: "Failed", remove: "Removing" },
    becomes: ["Waiting", ...AT_WORK],
    instead: "start it again, which tries the failed users again",
  },
  Completing: {
    actions: { stop: "Stopping", complete: "Completing" },
    becomes: ["Completed", "CompletedWithErrors", "Failed", "Synced", "SyncedWithErrors"],
    instead: "wait until it is Completed, or stop it",
  },
  Completed: { actions: { remove: "Removing" }, becomes: [], instead: "its ledger is frozen: remove it" },
  CompletedWithErrors: { actions: { remove: "Removing" }, becomes: [], instead: "its ledger is frozen: remove it" },
  Corrupted: { actions: { remove: "Removing" }, becomes: [], instead: "remove it" },
  Removing: { actions: { remove: "Removing" }, becomes: [], instead: "its removal has begun: call remove to end it" },
};

/** The one table of users. A user is removed out of every status, and is then not found. */
const USER: Readonly<Record<MigrationUserStatus, UserRow>> = {
  Queued: {
    actions: { start: "Queued", stop: "Stopped" },
    becomes: ["Syncing", "IncrementalSyncing", "IncrementalStopped"],
    instead: "its first pass is still to come",
  },
  Syncing: {
    actions: { stop: "Stopped" },
    becomes: ["Synced", "Failed", "Queued"],
    instead: "wait for the end of its pass, or stop it",
  },
  Synced: {
    actions: { start: "Queued", stop: "IncrementalStopped", syncNow: "Queued" },
    becomes: [],
    instead: "",
  },
  IncrementalSyncing: {
    actions: { stop: "IncrementalStopped" },
    becomes: ["Synced", "IncrementalFailed", "Queued"],
    instead: "wait for the end of its pass, or stop it",
  },
  IncrementalFailed: {
    actions: { start: "Queued", stop: "IncrementalStopped" },
    becomes: [],
    instead: "start it, which tries it again",
  },
  IncrementalStopped: { actions: { start: "Queued" }, becomes: [], instead: "start it first" },
  Stopped: { actions: { start: "Queued" }, becomes: [], instead: "start it first" },
  Failed: { actions: { start: "Queued" }, becomes: [], instead: "start it, which tries it again" },
};

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

/** Every status of a user. */
export const migrationUserStatuses: readonly MigrationUserStatus[] = Object.freeze(
  Object.keys(USER) as MigrationUserStatus[], // Object.keys types its result as string[]
);

/** Every status of a batch. */
export const migrationBatchStatuses: readonly MigrationBatchStatus[] = Object.freeze(
  Object.keys(BATCH) as MigrationBatchStatus[], // as above
);

export function summarizeUserStatus(status: MigrationUserStatus): MigrationUserStatusSummary {
  return SUMMARIES[status];
}

/** SupportedActions: what may be done with a batch in this status. */
export function supportedBatchActions(status: MigrationBatchStatus): readonly MigrationBatchAction[] {
  return Object.keys(BATCH[status].actions) as MigrationBatchAction[]; // Object.keys types its result as string[]
}

/** What may be done with a user in this status. */
export function supportedUserActions(status: MigrationUserStatus): readonly MigrationUserAction[] {
  const actions = Object.keys(USER[status].actions) as MigrationUserAction[]; // as above
  return [...actions, "remove"];
}

/** True where the table leads from one status to the other, by whatever way. */
export function batchMayBecome(from: MigrationBatchStatus, to: MigrationBatchStatus): boolean {
  return leads(BATCH[from], from, to);
}

/** The same for users. */
export function userMayBecome(from: MigrationUserStatus, to: MigrationUserStatus): boolean {
  return leads(USER[from], from, to);
}

/** The statuses out of which a batch may become this one; the one itself is among them. */
export function batchStatusesBefore(to: MigrationBatchStatus): MigrationBatchStatus[] {
  return migrationBatchStatuses.filter((from) => batchMayBecome(from, to));
}

/** @throws MigrationError `state-invalid`: it names the status and what to do instead */
export function checkBatchAction(batch: string, status: MigrationBatchStatus, action: MigrationBatchAction): void {
  const { actions, instead } = BATCH[status];
  if (actions[action]) return;
  throw new MigrationError("state-invalid", `Batch ${batch} is ${status}: ${action} is not possible; ${instead}`);
}

/** @throws MigrationError `state-invalid`: it names the status and what to do instead */
export function checkUserAction(user: string, status: MigrationUserStatus, action: MigrationUserAction): void {
  if (supportedUserActions(status).includes(action)) return;
  const { instead } = USER[status];
  throw new MigrationError("state-invalid", `User ${user} is ${status}: ${action} is not possible; ${instead}`, {
    scope: "user",
  });
}

/** How many users stand in each status; absent ones are none. */
export type UsersByStatus = Readonly<Partial<Record<MigrationUserStatus, number>>>;

export function countUsers(users: UsersByStatus): MigrationUserCounts {
  const sum = (...statuses: MigrationUserStatus[]) =>
    statuses.reduce((count, status) => count + (users[status] ?? 0), 0);
  return {
    total: sum(...migrationUserStatuses),
    active: sum("Syncing", "IncrementalSyncing"),
    synced: sum("Synced"),
    failed: sum("Failed", "IncrementalFailed"),
    stopped: sum("Stopped", "IncrementalStopped"),
    pending: sum("Queued"),
  };
}

/**
 * The status of a batch at rest ("Manage migration batches"). Users that were stopped one by one do not count while
 * others stand elsewhere.
 */
export function restingBatchStatus({ synced, failed, stopped }: MigrationUserCounts): MigrationBatchStatus {
  if (synced > 0) return failed > 0 ? "SyncedWithErrors" : "Synced";
  if (failed > 0) return "Failed";
  return stopped > 0 ? "Stopped" : "Synced";
}

function leads<Status, Action extends string>(row: StatusRow<Status, Action>, from: Status, to: Status): boolean {
  return from === to || row.becomes.includes(to) || Object.values(row.actions).includes(to);
}
