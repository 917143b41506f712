import type { MigrationError } from "./errors.js";
import type { Books, Outcome } from "./outcome.js";
import type { MigrationReport } from "./report.js";
import type { MigrationBatchStatus, MigrationUserStatus } from "./status.js";
import type { DataConsistencyScore, VerificationLevel } from "./verification.js";

/** In every event. */
export interface BatchEvent {
  /** The batch's name. */
  readonly batch: string;
  /** Grows by one with every event of the batch: a gap shows a missed event. */
  readonly sequence: number;
}

/** In every event about one user. */
export interface UserEvent extends BatchEvent {
  /** The user's EmailAddress. */
  readonly user: string;
}

/** In every event about one folder. */
export interface FolderEvent extends UserEvent {
  /** The source folder as people read it, levels joined with `/`. */
  readonly folder: string;
}

/** What the host is to send, and to whom. */
export interface BatchNotification {
  readonly reason: "finished" | "interval";
  readonly notificationEmails: readonly string[];
  readonly report: MigrationReport;
}

/** How far one user is, over all passes; cumulative, so that a missed event costs nothing. */
export interface UserProgress {
  /** Messages found so far that will be tried; it grows while folders are still being listed. */
  readonly itemsTotal: number;
  /** Messages that the target holds: copied or already there. */
  readonly itemsSynced: number;
  /** Messages that were skipped, refused, failed or vanished. */
  readonly itemsSkipped: number;
  /** Octets copied. */
  readonly octetsSynced: number;
}

/**
 * Who makes a user wait: the `source` or the `target`, by what it said to this very user; the `governor`, where an endpoint
 * rests or is filled slowly because of what it said to another user, or where the error is of neither end.
 */
export type WaitAskedBy = "source" | "target" | "governor";

/** Why a user waits, and how long at most; it goes on earlier where another user makes room. */
export interface UserWaiting {
  readonly waitMs: number;
  /** When the wait ends, in milliseconds since 1970; told anew where it is put off. */
  readonly until: number;
  readonly askedBy: WaitAskedBy;
  /** What was said, to this user or to another at the same endpoint. */
  readonly error: MigrationError;
}

/** What the verification of a user found, in messages. */
export interface UserVerified {
  readonly grade: DataConsistencyScore;
  readonly level: VerificationLevel;
  readonly checked: number;
  readonly missing: number;
  readonly changed: number;
  readonly surplus: number;
}

/**
 * The events of a MigrationBatch and what each carries. An event is emitted only after what it tells is durable in the
 * store. A listener that throws, or returns a promise that rejects, stops nothing.
 */
export interface MigrationEvents {
  /** The batch entered another status. */
  "batch:status": [BatchEvent & { readonly status: MigrationBatchStatus }];
  /**
   * The notification that Microsoft mails (NotificationEmails, ReportInterval): the host sends it. `finished`: what was
   * started has ended; `interval`: the report interval has passed.
   */
  "batch:notification": [BatchEvent & BatchNotification];
  /** The batch cannot go on; `start` or `resume` tries again. */
  "batch:failed": [BatchEvent & { readonly error: MigrationError }];
  /** The batch is gone from the store. `missing`: what its removal check still missed, overridden by `force`. */
  "batch:removed": [BatchEvent & { readonly forced: boolean; readonly missing: readonly string[] }];
  /** A user entered another status. */
  "user:status": [UserEvent & { readonly status: MigrationUserStatus }];
  /** Messages of a user have new outcomes; at most once for each durable group. */
  "user:progress": [UserEvent & UserProgress];
  /** A user's pass ended with balanced books. */
  "user:synced": [UserEvent & { readonly books: Books }];
  /** A user's pass failed; the other users go on. */
  "user:failed": [UserEvent & { readonly error: MigrationError }];
  /** A user waits. */
  "user:waiting": [UserEvent & UserWaiting];
  /** A user was verified; the report has the items. */
  "user:verified": [UserEvent & UserVerified];
  /** Something of the source cannot be migrated, as its provider's profile knows; told once in each pass. */
  "user:warning": [UserEvent & { readonly text: string }];
  /** A folder that only shows messages of others is left out, by the provider's profile; `reason`: what that loses. */
  "folder:left-out": [FolderEvent & { readonly messages: number; readonly reason: string }];
  /** A folder's pass began. */
  "folder:started": [FolderEvent & { readonly target: string; readonly found: number }];
  /** A folder's pass ended. */
  "folder:completed": [FolderEvent & { readonly target: string; readonly books: Books }];
  /** A folder could not be copied; the other folders go on. */
  "folder:failed": [FolderEvent & { readonly error: MigrationError }];
  /** A message was skipped, refused, has failed or vanished. */
  "message:not-copied": [FolderEvent & { readonly outcome: Exclude<Outcome, { kind: "copied" | "alreadyThere" }> }];
  /** The target holds a message, but could not keep all of it, or it may stand there twice. */
  "message:changed": [FolderEvent & { readonly outcome: Extract<Outcome, { kind: "copied" | "alreadyThere" }> }];
  /** A listener of ours threw or rejected; one for this event is not watched itself. */
  "listener:failed": [BatchEvent & { readonly event: string; readonly error: unknown }];
}
