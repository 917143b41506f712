import { abortable } from "../abortable.js";
import { folderPath, type SourceFolder } from "../mail/folder.js";
import type { Abortable, ListMessagesOptions, MailSource } from "../mail/mail-source.js";
import type { Message, MessageHead } from "../mail/message.js";
import type { FolderToOpen } from "./folder-opener.js";
import { FolderReader } from "./folder-reader.js";
import type { ImapConnection } from "./imap-connection.js";
import { isForeign, type ListEntry, type Listing, listedFolder, listFolders } from "./imap-listing.js";
import { findUserRoot } from "./user-root.js";

/** A mailbox on an IMAP server, read over one connection: EXAMINE and PEEK only. */
export class ImapSource implements MailSource {
  readonly #connection: ImapConnection;
  readonly #userRoot: string | undefined;
  readonly #reader: FolderReader;

  /** `userRoot`: the mailbox of another user that the signed-in account sees; absent: its own. */
  constructor(connection: ImapConnection, userRoot?: string) {
    this.#connection = connection;
    this.#userRoot = userRoot;
    this.#reader = new FolderReader(connection);
  }

  async listFolders({ signal }: Abortable = {}): Promise<SourceFolder[]> {
    const userRoot = this.#userRoot;
    return await abortable(signal, () => (userRoot === undefined ? this.#listOwn() : this.#listUserRoot(userRoot)));
  }

  listMessages(folder: SourceFolder, options: ListMessagesOptions = {}): AsyncIterable<MessageHead> {
    return this.#reader.listMessages(toOpen(folder), options);
  }

  fetch(folder: SourceFolder, uids: readonly number[], options: Abortable = {}): AsyncIterable<Message> {
    return this.#reader.fetch(toOpen(folder), uids, options);
  }

  async close(): Promise<void> {
    await this.#connection.wire.close();
  }

  async #listOwn(): Promise<SourceFolder[]> {
    const { personal, foreign } = this.#connection;
    const listing = await (this.#connection.takeListing() ?? listFolders(this.#connection, "*", true));
    return listing.entries
      .filter((entry) => !isForeign(entry, foreign))
      .map((entry) => sourceFolder(listedFolder(entry, personal), entry, listing));
  }

  async #listUserRoot(userRoot: string): Promise<SourceFolder[]> {
    const node = await findUserRoot(this.#connection, userRoot);
    const below = node.name + node.delimiter;
    // A wildcard matches the node too only on some servers, so both are asked for at once.
    const [own, children] = await Promise.all([
      listFolders(this.#connection, node.name, true),
      listFolders(this.#connection, `${below}*`, true),
    ]);
    const namespace = { prefix: below, delimiter: node.delimiter };
    const inbox = sourceFolder({ ...listedFolder(node.inbox, namespace), levels: ["INBOX"] }, node.inbox, own);
    const folders = children.entries
      .filter((entry) => entry.name.startsWith(below))
      .map((entry) => sourceFolder(listedFolder(entry, namespace), entry, children));
    return [inbox, ...folders];
  }
}

function sourceFolder(listed: ReturnType<typeof listedFolder>, entry: ListEntry, listing: Listing): SourceFolder {
  const status = listing.statuses.get(entry.name);
  return {
    ...listed,
    uidValidity: status?.uidValidity ?? 0,
    uidNext: status?.uidNext ?? 0,
    messages: status?.messages ?? 0,
    ...(status?.highestModSeq === undefined ? {} : { highestModSeq: status.highestModSeq }),
  };
}

function toOpen({ name, levels, uidValidity }: SourceFolder): FolderToOpen {
  return { name, path: folderPath(levels), uidValidity };
}
