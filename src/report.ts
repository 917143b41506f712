import { MigrationUser } from "./migration-user.js";
import { addBooks, type Books, emptyBooks, isBalanced, type OutcomeKind, outcomeKinds } from "./outcome.js";
import { errorCsv } from "./report/error-csv.js";
import { type ReportPageOptions, reportPage } from "./report/html/report-page.js";
import { jsonLines } from "./report/json-lines.js";
import { statisticsCsv } from "./report/statistics-csv.js";
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
export interface FolderReport extends Omit<FolderRecord, "syncPoint"> {
  /** A folder filter leaves it out, or the provider's profile, and so many of its messages are not in its books; absent for all other folders. */
  readonly leftOut?: number;
}

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
      yield* this.itemsOf(emailAddress);
    }
  }

  /**
   * The messages that the source has moved since they were copied, user by user: `movedFrom` says where each was copied
   * from and where its copy stands (`docs/incremental-sync.md`).
   */
  async *movedItems(): AsyncGenerator<ItemRecord> {
    for await (const { emailAddress } of this.#store.listUsers(this.batch)) {
      const items = this.#store.listItems(this.batch, emailAddress, ["alreadyThere"]);
      for await (const item of items) if (item.movedFrom) yield item;
    }
  }

  /** The items of one user. */
  itemsOf(emailAddress: string): AsyncIterable<ItemRecord> {
    return this.#store.listItems(this.batch, emailAddress, NOT_COPIED);
  }

  /**
   * Microsoft's error report (`MigrationErrors.csv`) in pieces: a line for each user that failed, with `EmailAddress` and
   * `ErrorMessage`, and, beyond Microsoft's, one for each folder left out and each message that needs a look (not those
   * that another folder gave), with folder,
   * UID, date, reason and remedy. RFC 4180 with a byte order mark, safe to open in a spreadsheet program:
   * `docs/reports.md`.
   */
  errorCsv(): AsyncIterable<string> {
    return errorCsv(this);
  }

  /** The statistics report (`MigrationStatistics.csv`) in pieces: a line for each user, columns as Microsoft names them. */
  statisticsCsv(): AsyncIterable<string> {
    return statisticsCsv(this);
  }

  /** Everything, a JSON object a line: `batch`, then each `user` with its `folder`s and `item`s, then `end`. */
  jsonLines(): AsyncIterable<string> {
    return jsonLines(this, this);
  }

  /** One HTML page in pieces: self-contained, without scripts, for a screen of any width and for paper. */
  html(options: ReportPageOptions = {}): AsyncIterable<string> {
    return reportPage(this, this, options);
  }
}

interface BatchSums {
  readonly books: Books;
  readonly balanced: boolean;
  readonly users: Readonly<Record<MigrationUserStatusSummary, number>>;
}

/** A page read up to UID 0 is that of a folder left out. */
function folderReport({ syncPoint, ...folder }: FolderRecord): FolderReport {
  if (syncPoint?.uidNext !== 0) return folder;
  return { ...folder, leftOut: Math.max(0, syncPoint.messages - folder.books.found) };
}

async function* userReports(store: MigrationStore, batch: string): AsyncGenerator<UserReport> {
  for await (const record of store.listUsers(batch)) {
    const records = await store.listFolders(batch, record.emailAddress);
    const folders = records.map(folderReport);
    const books = folders.reduce((sum, folder) => addBooks(sum, folder.books), emptyBooks);
    yield {
      user: new MigrationUser(batch, record),
      books,
      balanced: folders.every((folder) => isBalanced(folder.books)),
      folders,
    };
  }
}
