import type { Clock } from "../engine/clock.js";
import type { UserProgress } from "../events.js";
import type { MigrationUser } from "../migration-user.js";
import { addBooks, type Books, emptyBooks, outcomeCount } from "../outcome.js";
import type { UserReport } from "../report.js";
import type { MigrationBatchStatistics, MigrationUserStatistics, TransferStatistics } from "../statistics.js";
import { countUsers } from "../status.js";
import type { BatchRecord, UserTally } from "../store/batch-records.js";
import type { FolderRecord } from "../store/migration-store.js";
import { RateMeter } from "./rate-meter.js";
import { userProgress } from "./user-events.js";

/** How fast the users of a batch are that this process has under way, and the batch as a whole. */
export class BatchRates {
  readonly #clock: Clock;
  readonly #users = new Map<string, RateMeter>();
  readonly #last = new Map<string, UserProgress>();
  readonly #batch: RateMeter;
  #sum: UserProgress = { itemsTotal: 0, itemsSynced: 0, itemsSkipped: 0, octetsSynced: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#batch = new RateMeter(clock);
  }

  note(user: string, progress: UserProgress): void {
    const meter = this.#users.get(user) ?? new RateMeter(this.#clock);
    this.#users.set(user, meter);
    // Progress is over all passes: what came before this process saw the user is not this process's doing.
    const before = this.#last.get(user) ?? progress;
    this.#last.set(user, progress);
    meter.note(progress);
    const grown = (member: keyof UserProgress) => this.#sum[member] + progress[member] - before[member];
    this.#sum = {
      itemsTotal: grown("itemsTotal"),
      itemsSynced: grown("itemsSynced"),
      itemsSkipped: grown("itemsSkipped"),
      octetsSynced: grown("octetsSynced"),
    };
    this.#batch.note(this.#sum);
  }

  /** The user's pass has ended. */
  end(user: string): void {
    this.#users.delete(user);
  }

  ofUser(user: string): RateMeter | undefined {
    return this.#users.get(user);
  }

  get ofBatch(): RateMeter {
    return this.#batch;
  }
}

export function userStatistics(
  user: MigrationUser,
  folders: readonly FolderRecord[],
  rates: BatchRates,
): MigrationUserStatistics {
  const books = folders.reduce((sum, folder) => addBooks(sum, folder.books), emptyBooks);
  const { identity, batchId, status, lastSuccessfulSyncTime, nextSyncTime } = user;
  const { queuedDuration, inProgressDuration, syncedDuration, stalledDuration } = user;
  const meter = rates.ofUser(identity);
  return {
    identity,
    batchId,
    status,
    ...(lastSuccessfulSyncTime && { lastSuccessfulSyncTime }),
    ...(nextSyncTime && { nextSyncTime }),
    ...transfer(books, folders.length > 0, meter),
    ...{ queuedDuration, inProgressDuration, syncedDuration, stalledDuration },
  };
}

/** Sums of a batch, user by user. */
export async function batchStatistics(
  reports: AsyncIterable<UserReport>,
  { tally, record, rates }: { tally: UserTally; record: BatchRecord | undefined; rates: BatchRates },
): Promise<MigrationBatchStatistics> {
  let books = emptyBooks;
  let listed = false;
  let earliest: number | undefined = Number.POSITIVE_INFINITY;
  for await (const report of reports) {
    books = addBooks(books, liveBooks(report.books, rates.ofUser(report.user.identity)?.progress));
    listed ||= report.folders.length > 0;
    earliest = earlier(earliest, report.user);
  }
  const users = countUsers(tally.byStatus);
  const isAtWork = users.active > 0;
  return {
    users,
    percentageSynced: users.total === 0 ? 0 : (users.synced / users.total) * 100,
    ...transfer(books, listed, isAtWork ? rates.ofBatch : undefined, false),
    ...(record && times(record)),
    ...(earliest !== undefined && Number.isFinite(earliest) && { everyUserSyncedSince: new Date(earliest) }),
  };
}

function earlier(before: number | undefined, { lastSuccessfulSyncTime }: MigrationUser): number | undefined {
  if (before === undefined || !lastSuccessfulSyncTime) return undefined;
  return Math.min(before, lastSuccessfulSyncTime.getTime());
}

function times({ createdAt, startedAt, initialSyncedAt, lastSyncedAt }: BatchRecord) {
  return {
    creationDateTime: new Date(createdAt),
    ...(startedAt !== undefined && { startDateTime: new Date(startedAt) }),
    ...(initialSyncedAt !== undefined && { initialSyncDateTime: new Date(initialSyncedAt) }),
    ...(startedAt !== undefined &&
      initialSyncedAt !== undefined && { initialSyncDuration: Math.max(0, initialSyncedAt - startedAt) }),
    ...(lastSyncedAt !== undefined && { lastSyncedDateTime: new Date(lastSyncedAt) }),
  };
}

/** The ledger knows what was found only when a pass has ended; a pass under way knows more. */
function liveBooks(books: Books, progress: UserProgress | undefined): Books {
  return { ...books, found: Math.max(books.found, outcomeCount(books), progress?.itemsTotal ?? 0) };
}

function transfer(books: Books, listed: boolean, meter: RateMeter | undefined, isLive = true): TransferStatistics {
  const known = isLive ? liveBooks(books, meter?.progress) : books;
  const { itemsSynced, itemsSkipped, octetsSynced } = userProgress(known);
  const itemsTotal = listed ? known.found : undefined;
  const itemsToDo = itemsTotal === undefined ? undefined : Math.max(0, itemsTotal - itemsSynced - itemsSkipped);
  const rate = meter?.rate;
  const forecast = itemsToDo === undefined ? undefined : meter?.forecast(itemsToDo);
  return {
    ...(itemsTotal !== undefined && { itemsTotal }),
    itemsSynced,
    itemsSkipped,
    ...(itemsToDo !== undefined && { itemsToDo }),
    octetsSynced,
    ...(itemsToDo !== undefined &&
      books.copied > 0 && { octetsToDo: Math.round((octetsSynced / books.copied) * itemsToDo) }),
    ...(itemsTotal !== undefined && { percentageComplete: percentage(itemsTotal, itemsToDo ?? 0) }),
    ...(rate && { rate }),
    ...(forecast && { forecast }),
  };
}

function percentage(total: number, toDo: number): number {
  return total === 0 ? 100 : ((total - toDo) / total) * 100;
}
