import { abortable, aborted } from "../abortable.js";
import { MigrationError } from "../errors.js";
import type { Abortable, ListMessagesOptions } from "../mail/mail-source.js";
import type { Message, MessageHead } from "../mail/message.js";
import { sequenceSet, UidSet } from "../mail/uid-set.js";
import { FolderOpener, type FolderToOpen } from "./folder-opener.js";
import type { ImapConnection } from "./imap-connection.js";
import { type ListedHeads, listAll, listHeads, messageLimit } from "./message-listing.js";
import { FetchLane } from "./wire/fetch-lane.js";

/** Reads the messages of one connection's folders, with EXAMINE and PEEK only. Calls may overlap. */
export class FolderReader {
  readonly #connection: ImapConnection;
  readonly #lane: FetchLane;
  readonly #most: number;
  #opener: FolderOpener;

  constructor(connection: ImapConnection) {
    this.#connection = connection;
    this.#most = messageLimit(connection.capabilities);
    this.#lane = new FetchLane(connection.wire, this.#most);
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
    const { uids, fromUid = 1, toUid, headers = false, emailIds = false, changedSince } = options;
    const wanted = uids && UidSet.of(uids);
    const highest = toUid ?? Number.POSITIVE_INFINITY;
    // `n:*` always names the last message, even one below n (RFC 9051 section 9, seq-range).
    const wants = wanted ? (uid: number) => wanted.has(uid) : (uid: number) => uid >= fromUid && uid <= highest;
    const { path } = folder;
    const asked = { headers, emailIds, wants, path, changedSince };
    const list = (set: string) => listHeads(this.#connection, this.#opener.open(folder), { set, ...asked });
    if (!wanted) return await listAll({ from: fromUid, to: toUid }, list);
    const parts = await Promise.all(uidSets([...wanted], this.#most).map(async (set) => wholly(await list(set))));
    // A server may work on two commands at once, and mix their rows.
    return parts.length === 1 ? (parts[0] ?? []) : parts.flat().sort((one, other) => one.uid - other.uid);
  }
}

/** @throws MigrationError `protocol-error` where messages that are there would seem to be gone */
function wholly({ heads, lowest }: ListedHeads): MessageHead[] {
  if (lowest === undefined) return heads;
  throw new MigrationError("protocol-error", "The server answered for fewer messages than it says it takes at a time");
}

function uidSets(uids: readonly number[], most: number): string[] {
  const sets: string[] = [];
  for (let next = 0; next < uids.length; ) {
    const part = sequenceSet(uids, next, most);
    sets.push(part.set);
    next = part.next;
  }
  return sets;
}
