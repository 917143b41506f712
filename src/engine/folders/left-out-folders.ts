import type { SourceFolder } from "../../mail/folder.js";
import { type Books, emptyBooks, outcomeCount } from "../../outcome.js";
import type { FolderRecord, Lease, MigrationStore } from "../../store/migration-store.js";
import { pageKey } from "./gone-pages.js";

/**
 * Notes in the ledger what a folder filter or a provider's profile leaves out: a page read up to UID 0, with the count that the source told. The
 * messages are not listed and stand outside of the books; should the filter let the folder in, it is read from its first
 * UID on.
 */
export async function noteLeftOut(
  store: MigrationStore,
  lease: Lease,
  leftOut: readonly SourceFolder[],
  pages: ReadonlyMap<string, FolderRecord>,
): Promise<void> {
  for (const folder of leftOut) {
    const page = pages.get(pageKey(folder));
    const { messages } = folder;
    if (!folder.selectable || (page?.syncPoint?.uidNext === 0 && page.syncPoint.messages === messages)) continue;
    const journal = await store.openJournal(lease, folder);
    await journal.finish(outcomeCount(journal.books()), { uidNext: 0, messages });
  }
}

/** What an earlier pass copied before the filter left the folder out is all that counts as found there. */
export function closedBooks(page: FolderRecord | undefined): Books {
  return page ? { ...page.books, found: outcomeCount(page.books) } : emptyBooks;
}
