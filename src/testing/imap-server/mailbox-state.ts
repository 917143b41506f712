import { MigrationError } from "../../errors.js";
import { type Flag, permittedFlags } from "../../mail/flags.js";
import type { SpecialUse } from "../../mail/special-use.js";
import { firstAtLeast } from "./sequence-set.js";
import type { ServerProfile } from "./server-profile.js";

/** A message to put into a folder. */
export interface NewScriptedMessage {
  /** The message exactly as it will be fetched; a string is taken as UTF-8. */
  octets: Uint8Array | string;
  /** Default: the folder's UIDNEXT. May not be lower than it. */
  uid?: number;
  /** Default: none. Not checked against the folder's PERMANENTFLAGS, so `\Recent` and odd flags are possible. */
  flags?: Iterable<Flag>;
  /** Default: now. */
  internalDate?: Date;
  /** What RFC822.SIZE claims. Default: the truth. */
  claimedSize?: number;
  /** Sent as INTERNALDATE exactly so (`NIL`, `"31-Foo-2001 ..."`). Default: the internal date. */
  rawInternalDate?: string;
  /** EMAILID (RFC 8474) and Gmail's X-GM-MSGID: equal for one message in several folders. Default: a new one. */
  emailId?: string;
}

/** A message of a scripted folder. */
export interface ScriptedMessage {
  readonly uid: number;
  readonly octets: Buffer;
  /** Change them with {@link ScriptedFolder.setFlags}, so that the modification sequence grows. */
  readonly flags: ReadonlySet<Flag>;
  readonly internalDate: Date;
  /** MODSEQ (RFC 7162). */
  readonly modSeq: number;
  readonly emailId: string;
  readonly claimedSize?: number;
  readonly rawInternalDate?: string;
  /** True once it was removed; sessions that had listed it notice by this. */
  readonly isExpunged: boolean;
}

type Stored = { -readonly [Key in keyof ScriptedMessage]: ScriptedMessage[Key] };

/** How a folder is made. Only the name is needed. */
export interface ScriptedFolderOptions {
  /** The raw name as it is listed: one character per octet, already in modified UTF-7 where that is wanted. */
  name: string;
  messages?: readonly NewScriptedMessage[];
  /** Default: a number that no other folder of the account had. */
  uidValidity?: number;
  /** Default 1, or above the last message. */
  uidNext?: number;
  specialUse?: SpecialUse;
  /** False lists it with `\Noselect`. Default true. */
  selectable?: boolean;
  /** Default true. */
  subscribed?: boolean;
  /** PERMANENTFLAGS. What they do not cover is dropped on APPEND and STORE. Default: the system flags and `\*`. */
  permanentFlags?: Iterable<Flag>;
  /** Further attributes in LIST, such as `\NonExistent`. Default none. */
  attributes?: readonly string[];
}

let lastEmailId = 0;

const DEFAULT_PERMANENT_FLAGS = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft", "\\*"];

/** One folder of a scripted mailbox, made by {@link ScriptedAccount.addFolder}. Everything can be read and changed while clients are connected. */
export class ScriptedFolder {
  readonly name: string;
  specialUse: SpecialUse | undefined;
  selectable: boolean;
  subscribed: boolean;
  permanentFlags: ReadonlySet<Flag>;
  attributes: readonly string[];
  /** Grows whenever messages are removed; a session compares it to learn that its sequence numbers are old. */
  removals = 0;
  readonly #resize: (octets: number) => void;
  #messages: Stored[] = [];
  #uidValidity: number;
  #uidNext: number;
  #highestModSeq = 1;

  constructor(options: ScriptedFolderOptions & { uidValidity: number }, resize: (octets: number) => void) {
    this.name = options.name;
    this.specialUse = options.specialUse;
    this.selectable = options.selectable ?? true;
    this.subscribed = options.subscribed ?? true;
    this.permanentFlags = new Set(options.permanentFlags ?? DEFAULT_PERMANENT_FLAGS);
    this.attributes = options.attributes ?? [];
    this.#uidValidity = options.uidValidity;
    this.#uidNext = 1;
    this.#resize = resize;
    for (const message of options.messages ?? []) this.addMessage(message);
    this.#uidNext = Math.max(this.#uidNext, options.uidNext ?? 1);
  }

