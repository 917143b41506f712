import { MigrationUser } from "../../../src/migration-user.js";
import { addBooks, type Books, emptyBooks, isBalanced, outcomeCount } from "../../../src/outcome.js";
import type { ReportView } from "../../../src/report/report-view.js";
import type { FolderReport, MigrationReport, UserReport } from "../../../src/report.js";
import type { ItemRecord, UserRecord } from "../../../src/store/migration-store.js";

export const BATCH = "IMAPBatch1";

/** Books that balance, unless `found` says otherwise. */
export function booksOf(counts: Partial<Books>): Books {
  const books = { ...emptyBooks, ...counts };
  return { ...books, found: counts.found ?? outcomeCount(books) };
}

export function folderOf(source: string, counts: Partial<Books>, more: Partial<FolderReport> = {}): FolderReport {
  return { name: source, source, target: source, uidValidity: 1, books: booksOf(counts), ...more };
}

export function userOf(
  emailAddress: string,
  folders: readonly FolderReport[],
  more: Partial<UserRecord> = {},
): UserReport {
  const record = { queuedMs: 61_000, inProgressMs: 93_784_000, syncedMs: 0, stalledMs: 0, status: "Synced" as const };
  const books = folders.reduce((sum, folder) => addBooks(sum, folder.books), emptyBooks);
  const user = new MigrationUser(BATCH, { emailAddress, ...record, ...more });
  return { user, books, balanced: isBalanced(books), folders };
}

/** What a MigrationReport over these users would be. */
export class ReportDouble implements ReportView {
  readonly batch: string = BATCH;
  readonly status = "SyncedWithErrors";
  readonly books: Books;
  readonly balanced: boolean;
  readonly users: MigrationReport["users"];
  readonly run = { copied: 3, octetsCopied: 300, durationMs: 12 };
  readonly #reports: readonly UserReport[];
  readonly #items = new Map<string, ItemRecord[]>();

  constructor(reports: readonly UserReport[], items: readonly ItemRecord[] = []) {
    this.#reports = reports;
    for (const item of items) {
      this.#items.set(item.emailAddress, [...(this.#items.get(item.emailAddress) ?? []), item]);
    }
    this.books = reports.reduce((sum, { books }) => addBooks(sum, books), emptyBooks);
    this.balanced = reports.every(({ balanced }) => balanced);
    const users = { Active: 0, Synced: 0, Failed: 0, Stopped: 0 };
    for (const { user } of reports) users[user.statusSummary] += 1;
    this.users = users;
  }

  async *userReports(): AsyncGenerator<UserReport> {
    yield* this.#reports;
  }

  async *itemsOf(emailAddress: string): AsyncGenerator<ItemRecord> {
    yield* this.#items.get(emailAddress) ?? [];
  }
}

export async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}
