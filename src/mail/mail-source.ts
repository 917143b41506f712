import type { SourceFolder } from "./folder.js";
import type { Message, MessageHead } from "./message.js";

/** How every method can be ended early: the promise rejects with `aborted`. */
export interface Abortable {
  signal?: AbortSignal | undefined;
}

/** Which messages a listing is about, and how much of each. */
export interface ListMessagesOptions extends Abortable {
  /** Only these UIDs, ascending. Absent: every message of the folder. */
  uids?: readonly number[];
  /** Only messages whose UID is at least this. */
  fromUid?: number;
  /** Only messages whose UID is at most this. */
  toUid?: number;
  /** With the octets of each header block, for telling messages apart. */
  headers?: boolean;
  /**
   * Only messages that came or whose flags changed after the folder had this HIGHESTMODSEQ (CHANGEDSINCE, RFC 7162 section
   * 3.1.4.1). Asked only of folders that are listed with one.
   */
  changedSince?: bigint;
  /** With the id that each message has in every folder, where the server has such ids. */
  emailIds?: boolean;
}

/**
 * One mailbox to read from. Changes nothing there (EXAMINE, PEEK). An adapter never retries and never reconnects: when
 * its connection is lost, every call rejects with `connection-lost` and the engine opens the mailbox again.
 *
 * Calls may overlap; an adapter answers them in the order they came.
 */
export interface MailSource {
  listFolders(options?: Abortable): Promise<SourceFolder[]>;
  /**
   * What the folder holds, in ascending UID order.
   * @throws MigrationError `uidvalidity-changed`, `access-denied` or `folder-missing`
   */
  listMessages(folder: SourceFolder, options?: ListMessagesOptions): AsyncIterable<MessageHead>;
  /**
   * Messages in ascending UID order. Pulling is the flow control. A message that is gone or that the server could not
   * deliver is left out; the engine finds out which.
   * @throws MigrationError `uidvalidity-changed`, `access-denied` or `folder-missing`
   */
  fetch(folder: SourceFolder, uids: readonly number[], options?: Abortable): AsyncIterable<Message>;
  /** Lets go of the mailbox. Calls under way reject. */
  close(): Promise<void>;
}
