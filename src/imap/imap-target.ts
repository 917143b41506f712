import { abortable } from "../abortable.js";
import { MigrationError } from "../errors.js";
import { type Flag, isSystemFlag, permittedFlags } from "../mail/flags.js";
import { type FolderPlan, folderPath, type ListedFolder, type TargetFolder } from "../mail/folder.js";
import { HeaderIndex, type MatchCandidate } from "../mail/header-index.js";
import type { Abortable, ListMessagesOptions } from "../mail/mail-source.js";
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
import { RewrittenIndex } from "../mail/rewritten-index.js";
import { sequenceSet } from "../mail/uid-set.js";
import { encodeFolderName } from "./folder-names.js";
import { FolderReader } from "./folder-reader.js";
import type { ImapConnection, Namespace } from "./imap-connection.js";
import { alreadyExists } from "./imap-errors.js";
import { askUidNext, isForeign, listedFolder, listFolders } from "./imap-listing.js";
import { type ListedHeads, listAll, listHeads } from "./message-listing.js";
import { AppendLane } from "./wire/append-lane.js";
import { AppendLanes } from "./wire/append-lanes.js";
import type { FolderOpening } from "./wire/fetch-lane.js";
import { FETCH_ROW, parseFetchRow } from "./wire/fetch-row.js";
import { imapString, type TaggedAnswer } from "./wire/wire-connection.js";

