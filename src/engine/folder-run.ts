import type { MigrationError } from "../errors.js";
import type { MigrationLimits } from "../limits.js";
import type { FolderPlan } from "../mail/folder.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MailTarget } from "../mail/mail-target.js";
import type { MessageFilter } from "../mail/message-filter.js";
import type { Books, Outcome } from "../outcome.js";
import type { FolderJournal } from "../store/migration-store.js";
import type { AppendWindow } from "./append-window.js";
import type { BreakOffs } from "./break-offs.js";
import type { Clock } from "./clock.js";
import type { LeaseHold } from "./lease-hold.js";
import type { MovedMessages } from "./moved-messages.js";
import type { RefusalCounter } from "./refusal-counter.js";

/** What the copying of one folder tells while it goes on; each call is about what is durable already. */
export interface FolderTellers {
  started(plan: FolderPlan, found: number): void;
  /** New outcomes, with the folder's books as they stand now. */
  settled(plan: FolderPlan, outcomes: readonly Outcome[], books: Books): void;
  completed(plan: FolderPlan, books: Books): void;
}

/** What ends a pass before its folders are done. */
export interface PassEnd {
  /** Nothing more is sent in any folder. */
  fault?: MigrationError;
  /** The target is to be opened anew: nothing more is begun in any folder, and what was begun is sent. */
  renewal?: MigrationError;
}

/** Everything that copying one folder needs: two open mailboxes, the folder's page of the ledger, the rules. */
export interface FolderRun {
  readonly plan: FolderPlan;
  readonly source: MailSource;
  readonly target: MailTarget;
  readonly journal: FolderJournal;
  readonly limits: MigrationLimits;
  /** Absent: every message is migrated. */
  readonly messageFilter?: MessageFilter | undefined;
  /**
   * Ids ({@link MessageHead.emailId}) of the messages that the target has from whichever folder: this one gives only the rest
   * of what it showed when it was listed with its numbers. It grows with every outcome. Absent: the folder gives all.
   */
  readonly held?: ReadonlySet<string> | undefined;
  /** Most messages of this folder that may stand at the target. */
  readonly allowance: number;
  /** When a look for messages in doubt may begin, on the clock's own scale. */
  readonly lookFrom: number;
  readonly window: AppendWindow;
  readonly refusals: RefusalCounter;
  readonly breakOffs: BreakOffs;
  readonly hold: LeaseHold;
  /** Absent: nothing that the source may have moved was copied before this pass. */
  readonly moved?: MovedMessages | undefined;
  /** True: changes of flags at the source are carried to the target. */
  readonly followsFlags?: boolean | undefined;
  /** UIDs of messages that a look could not tell from others: copied, they may stand at the target twice. */
  readonly uncertain: Set<number>;
  readonly pass: PassEnd;
  readonly clock: Clock;
  readonly tell: FolderTellers;
  readonly signal: AbortSignal;
}
