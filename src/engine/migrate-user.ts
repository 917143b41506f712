import { MigrationError } from "../errors.js";
import type { MigrationLimits } from "../limits.js";
import { type FolderPlan, folderPath, type SourceFolder } from "../mail/folder.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MailTarget } from "../mail/mail-target.js";
import { type Books, outcomeCount } from "../outcome.js";
import type { FolderJournal, FolderRecord, Lease, MigrationStore } from "../store/migration-store.js";
import type { AppendBudget } from "./append-window.js";
import { BreakOffs } from "./break-offs.js";
import type { Clock } from "./clock.js";
import { copyFolder } from "./copy-folder.js";
import type { FolderRun, FolderTellers } from "./folder-run.js";
import { closeGonePages, pageKey } from "./gone-pages.js";
import { foldersToPlan, planFolders } from "./plan-folders.js";
import { RefusalCounter } from "./refusal-counter.js";
import { pauseBeforeRetry, type RetryPolicy } from "./retry.js";
import { UserProgressTally } from "./user-progress.js";

/** Folders under way at a time: enough that the commands for the next ones are on the line before one ends. */
const FOLDERS_AT_ONCE = 8;

/** What the migration of one mailbox tells while it goes on; each call is about what is durable already. */
export interface UserTellers extends FolderTellers {
  folderFailed(plan: FolderPlan, error: MigrationError): void;
  progress(books: Books): void;
  waiting(waitMs: number, error: MigrationError): void;
}

/** Everything that the migration of one mailbox needs. */
export interface UserRun {
  readonly lease: Lease;
  readonly store: MigrationStore;
  openSource(signal: AbortSignal): Promise<MailSource>;
  openTarget(signal: AbortSignal): Promise<MailTarget>;
  readonly limits: MigrationLimits;
  /** Milliseconds after a lost connection or a crash before a look for messages in doubt. */
  readonly settleDelayMs: number;
  readonly retry: RetryPolicy;
  /** Shared by all mailboxes of the batch. */
  readonly budget: AppendBudget;
  readonly clock: Clock;
  readonly tell: UserTellers;
  readonly signal: AbortSignal;
}

/**
 * One pass over one mailbox, from its folder list to balanced books. A lost connection is recovered as a crash is: both
 * ends are opened again, and the ledger says what is left to do.
 * @throws MigrationError the error that stands after all attempts; `books-unbalanced` where a message has no outcome
 */
export async function migrateUser(run: UserRun): Promise<Books> {
  const tally = new UserProgressTally();
  const breakOffs = new BreakOffs();
  let lookFrom = run.clock.now() + run.settleDelayMs;
  let reached = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await onePass(run, { tally, breakOffs, lookFrom });
    } catch (cause) {
      if (run.signal.aborted) throw new MigrationError("aborted", "The migration was stopped");
      const error = MigrationError.from(cause);
      lookFrom = run.clock.now() + run.settleDelayMs;
      const outcomes = outcomeCount(tally.books);
      if (outcomes > reached) attempt = 1;
      reached = Math.max(reached, outcomes);
      const waitMs = pauseBeforeRetry(error, attempt, run.retry);
      if (waitMs === undefined) throw error;
      run.tell.waiting(waitMs, error);
      await run.clock.sleep(waitMs, run.signal);
    }
  }
}

/** What the attempts at one mailbox hand on. */
interface Attempt {
  readonly tally: UserProgressTally;
  readonly breakOffs: BreakOffs;
  readonly lookFrom: number;
}

/** A folder of the source with its page of the ledger, opened where there is something to do. */
interface OpenFolder {
  readonly folder: SourceFolder;
  readonly journal: FolderJournal | undefined;
}

async function onePass(run: UserRun, attempt: Attempt): Promise<Books> {
  const { signal } = run;
  const { tally } = attempt;
  // The first pass needs both ends for certain; later ones often find nothing to do, and leave the target alone.
  const opening = run.lease.user.lastSyncedAt === undefined ? run.openTarget(signal) : undefined;
  opening?.catch(() => {});
  let target: MailTarget | undefined;
  let source: MailSource | undefined;
  try {
    source = await run.openSource(signal);
    const folders = await openFolders(run, source, tally);
    if (folders.some(({ journal }) => journal)) {
      target = await (opening ?? run.openTarget(signal));
      await copyFolders(run, { ...attempt, source, target, folders });
    }
    return await balancedBooks(run, tally);
  } finally {
    await Promise.allSettled([source?.close(), (target ?? (await opening?.catch(() => undefined)))?.close()]);
  }
}