  /** In ascending UID order. */
  get messages(): readonly ScriptedMessage[] {
    return this.#messages;
  }

  get uidValidity(): number {
    return this.#uidValidity;
  }

  get uidNext(): number {
    return this.#uidNext;
  }

  /** HIGHESTMODSEQ: grows with every change. */
  get highestModSeq(): number {
    return this.#highestModSeq;
  }

  /** The message with this UID; undefined where there is none. */
  message(uid: number): ScriptedMessage | undefined {
    return this.#find(uid);
  }

  addMessage(message: NewScriptedMessage): ScriptedMessage {
    const uid = message.uid ?? this.#uidNext;
    if (uid < this.#uidNext) {
      throw new MigrationError("option-invalid", `UID ${uid} is below UIDNEXT ${this.#uidNext} of ${this.name}.`);
    }
    const stored: Stored = {
      uid,
      octets: Buffer.from(message.octets as Uint8Array), // Buffer.from takes a string as well, in another overload
      flags: new Set(message.flags ?? []),
      internalDate: message.internalDate ?? new Date(),
      modSeq: this.#nextModSeq(),
      emailId: message.emailId ?? String(++lastEmailId),
      isExpunged: false,
    };
    if (message.claimedSize !== undefined) stored.claimedSize = message.claimedSize;
    if (message.rawInternalDate !== undefined) stored.rawInternalDate = message.rawInternalDate;
    this.#messages.push(stored);
    this.#uidNext = uid + 1;
    this.#resize(stored.octets.length);
    return stored;
  }

  /** Replaces a message's flags, dropping those that PERMANENTFLAGS do not cover. */
  setFlags(uid: number, flags: Iterable<Flag>): void {
    const message = this.#find(uid);
    if (!message) throw new MigrationError("option-invalid", `${this.name} holds no message with UID ${uid}.`);
    message.flags = new Set(permittedFlags(new Set(flags), this.permanentFlags).kept);
    message.modSeq = this.#nextModSeq();
  }

  /** Removes one message. Removing what is not there does nothing. */
  removeMessage(uid: number): void {
    this.expunge((message) => message.uid === uid);
  }

  /** Removes the messages that `chosen` picks; without it, all of them. */
  expunge(chosen: (message: ScriptedMessage) => boolean = () => true): ScriptedMessage[] {
    const gone: Stored[] = [];
    const kept: Stored[] = [];
    for (const message of this.#messages) (chosen(message) ? gone : kept).push(message);
    if (gone.length === 0) return gone;
    for (const message of gone) {
      message.isExpunged = true;
      this.#resize(-message.octets.length);
    }
    this.#messages = kept;
    this.removals += 1;
    this.#nextModSeq();
    return gone;
  }

  /** Gives the folder another UIDVALIDITY and, with `renumber`, its messages new UIDs from 1 on. */
  setUidValidity(uidValidity: number, options: { renumber?: boolean } = {}): void {
    this.#uidValidity = uidValidity;
    if (!options.renumber) return;
    const renumbered = this.#messages.map((message, index) => ({ ...message, uid: index + 1 }));
    for (const message of this.#messages) message.isExpunged = true;
    this.#messages = renumbered;
    this.#uidNext = renumbered.length + 1;
    this.removals += 1;
  }

  #find(uid: number): Stored | undefined {
    const found = this.#messages[firstAtLeast(this.#messages, uid, (message) => message.uid)];
    return found?.uid === uid ? found : undefined;
  }

  #nextModSeq(): number {
    this.#highestModSeq += 1;
    return this.#highestModSeq;
  }
}

