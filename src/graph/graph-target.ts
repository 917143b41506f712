import { abortable } from "../abortable.js";
import { MigrationError } from "../errors.js";
import { exchangeFolderNames } from "../exchange-folder-names.js";
import type { FolderPlan, ListedFolder, TargetFolder } from "../mail/folder.js";
import type { Abortable } from "../mail/mail-source.js";
import type { Appended, FindOptions, Found, MailTarget, TargetCapabilities } from "../mail/mail-target.js";
import type { Message, MessageHead } from "../mail/message.js";
import { messageMemory, readContent } from "./content-memory.js";
import { type GraphAccess, GraphClient } from "./graph-client.js";
import { graphLosses } from "./losses.js";
import { MailboxFolders } from "./mailbox-folders.js";
import { MessageSearch } from "./message-search.js";
import { MessageWriter } from "./message-writer.js";
import { keyOfOctets } from "./migration-key.js";
import { Turns } from "./turns.js";

/** What the documents allow for one attachment, and no message can be larger than what is in it. */
const MAX_MESSAGE_SIZE = 150 * 1024 * 1024;
/** More could not be under way: Graph takes four requests at a time for one mailbox. */
const MAX_CONCURRENT_APPENDS = 4;

/** How the Graph route makes messages. */
export interface GraphTargetOptions {
  /**
   * `json` (default): v1.0; dates are kept, MIME is rebuilt. `importMime`: beta; MIME is kept, and the received date of
   * the first message decides whether more go.
   */
  readonly route?: "json" | "importMime";
  /** With `importMime`: what is over 3 MiB goes by JSON. Absent: it is refused as `message-too-large`. */
  readonly fallback?: "json";
  /** With `importMime`: goes on although messages get the time of the call as their received date. Default false. */
  readonly acceptWrongDates?: boolean;
  /** Signed and encrypted mail carries its original octets as an attached `.eml`, in place of its parts. Default false. */
  readonly attachOriginals?: boolean;
  /** Octets; default and most 150 MiB. */
  readonly maxMessageSize?: number;
}

/** What {@link openGraphTarget} needs. */
export interface GraphMailbox extends GraphAccess, Abortable {
  /** The mailbox: its user principal name, or the user's id. */
  readonly user: string;
  readonly options?: GraphTargetOptions;
}

/**
 * Opens one mailbox through Microsoft Graph: its folders are listed, which proves that it is there.
 * @throws MigrationError `option-invalid`, `target-missing`, `access-denied`, `server-unavailable` for a mailbox that is
 * not there yet, those of the token provider and of connections, `aborted`
 */
export async function openGraphTarget({ user, options = {}, signal, ...access }: GraphMailbox): Promise<GraphTarget> {
  checkOptions(options);
  const client = new GraphClient(access);
  const mailbox = `/users/${encodeURIComponent(user)}`;
  const folders = new MailboxFolders(client, mailbox);
  await folders.open(client.signal(signal));
  return new GraphTarget({ client, mailbox, folders }, options);
}

/** What a target is made of. */
interface OpenMailbox {
  readonly client: GraphClient;
  /** `/users/...` */
  readonly mailbox: string;
  readonly folders: MailboxFolders;
}

/**
 * A mailbox in Exchange Online, written through Microsoft Graph. A message is read as a whole before its first request:
 * see {@link messageMemory} for what that takes. It cannot be read back, so it cannot be verified.
 */
export class GraphTarget implements MailTarget {
  readonly capabilities: TargetCapabilities;
  readonly #client: GraphClient;
  readonly #folders: MailboxFolders;
  readonly #writer: MessageWriter;
  readonly #search: MessageSearch;
  /** Contents are read in the order of the calls. */
  readonly #reading = new Turns(1);

  /** @internal */
  constructor({ client, mailbox, folders }: OpenMailbox, options: GraphTargetOptions) {
    const { route = "json", acceptWrongDates = false, attachOriginals = false, fallback } = options;
    this.#client = client;
    this.#folders = folders;
    this.#writer = new MessageWriter(client, mailbox, { route, fallback, acceptWrongDates, attachOriginals });
    this.#search = new MessageSearch(client, mailbox, { hasWrongDates: route === "importMime" });
    this.capabilities = {
      maxMessageSize: Math.min(options.maxMessageSize ?? MAX_MESSAGE_SIZE, MAX_MESSAGE_SIZE),
      maxConcurrentAppends: MAX_CONCURRENT_APPENDS,
      loses: graphLosses,
      // A folder with "/" in its name could be made, and would be invisible over IMAP.
      names: { ...exchangeFolderNames, reserved: [...exchangeFolderNames.reserved, ...folders.hiddenNames] },
    };
  }

  listFolders({ signal }: Abortable = {}): Promise<ListedFolder[]> {
    return this.#run(signal, (either) => this.#folders.list(either));
  }

  ensureFolder(plan: FolderPlan, { signal }: Abortable = {}): Promise<TargetFolder> {
    return this.#run(signal, (either) => this.#folders.ensure(plan, either));
  }

  append(folder: TargetFolder, message: Message, { signal }: Abortable = {}): Promise<Appended> {
    return this.#run(signal, (either) => this.#append(folder, message, either)).finally(() => message.content.cancel());
  }

  async #append(folder: TargetFolder, message: Message, signal: AbortSignal): Promise<Appended> {
    const { octets, letGo } = await this.#reading.take(signal, () => this.#read(message, signal));
    try {
      const key = keyOfOctets(octets, message.internalDate);
      return await this.#writer.write(folder, octets, { message, key, signal });
    } finally {
      letGo();
    }
  }

  async #read({ content, uid }: Message, signal: AbortSignal): Promise<{ octets: Buffer; letGo: () => void }> {
    if (content.size > this.capabilities.maxMessageSize) {
      throw new MigrationError("message-too-large", "The message is larger than maxMessageSize", { uid });
    }
    const letGo = await messageMemory.reserve(content.size, signal);
    try {
      return { octets: await readContent(content, signal), letGo };
    } catch (error) {
      letGo();
      throw error;
    }
  }

  find(folder: TargetFolder, heads: readonly MessageHead[], options: FindOptions = {}): Promise<Map<number, Found>> {
    return this.#run(options.signal, (either) => this.#search.find(folder, heads, either, options));
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  /** Rejects as soon as the host gives up or the mailbox is closed; what was sent by then goes on without us. */
  async #run<Result>(signal: AbortSignal | undefined, work: (either: AbortSignal) => Promise<Result>): Promise<Result> {
    this.#client.check(signal);
    const either = this.#client.signal(signal);
    try {
      return await abortable(either, () => work(either));
    } catch (error) {
      this.#client.check(signal);
      throw MigrationError.from(error);
    }
  }
}

function checkOptions({ route, fallback, acceptWrongDates, maxMessageSize }: GraphTargetOptions): void {
  const wrong = (text: string): never => {
    throw new MigrationError("option-invalid", text);
  };
  if (route !== undefined && route !== "json" && route !== "importMime") wrong('route is "json" or "importMime"');
  if (route !== "importMime" && (fallback !== undefined || acceptWrongDates)) {
    wrong('fallback and acceptWrongDates belong to route "importMime"');
  }
  if (fallback !== undefined && fallback !== "json") wrong('fallback is "json"');
  if (maxMessageSize !== undefined && !(maxMessageSize > 0)) wrong("maxMessageSize is a number of octets above 0");
}
