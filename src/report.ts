import { MigrationUser } from "./migration-user.js";
import { addBooks, type Books, emptyBooks, isBalanced, type OutcomeKind, outcomeKinds } from "./outcome.js";
import type { MigrationBatchStatus, MigrationUserStatusSummary } from "./status.js";
import type { FolderRecord, ItemRecord, MigrationStore } from "./store/migration-store.js";

/** What one run did, apart from all runs before it. */
export interface RunFigures {
  /** Messages that this run copied. */
  readonly copied: number;
  /** Octets that this run copied. */
  readonly octetsCopied: number;
  /** Milliseconds that it took. */
  readonly durationMs: number;
}

/** What became of one folder under one UIDVALIDITY. */
export type FolderReport = Omit<FolderRecord, "syncPoint">;

/** What became of one mailbox. */
export interface UserReport {
  readonly user: MigrationUser;
  readonly books: Books;
  /** True when every message found has exactly one outcome, in each folder. */
  readonly balanced: boolean;
  readonly folders: readonly FolderReport[];
}

/** The outcomes that a reader has to look at: everything that is not at the target. */
const NOT_COPIED: readonly OutcomeKind[] = outcomeKinds.filter((kind) => kind !== "copied" && kind !== "alreadyThere");

/**
 * What became of a batch: a view of the ledger, made when it is asked for. The sums are here; users and messages are
 * read one after the other, so that 50,000 mailboxes take no more memory than one.
 */
export class MigrationReport {
  /** The batch's name. */
  readonly batch: string;
  readonly status: MigrationBatchStatus;
  /** The sums over all users. */
  readonly books: Books;
  /** True when the books of every user balance. */
  readonly balanced: boolean;
  /** How many users stand where. */
  readonly users: Readonly<Record<MigrationUserStatusSummary, number>>;
  /** This run alone; all other numbers are over every run. */
  readonly run: RunFigures;
  readonly #store: MigrationStore;

  private constructor(
    store: MigrationStore,
    sums: BatchSums,
    batch: string,
    status: MigrationBatchStatus,
    run: RunFigures,
  ) {
    this.#store = store;
    this.batch = batch;
    this.status = status;
    this.books = sums.books;
    this.balanced = sums.balanced;
    this.users = sums.users;
    this.run = run;
  }

  /** @internal */
  static async of(
    store: MigrationStore,
    batch: string,
    statusOf: (users: Readonly<Record<MigrationUserStatusSummary, number>>) => MigrationBatchStatus,
    run: RunFigures,
  ): Promise<MigrationReport> {
    const users: Record<MigrationUserStatusSummary, number> = { Active: 0, Synced: 0, Failed: 0, Stopped: 0 };
    let books = emptyBooks;
    let balanced = true;
    for await (const report of userReports(store, batch)) {
      users[report.user.statusSummary] += 1;
      books = addBooks(books, report.books);
      balanced &&= report.balanced;
    }
    return new MigrationReport(store, { books, balanced, users }, batch, statusOf(users), run);
  }

  /** Each user with its folders, in the order of the user list. */
  userReports(): AsyncIterable<UserReport> {
    return userReports(this.#store, this.batch);
  }

  /**
   * The messages that need a look, user by user: those that were skipped, refused, have failed or vanished, and those
   * of which something was lost.
   */
  async *items(): AsyncGenerator<ItemRecord> {
    for await (const { emailAddress } of this.#store.listUsers(this.batch)) {
      yield* this.#store.listItems(this.batch, emailAddress, NOT_COPIED);
    }
  }
}

interface BatchSums {
  readonly books: Books;
  readonly balanced: boolean;
  readonly users: Readonly<Record<MigrationUserStatusSummary, number>>;
}

async function* userReports(store: MigrationStore, batch: string): AsyncGenerator<UserReport> {
  for await (const record of store.listUsers(batch)) {
    const records = await store.listFolders(batch, record.emailAddress);
    const folders = records.map(({ syncPoint: _, ...folder }) => folder);
    const books = folders.reduce((sum, folder) => addBooks(sum, folder.books), emptyBooks);
    yield {
      user: new MigrationUser(batch, record),
      books,
      balanced: folders.every((folder) => isBalanced(folder.books)),
      folders,
    };
  }
}
