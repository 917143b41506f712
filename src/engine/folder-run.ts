import type { MigrationError } from "../errors.js";
import type { MigrationLimits } from "../limits.js";
import type { FolderPlan } from "../mail/folder.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MailTarget } from "../mail/mail-target.js";
import type { Books, Outcome } from "../outcome.js";
import type { FolderJournal } from "../store/migration-store.js";
import type { AppendWindow } from "./append-window.js";
import type { BreakOffs } from "./break-offs.js";
import type { Clock } from "./clock.js";
import type { RefusalCounter } from "./refusal-counter.js";

/** What the copying of one folder tells while it goes on; each call is about what is durable already. */
export interface FolderTellers {
  started(plan: FolderPlan, found: number): void;
  /** New outcomes, with the folder's books as they stand now. */
  settled(plan: FolderPlan, outcomes: readonly Outcome[], books: Books): void;
  completed(plan: FolderPlan, books: Books): void;
}

/** Everything that copying one folder needs: two open mailboxes, the folder's page of the ledger, the rules. */
export interface FolderRun {
  readonly plan: FolderPlan;
  readonly source: MailSource;
  readonly target: MailTarget;
  readonly journal: FolderJournal;
  readonly limits: MigrationLimits;
  /** Most messages of this folder that may stand at the target. */
  readonly allowance: number;
  /** When a look for messages in doubt may begin, on the clock's own scale. */
  readonly lookFrom: number;
  readonly window: AppendWindow;
  readonly refusals: RefusalCounter;
  readonly breakOffs: BreakOffs;
  /** What ends the whole pass; nothing more is begun in any folder then. */
  readonly pass: { fault?: MigrationError };
  readonly clock: Clock;
  readonly tell: FolderTellers;
  readonly signal: AbortSignal;
}
