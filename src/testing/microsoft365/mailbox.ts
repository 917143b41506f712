import { createHash } from "node:crypto";
import { MigrationError } from "../../errors.js";
import { type MailboxLanguage, PLACES, type WellKnownFolder, wellKnownName } from "./well-known-folders.js";

/** An address as Graph has it. */
export interface SimulatedRecipient {
  readonly name: string;
  readonly address: string;
}

/** A file or an item that is attached to a message. */
export interface SimulatedAttachment {
  readonly id: string;
  readonly kind: "file" | "item";
  readonly name: string;
  readonly contentType: string;
  readonly isInline: boolean;
  readonly contentId: string | undefined;
  readonly octets: Buffer;
}

/** A message in a simulated mailbox. Tests may read it and change it at any time. */
export interface SimulatedMessage {
  /** Changes when the message is moved, as Graph's default ids do. */
  id: string;
  /** What `Prefer: IdType="ImmutableId"` gives. */
  readonly immutableId: string;
  folder: SimulatedFolder;
  readonly created: Date;
  subject: string;
  body: { contentType: "text" | "html"; content: string };
  from: SimulatedRecipient | undefined;
  sender: SimulatedRecipient | undefined;
  toRecipients: readonly SimulatedRecipient[];
  ccRecipients: readonly SimulatedRecipient[];
  bccRecipients: readonly SimulatedRecipient[];
  replyTo: readonly SimulatedRecipient[];
  internetMessageId: string;
  internetMessageHeaders: readonly { readonly name: string; readonly value: string }[];
  importance: "low" | "normal" | "high";
  readonly isDraft: boolean;
  isRead: boolean;
  flagStatus: "notFlagged" | "complete" | "flagged";
  categories: readonly string[];
  receivedDateTime: Date;
  sentDateTime: Date;
  /** By id in the form in which Graph answers it: `Integer 0xe07`. */
  readonly extendedProperties: Map<string, string>;
  readonly attachments: SimulatedAttachment[];
  /** The octets that were sent; absent for a message that was sent as JSON. */
  readonly mime: Buffer | undefined;
}

/** A folder of a simulated mailbox. */
export class SimulatedFolder {
  readonly messages: SimulatedMessage[] = [];
  readonly children: SimulatedFolder[] = [];

  constructor(
    readonly id: string,
    public displayName: string,
    readonly parent: SimulatedFolder | undefined,
    readonly wellKnownName: WellKnownFolder | undefined,
    public isHidden: boolean,
  ) {
    parent?.children.push(this);
  }

  /** The child of this name, in any case. */
  child(displayName: string): SimulatedFolder | undefined {
    const wanted = foldCase(displayName);
    return this.children.find((child) => foldCase(child.displayName) === wanted);
  }

  /** The names from the top level down to this folder. */
  get levels(): readonly string[] {
    return this.parent ? [...this.parent.levels, this.displayName] : [];
  }
}

function emptyMessage(internetMessageId: string): Omit<SimulatedMessage, "id" | "immutableId" | "folder"> {
  return {
    created: new Date(0),
    subject: "",
    body: { contentType: "text", content: "" },
    from: undefined,
    sender: undefined,
    toRecipients: [],
    ccRecipients: [],
    bccRecipients: [],
    replyTo: [],
    internetMessageId,
    internetMessageHeaders: [],
    importance: "normal",
    isDraft: false,
    isRead: false,
    flagStatus: "notFlagged",
    categories: [],
    receivedDateTime: new Date(0),
    sentDateTime: new Date(0),
    extendedProperties: new Map(),
    attachments: [],
    mime: undefined,
  };
}

const foldCase = (name: string): string => name.toLowerCase();

/** One mailbox: its folders and their messages. */
export class SimulatedMailbox {
  readonly language: MailboxLanguage;
  /** `msgfolderroot`: the top-level folders are its children. */
  readonly root: SimulatedFolder;
  readonly #seed: string;
  readonly #wellKnown = new Map<string, SimulatedFolder>();
  readonly #byId = new Map<string, SimulatedMessage>();
  #ids = 0;

