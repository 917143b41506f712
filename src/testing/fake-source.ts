import { MigrationError } from "../errors.js";
import type { SourceFolder } from "../mail/folder.js";
import { headerBlock } from "../mail/header-key.js";
import type { Abortable, ListMessagesOptions, MailSource } from "../mail/mail-source.js";
import type { Message, MessageHead } from "../mail/message.js";
import { FakeConnection, type JournalEntry } from "./fake-connection.js";
import { FakeContent } from "./fake-content.js";
import { type FakeFault, FaultScript, type FetchFault } from "./fake-faults.js";
import type { FakeFolder, FakeMailbox, FakeMessage } from "./fake-mailbox.js";

/** How a {@link fakeSource} behaves. */
export interface FakeSourceOptions {
  /** What goes wrong; default nothing. Give a {@link FaultScript} to several fakes to count on over all of them. */
  faults?: readonly FakeFault[] | FaultScript;
  /** Every call is noted here, in order. */
  journal?: JournalEntry[];
  /** False: folders are listed without HIGHESTMODSEQ, as by a server without CONDSTORE. Default true. */
  condstore?: boolean;
  /** Octets of one chunk of a content; default a third of it. */
  chunkOctets?: number;
}

/**
 * A source over a mailbox in memory, as strict as a real one: it answers one call after the other, and a listing or
 * fetch keeps all later calls waiting until it was read to its end or left.
 */
export function fakeSource(mailbox: FakeMailbox, options: FakeSourceOptions = {}): MailSource {
  return new FakeSource(mailbox, options);
}

/** The same, opened as a real one is: the faults on `open` strike here. */
export async function openFakeSource(
  mailbox: FakeMailbox,
  options: FakeSourceOptions = {},
  { signal }: Abortable = {},
): Promise<MailSource> {
  const faults = FaultScript.of(options.faults);
  const connection = new FakeConnection(options.journal ?? []);
  await connection.note({ call: "open" }, () => connection.obey(faults.next("open"), signal));
  return new FakeSource(mailbox, { ...options, faults }, connection);
}

/** @internal */
export class FakeSource implements MailSource {
  readonly #mailbox: FakeMailbox;
  readonly #connection: FakeConnection;
  readonly #faults: FaultScript;
  readonly #chunkOctets: number | undefined;
  readonly #hasModSeq: boolean;
  /** Resolves when the last call that took its turn is over. */
  #turn: Promise<void> = Promise.resolve();

  constructor(mailbox: FakeMailbox, options: FakeSourceOptions, connection?: FakeConnection) {
    this.#mailbox = mailbox;
    this.#connection = connection ?? new FakeConnection(options.journal ?? []);
    this.#faults = FaultScript.of(options.faults);
    this.#chunkOctets = options.chunkOctets;
    this.#hasModSeq = options.condstore ?? true;
  }