/** How an account is made. Only the user name is needed. */
export interface ScriptedAccountOptions {
  user: string;
  /** Absent: no password signs in. */
  password?: string;
  /** The bearer token that XOAUTH2 and OAUTHBEARER take. Absent: none does. */
  accessToken?: string;
  /** True: may sign in for other accounts with an authorization identity (SASL PLAIN authzid). Default false. */
  admin?: boolean;
  /** INBOX is always there. Default: nothing else. */
  folders?: readonly (string | ScriptedFolderOptions)[];
  /** Most octets that the account may hold; APPEND beyond answers `NO [OVERQUOTA]`. Default: no limit. */
  quota?: number;
}

const isInbox = (name: string): boolean => name.toUpperCase() === "INBOX";

/** One mailbox of a scripted server, made by `ScriptedImapServer.addAccount`. */
export class ScriptedAccount {
  readonly user: string;
  /** False: who has signed in is served no command, as where IMAP is switched off for a mailbox. */
  isConnected = true;
  readonly isAdmin: boolean;
  /** In octets. */
  quota: number;
  /** Sessions that are signed in. */
  sessions = 0;
  readonly #password: string | undefined;
  #accessToken: string | undefined;
  readonly #profile: ServerProfile;
  readonly #folders = new Map<string, ScriptedFolder>();
  #usedOctets = 0;
  #nextUidValidity = 1001;

  constructor(options: ScriptedAccountOptions, profile: ServerProfile = {}) {
    this.#profile = profile;
    this.user = options.user;
    this.isAdmin = options.admin ?? false;
    this.quota = options.quota ?? Number.POSITIVE_INFINITY;
    this.#password = options.password;
    this.#accessToken = options.accessToken;
    const folders = options.folders ?? [];
    const nameOf = (folder: string | ScriptedFolderOptions): string =>
      typeof folder === "string" ? folder : folder.name;
    if (!folders.some((folder) => isInbox(nameOf(folder)))) this.addFolder("INBOX");
    for (const folder of folders) this.addFolder(folder);
  }

  get folders(): readonly ScriptedFolder[] {
    return [...this.#folders.values()];
  }

  /** Octets of all its messages. */
  get usedOctets(): number {
    return this.#usedOctets;
  }

  /** The folder with this raw name. @throws MigrationError `option-invalid` where there is none */
  folder(name: string): ScriptedFolder {
    const folder = this.findFolder(name);
    if (!folder) throw new MigrationError("option-invalid", `The account holds no folder ${JSON.stringify(name)}.`);
    return folder;
  }

  /** The folder with this raw name, INBOX in any case; undefined where there is none. */
  findFolder(name: string): ScriptedFolder | undefined {
    const exact = this.#folders.get(name);
    if (exact || !(isInbox(name) || this.#profile.ignoresCase)) return exact;
    return this.folders.find((folder) => folder.name.toLowerCase() === name.toLowerCase());
  }

  addFolder(folder: string | ScriptedFolderOptions): ScriptedFolder {
    const options = typeof folder === "string" ? { name: folder } : folder;
    if (this.findFolder(options.name)) {
      throw new MigrationError("option-invalid", `The account already holds ${JSON.stringify(options.name)}.`);
    }
    const uidValidity = options.uidValidity ?? this.#nextUidValidity++;
    const permanentFlags = options.permanentFlags ?? this.#profile.permanentFlags ?? DEFAULT_PERMANENT_FLAGS;
    const added = new ScriptedFolder({ ...options, permanentFlags, uidValidity }, (octets) => {
      this.#usedOctets += octets;
    });
    this.#folders.set(added.name, added);
    return added;
  }

  /** Removes a folder with its messages. One that is made again under the name gets another UIDVALIDITY. */
  removeFolder(name: string): void {
    const folder = this.folder(name);
    folder.expunge();
    this.#folders.delete(folder.name);
  }

  /** From now on this token signs in, and no other; sessions of another go on where the profile does not ask again. */
  setAccessToken(accessToken: string | undefined): void {
    this.#accessToken = accessToken;
  }

  /** True when one of the account's own secrets is this one. */
  accepts(kind: "password" | "accessToken", secret: string): boolean {
    return secret === (kind === "password" ? this.#password : this.#accessToken);
  }

  /** The secrets that no transcript may show. */
  secrets(): string[] {
    return [this.#password, this.#accessToken].filter((secret) => secret !== undefined);
  }
}
