import { MigrationError } from "../errors.js";
import { isSystemFlag, permittedFlags } from "../mail/flags.js";
import {
  type FolderPlan,
  folderPath,
  type ListedFolder,
  type SourceFolder,
  type TargetFolder,
} from "../mail/folder.js";
import { HeaderIndex } from "../mail/header-index.js";
import { headerBlock } from "../mail/header-key.js";
import type { Abortable } from "../mail/mail-source.js";
import type {
  Appended,
  FindOptions,
  FlagUpdate,
  Found,
  Loss,
  MailTarget,
  TargetCapabilities,
  TargetReading,
} from "../mail/mail-target.js";
import type { Message, MessageHead } from "../mail/message.js";
import { FakeConnection, type JournalEntry } from "./fake-connection.js";
import { type AppendFault, type FakeFault, FaultScript } from "./fake-faults.js";
import type { FakeFolder, FakeMailbox } from "./fake-mailbox.js";
import { FakeSource } from "./fake-source.js";
import type { StoredMessage } from "./sample-message.js";

/** How a {@link fakeTarget} behaves. */
export interface FakeTargetOptions {
  /** Default: no largest message, 10 appends at a time, nothing lost, names as the mailbox has them, with case. */
  capabilities?: Partial<TargetCapabilities>;
  /** PERMANENTFLAGS of every folder; default: all flags are kept. What is not is told as lost. */
  permanentFlags?: ReadonlySet<string>;
  /** False: an append does not tell the UID, as without UIDPLUS. Default true. */
  tellsIds?: boolean;
  /** True: messages are found by Message-ID, as on a target that rebuilds them. Default false. */
  rewrites?: boolean;
  /** False: it cannot be read back, so that nothing can be verified. Default true. */
  readable?: boolean;
  /** What goes wrong; default nothing. Give a {@link FaultScript} to several fakes to count on over all of them. */
  faults?: readonly FakeFault[] | FaultScript;
  /** Every call is noted here, in order. */
  journal?: JournalEntry[];
}

/**
 * A target over a mailbox in memory. It holds its caller to the contract: more appends than `maxConcurrentAppends`, a
 * `find` while one into that folder is under way, or reading back while any is, reject with `unexpected`.
 *
 * An append stores its message as soon as it was read, and answers later. What is under way when the connection is lost
 * may have been stored or not, as with a real server.
 */
export function fakeTarget(mailbox: FakeMailbox, options: FakeTargetOptions = {}): MailTarget {
  return new FakeTarget(mailbox, options);
}

/** The same, opened as a real one is: the faults on `open` strike here. */
export async function openFakeTarget(
  mailbox: FakeMailbox,
  options: FakeTargetOptions = {},
  { signal }: Abortable = {},
): Promise<MailTarget> {
  const faults = FaultScript.of(options.faults);
  const connection = new FakeConnection(options.journal ?? []);
  await connection.note({ call: "open" }, () => connection.obey(faults.next("open"), signal));
  return new FakeTarget(mailbox, { ...options, faults }, connection);
}

