import { MigrationError } from "../errors.js";
import type { WaitAskedBy } from "../events.js";
import type { MigrationLimits } from "../limits.js";
import { type FolderPlan, folderPath, type ListedFolder, type SourceFolder } from "../mail/folder.js";
import type { FolderFilter } from "../mail/folder-filter.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MailTarget } from "../mail/mail-target.js";
import type { MessageFilter } from "../mail/message-filter.js";
import { type Books, emptyBooks, outcomeCount } from "../outcome.js";
import type { ProviderFolderPlan } from "../providers/plan-provider-folders.js";
import type { ProviderProfile } from "../providers/provider-profile.js";
import type { FolderJournal, FolderRecord, Lease, MigrationStore } from "../store/migration-store.js";
import type { AppendBudget } from "./append-window.js";
import { BreakOffs } from "./break-offs.js";
import type { Clock } from "./clock.js";
import { copyFolder } from "./copy-folder.js";
import { checkFollowsFlags } from "./flag-changes.js";
import type { FolderRun, FolderTellers, PassEnd } from "./folder-run.js";
import { closeGonePages, pageKey } from "./folders/gone-pages.js";
import { closedBooks, noteLeftOut } from "./folders/left-out-folders.js";
import { foldersToPlan, planFolders } from "./folders/plan-folders.js";
import { listForReading, readingOrder, readingStages } from "./folders/reading-order.js";
import { hasReusedUids } from "./folders/reused-uids.js";
import { HeldMessages } from "./held-messages.js";
import { identifiedSource } from "./identified-source.js";
import { LeaseHold } from "./lease-hold.js";
import { type Governors, MailboxEnds, ownGovernors } from "./mailbox-ends.js";
import { MovedMessages } from "./moved-messages.js";
import { awaitsSettling } from "./reconcile.js";
import { RefusalCounter } from "./refusal-counter.js";
import { graver, type RetryPolicy } from "./retry.js";
import type { DailyOctets } from "./throttle/daily-octets.js";
import { UserProgressTally } from "./user-progress.js";

/** Folders under way at a time: enough that the commands for the next ones are on the line before one ends. */
const FOLDERS_AT_ONCE = 8;

/** What the migration of one mailbox tells while it goes on; each call is about what is durable already. */
export interface UserTellers extends FolderTellers {
  folderFailed(plan: FolderPlan, error: MigrationError): void;
  progress(books: Books): void;
  /** `until`: in milliseconds since 1970. */
  waiting(waitMs: number, error: MigrationError, askedBy: WaitAskedBy, until: number): void;
  /** The provider's rules leave a folder out; told once, as what they warn of. */
  leftOut?(folder: SourceFolder, reason: string): void;
  warned?(text: string): void;
}