/** The folders to plan. The pages of those in which nothing changed stay closed: an unchanged mailbox costs nothing. */
async function openFolders(run: UserRun, source: MailSource, tally: UserProgressTally): Promise<OpenFolder[]> {
  const { store, lease } = run;
  const listed = await source.listFolders({ signal: run.signal });
  const records = await store.listFolders(lease.batch, lease.emailAddress);
  for (const gone of await closeGonePages(store, lease, listed, records)) tally.update(pageKey(gone), gone.books);
  const pages = new Map(records.map((record) => [pageKey(record), record]));
  const open: OpenFolder[] = [];
  for (const folder of foldersToPlan(listed)) {
    const page = pages.get(pageKey(folder));
    if (page) tally.update(pageKey(folder), page.books);
    const isOpen = hasChanged(folder, page);
    open.push({ folder, journal: isOpen ? await store.openJournal(lease, folder) : undefined });
  }
  return open;
}

/** False while the numbers of the last complete pass stand and nothing failed in it: no message row needs reading. */
function hasChanged(folder: SourceFolder, page: FolderRecord | undefined): boolean {
  if (!page?.syncPoint || page.books.failed > 0) return true;
  return folder.selectable && (folder.uidNext === 0 || folder.uidNext > page.syncPoint.uidNext);
}

interface Pass extends Attempt {
  readonly source: MailSource;
  readonly target: MailTarget;
  readonly folders: readonly OpenFolder[];
}

async function copyFolders(run: UserRun, pass: Pass): Promise<void> {
  const { source, target, tally } = pass;
  const existing = await target.listFolders({ signal: run.signal });
  const plans = planFolders(
    pass.folders.map(({ folder }) => folder),
    { folders: existing, names: target.capabilities.names },
  );
  const shared = {
    source,
    target,
    limits: run.limits,
    lookFrom: pass.lookFrom,
    window: run.budget.open(target.capabilities.maxConcurrentAppends),
    refusals: new RefusalCounter(),
    breakOffs: pass.breakOffs,
    pass: {},
    clock: run.clock,
    signal: run.signal,
    tell: {
      ...run.tell,
      started: (plan, found) => {
        tally.found(pageKey(plan.source), found);
        run.tell.started(plan, found);
      },
      settled: (plan, outcomes, books) => {
        tally.update(pageKey(plan.source), books);
        run.tell.settled(plan, outcomes, books);
        run.tell.progress(tally.progress);
      },
    } satisfies UserTellers,
  };
  const pages = new Map(pass.folders.map((open) => [open.folder.name, open]));
  const jobs: FolderRun[] = [];
  let left = run.limits.maxItems;
  for (const plan of plans) {
    const page = pages.get(plan.source.name);
    if (page?.journal) jobs.push({ ...shared, plan, journal: page.journal, allowance: Math.max(0, left) });
    left -= plan.source.messages;
  }
  // Folders in doubt wait for the settle delay; the others go on meanwhile.
  jobs.sort((one, other) => Math.sign(one.journal.doubts.length) - Math.sign(other.journal.doubts.length));
  try {
    await copySideBySide(run, jobs, tally);
  } finally {
    run.budget.close();
  }
}

/** A few folders at a time. One that fails by itself is told and left; any other error ends the pass. */
async function copySideBySide(run: UserRun, jobs: readonly FolderRun[], tally: UserProgressTally): Promise<void> {
  const queue = jobs.values();
  let folderError: MigrationError | undefined;
  const pass = jobs[0]?.pass ?? {};
  const work = async () => {
    for (const job of queue) {
      if (pass.fault) return;
      try {
        await copyFolder(job);
        tally.update(pageKey(job.plan.source), job.journal.books());
      } catch (cause) {
        const error = MigrationError.from(cause);
        if (error.scope === "folder") {
          // One that another pass may mend decides whether there is another pass.
          if (!folderError || folderError.retry === "never") folderError = error;
          run.tell.folderFailed(job.plan, error);
        } else {
          pass.fault ??= error;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: FOLDERS_AT_ONCE }, work));
  if (pass.fault) throw pass.fault;
  if (folderError) throw folderError;
}

async function balancedBooks(run: UserRun, tally: UserProgressTally): Promise<Books> {
  const books = tally.books;
  if (tally.balanced) return books;
  throw new MigrationError(
    "books-unbalanced",
    `${run.lease.emailAddress}: ${books.found} messages found, ${outcomeCount(books)} with an outcome`,
  );
}

/** The source folder of a plan as people read it. */
export function sourcePath(plan: FolderPlan): string {
  return folderPath(plan.source.levels);
}