class FakeTarget implements MailTarget {
  readonly capabilities: TargetCapabilities;
  readonly examineFolder?: TargetReading["examineFolder"];
  readonly listMessages?: TargetReading["listMessages"];
  readonly fetch?: TargetReading["fetch"];
  readonly #mailbox: FakeMailbox;
  readonly #options: FakeTargetOptions;
  readonly #connection: FakeConnection;
  readonly #faults: FaultScript;
  /** The folder of each append under way. */
  readonly #appendsUnderWay: string[] = [];
  readonly #snapshots = new WeakMap<object, HeaderIndex>();
  /** Resolves when the content of the last append was read. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(mailbox: FakeMailbox, options: FakeTargetOptions, connection?: FakeConnection) {
    this.#mailbox = mailbox;
    this.#options = options;
    this.#connection = connection ?? new FakeConnection(options.journal ?? []);
    this.#faults = FaultScript.of(options.faults);
    this.capabilities = {
      maxMessageSize: Number.POSITIVE_INFINITY,
      maxConcurrentAppends: 10,
      loses: [],
      names: { ...(mailbox.delimiter && { delimiter: mailbox.delimiter }), caseInsensitive: false, prefix: [] },
      ...options.capabilities,
    };
    if (options.readable === false) return;
    const reader = new FakeSource(mailbox, { faults: this.#faults }, this.#connection);
    this.examineFolder = (folder, abortable) => this.#examine(folder, abortable);
    this.listMessages = (folder, listing) => this.#unlessAppending(reader).listMessages(asSource(folder), listing);
    this.fetch = (folder, uids, abortable) => this.#unlessAppending(reader).fetch(asSource(folder), uids, abortable);
  }

  listFolders({ signal }: Abortable = {}): Promise<ListedFolder[]> {
    return this.#connection.note({ call: "listFolders" }, async () => {
      await this.#begin(this.#faults.next("listFolders"), signal);
      return this.#mailbox.folders.map(({ name, levels, selectable, specialUse }) => ({
        ...{ name, levels, selectable },
        ...(specialUse && { specialUse }),
      }));
    });
  }

  ensureFolder({ target, refusal }: FolderPlan, { signal }: Abortable = {}): Promise<TargetFolder> {
    const path = folderPath(target);
    return this.#connection.note({ call: "ensureFolder", folder: path }, async () => {
      const occasion = { folder: { name: path, levels: target } };
      await this.#begin(this.#faults.next("ensureFolder", occasion), signal);
      if (refusal !== undefined) throw new MigrationError("folder-name", refusal, { folder: path });
      for (let depth = 1; depth <= target.length; depth++) this.#make(target.slice(0, depth));
      const made = this.#make(target);
      made.selectable = true;
      return asTarget(made);
    });
  }

  append(folder: TargetFolder, message: Message, { signal }: Abortable = {}): Promise<Appended> {
    const entry: JournalEntry = { call: "append", folder: folder.path, uid: message.uid };
    return this.#connection.note(entry, async () => {
      this.#appendsUnderWay.push(folder.name);
      try {
        if (this.#appendsUnderWay.length > this.capabilities.maxConcurrentAppends) {
          throw new MigrationError("unexpected", "more appends than maxConcurrentAppends are under way");
        }
        return await this.#append(folder, message, signal);
      } finally {
        this.#appendsUnderWay.splice(this.#appendsUnderWay.indexOf(folder.name), 1);
        message.content.cancel();
      }
    });
  }

  find(
    folder: TargetFolder,
    heads: readonly MessageHead[],
    { signal, fromUid = 0, taken, snapshot }: FindOptions = {},
  ): Promise<Map<number, Found>> {
    const entry: JournalEntry = { call: "find", folder: folder.path, uids: heads.map(({ uid }) => uid) };
    return this.#connection.note(entry, async () => {
      const opened = this.#open(folder);
      await this.#begin(this.#faults.next("find", { folder: opened }), signal);
      if (this.#appendsUnderWay.includes(folder.name))
        throw new MigrationError("unexpected", "find is asked while an append is under way");
      const index = (snapshot && this.#snapshots.get(snapshot)) ?? indexOf(opened, fromUid);
      if (snapshot) this.#snapshots.set(snapshot, index);
      return index.match(heads, { rewrites: this.#options.rewrites ?? false, taken });
    });
  }

  updateFlags(
    folder: Pick<TargetFolder, "name" | "path" | "uidValidity">,
    updates: readonly FlagUpdate[],
    { signal }: Abortable = {},
  ): Promise<void> {
    return this.#connection.note({ call: "updateFlags", folder: folder.path }, async () => {
      const opened = this.#open(folder);
      if (opened.uidValidity !== folder.uidValidity) {
        throw new MigrationError("uidvalidity-changed", `${folder.path} has another UIDVALIDITY.`);
      }
      await this.#begin(this.#faults.next("updateFlags", { folder: opened }), signal);
      for (const { ids, add, remove } of updates) {
        for (const id of ids) this.#updateFlags(opened, Number(id), add, remove);
      }
    });
  }

  #updateFlags(folder: FakeFolder, uid: number, add: readonly string[], remove: readonly string[]): void {
    const message = folder.message(uid);
    if (!message) return;
    const [set, cleared] = [add, remove].map((flags) => permittedFlags(new Set(flags), this.#options.permanentFlags));
    const gone = new Set(cleared?.kept.map((flag) => flag.toLowerCase()));
    const kept = [...message.flags].filter((flag) => !gone.has(flag.toLowerCase()));
    const there = new Set(kept.map((flag) => flag.toLowerCase()));
    folder.setFlags(uid, [...kept, ...(set?.kept ?? []).filter((flag) => !there.has(flag.toLowerCase()))]);
  }

  close(): Promise<void> {
    return this.#connection.note({ call: "close" }, async () => {
      this.#connection.lose();
    });
  }

  #examine(
    { name, path }: Pick<TargetFolder, "name" | "path">,
    { signal }: Abortable = {},
  ): Promise<TargetFolder | undefined> {
    return this.#connection.note({ call: "examineFolder", folder: path }, async () => {
      const folder = this.#mailbox.find(name);
      await this.#begin(this.#faults.next("examineFolder", folder ? { folder } : {}), signal);
      this.#unlessAppending(undefined);
      return folder?.selectable ? asTarget(folder) : undefined;
    });
  }

  #unlessAppending<T>(reader: T): T {
    if (this.#appendsUnderWay.length === 0) return reader;
    throw new MigrationError("unexpected", "the target is read back while an append is under way");
  }

  /** What every call but an append begins with. */
  async #begin(fault: Parameters<FakeConnection["obey"]>[0], signal: AbortSignal | undefined): Promise<void> {
    await this.#connection.until(Promise.resolve(), signal);
    await this.#connection.obey(fault, signal);
  }

  async #append(folder: TargetFolder, message: Message, signal: AbortSignal | undefined): Promise<Appended> {
    this.#connection.check(signal);
    const opened = this.#open(folder);
    if (message.content.size > this.capabilities.maxMessageSize) {
      throw new MigrationError("message-too-large", "The message is larger than maxMessageSize.", { uid: message.uid });
    }
    const fault = this.#faults.next("append", { folder: opened, uid: message.uid });
    const octets = await this.#readInTurn(message, fault, signal);
    await this.#connection.obey(fault, signal);
    if (fault.refuse !== undefined) throw new MigrationError("message-refused", fault.refuse, { uid: message.uid });
    const { kept, lost } = this.#lossesOf(message);
    const given: StoredMessage = {
      octets: fault.rewrite ? fault.rewrite(octets) : octets,
      flags: new Set(kept),
      internalDate: wholeSeconds(message.internalDate),
    };
    const stored = fault.alter ? fault.alter(given) : given;
    if (fault.loseThenStoreOn !== undefined) {
      void fault.loseThenStoreOn.then(() => opened.add(stored));
      throw this.#connection.lose();
    }
    const uid = opened.add(stored);
    if (fault.storeTimes === 0) opened.expunge(uid);
    if (fault.storeTimes === 2) opened.add(stored);
    if (fault.storeThenLose) throw this.#connection.lose();
    await this.#connection.until(new Promise((resolve) => setImmediate(resolve)), signal);
    return { ...(this.#options.tellsIds !== false && { id: String(uid) }), ...(lost.length > 0 && { lost }) };
  }

  #readInTurn(message: Message, fault: Partial<AppendFault>, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const read = this.#reading.then(() => {
      this.#connection.check(signal);
      return this.#read(message, fault, signal);
    });
    this.#reading = read.catch(() => {});
    return this.#connection.until(read, signal);
  }

  /** A literal that was begun and cannot be finished costs the connection; the server throws the piece away. */
  async #read({ content }: Message, fault: Partial<AppendFault>, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { breakOffAfter = Number.POSITIVE_INFINITY } = fault;
    const chunks: Uint8Array[] = [];
    let octets = 0;
    const iterator = content[Symbol.asyncIterator]();
    try {
      while (octets < breakOffAfter) {
        const step = await this.#connection.until(iterator.next(), signal);
        if (step.done) break;
        chunks.push(step.value);
        octets += step.value.length;
      }
    } catch (error) {
      const lost = this.#connection.lose(error);
      throw MigrationError.is(error) && error.code === "aborted" ? error : lost;
    }
    if (octets >= breakOffAfter || octets !== content.size) throw this.#connection.lose();
    return Buffer.concat(chunks);
  }

  #lossesOf({ flags }: Message): { kept: readonly string[]; lost: Loss[] } {
    const { kept, lost } = permittedFlags(flags, this.#options.permanentFlags);
    return { kept, lost: [...new Set(lost.map((flag) => (isSystemFlag(flag) ? "flag" : "keyword")))] };
  }

  /** The folder with these levels, made if it is missing. */
  #make(levels: readonly string[]): FakeFolder {
    const { caseInsensitive } = this.capabilities.names;
    const key = (path: readonly string[]): string =>
      caseInsensitive ? folderPath(path).toLowerCase() : folderPath(path);
    const there = this.#mailbox.folders.find((folder) => key(folder.levels) === key(levels));
    if (there) return there;
    this.#checkName(levels);
    return this.#mailbox.addFolder({ levels });
  }

  #checkName(levels: readonly string[]): void {
    const { delimiter = "", forbidden = "", maxLevelLength, prefix } = this.capabilities.names;
    const isBad = (level: string): boolean =>
      level.trim() === "" ||
      level.length > (maxLevelLength ?? Number.POSITIVE_INFINITY) ||
      Array.from(level).some((character) => (delimiter + forbidden).includes(character));
    const isOutside = prefix.some((level, depth) => levels.length > depth && levels[depth] !== level);
    if (!isOutside && !levels.some(isBad) && (delimiter !== "" || levels.length === 1)) return;
    const folder = folderPath(levels);
    throw new MigrationError("folder-name", `${folder} cannot be a name here.`, { folder });
  }

  #open(folder: Pick<TargetFolder, "name" | "path">): FakeFolder {
    const opened = this.#mailbox.find(folder.name);
    if (opened?.selectable) return opened;
    throw new MigrationError("folder-missing", `${folder.path} cannot be opened.`, { folder: folder.path });
  }
}

function asTarget({ name, levels, uidValidity, uidNext, messages }: FakeFolder): TargetFolder {
  return { name, path: folderPath(levels), uidValidity, uidNext, messages: messages.length };
}

function indexOf({ messages }: FakeFolder, fromUid: number): HeaderIndex {
  return HeaderIndex.of(
    messages
      .filter(({ uid }) => uid >= fromUid)
      .map(({ uid, octets, internalDate }) => ({
        ...{ id: String(uid), size: octets.length, header: headerBlock(octets), internalDate },
      })),
  );
}

function asSource({ path, ...folder }: TargetFolder): SourceFolder {
  return { ...folder, levels: path.split("/"), selectable: true };
}

/** Servers keep INTERNALDATE to the second (RFC 9051 section 2.3.3), and give messages without one the time of arrival. */
function wholeSeconds(date: Date): Date {
  const milliseconds = Number.isNaN(date.getTime()) ? Date.now() : date.getTime();
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}
