import type { ImapFlow } from "imapflow";
import { splitLevels } from "../../src/imap/folder-names.js";
import {
  type ImapConnection,
  type ImapLogin,
  type OpeningOptions,
  openImapConnection,
} from "../../src/imap/imap-connection.js";
import { ImapSource } from "../../src/imap/imap-source.js";
import { ImapTarget } from "../../src/imap/imap-target.js";
import type { FolderPlan } from "../../src/mail/folder.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import type { FolderContent } from "../../src/testing/fake-mailbox.js";
import type { StoredMessage } from "../../src/testing/sample-message.js";
import type { OpenedSource } from "../../src/testing/source-cases.js";
import type { OpenedTarget } from "../../src/testing/target-cases.js";
import type { Account, MailServer } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { logIn } from "../servers/read-mailbox.js";

/** Accounts for as many cases as there are; each case takes one. */
export const caseAccounts: readonly Account[] = Array.from({ length: 100 }, (_, at) => ({
  name: `case${at + 1}`,
  password: "s3cret",
}));

/** Connects as our library does. */
export function connect(server: MailServer, login: ImapLogin, options?: OpeningOptions): Promise<ImapConnection> {
  const address = { remoteServer: server.host, port: server.tlsPort, security: "Ssl", ca: server.ca } as const;
  return openImapConnection(address, login, options);
}

export function loginOf({ name, password }: Account): ImapLogin {
  return { user: name, password };
}

/** Mailboxes of one real server; each opening gets a new one. */
export class RealMailboxes {
  readonly #server: MailServer;
  readonly #accounts: Account[] = [...caseAccounts];

  constructor(server: MailServer) {
    this.#server = server;
  }

  /** Filled by APPEND, and where `viaMaildir` says so through the files of the server. */
  async openSource(
    content: readonly FolderContent[],
    viaMaildir: (folder: FolderContent) => boolean,
  ): Promise<OpenedSource> {
    const account = this.#nextAccount();
    const written = content.filter(viaMaildir);
    if (written.length > 0) await writeMaildir(this.#server, account.name, written.map(fixtureFolder));
    await this.fill(
      account,
      content.filter((folder) => !viaMaildir(folder)),
    );
    return {
      source: new ImapSource(await connect(this.#server, loginOf(account), { list: "with-status" })),
      uidsOf: (levels) => this.#session(account, (client) => readUids(client, levels)),
    };
  }

  async openTarget(): Promise<OpenedTarget> {
    const account = this.#nextAccount();
    return {
      target: new ImapTarget(await connect(this.#server, loginOf(account), { list: "names" })),
      read: () => this.#session(account, readFolders),
    };
  }

  async fill(account: Account, content: readonly FolderContent[]): Promise<void> {
    if (content.length === 0) return;
    const connection = await connect(this.#server, loginOf(account));
    const target = new ImapTarget(connection);
    const { prefix } = target.capabilities.names;
    for (const { levels, messages = [] } of content) {
      const isInbox = levels.length === 1 && levels[0] === "INBOX";
      const folder = await target.ensureFolder(planFor(isInbox ? levels : [...prefix, ...levels]));
      await Promise.all(messages.map((message, at) => target.append(folder, fakeMessage(at + 1, message))));
    }
    await target.close();
  }

  #nextAccount(): Account {
    const account = this.#accounts.shift();
    if (!account) throw new Error("there are more cases than accounts");
    return account;
  }

  async #session<T>({ name, password }: Account, work: (client: ImapFlow) => Promise<T>): Promise<T> {
    const client = await logIn(this.#server, { user: name, pass: password });
    try {
      return await work(client);
    } finally {
      await client.logout();
    }
  }
}

/** A plan that goes to these levels. */
export function planFor(target: readonly string[]): FolderPlan {
  const source = { name: "", levels: target, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 };
  return { source, target, changes: [] };
}

function fixtureFolder({ levels, messages = [] }: FolderContent) {
  return {
    name: levels.join("/"),
    messages: messages.map(({ octets, flags, internalDate }) => ({
      octets: Buffer.from(octets),
      flags: [...flags],
      internalDate,
    })),
  };
}

async function readUids(client: ImapFlow, levels: readonly string[]): Promise<number[]> {
  const { prefix = "", delimiter } = client.namespace ?? {};
  const path = levels.join(delimiter ?? "/");
  const { exists } = await client.mailboxOpen(path === "INBOX" ? path : prefix + path, { readOnly: true });
  return exists === 0 ? [] : (await client.search({ all: true }, { uid: true })) || [];
}

async function readFolders(client: ImapFlow): Promise<FolderContent[]> {
  const folders: FolderContent[] = [];
  for (const { path, pathAsListed, delimiter, flags } of await client.list()) {
    if (flags.has("\\Noselect") || flags.has("\\NonExistent")) continue;
    folders.push({
      levels: splitLevels(pathAsListed, delimiter ?? undefined),
      messages: await readMessages(client, path),
    });
  }
  return folders;
}

async function readMessages(client: ImapFlow, path: string): Promise<StoredMessage[]> {
  const { exists } = await client.mailboxOpen(path, { readOnly: true });
  if (exists === 0) return []; // "1:*" would be an error
  const messages: StoredMessage[] = [];
  const items = { source: true, flags: true, internalDate: true };
  for await (const { source, flags, internalDate } of client.fetch("1:*", items, { uid: true })) {
    messages.push({
      octets: source ?? Buffer.alloc(0),
      flags: flags ?? new Set(),
      internalDate: new Date(internalDate ?? Number.NaN),
    });
  }
  return messages;
}
