import { MigrationError } from "../../errors.js";
import { folderPath, type ListedFolder, type SourceFolder } from "../../mail/folder.js";
import type { MailSource } from "../../mail/mail-source.js";
import { isReadable, type MailTarget } from "../../mail/mail-target.js";
import { outcomeCount } from "../../outcome.js";
import type { FolderRecord, MigrationStore, UserRecord } from "../../store/migration-store.js";
import {
  type DataConsistencyScore,
  type GradeThresholds,
  gradeOf,
  type UserVerification,
  worstGrade,
} from "../../verification.js";
import type { Clock } from "../clock.js";
import { pageKey } from "../folders/gone-pages.js";
import { planFolders } from "../folders/plan-folders.js";
import { pauseBeforeRetry, type RetryPolicy } from "../retry.js";
import { type ItemRoom, VerificationTally } from "./verification-tally.js";
import { verifyFolder } from "./verify-folder.js";
import type { OpenSourceFolder, VerifiedPage, VerifyDepth } from "./verify-run.js";

/** Everything that verifying one mailbox needs. */
export interface UserVerifyRun extends VerifyDepth {
  readonly batch: string;
  readonly user: string;
  /** As the store has it; absent where the batch has not met this user yet. */
  readonly record?: UserRecord;
  readonly store: MigrationStore;
  openSource(signal: AbortSignal): Promise<MailSource>;
  openTarget(signal: AbortSignal): Promise<MailTarget>;
  readonly thresholds: GradeThresholds;
  readonly room: ItemRoom;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Verifies one mailbox. What keeps it from being verified is told and does not reject, unless the batch or the host's
 * signal is concerned.
 */
export async function verifyUser(run: UserVerifyRun): Promise<UserVerification> {
  const { batch, user, store, thresholds } = run;
  const pages = await store.listFolders(batch, user);
  const tally = new VerificationTally();
  await countLedger(run, pages, tally);
  const errors: MigrationError[] = [];
  if (run.level === 0) tally.count({ checked: heldCount(pages) });
  else
    errors.push(
      ...(await verifyAtTarget(
        run,
        pages.filter((page) => heldCount([page]) > 0 || page.targetFolder),
        tally,
      )),
    );
  const { counts, items } = tally;
  const grade = worstGrade([
    gradeOf(counts, thresholds),
    bestGradeOf(run.record),
    errors.length > 0 ? "Investigate" : "Perfect",
  ]);
  return { user, grade, counts, items, itemsTotal: counts.missing + counts.changed + counts.surplus, errors };
}

/** A mailbox that was never migrated to its end is no better than what is missing; one whose last pass failed is looked at. */
function bestGradeOf(record: UserRecord | undefined): DataConsistencyScore {
  if (record?.lastSyncedAt === undefined) return "Poor";
  return record.status === "Synced" ? "Perfect" : "Investigate";
}

async function countLedger(
  run: UserVerifyRun,
  pages: readonly FolderRecord[],
  tally: VerificationTally,
): Promise<void> {
  for (const { books } of pages) {
    const notCopied = books.skipped + books.refused + books.failed;
    const unaccounted = Math.max(0, books.found - outcomeCount(books));
    tally.count({ found: Math.max(books.found, outcomeCount(books)), notCopied, unaccounted });
  }
  for await (const { lost, reason } of run.store.listItems(run.batch, run.user, ["skipped"])) {
    if (lost) tally.count({ lost: 1 });
    // It was copied from another folder, and is looked for there.
    if (reason === "held-elsewhere") tally.count({ notCopied: -1 });
  }
}

function heldCount(pages: readonly FolderRecord[]): number {
  return pages.reduce((sum, { books }) => sum + books.copied + books.alreadyThere, 0);
}

/** One target folder with the pages whose messages stand in it. */
interface Destination {
  /** As people read it. */
  readonly path: string;
  /** Absent where the target lists no such folder. */
  readonly name?: string;
  readonly pages: FolderRecord[];
}

/**
 * Folder by folder, on connections that are opened again when they are lost; what was verified stays so.
 * @throws MigrationError `aborted`, and what concerns the whole batch
 */
async function verifyAtTarget(
  run: UserVerifyRun,
  pages: readonly FolderRecord[],
  tally: VerificationTally,
): Promise<MigrationError[]> {
  const errors: MigrationError[] = [];
  const left = new Set(pages);
  for (let attempt = 1; left.size > 0; attempt++) {
    const before = left.size;
    try {
      await onePass(run, left, tally, errors);
    } catch (cause) {
      const error = MigrationError.from(cause);
      if (run.signal.aborted) throw new MigrationError("aborted", "The verification was stopped");
      if (error.scope === "batch") throw error;
      if (left.size < before) attempt = 1;
      const waitMs = pauseBeforeRetry(error, attempt, run.retry);
      if (waitMs === undefined) {
        tally.count({ unverified: heldCount([...left]) });
        return [...errors, error];
      }
      await run.clock.sleep(waitMs, run.signal);
    }
  }
  return errors;
}

/** Verifies what is left, and takes away from it what is done. */
async function onePass(
  run: UserVerifyRun,
  left: Set<FolderRecord>,
  tally: VerificationTally,
  errors: MigrationError[],
): Promise<void> {
  const { signal, level, sample, seed, room, store, batch, user } = run;
  const source = new SourceOnDemand(() => run.openSource(signal), signal);
  const target = await run.openTarget(signal);
  try {
    if (!isReadable(target)) throw unreadable();
    const { rewrites = false } = target.capabilities;
    if (rewrites && level === 4) throw rewritten();
    for (const destination of await destinationsOf([...left], source, target, signal)) {
      const { name, path, pages } = destination;
      const folderTally = new VerificationTally();
      try {
        await verifyFolder({
          ...{ level, sample, seed, target, rewrites, path, signal },
          ...(name !== undefined && { name }),
          sourceOf: (page) => source.folder(page),
          pages: pages.map(verifiedPage),
          held: (page) => store.listHeld(batch, user, page),
          tally: folderTally,
        });
        tally.merge(folderTally, room);
      } catch (cause) {
        const error = MigrationError.from(cause);
        if (error.scope !== "folder") throw error;
        errors.push(error);
        tally.count({ unverified: heldCount(pages) });
      }
      for (const page of pages) left.delete(page);
    }
  } finally {
    await Promise.allSettled([source.close(), target.close()]);
  }
}

function unreadable(): MigrationError {
  const text = "The target cannot be read back (listMessages and fetch are missing): only level 0 is possible";
  return new MigrationError("option-invalid", text);
}

function rewritten(): MigrationError {
  const text = "The target rebuilds messages, so that no octets can be compared: level 3 is the most that is possible";
  return new MigrationError("option-invalid", text);
}

/** The mailbox at the source, opened when somebody needs it. */
class SourceOnDemand {
  readonly #open: () => Promise<MailSource>;
  readonly #signal: AbortSignal;
  #source: Promise<MailSource> | undefined;
  #folders: Promise<readonly SourceFolder[]> | undefined;

