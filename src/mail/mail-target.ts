import type { Flag } from "./flags.js";
import type { FolderPlan, ListedFolder, TargetFolder } from "./folder.js";
import type { Abortable, ListMessagesOptions } from "./mail-source.js";
import type { Message, MessageHead } from "./message.js";

/** Something of a message that a target cannot keep, in one or two words: `keyword`, `flag`, `internal-date`. */
export type Loss = string;

/** What a target is like; read before the first append. */
export interface TargetCapabilities {
  /** The largest message it takes, in octets; Infinity where it does not say. */
  readonly maxMessageSize: number;
  /** How many appends may be under way at a time. */
  readonly maxConcurrentAppends: number;
  /** What it may lose of a message. */
  readonly loses: readonly Loss[];
  /** How it names folders. */
  readonly names: FolderNameRules;
  /**
   * The target rebuilds messages, as Exchange does: octets, header blocks and sizes do not come back. Messages are
   * recognised by what stays (Message-ID, INTERNALDATE, sender, recipients, subject, date), and a size is a hint.
   * Absent: what was stored is what is served.
   */
  readonly rewrites?: boolean;
}

/** What a target's folder names can hold; `planFolders` keeps to it. */
export interface FolderNameRules {
  /** The character between levels, which no level may contain; absent where the target has no levels. */
  readonly delimiter?: string;
  /** Names that differ only in case are one name (Exchange, Graph). */
  readonly caseInsensitive: boolean;
  /** Characters that no level may contain, besides the delimiter and control characters. */
  readonly forbidden?: string;
  /** The longest level in characters; absent where unlimited. */
  readonly maxLevelLength?: number;
  /** The most levels of a folder; absent where unlimited. */
  readonly maxLevels?: number;
  /** Names that no folder at the top may have, in whatever case; absent where there are none. */
  readonly reserved?: readonly string[];
  /** Levels above every user folder (`INBOX` on Courier); empty where user folders stand at the top. */
  readonly prefix: readonly string[];
}

/** What the target said of a message that it holds. */
export interface Appended {
  /** The target's UID or id as a string; absent where the target does not tell. */
  readonly id?: string;
  /** What was lost of this message; absent where nothing was. */
  readonly lost?: readonly Loss[];
}

/** A message of the target that one which was looked for is. */
export interface Found extends Appended {
  /** True: the two are alike, and it cannot be told whether they are one. Absent: they are. */
  readonly unsure?: boolean;
}

/** Where the messages in doubt can stand. */
export interface FindOptions extends Abortable {
  /** No message in doubt stands below this UID of the target; absent: look everywhere. */
  fromUid?: number;
  /** Ids that belong to other messages already; they are no candidates. */
  taken?: ReadonlySet<string>;
  /**
   * True: the messages were begun by us, so that what is found of them is ours, and a target that sets flags after the
   * append makes up for what a crash kept it from. Default false.
   */
  begun?: boolean;
  /**
   * The same object for all the calls of one adoption: the folder is read once, for the first of them, and what is stored
   * after that is no candidate. What was read is kept as long as the object is. Absent: the folder as it is now.
   */
  snapshot?: object;
}

/**
 * A target that can be read back, for verification: all three, or none. Nothing is made or changed by it. Never asked while
 * an append is under way. The UIDs are those of the target.
 */
export interface TargetReading {
  /** The folder as it stands, by its name; undefined where there is none. */
  examineFolder(folder: Pick<TargetFolder, "name" | "path">, options?: Abortable): Promise<TargetFolder | undefined>;
  /**
   * What the folder holds, in ascending UID order.
   * @throws MigrationError `uidvalidity-changed`, `access-denied` or `folder-missing`
   */
  listMessages(folder: TargetFolder, options?: ListMessagesOptions): AsyncIterable<MessageHead>;
  /**
   * Messages in ascending UID order. Pulling is the flow control. A message that is gone or that the server could not
   * deliver is left out.
   * @throws MigrationError as `listMessages`
   */
  fetch(folder: TargetFolder, uids: readonly number[], options?: Abortable): AsyncIterable<Message>;
}

/** The same change of flags for some messages of one folder. */
export interface FlagUpdate {
  /** Ids that the target told. */
  readonly ids: readonly string[];
  readonly add: readonly Flag[];
  readonly remove: readonly Flag[];
}

/** Whether a target can be read back. */
export function isReadable(target: MailTarget): target is MailTarget & TargetReading {
  return target.examineFolder !== undefined && target.listMessages !== undefined && target.fetch !== undefined;
}

/**
 * One mailbox to write to. It only grows. An adapter never retries and never reconnects: when its connection is lost,
 * every call rejects with `connection-lost`, and the messages under way are in doubt.
 */
export interface MailTarget extends Partial<TargetReading> {
  readonly capabilities: TargetCapabilities;
  /**
   * When what it signed in with is used up so far that no more should be begun. The engine opens the mailbox again then,
   * while nothing is in doubt. Absent: it does not wear out.
   */
  readonly goodUntil?: Date;
  /** The folders that exist; the plan chooses among them. */
  listFolders(options?: Abortable): Promise<ListedFolder[]>;
  /** The folder of a plan, made if it is missing. */
  ensureFolder(folder: FolderPlan, options?: Abortable): Promise<TargetFolder>;
  /**
   * Resolves when the server has said that it holds the message. May be called again before the last one resolved, up to
   * `maxConcurrentAppends`; contents are read in the order of the calls.
   *
   * A rejection of scope `message` means that the target does not hold it; one of any other scope leaves it in doubt.
   */
  append(folder: TargetFolder, message: Message, options?: Abortable): Promise<Appended>;
  /**
   * Which of these messages the folder already holds, by UID at the source. `heads` carry their header blocks. Equal
   * messages are matched by count. Asked only for messages in doubt and for adoption, and never while an append that
   * could still land in this folder is under way. A rejection of scope `message` means that the folder cannot be looked
   * through.
   */
  find(folder: TargetFolder, heads: readonly MessageHead[], options?: FindOptions): Promise<Map<number, Found>>;
  /**
   * Sets and clears flags of messages that it holds. What the folder does not take is left out, and an id that is gone is no
   * fault. Done twice it is as done once. Resolves when the server has said OK to all of it. May be called while appends
   * are under way. Absent: flags stay as they were appended.
   * @throws MigrationError `uidvalidity-changed`, `access-denied` or `folder-missing`
   */
  updateFlags?(
    folder: Pick<TargetFolder, "name" | "path" | "uidValidity">,
    updates: readonly FlagUpdate[],
    options?: Abortable,
  ): Promise<void>;
  close(): Promise<void>;
}
