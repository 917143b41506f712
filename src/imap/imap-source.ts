import { folderPath, type SourceFolder } from "../mail/folder.js";
import type { Abortable, ListMessagesOptions, MailSource } from "../mail/mail-source.js";
import type { Message, MessageHead } from "../mail/message.js";
import { UidSet } from "../mail/uid-set.js";
import { abortable, aborted } from "./abortable.js";
import { FolderOpener } from "./folder-opener.js";
import type { ImapConnection } from "./imap-connection.js";
import { isForeign, type ListEntry, type Listing, listedFolder, listFolders } from "./imap-listing.js";
import { listHeads } from "./message-listing.js";
import { findUserRoot } from "./user-root.js";
import { FetchLane } from "./wire/fetch-lane.js";

/** UIDs named in one listing command; keeps the line under 8,000 octets (RFC 7162 section 4). */
const UIDS_PER_LISTING = 500;

/** A mailbox on an IMAP server, read over one connection: EXAMINE and PEEK only. */
export class ImapSource implements MailSource {
  readonly #connection: ImapConnection;
  readonly #userRoot: string | undefined;
  readonly #opener: FolderOpener;
  readonly #lane: FetchLane;

  /** `userRoot`: the mailbox of another user that the signed-in account sees; absent: its own. */
  constructor(connection: ImapConnection, userRoot?: string) {
    this.#connection = connection;
    this.#userRoot = userRoot;
    this.#opener = new FolderOpener(connection);
    this.#lane = new FetchLane(connection.wire);
  }

  async listFolders({ signal }: Abortable = {}): Promise<SourceFolder[]> {
    const userRoot = this.#userRoot;
    return await abortable(signal, () => (userRoot === undefined ? this.#listOwn() : this.#listUserRoot(userRoot)));
  }

  async *listMessages(folder: SourceFolder, options: ListMessagesOptions = {}): AsyncGenerator<MessageHead> {
    const heads = await abortable(options.signal, () => this.#listHeads(folder, options));
    yield* heads;
  }

  fetch(folder: SourceFolder, uids: readonly number[], { signal }: Abortable = {}): AsyncIterable<Message> {
    const path = folderPath(folder.levels);
    return this.#lane.fetch({
      uids,
      open: () => this.#opener.open(folder),
      refusal: (answer) => this.#connection.refusal(answer, { verb: "FETCH", folder: path }),
      signal,
      aborted,
    });
  }

  async close(): Promise<void> {
    await this.#connection.wire.close();
  }

  async #listOwn(): Promise<SourceFolder[]> {
    const { personal, foreign } = this.#connection;
    const listing = await listFolders(this.#connection, "*", true);
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

  async #listHeads(folder: SourceFolder, options: ListMessagesOptions): Promise<MessageHead[]> {
    const { uids, fromUid = 1, toUid, headers = false } = options;
    const wanted = uids && UidSet.of(uids);
    const highest = toUid ?? Number.POSITIVE_INFINITY;
    // `n:*` always names the last message, even one below n (RFC 9051 section 9, seq-range).
    const wants = wanted ? (uid: number) => wanted.has(uid) : (uid: number) => uid >= fromUid && uid <= highest;
    const path = folderPath(folder.levels);
    const parts = await Promise.all(
      (wanted ? uidSets([...wanted]) : [`${fromUid}:${toUid ?? "*"}`]).map((set) =>
        listHeads(this.#connection, this.#opener.open(folder), { set, headers, wants, path }),
      ),
    );
    return parts.length === 1 ? (parts[0] ?? []) : parts.flat();
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

function uidSets(uids: readonly number[]): string[] {
  const sets: string[] = [];
  for (let at = 0; at < uids.length; at += UIDS_PER_LISTING) {
    sets.push(UidSet.of(uids.slice(at, at + UIDS_PER_LISTING)).toString());
  }
  return sets;
}