  constructor(open: () => Promise<MailSource>, signal: AbortSignal) {
    this.#open = open;
    this.#signal = signal;
  }

  open(): Promise<MailSource> {
    this.#source ??= this.#open();
    return this.#source;
  }

  folders(): Promise<readonly SourceFolder[]> {
    this.#folders ??= this.open().then((source) => source.listFolders({ signal: this.#signal }));
    return this.#folders;
  }

  /** The folder of a page; undefined where the source lists none, or under another UIDVALIDITY. */
  async folder(page: VerifiedPage): Promise<OpenSourceFolder | undefined> {
    const folder = (await this.folders()).find((listed) => pageKey(listed) === pageKey(page));
    return folder && { mailbox: await this.open(), folder };
  }

  async close(): Promise<void> {
    await (await this.#source?.catch(() => undefined))?.close();
  }
}

function verifiedPage({ name, source: path, uidValidity, targetFolder }: FolderRecord): VerifiedPage {
  return { name, path, uidValidity, ...(targetFolder && { idsOf: targetFolder.uidValidity }) };
}

/** Where the messages of each page stand: as the ledger says or, where nothing was ever sent, as the plan does. */
async function destinationsOf(
  pages: readonly FolderRecord[],
  source: SourceOnDemand,
  target: MailTarget,
  signal: AbortSignal,
): Promise<Destination[]> {
  const destinations = new Map<string, Destination>();
  let planned: Map<string, Omit<Destination, "pages">> | undefined;
  for (const page of pages) {
    let place: Omit<Destination, "pages"> | undefined;
    if (page.targetFolder) {
      place = { name: page.targetFolder.name, path: page.target ?? page.targetFolder.name };
    } else {
      planned ??= await plannedPlaces(await source.folders(), await target.listFolders({ signal }), target);
      place = planned.get(page.name) ?? { path: page.source };
    }
    const key = place.name ?? `\0${place.path}`;
    const known = destinations.get(key);
    if (known) known.pages.push(page);
    else destinations.set(key, { ...place, pages: [page] });
  }
  return [...destinations.values()];
}

async function plannedPlaces(
  source: readonly SourceFolder[],
  existing: readonly ListedFolder[],
  { capabilities }: MailTarget,
): Promise<Map<string, Omit<Destination, "pages">>> {
  const byPath = new Map(existing.map((folder) => [JSON.stringify(folder.levels), folder.name]));
  const plans = planFolders(source, { folders: existing, names: capabilities.names });
  return new Map(
    plans.map((plan) => {
      const name = byPath.get(JSON.stringify(plan.target));
      return [plan.source.name, { path: folderPath(plan.target), ...(name !== undefined && { name }) }];
    }),
  );
}
