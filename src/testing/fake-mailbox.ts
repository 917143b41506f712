import { encodeFolderName } from "../imap/folder-names.js";
import type { Flag } from "../mail/flags.js";
import type { SpecialUse } from "../mail/special-use.js";
import type { StoredMessage } from "./sample-message.js";

/** A folder and the messages in it: what a mailbox is to be filled with, and what one was found to hold. */
export interface FolderContent {
  /** From the top; INBOX is `["INBOX"]`. */
  readonly levels: readonly string[];
  /** Absent: none. */
  readonly specialUse?: SpecialUse;
  /** Default true. */
  readonly selectable?: boolean;
  /** In the order of their UIDs; absent: none. */
  readonly messages?: readonly StoredMessage[];
}

/** A message in a {@link FakeFolder}. */
export interface FakeMessage extends StoredMessage {
  readonly uid: number;
  /** MODSEQ: the folder's `highestModSeq` when the message or its flags last changed. */
  readonly modSeq: bigint;
  /** What a listing claims as RFC822.SIZE; absent: the truth. */
  readonly claimedSize?: number;
}

/** One folder of a {@link FakeMailbox}. Whatever is changed here, every fake over the mailbox sees at once. */
export class FakeFolder {
  /** The raw name, levels in modified UTF-7. */
  name: string;
  levels: readonly string[];
  readonly specialUse: SpecialUse | undefined;
  selectable: boolean;
  uidValidity: number;
  uidNext = 1;
  /** Grows with every change made by the methods below. */
  highestModSeq = 1n;
  /** Ascending by UID. */
  readonly #messages = new Map<number, FakeMessage>();

  constructor(
    name: string,
    { levels, specialUse, selectable = true, messages = [] }: FolderContent,
    uidValidity: number,
  ) {
    this.name = name;
    this.levels = levels;
    this.specialUse = specialUse;
    this.selectable = selectable;
    this.uidValidity = uidValidity;
    for (const message of messages) this.add(message);
  }

  get messages(): readonly FakeMessage[] {
    return [...this.#messages.values()];
  }

  message(uid: number): FakeMessage | undefined {
    return this.#messages.get(uid);
  }

  /** Stores a message and returns its UID. */
  add(message: StoredMessage & { readonly claimedSize?: number }): number {
    const uid = this.uidNext++;
    this.#messages.set(uid, { ...message, uid, modSeq: ++this.highestModSeq });
    return uid;
  }

  expunge(uid: number): void {
    if (this.#messages.delete(uid)) this.highestModSeq++;
  }

  setFlags(uid: number, flags: Iterable<Flag>): void {
    const message = this.#messages.get(uid);
    if (!message) throw new Error(`${this.name} holds no message ${uid}`);
    this.#messages.set(uid, { ...message, flags: new Set(flags), modSeq: ++this.highestModSeq });
  }

  /** What a deleted and restored folder does: the same messages under a new UIDVALIDITY, numbered from `firstUid`. */
  renumber(firstUid = 1): void {
    const messages = this.messages;
    this.#messages.clear();
    this.uidValidity++;
    this.uidNext = firstUid;
    for (const message of messages) this.add(message);
  }
}

const FIRST_UID_VALIDITY = 1000;

/** A mailbox in memory, for {@link fakeSource} and {@link fakeTarget}; any number of them at a time. */
export class FakeMailbox {
  /** In the order of LIST. */
  readonly folders: FakeFolder[] = [];
  /** Between levels; empty where the mailbox has no levels. */
  readonly delimiter: string;
  #uidValidity = FIRST_UID_VALIDITY;

  /** Default: an empty INBOX, levels apart by `/`. */
  constructor(content: readonly FolderContent[] = [{ levels: ["INBOX"] }], { delimiter = "/" } = {}) {
    this.delimiter = delimiter;
    for (const folder of content) this.addFolder(folder);
  }

  /** `name`: the raw name, where it is not the canonical one of the levels. */
  addFolder(content: FolderContent, name = this.nameOf(content.levels)): FakeFolder {
    if (this.find(name)) throw new Error(`there is a folder ${name} already`);
    const folder = new FakeFolder(name, content, this.#uidValidity++);
    this.folders.push(folder);
    return folder;
  }

  /** The same messages under the same UIDs and UIDVALIDITY, as most servers do. */
  renameFolder(path: string, levels: readonly string[]): void {
    const folder = this.folder(path);
    const name = this.nameOf(levels);
    if (this.find(name)) throw new Error(`there is a folder ${name} already`);
    folder.levels = levels;
    folder.name = name;
  }

  removeFolder(path: string): void {
    this.folders.splice(this.folders.indexOf(this.folder(path)), 1);
  }

  /** The folder with this raw name. */
  find(name: string): FakeFolder | undefined {
    return this.folders.find((folder) => folder.name === name);
  }

  /** The folder with these levels, joined with `/`; throws where there is none. */
  folder(path: string): FakeFolder {
    const folder = this.folders.find(({ levels }) => levels.join("/") === path);
    if (!folder) throw new Error(`there is no folder ${path}`);
    return folder;
  }

  /** Everything that the mailbox holds. */
  content(): FolderContent[] {
    return this.folders.map(({ levels, specialUse, selectable, messages }) => ({
      levels,
      ...(specialUse && { specialUse }),
      selectable,
      messages: messages.map(({ octets, flags, internalDate }) => ({ octets, flags, internalDate })),
    }));
  }

  /** The raw name of these levels. */
  nameOf(levels: readonly string[]): string {
    const broken = levels.find((level) => this.delimiter !== "" && level.includes(this.delimiter));
    if (broken !== undefined) throw new Error(`the level ${broken} holds the delimiter ${this.delimiter}`);
    return levels.map(encodeFolderName).join(this.delimiter);
  }
}
