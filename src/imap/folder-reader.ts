import type { Abortable, ListMessagesOptions } from "../mail/mail-source.js";
import type { Message, MessageHead } from "../mail/message.js";
import { sequenceSet, UidSet } from "../mail/uid-set.js";
import { abortable, aborted } from "./abortable.js";
import { FolderOpener, type FolderToOpen } from "./folder-opener.js";
import type { ImapConnection } from "./imap-connection.js";
import { listHeads } from "./message-listing.js";
import { FetchLane } from "./wire/fetch-lane.js";

/** Reads the messages of one connection's folders, with EXAMINE and PEEK only. Calls may overlap. */
export class FolderReader {
  readonly #connection: ImapConnection;
  readonly #lane: FetchLane;
  #opener: FolderOpener;

  constructor(connection: ImapConnection) {
    this.#connection = connection;
    this.#lane = new FetchLane(connection.wire);
    this.#opener = new FolderOpener(connection);
  }

  async *listMessages(folder: FolderToOpen, options: ListMessagesOptions = {}): AsyncGenerator<MessageHead> {
    const heads = await abortable(options.signal, () => this.#listHeads(folder, options));
    yield* heads;
  }

  fetch(folder: FolderToOpen, uids: readonly number[], { signal }: Abortable = {}): AsyncIterable<Message> {
    return this.#lane.fetch({
      uids,
      open: () => this.#opener.open(folder),
      refusal: (answer) => this.#connection.refusal(answer, { verb: "FETCH", folder: folder.path }),
      signal,
      aborted,
    });
  }

  /** Other commands have opened another folder, or may have: the next one that is read is opened anew. */
  forgetOpenFolder(): void {
    this.#opener = new FolderOpener(this.#connection);
  }

  async #listHeads(folder: FolderToOpen, options: ListMessagesOptions): Promise<MessageHead[]> {
    const { uids, fromUid = 1, toUid, headers = false } = options;
    const wanted = uids && UidSet.of(uids);
    const highest = toUid ?? Number.POSITIVE_INFINITY;
    // `n:*` always names the last message, even one below n (RFC 9051 section 9, seq-range).
    const wants = wanted ? (uid: number) => wanted.has(uid) : (uid: number) => uid >= fromUid && uid <= highest;
    const { path } = folder;
    const parts = await Promise.all(
      (wanted ? uidSets([...wanted]) : [`${fromUid}:${toUid ?? "*"}`]).map((set) =>
        listHeads(this.#connection, this.#opener.open(folder), { set, headers, wants, path }),
      ),
    );
    // A server may work on two commands at once, and mix their rows.
    return parts.length === 1 ? (parts[0] ?? []) : parts.flat().sort((one, other) => one.uid - other.uid);
  }
}

function uidSets(uids: readonly number[]): string[] {
  const sets: string[] = [];
  for (let next = 0; next < uids.length; ) {
    const part = sequenceSet(uids, next);
    sets.push(part.set);
    next = part.next;
  }
  return sets;
}
