import type { SourceFolder } from "../../mail/folder.js";
import { isBalanced, outcomeCount } from "../../outcome.js";
import type { FolderRecord, Lease, MigrationStore } from "../../store/migration-store.js";

/**
 * The pages of folders that the source lists no more, or under another UIDVALIDITY. Those that an interrupted pass left
 * open are closed: what has an outcome is all that was found there. So are those that a filter left out: nothing is left
 * out there any more. Should the folder come back, it is read from its first UID on.
 */
export async function closeGonePages(
  store: MigrationStore,
  lease: Lease,
  listed: readonly SourceFolder[],
  records: readonly FolderRecord[],
): Promise<FolderRecord[]> {
  const current = new Set(listed.map(pageKey));
  const gone: FolderRecord[] = [];
  for (const record of records) {
    if (current.has(pageKey(record))) continue;
    const { name, source, uidValidity, books, syncPoint } = record;
    const found = outcomeCount(books);
    if (!isBalanced(books) || syncPoint?.uidNext === 0) {
      const folder = { name, levels: [source], selectable: false, uidValidity, uidNext: 0, messages: 0 };
      const journal = await store.openJournal(lease, folder);
      await journal.finish(found, { uidNext: 1, messages: 0 });
    }
    gone.push({ ...record, books: { ...books, found } });
  }
  return gone;
}

/** A folder under one UIDVALIDITY. */
export function pageKey({ name, uidValidity }: Pick<SourceFolder, "name" | "uidValidity">): string {
  return `${uidValidity} ${name}`;
}
