import { FolderFilter } from "../mail/folder-filter.js";
import type { MessageFilter } from "../mail/message-filter.js";
import type { BatchSettings, StoredMessageFilter } from "../store/batch-records.js";

/** What a pass leaves out. */
export interface BatchFilters {
  /** Absent: every folder is migrated. */
  readonly folderFilter?: FolderFilter;
  /** Absent: every message is migrated. */
  readonly messageFilter?: MessageFilter;
}

/** @throws MigrationError `option-invalid` for a pattern at fault */
export function filtersOf({ excludeFolders = [], includeFolders = [], messageFilter }: BatchSettings): BatchFilters {
  const hasPatterns = excludeFolders.length + includeFolders.length > 0;
  return {
    ...(hasPatterns && { folderFilter: new FolderFilter({ excludeFolders, includeFolders }) }),
    ...(messageFilter && { messageFilter: withDates(messageFilter) }),
  };
}

/** As a store keeps it. */
export function storedFilter({ receivedAfter, receivedBefore, ...rest }: MessageFilter): StoredMessageFilter {
  return {
    ...rest,
    ...(receivedAfter && { receivedAfter: receivedAfter.getTime() }),
    ...(receivedBefore && { receivedBefore: receivedBefore.getTime() }),
  };
}

function withDates({ receivedAfter, receivedBefore, ...rest }: StoredMessageFilter): MessageFilter {
  return {
    ...rest,
    ...(receivedAfter !== undefined && { receivedAfter: new Date(receivedAfter) }),
    ...(receivedBefore !== undefined && { receivedBefore: new Date(receivedBefore) }),
  };
}
