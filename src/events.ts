import type { MigrationError } from "./errors.js";
import type { Books, Outcome } from "./outcome.js";
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
  /** A user entered another status. */
  "user:status": [UserEvent & { readonly status: MigrationUserStatus }];
  /** Messages of a user have new outcomes; at most once for each durable group. */
  "user:progress": [UserEvent & UserProgress];
  /** A user's pass ended with balanced books. */
  "user:synced": [UserEvent & { readonly books: Books }];
  /** A user's pass failed; the other users go on. */
  "user:failed": [UserEvent & { readonly error: MigrationError }];
  /** A user waits before it is tried again. */
  "user:waiting": [UserEvent & { readonly waitMs: number; readonly error: MigrationError }];
  /** A user was verified; the report has the items. */
  "user:verified": [UserEvent & UserVerified];
  /** A folder's pass began. */
  "folder:started": [FolderEvent & { readonly target: string; readonly found: number }];
  /** A folder's pass ended. */
  "folder:completed": [FolderEvent & { readonly target: string; readonly books: Books }];
  /** A folder could not be copied; the other folders go on. */
  "folder:failed": [FolderEvent & { readonly error: MigrationError }];
  /** A message was skipped, refused, has failed or vanished. */
  "message:not-copied": [FolderEvent & { readonly outcome: Exclude<Outcome, { kind: "copied" | "alreadyThere" }> }];
  /** A message was copied, but the target could not keep all of it, or it may stand there twice. */
  "message:changed": [FolderEvent & { readonly outcome: Extract<Outcome, { kind: "copied" }> }];
  /** A listener of ours threw or rejected; one for this event is not watched itself. */
  "listener:failed": [BatchEvent & { readonly event: string; readonly error: unknown }];
}