const MAX_CONCURRENT_APPENDS = 512;
/** UIDs whose header blocks are read at a time. */
const LISTED_UIDS = 2_000;
/** What a flag in an APPEND may look like (RFC 9051 section 9, `flag`); a source may send anything. */
const FLAG = /^\\?[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;
/** The plan knows of the personal namespace's prefix, so it stays in the levels. */
const WHOLE_TREE: Namespace = { prefix: "" };

/** What SELECT told of a folder. */
interface SelectedFolder {
  uidValidity: number;
  uidNext: number;
  messages: number;
  /** Absent: the server named none, so it takes every flag. */
  permanentFlags?: ReadonlySet<Flag>;
  /** What is sent of flags: messages share a handful of sets. */
  readonly known: WeakMap<ReadonlySet<Flag>, SentFlags>;
}

/** What is sent of a message's flags, and what is lost. */
interface SentFlags {
  readonly flags: readonly Flag[];
  readonly losses: readonly Loss[];
}

/**
 * A mailbox on an IMAP server, written over one connection: CREATE, SUBSCRIBE, SELECT, APPEND, and FETCH to look. It can be
 * read back by EXAMINE and FETCH on the same connection, never while an append is under way: the commands that read do
 * not wait for a literal to end.
 */
export class ImapTarget implements MailTarget, TargetReading {
  readonly capabilities: TargetCapabilities;
  readonly #connection: ImapConnection;
  readonly #lane: AppendLane;
  readonly #lanes: AppendLanes;
  readonly #parallel: readonly ImapConnection[];
  readonly #reader: FolderReader;
  /** Raw names of the folders that exist, by their levels. */
  readonly #existing = new Map<string, string>();
  readonly #selected = new Map<string, SelectedFolder>();
  readonly #snapshots = new WeakMap<object, HeaderIndex | RewrittenIndex>();
  #listed = false;

  /**
   * @param known what is known of the server besides what it announces
   * @param parallel more connections to the same mailbox, to append over
   */
  constructor(
    connection: ImapConnection,
    known: Partial<TargetCapabilities> = {},
    parallel: readonly ImapConnection[] = [],
  ) {
    this.#connection = connection;
    this.#reader = new FolderReader(connection);
    const { capabilities, personal } = connection;
    this.capabilities = {
      maxMessageSize: appendLimit(capabilities),
      maxConcurrentAppends: MAX_CONCURRENT_APPENDS,
      loses: ["flag", "keyword"],
      names: {
        ...(personal.delimiter === undefined ? {} : { delimiter: personal.delimiter }),
        caseInsensitive: false,
        // LIST could not be asked for such a folder.
        forbidden: "*%",
        prefix:
          personal.prefix === ""
            ? []
            : personal.prefix.split(personal.delimiter ?? "\0").filter((level) => level !== ""),
      },
      ...known,
    };
    this.#parallel = parallel;
    this.#lane = this.#laneOn(connection);
    this.#lanes = new AppendLanes([this.#lane, ...parallel.map((each) => this.#laneOn(each))]);
  }

  #laneOn({ wire, capabilities, refusal }: ImapConnection): AppendLane {
    const unaskedLiteral = capabilities.has("LITERAL+")
      ? Number.POSITIVE_INFINITY
      : capabilities.has("LITERAL-")
        ? 4096
        : 0;
    const abilities = {
      unaskedLiteral,
      multiAppend: capabilities.has("MULTIAPPEND"),
      binary: capabilities.has("BINARY"),
    };
    return new AppendLane(wire, abilities, (answer, folder) =>
      refusal(answer, { verb: "APPEND", folder: this.#pathOf(folder) }),
    );
  }

  listFolders({ signal }: Abortable = {}): Promise<ListedFolder[]> {
    return abortable(signal, () => this.#list());
  }

  ensureFolder(plan: FolderPlan, { signal }: Abortable = {}): Promise<TargetFolder> {
    return abortable(signal, () => this.#ensure(plan));
  }

  async #ensure(plan: FolderPlan): Promise<TargetFolder> {
    if (!this.#listed) await this.#list();
    const path = folderPath(plan.target);
    const existing = this.#existing.get(levelsKey(plan.target));
    const name = existing ?? this.#nameFor(plan.target);
    const selected = await this.#open(name, path, existing === undefined ? plan.target : undefined);
    this.#existing.set(levelsKey(plan.target), name);
    this.#selected.set(name, selected);
    const { uidValidity, messages } = selected;
    // Courier tells UIDNEXT only when asked.
    const uidNext = selected.uidNext || (await this.#between(name, () => askUidNext(this.#connection, name)));
    return { name, path, uidValidity, uidNext, messages };
  }

  #flagsFor(folder: TargetFolder, flags: ReadonlySet<Flag>): SentFlags {
    const selected = this.#selected.get(folder.name);
    const sent = selected?.known.get(flags) ?? sentFlags(flags, selected?.permanentFlags);
    selected?.known.set(flags, sent);
    return sent;
  }

  append(folder: TargetFolder, message: Message, { signal }: Abortable = {}): Promise<Appended> {
    const { flags, losses } = this.#flagsFor(folder, message.flags);
    const { internalDate, content } = message;
    this.#reader.forgetOpenFolder();
    return this.#lanes
      .append({ folder: folder.name, flags, internalDate, content, signal })
      .then(({ uid, uidValidity }) => ({
        // Under another UIDVALIDITY the number would name another message: only the OK counts then.
        ...(uid !== undefined && uidValidity === folder.uidValidity ? { id: String(uid) } : {}),
        ...(losses.length > 0 ? { lost: losses } : {}),
      }));
  }

  /**
   * Adds flags to messages that we made; `uids` are ascending. The folder is opened first, and nothing is changed in
   * another one. Resolves with the flags that the server says each has now; a server need not say it.
   * @throws MigrationError `access-denied` of scope `folder` where the server says no
   */
  async addFlags(
    folder: TargetFolder,
    uids: readonly number[],
    flags: readonly Flag[],
  ): Promise<Map<number, ReadonlySet<Flag>>> {
    const told = new Map<number, ReadonlySet<Flag>>();
    const readFlags = (text: string, literals: readonly Buffer[]) => {
      const row = FETCH_ROW.test(text) ? parseFetchRow(text, literals, text.indexOf("(")) : undefined;
      if (row?.uid === undefined || !row.flags) return false;
      told.set(row.uid, row.flags);
      return true;
    };
    await this.#storeIn(folder, () => [{ uids, what: `+FLAGS (${flags.join(" ")})` }], readFlags);
    return told;
  }

  updateFlags(
    folder: Pick<TargetFolder, "name" | "path" | "uidValidity">,
    updates: readonly FlagUpdate[],
    { signal }: Abortable = {},
  ): Promise<void> {
    const storesOf = ({ permanentFlags }: SelectedFolder) =>
      updates.flatMap(({ ids, add, remove }) => {
        const uids = ids.map(Number).sort((one, other) => one - other);
        return (["+", "-"] as const).flatMap((sign) => {
          const { kept } = permittedFlags(new Set(sign === "+" ? add : remove), permanentFlags);
          const flags = kept.filter((flag) => FLAG.test(flag));
          return flags.length > 0 ? [{ uids, what: `${sign}FLAGS.SILENT (${flags.join(" ")})` }] : [];
        });
      });
    return abortable(signal, () => this.#storeIn(folder, storesOf));
  }

  /** Opens the folder and stores flags there, one command behind the other. */
  #storeIn(
    folder: Pick<TargetFolder, "name" | "path" | "uidValidity">,
    storesOf: (selected: SelectedFolder) => readonly { readonly uids: readonly number[]; readonly what: string }[],
    readAnswer: (text: string, literals: readonly Buffer[]) => boolean = () => false,
  ): Promise<void> {
    return this.#lane.alone(folder.name, async () => {
      this.#reader.forgetOpenFolder();
      const { wire } = this.#connection;
      const selected: SelectedFolder = { uidValidity: 0, uidNext: 0, messages: 0, known: new WeakMap() };
      const untagged = (text: string) => readSelect(selected, text);
      const opened = await wire.run(`SELECT ${imapString(folder.name)}`, { changesFolder: true, untagged });
      if (opened.status !== "OK") throw this.#connection.refusal(opened, { verb: "SELECT", folder: folder.path });
      if (selected.uidValidity !== folder.uidValidity) {
        throw new MigrationError("uidvalidity-changed", "The folder numbers its messages anew", {
          folder: folder.path,
        });
      }
      for (const { uids, what } of storesOf(selected)) {
        for (let next = 0; next < uids.length; ) {
          const part = sequenceSet(uids, next);
          const stored = await wire.run(`UID STORE ${part.set} ${what}`, { untagged: readAnswer });
          if (stored.status !== "OK") throw this.#connection.refusal(stored, { verb: "STORE", folder: folder.path });
          next = part.next;
        }
      }
    });
  }

  find(folder: TargetFolder, heads: readonly MessageHead[], options: FindOptions = {}): Promise<Map<number, Found>> {
    return abortable(options.signal, () => this.#find(folder, heads, options));
  }

  async #find(
    folder: TargetFolder,
    heads: readonly MessageHead[],
    { fromUid, taken, snapshot, signal }: FindOptions,
  ): Promise<Map<number, Found>> {
    let index = snapshot && this.#snapshots.get(snapshot);
    if (!index) {
      index = this.capabilities.rewrites ? new RewrittenIndex() : new HeaderIndex();
      for await (const listed of this.#listForIndex(folder, fromUid)) {
        if (signal?.aborted) break;
        for (const head of listed) index.add(candidateOf(head));
      }
      if (snapshot) this.#snapshots.set(snapshot, index);
    }
    return index.match(heads, { taken });
  }

  /** With `fromUid` in one listing; a whole folder in parts, for its header blocks may not fit in memory together. */
  async *#listForIndex(folder: TargetFolder, fromUid: number | undefined): AsyncGenerator<MessageHead[]> {
    let width = fromUid === undefined && folder.uidNext > 0 ? LISTED_UIDS : Number.POSITIVE_INFINITY;
    for (let from = Math.max(1, fromUid ?? 1); ; ) {
      const isLast = from + width >= folder.uidNext;
      const heads = await this.#listPart(folder, from, isLast ? undefined : from + width - 1);
      yield heads;
      if (isLast) return;
      from += width;
      // UIDs can lie far apart.
      width = heads.length * 8 < LISTED_UIDS ? width * 8 : LISTED_UIDS;
    }
  }

  #listPart(folder: TargetFolder, from: number, to: number | undefined): Promise<MessageHead[]> {
    const wants = (uid: number) => uid >= from && uid <= (to ?? uid);
    return listAll({ from, to }, (set) => this.#listSet(folder, set, wants));
  }

  #listSet(folder: TargetFolder, set: string, wants: (uid: number) => boolean): Promise<ListedHeads> {
    return this.#between(folder.name, () => {
      const opening: FolderOpening = {};
      const tagged = (answer: TaggedAnswer) => {
        const about = { verb: "SELECT", folder: folder.path } as const;
        if (answer.status !== "OK") opening.error = this.#connection.refusal(answer, about);
      };
      const { wire } = this.#connection;
      wire.run(`SELECT ${imapString(folder.name)}`, { changesFolder: true, tagged }).catch(() => {});
      return listHeads(this.#connection, opening, { set, headers: true, wants, path: folder.path });
    });
  }

  examineFolder(
    { name, path }: Pick<TargetFolder, "name" | "path">,
    { signal }: Abortable = {},
  ): Promise<TargetFolder | undefined> {
    return abortable(signal, () => this.#examine(name, path));
  }

  async #examine(name: string, path: string): Promise<TargetFolder | undefined> {
    const seen: SelectedFolder = { uidValidity: 0, uidNext: 0, messages: 0, known: new WeakMap() };
    const answer = await this.#between(undefined, () =>
      this.#connection.wire.run(`EXAMINE ${imapString(name)}`, {
        changesFolder: true,
        untagged: (text) => readSelect(seen, text),
      }),
    );
    if (answer.status !== "OK") {
      const refusal = this.#connection.refusal(answer, { verb: "EXAMINE", folder: path });
      if (refusal.code === "folder-missing") return undefined;
      throw refusal;
    }
    const { uidValidity, messages } = seen;
    const uidNext = seen.uidNext || (await this.#between(undefined, () => askUidNext(this.#connection, name)));
    return { name, path, uidValidity, uidNext, messages };
  }

  listMessages(folder: TargetFolder, options: ListMessagesOptions = {}): AsyncIterable<MessageHead> {
    return this.#reader.listMessages(folder, options);
  }

  fetch(folder: TargetFolder, uids: readonly number[], options: Abortable = {}): AsyncIterable<Message> {
    return this.#reader.fetch(folder, uids, options);
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection, ...this.#parallel].map(({ wire }) => wire.close()));
  }

  async #list(): Promise<ListedFolder[]> {
    const { foreign } = this.#connection;
    const list = () => this.#between(undefined, () => listFolders(this.#connection, "*", false));
    const { entries } = await (this.#connection.takeListing() ?? list());
    const folders = entries
      .filter((entry) => !isForeign(entry, foreign))
      .map((entry) => listedFolder(entry, WHOLE_TREE));
    for (const folder of folders) if (folder.selectable) this.#existing.set(levelsKey(folder.levels), folder.name);
    this.#listed = true;
    return folders;
  }

  /** Other commands between two appends; `selected` is the folder that they leave selected. */
  #between<Result>(selected: string | undefined, write: () => Result): Promise<Awaited<Result>> {
    return this.#lane.between(selected, () => {
      this.#reader.forgetOpenFolder();
      return write();
    });
  }

  #nameFor(levels: readonly string[]): string {
    return levels.map(encodeFolderName).join(this.#connection.personal.delimiter ?? "");
  }

  /** CREATE, SUBSCRIBE and SELECT in one round trip; SELECT's answer tells whether the folder is there. */
  async #open(name: string, path: string, create: readonly string[] | undefined): Promise<SelectedFolder> {
    const first = await this.#createAndSelect(name, create ? [name] : []);
    if ("uidValidity" in first) return first;
    if (!create || create.length < 2) throw this.#connection.refusal(first.refused, { verb: first.verb, folder: path });
    // Some servers want the levels above to be there first.
    const parents = create.slice(0, -1).map((_, at) => this.#nameFor(create.slice(0, at + 1)));
    const second = await this.#createAndSelect(name, [...parents, name]);
    if ("uidValidity" in second) return second;
    throw this.#connection.refusal(second.refused, { verb: second.verb, folder: path });
  }

  async #createAndSelect(name: string, create: readonly string[]) {
    const { wire } = this.#connection;
    const selected: SelectedFolder = { uidValidity: 0, uidNext: 0, messages: 0, known: new WeakMap() };
    const answers = await this.#between(name, () => {
      const created = create.map((folder) => wire.run(`CREATE ${imapString(folder)}`));
      if (create.length > 0) wire.run(`SUBSCRIBE ${imapString(name)}`).catch(() => {});
      const untagged = (text: string) => readSelect(selected, text);
      const opened = wire.run(`SELECT ${imapString(name)}`, { changesFolder: true, untagged });
      return Promise.all([opened, ...created]);
    });
    const [opened, ...created] = answers;
    if (opened.status === "OK" && !/^READ-ONLY/i.test(opened.code ?? "")) return selected;
    const refused = created.at(-1);
    return refused && refused.status !== "OK" && !alreadyExists({ ...refused, status: refused.status })
      ? { refused, verb: "CREATE" as const }
      : { refused: opened, verb: "SELECT" as const };
  }

  #pathOf(name: string): string {
    for (const [key, raw] of this.#existing) if (raw === name) return key.replaceAll("\0", "/");
    return name;
  }
}