/** Everything that the migration of one mailbox needs. */
export interface UserRun {
  readonly lease: Lease;
  readonly store: MigrationStore;
  openSource(signal: AbortSignal): Promise<MailSource>;
  openTarget(signal: AbortSignal): Promise<MailTarget>;
  readonly limits: MigrationLimits;
  /** What the source server is like. Absent: every folder is read whole, as it is listed. */
  readonly provider?: ProviderProfile | undefined;
  /** Absent: every folder is migrated. */
  readonly folderFilter?: FolderFilter | undefined;
  /** Absent: every message is migrated. */
  readonly messageFilter?: MessageFilter | undefined;
  /** True: changes of flags at the source are carried to the target. Absent: flags stay as they were copied. */
  readonly followsFlags?: boolean | undefined;
  /** Milliseconds after a lost connection or a crash before a look for messages in doubt. */
  readonly settleDelayMs: number;
  readonly retry: RetryPolicy;
  /** Shared by all mailboxes of the batch. */
  readonly budget: AppendBudget;
  /** Shared by all mailboxes of the process at the same endpoints. Absent: this mailbox alone is governed. */
  readonly governors?: Governors | undefined;
  /** What the accounts at both ends may move in a day. Absent: no such limit is known. */
  readonly dailyOctets?: readonly DailyOctets[] | undefined;
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
  const told = new Set<string>();
  const hold = new LeaseHold(run.store, run.lease, run.clock);
  const governors = run.governors ?? ownGovernors(run.clock, run.retry);
  let lookFrom = run.clock.now() + run.settleDelayMs;
  let reached = 0;
  for (let attempt = 1; ; attempt++) {
    const end: PassEnd = {};
    const ends = new MailboxEnds(run, governors);
    try {
      return await onePass(run, { tally, breakOffs, told, hold, lookFrom, end, ends });
    } catch (cause) {
      if (run.signal.aborted) throw new MigrationError("aborted", "The migration was stopped");
      const error = MigrationError.from(cause);
      if (error.code === "lease-lost") throw error;
      const outcomes = outcomeCount(tally.books);
      const progressed = outcomes > reached;
      reached = Math.max(reached, outcomes);
      if (progressed) attempt = 1;
      if (progressed && error === end.renewal) {
        // Nothing failed, and nothing is in doubt.
        attempt = 0;
        continue;
      }
      lookFrom = run.clock.now() + run.settleDelayMs;
      const next = ends.nextAttempt(error, attempt);
      if (!next) throw error;
      if (!next.isCounted) attempt -= 1;
      run.tell.waiting(next.waitMs, error, next.askedBy, run.clock.date() + next.waitMs);
      await run.clock.sleep(next.waitMs, run.signal);
    }
  }
}

/** What the attempts at one mailbox hand on. */
interface Attempt {
  readonly tally: UserProgressTally;
  readonly breakOffs: BreakOffs;
  /** What was told of the provider's rules. */
  readonly told: Set<string>;
  readonly hold: LeaseHold;
  readonly lookFrom: number;
  readonly end: PassEnd;
  readonly ends: MailboxEnds;
}

/** A folder of the source with its page of the ledger, opened where there is something to do. */
interface OpenFolder {
  readonly folder: SourceFolder;
  /** It gives what no folder before it has given. */
  readonly copiesRest: boolean;
  readonly journal: FolderJournal | undefined;
  /** The raw name of the target folder that its messages went to; absent where none did. */
  readonly keptTarget: string | undefined;
}

/** The folders that a pass is about. */
interface OpenFolders {
  readonly folders: readonly OpenFolder[];
  readonly moved: MovedMessages | undefined;
}

async function onePass(run: UserRun, attempt: Attempt): Promise<Books> {
  const { tally, ends } = attempt;
  // The first pass needs both ends for certain; later ones often find nothing to do, and leave the target alone.
  const opening = run.lease.user.lastSyncedAt === undefined ? ends.openTarget() : undefined;
  // Listed while the source lists its own: a round trip less.
  const listing = opening?.then((opened) => opened.listFolders({ signal: run.signal }));
  for (const early of [opening, listing]) early?.catch(() => {});
  let target: MailTarget | undefined;
  let source: MailSource | undefined;
  try {
    source = await ends.openSource();
    let open = await openFolders(run, source, attempt);
    if (open.folders.some(({ journal }) => journal)) {
      target = await (opening ?? ends.openTarget());
      if (run.followsFlags) checkFollowsFlags(target);
      if (await setReusedAside(run, source, target, open.folders)) open = await openFolders(run, source, attempt);
      const existing = await (listing ?? target.listFolders({ signal: run.signal }));
      await copyFolders(run, { ...attempt, ...open, source, target, existing });
    }
    return await balancedBooks(run, tally);
  } finally {
    ends.end();
    await Promise.allSettled([source?.close(), (target ?? (await opening?.catch(() => undefined)))?.close()]);
    ends.leave();
  }
}