  /** @param seed makes the ids of this mailbox unlike those of another */
  constructor(seed: string, language: MailboxLanguage) {
    this.#seed = seed;
    this.language = language;
    this.root = this.#addWellKnown("msgfolderroot", undefined, false);
    for (const [name, { parent, isHidden }] of PLACES) {
      this.#addWellKnown(name, parent && this.#wellKnown.get(parent), isHidden ?? false);
    }
  }

  /** Every folder, a parent before its children; hidden ones too. */
  get folders(): readonly SimulatedFolder[] {
    const below = (folder: SimulatedFolder): SimulatedFolder[] => [folder, ...folder.children.flatMap(below)];
    return [...this.#wellKnown.values()].filter((folder) => !folder.parent).flatMap(below);
  }

  /** Every message of every folder. */
  get messages(): readonly SimulatedMessage[] {
    return this.folders.flatMap((folder) => folder.messages);
  }

  /** The folder with these names from the top level down, in any case. @throws MigrationError `option-invalid` */
  folder(...levels: readonly string[]): SimulatedFolder {
    let folder: SimulatedFolder | undefined = this.root;
    for (const level of levels) folder = folder?.child(level);
    if (!folder) throw new MigrationError("option-invalid", `The mailbox holds no folder ${levels.join(" > ")}.`);
    return folder;
  }

  wellKnown(name: WellKnownFolder): SimulatedFolder {
    const folder = this.#wellKnown.get(name);
    if (!folder) throw new MigrationError("option-invalid", `The mailbox holds no folder ${name}.`);
    return folder;
  }

  /** The folder with this id or well-known name. */
  findFolder(idOrName: string): SimulatedFolder | undefined {
    return this.#wellKnown.get(idOrName.toLowerCase()) ?? this.folders.find(({ id }) => id === idOrName);
  }

  /** Makes the folder with these names, and those above it that are missing. */
  addFolder(...levels: readonly string[]): SimulatedFolder {
    return levels.reduce((parent, level) => parent.child(level) ?? this.createFolder(parent, level), this.root);
  }

  createFolder(parent: SimulatedFolder, displayName: string, isHidden = false): SimulatedFolder {
    return new SimulatedFolder(this.newId(), displayName, parent, undefined, isHidden);
  }

  /** The message with this id, of either kind. */
  findMessage(id: string): SimulatedMessage | undefined {
    return this.#byId.get(id);
  }

  /** Puts a message into a folder. What is not given is as it is in an empty message that was received at 1970-01-01. */
  addMessage(
    folder: SimulatedFolder,
    given: Partial<Omit<SimulatedMessage, "id" | "immutableId" | "folder">> = {},
  ): SimulatedMessage {
    const id = this.newId();
    const message = {
      ...emptyMessage(`<${id}@simulated.invalid>`),
      ...given,
      id,
      immutableId: this.newId("AAkAL"),
      folder,
    };
    this.#place(message, folder);
    return message;
  }

  /** Takes the message out of its folder and puts it into another one, with another id. */
  moveMessage(message: SimulatedMessage, to: SimulatedFolder): void {
    this.removeMessage(message);
    message.id = this.newId();
    message.folder = to;
    this.#place(message, to);
  }

  removeMessage(message: SimulatedMessage): void {
    const at = message.folder.messages.indexOf(message);
    if (at >= 0) message.folder.messages.splice(at, 1);
    this.#byId.delete(message.id);
    this.#byId.delete(message.immutableId);
  }

  /** An id that no other thing in this mailbox has: opaque, long, and told apart by case. */
  newId(prefix = "AAMk"): string {
    this.#ids += 1;
    const digest = createHash("sha256").update(`${this.#seed} ${this.#ids}`).digest("base64url");
    return `${prefix}${digest.slice(0, 40)}AAA=`;
  }

  #place(message: SimulatedMessage, folder: SimulatedFolder): void {
    folder.messages.push(message);
    this.#byId.set(message.id, message).set(message.immutableId, message);
  }

  #addWellKnown(name: WellKnownFolder, parent: SimulatedFolder | undefined, isHidden: boolean): SimulatedFolder {
    const folder = new SimulatedFolder(this.newId(), wellKnownName(name, this.language), parent, name, isHidden);
    this.#wellKnown.set(name, folder);
    return folder;
  }
}