function candidateOf({ uid, size, header = new Uint8Array(), internalDate }: MessageHead): MatchCandidate {
  return { id: String(uid), size, header, internalDate };
}

/** False for what says nothing of the folder. */
function readSelect(selected: SelectedFolder, text: string): boolean {
  const exists = /^(\d+) EXISTS$/i.exec(text)?.[1];
  const [, item = "", number] = /^OK \[(UIDVALIDITY|UIDNEXT) (\d+)\]/i.exec(text) ?? [];
  const permanent = /^OK \[PERMANENTFLAGS \(([^)]*)\)\]/i.exec(text)?.[1];
  if (exists !== undefined) selected.messages = Number(exists);
  else if (/^uidvalidity$/i.test(item)) selected.uidValidity = Number(number);
  else if (/^uidnext$/i.test(item)) selected.uidNext = Number(number);
  else if (permanent !== undefined)
    selected.permanentFlags = new Set(permanent.split(" ").filter((flag) => flag !== ""));
  else return false;
  return true;
}

function sentFlags(flags: ReadonlySet<Flag>, permanent: ReadonlySet<Flag> | undefined): SentFlags {
  const { kept, lost } = permittedFlags(flags, permanent);
  const unsendable = kept.filter((flag) => !FLAG.test(flag));
  return {
    flags: kept.filter((flag) => FLAG.test(flag)),
    losses: [...new Set([...lost, ...unsendable].map(lossOf))],
  };
}

function lossOf(flag: Flag): Loss {
  return isSystemFlag(flag) ? "flag" : "keyword";
}

/** Levels as a key: NUL stands in no name. */
function levelsKey(levels: readonly string[]): string {
  return levels.join("\0");
}

/** APPENDLIMIT of RFC 7889; Infinity where the server announces none for all folders. */
function appendLimit(capabilities: ReadonlySet<string>): number {
  for (const capability of capabilities) {
    const limit = /^APPENDLIMIT=(\d+)$/.exec(capability)?.[1];
    // 0 forbids every message (RFC 7889 section 3): the refusals say it better than we could.
    if (limit !== undefined && Number(limit) > 0) return Number(limit);
  }
  return Number.POSITIVE_INFINITY;
}