  listFolders({ signal }: Abortable = {}): Promise<SourceFolder[]> {
    return this.#connection.note({ call: "listFolders" }, async () => {
      const over = await this.#takeTurn(signal);
      try {
        await this.#connection.obey(this.#faults.next("listFolders"), signal);
        return this.#mailbox.folders.map((folder) => listed(folder, this.#hasModSeq));
      } finally {
        over();
      }
    });
  }

  listMessages(folder: SourceFolder, options: ListMessagesOptions = {}): AsyncIterable<MessageHead> {
    const entry: JournalEntry = {
      call: "listMessages",
      folder: folder.levels.join("/"),
      ...(options.uids && { uids: options.uids }),
    };
    return this.#connection.noteEach(entry, this.#heads(folder, options));
  }

  fetch(folder: SourceFolder, uids: readonly number[], { signal }: Abortable = {}): AsyncIterable<Message> {
    const entry: JournalEntry = { call: "fetch", folder: folder.levels.join("/"), uids };
    return this.#connection.noteEach(entry, this.#messages(folder, uids, signal));
  }

  close(): Promise<void> {
    return this.#connection.note({ call: "close" }, async () => {
      this.#connection.lose();
    });
  }

  async *#heads(folder: SourceFolder, options: ListMessagesOptions): AsyncGenerator<MessageHead, void, undefined> {
    const { signal, uids, fromUid = 0, toUid = Number.POSITIVE_INFINITY, headers = false, changedSince = 0n } = options;
    const over = await this.#takeTurn(signal);
    try {
      await this.#connection.obey(this.#faults.next("listMessages", { folder }), signal);
      const wanted = uids && new Set(uids);
      for (const message of this.#open(folder).messages) {
        if (message.uid < fromUid || message.uid > toUid || (wanted && !wanted.has(message.uid))) continue;
        if (message.modSeq <= changedSince) continue;
        await this.#connection.obey(this.#faults.next("listMessages", { folder, uid: message.uid }), signal);
        yield headOf(message, headers);
      }
    } finally {
      over();
    }
  }

  async *#messages(
    folder: SourceFolder,
    uids: readonly number[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Message, void, undefined> {
    const over = await this.#takeTurn(signal);
    let content: FakeContent | undefined;
    try {
      const opened = this.#open(folder);
      for (const uid of [...new Set(uids)].sort((one, other) => one - other)) {
        const message = opened.message(uid);
        if (!message) continue;
        const fault = this.#faults.next("fetch", { folder, uid });
        await this.#connection.obey(fault, signal);
        if (fault.vanish) opened.expunge(uid);
        if (fault.vanish || fault.unreadable) continue;
        content = this.#contentOf(message, fault, signal);
        yield { ...headOf(message, false), content };
        await this.#connection.until(content.consumed, signal);
      }
    } finally {
      content?.abandon();
      over();
    }
  }

  #contentOf({ octets }: FakeMessage, fault: Partial<FetchFault>, signal: AbortSignal | undefined): FakeContent {
    const { rewrite, breakOffAfter, breakOffCode } = fault;
    const delivered = rewrite ? rewrite(octets) : octets;
    const untilBreak = breakOffAfter && breakOffAfter < delivered.length ? breakOffAfter : undefined;
    const chunkOctets = this.#chunkOctets ?? untilBreak;
    return new FakeContent(delivered, {
      ...(chunkOctets !== undefined && { chunkOctets }),
      beforeChunk: async (octetsSoFar) => {
        await this.#connection.until(Promise.resolve(), signal);
        if (breakOffAfter === undefined || octetsSoFar < breakOffAfter) return;
        if (breakOffCode) throw new MigrationError(breakOffCode, "The script ends this content early.");
        throw this.#connection.lose();
      },
    });
  }

  #open(folder: SourceFolder): FakeFolder {
    const opened = this.#mailbox.find(folder.name);
    const path = folder.levels.join("/");
    if (!opened?.selectable) throw new MigrationError("folder-missing", `${path} cannot be opened.`, { folder: path });
    if (opened.uidValidity === folder.uidValidity) return opened;
    throw new MigrationError("uidvalidity-changed", `${path} has another UIDVALIDITY.`, { folder: path });
  }

  /** Waits for all calls before; the caller says when it is over. */
  async #takeTurn(signal: AbortSignal | undefined): Promise<() => void> {
    const before = this.#turn;
    let over = (): void => {};
    const own = new Promise<void>((resolve) => {
      over = resolve;
    });
    this.#turn = before.then(() => own);
    try {
      await this.#connection.until(before, signal);
      return over;
    } catch (error) {
      over();
      throw error;
    }
  }
}

function listed(folder: FakeFolder, hasModSeq: boolean): SourceFolder {
  const { name, levels, selectable, specialUse, uidValidity, uidNext, messages, highestModSeq } = folder;
  return {
    ...{ name, levels, selectable, ...(specialUse && { specialUse }) },
    ...(selectable
      ? { uidValidity, uidNext, messages: messages.length, ...(hasModSeq && { highestModSeq }) }
      : { uidValidity: 0, uidNext: 0, messages: 0 }),
  };
}

function headOf({ uid, octets, claimedSize, flags, internalDate }: FakeMessage, withHeader: boolean): MessageHead {
  return {
    ...{ uid, size: claimedSize ?? octets.length, internalDate, flags: new Set(flags) },
    ...(withHeader && { header: headerBlock(octets) }),
  };
}
