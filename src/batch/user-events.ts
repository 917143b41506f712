import { sourcePath, type UserTellers } from "../engine/migrate-user.js";
import type { UserProgress } from "../events.js";
import { folderPath } from "../mail/folder.js";
import type { Books, Outcome } from "../outcome.js";
import type { BatchEvents } from "./batch-events.js";

/** What else wants to know how far a user is. */
export interface UserWatch {
  outcomes(outcomes: readonly Outcome[]): void;
  progress(progress: UserProgress): void;
  stalled(ms: number): void;
}

/** Tells what the migration of one mailbox tells as events of its batch. */
export function userEvents({ tell }: Pick<BatchEvents, "tell">, user: string, watch: UserWatch): UserTellers {
  return {
    started: (plan, found) =>
      tell("folder:started", { user, folder: sourcePath(plan), target: folderPath(plan.target), found }),
    settled: (plan, outcomes) => {
      watch.outcomes(outcomes);
      for (const outcome of outcomes) tellOutcome(tell, user, sourcePath(plan), outcome);
    },
    completed: (plan, books) =>
      tell("folder:completed", { user, folder: sourcePath(plan), target: folderPath(plan.target), books }),
    folderFailed: (plan, error) => tell("folder:failed", { user, folder: sourcePath(plan), error }),
    progress: (books) => {
      const progress = userProgress(books);
      watch.progress(progress);
      tell("user:progress", { user, ...progress });
    },
    waiting: (waitMs, error, askedBy, until) => {
      watch.stalled(waitMs);
      tell("user:waiting", { user, waitMs: Math.round(waitMs), error, askedBy, until: Math.round(until) });
    },
    leftOut: ({ levels, messages }, reason) =>
      tell("folder:left-out", { user, folder: folderPath(levels), messages, reason }),
    warned: (text) => tell("user:warning", { user, text }),
  };
}

function tellOutcome(tell: BatchEvents["tell"], user: string, folder: string, outcome: Outcome): void {
  if (outcome.kind !== "copied" && outcome.kind !== "alreadyThere") {
    tell("message:not-copied", { user, folder, outcome });
    return;
  }
  const isUncertain = outcome.kind === "copied" && outcome.uncertain;
  if (outcome.lost || isUncertain) tell("message:changed", { user, folder, outcome });
}

/** How far a user is by its books. */
export function userProgress(books: Books): UserProgress {
  return {
    itemsTotal: books.found,
    itemsSynced: books.copied + books.alreadyThere,
    itemsSkipped: books.skipped + books.refused + books.failed + books.vanished,
    octetsSynced: books.octetsCopied,
  };
}