/** The folders to plan. The pages of those in which nothing changed stay closed: an unchanged mailbox costs nothing. */
async function openFolders(run: UserRun, source: MailSource, { tally, told }: Attempt): Promise<OpenFolders> {
  const { store, lease, provider, signal } = run;
  const records = await store.listFolders(lease.batch, lease.emailAddress);
  const pages = new Map(records.map((record) => [pageKey(record), record]));
  const list = () => source.listFolders({ signal });
  const listed = await listForReading(list, provider, (folder) => hasChanged(run, folder, pages.get(pageKey(folder))));
  for (const gone of await closeGonePages(store, lease, listed, records)) tally.update(pageKey(gone), gone.books);
  const keptTargets = new Map<string, string>();
  for (const { name, targetFolder } of records) if (targetFolder) keptTargets.set(name, targetFolder.name);
  const rules = run.folderFilter?.leftOut(listed);
  const order = readingOrder(listed, provider);
  tellOnce(run, order, told);
  const views = new Set(order.excluded.map(({ folder }) => folder));
  const leftOut = listed.filter((folder) => rules?.has(folder.name) || views.has(folder));
  await noteLeftOut(store, lease, leftOut, pages);
  for (const folder of leftOut) tally.update(pageKey(folder), closedBooks(pages.get(pageKey(folder))));
  const rest = new Set(order.folders.flatMap(({ folder, copies }) => (copies === "rest" ? folder : [])));
  const toRead = order.folders.flatMap(({ folder }) => (rules?.has(folder.name) ? [] : folder));
  const open = foldersToPlan(toRead).map(async (folder) => {
    const page = pages.get(pageKey(folder));
    tally.update(pageKey(folder), page?.books ?? emptyBooks);
    const journal = hasChanged(run, folder, page) ? await store.openJournal(lease, folder) : undefined;
    const keptTarget = page?.targetFolder?.name ?? keptTargets.get(folder.name);
    return { folder, copiesRest: rest.has(folder), journal, keptTarget };
  });
  const moved = MovedMessages.of({ store, lease, source, listed, records, signal });
  return { folders: await Promise.all(open), moved };
}

function tellOnce({ tell }: UserRun, { excluded, warnings }: ProviderFolderPlan, told: Set<string>): void {
  const once = (key: string, telling: () => void) => {
    if (!told.has(key)) telling();
    told.add(key);
  };
  for (const { folder, reason } of excluded) once(`folder ${folder.name}`, () => tell.leftOut?.(folder, reason));
  for (const text of warnings) once(text, () => tell.warned?.(text));
}

/** False while the numbers of the last complete pass stand and nothing failed in it: no message row needs reading. */
function hasChanged({ followsFlags }: UserRun, folder: SourceFolder, page: FolderRecord | undefined): boolean {
  if (!page?.syncPoint || page.books.failed > 0) return true;
  const { uidNext, highestModSeq = 0n } = page.syncPoint;
  // A server that was restored from a backup counts from where it was then.
  const wentBack = folder.highestModSeq !== undefined && folder.highestModSeq < highestModSeq;
  const hasNews = folder.uidNext === 0 || folder.uidNext !== uidNext || wentBack;
  return folder.selectable && (hasNews || (followsFlags === true && mayHaveOtherFlags(folder, page)));
}

/** Without CONDSTORE (RFC 7162) only the flags themselves tell. */
function mayHaveOtherFlags({ highestModSeq }: SourceFolder, { books, syncPoint }: FolderRecord): boolean {
  const wereFollowed = syncPoint?.flags && highestModSeq !== undefined;
  return books.copied + books.alreadyThere > 0 && !(wereFollowed && highestModSeq === syncPoint.highestModSeq);
}

/** Whether a page was set aside, because the UIDs of its folder name other messages now. */
async function setReusedAside(
  { store, lease, signal }: UserRun,
  source: MailSource,
  target: MailTarget,
  folders: readonly OpenFolder[],
): Promise<boolean> {
  const isReused = async (folder: SourceFolder, journal: FolderJournal) => {
    try {
      return await hasReusedUids({ source, target, signal }, folder, journal);
    } catch (cause) {
      // Whatever is the matter with one folder shows again when it is copied.
      if (MigrationError.from(cause).scope === "folder") return false;
      throw cause;
    }
  };
  const checks = folders.map(async ({ folder, journal }) => {
    if (!journal || !(await isReused(folder, journal))) return false;
    await store.setAside(lease, folder);
    return true;
  });
  return (await Promise.all(checks)).includes(true);
}

interface Pass extends Attempt, OpenFolders {
  readonly source: MailSource;
  readonly target: MailTarget;
  /** The folders of the target. */
  readonly existing: readonly ListedFolder[];
}

async function copyFolders(run: UserRun, pass: Pass): Promise<void> {
  const { target, tally } = pass;
  const rest = pass.folders.filter(({ copiesRest }) => copiesRest);
  const source = rest.length > 0 ? identifiedSource(pass.source) : pass.source;
  const held = rest.some(({ journal }) => journal) ? await HeldMessages.load(run.store, run.lease) : undefined;
  const plans = planFolders(
    pass.folders.map(({ folder }) => folder),
    {
      folders: pass.existing,
      names: target.capabilities.names,
      kept: new Map(
        pass.folders.flatMap(({ folder, keptTarget: name }) => (name === undefined ? [] : [[folder.name, name]])),
      ),
    },
  );
  const shared = {
    source,
    target,
    limits: run.limits,
    messageFilter: run.messageFilter,
    followsFlags: run.followsFlags,
    moved: pass.moved,
    lookFrom: pass.lookFrom,
    window: run.budget.open(target.capabilities.maxConcurrentAppends, pass.ends),
    refusals: new RefusalCounter(),
    breakOffs: pass.breakOffs,
    hold: pass.hold,
    pass: pass.end,
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
        held?.add(outcomes);
        run.tell.settled(plan, outcomes, books);
        run.tell.progress(tally.progress);
      },
    } satisfies UserTellers,
  };
  const pages = new Map(pass.folders.map((open) => [open.folder.name, open]));
  const jobs: FolderRun[] = [];
  // How many a filter leaves in is known only when they are listed.
  let left = run.messageFilter ? Number.POSITIVE_INFINITY : run.limits.maxItems;
  for (const plan of plans) {
    const { journal, copiesRest } = pages.get(plan.source.name) ?? {};
    // How much the rest is, is known only when all is listed.
    const allowance = copiesRest ? Number.POSITIVE_INFINITY : Math.max(0, left);
    const own = { plan, allowance, uncertain: new Set<number>(), held: copiesRest ? held?.ids : undefined };
    if (journal) jobs.push({ ...shared, ...own, journal });
    if (!copiesRest) left -= plan.source.messages;
  }
  const folders: { error?: MigrationError } = {};
  try {
    for (const stage of readingStages(jobs, (job) => job.held !== undefined)) {
      // Folders in doubt wait for the settle delay; the others go on meanwhile.
      stage.sort((one, other) => Number(awaitsSettling(one)) - Number(awaitsSettling(other)));
      await copySideBySide(run, stage, tally, folders);
      // What a folder could not give yet would seem to be the rest of the others.
      if (folders.error && folders.error.retry !== "never") break;
    }
    if (folders.error) throw folders.error;
  } finally {
    run.budget.close();
  }
}

/** A few folders at a time. One that fails by itself is told and left; any other error ends the pass. */
async function copySideBySide(
  run: UserRun,
  jobs: readonly FolderRun[],
  tally: UserProgressTally,
  folders: { error?: MigrationError },
): Promise<void> {
  const queue = jobs.values();
  const pass: PassEnd = jobs[0]?.pass ?? {};
  const work = async () => {
    for (const job of queue) {
      if (pass.fault || pass.renewal) return;
      try {
        await copyFolder(job);
        tally.update(pageKey(job.plan.source), job.journal.books());
      } catch (cause) {
        const error = MigrationError.from(cause);
        if (error.scope === "folder") {
          // One that another pass may mend decides whether there is another pass.
          if (!folders.error || folders.error.retry === "never") folders.error = error;
          run.tell.folderFailed(job.plan, error);
        } else if (error !== pass.renewal) {
          pass.fault = graver(pass.fault, error);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: FOLDERS_AT_ONCE }, work));
  if (pass.fault) throw pass.fault;
  if (pass.renewal) throw pass.renewal;
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
