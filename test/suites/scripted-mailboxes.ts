import { encodeFolderName, splitLevels } from "../../src/imap/folder-names.js";
import { type ListedAtOnce, openImapConnection } from "../../src/imap/imap-connection.js";
import { ImapSource } from "../../src/imap/imap-source.js";
import { ImapTarget } from "../../src/imap/imap-target.js";
import type { FolderContent } from "../../src/testing/fake-mailbox.js";
import { defaultCapabilities } from "../../src/testing/imap-server/capabilities.js";
import type { ScriptedAccount, ScriptedFolderOptions } from "../../src/testing/imap-server/mailbox-state.js";
import {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
} from "../../src/testing/imap-server/scripted-imap-server.js";
import type { OpenedSource } from "../../src/testing/source-cases.js";
import type { OpenedTarget } from "../../src/testing/target-cases.js";

/** How a scripted server differs from one with everything. */
export interface ScriptedVariant {
  readonly title: string;
  /** Capabilities that it does not announce. */
  readonly without?: readonly string[];
  /** Capabilities that it announces besides. */
  readonly with?: readonly string[];
  readonly delimiter?: string;
  /** The personal namespace, which every folder but INBOX stands in. */
  readonly prefix?: string;
}

export const scriptedVariants: readonly ScriptedVariant[] = [
  { title: "with everything" },
  { title: "without MULTIAPPEND", without: ["MULTIAPPEND"] },
  { title: "without LITERAL+", without: ["LITERAL+"] },
  { title: "without UIDPLUS", without: ["UIDPLUS"] },
  { title: "without LIST-STATUS and LIST-EXTENDED", without: ["LIST-STATUS", "LIST-EXTENDED"] },
  {
    title: "with nothing but IMAP4rev1",
    without: defaultCapabilities({ tls: false, authenticated: true, canStartTls: false }),
  },
  { title: "that carries out a command for two messages at most", with: ["MESSAGELIMIT=2"] },
  { title: "with `.` between levels and `INBOX.` above folders", delimiter: ".", prefix: "INBOX." },
];

const PASSWORD = "s3cret-of-everybody";

/** Mailboxes of one scripted server; each opening gets a new one. */
export class ScriptedMailboxes {
  readonly server: ScriptedImapServer;
  readonly #delimiter: string;
  readonly #prefix: string;
  #accounts = 0;

  private constructor(server: ScriptedImapServer, { delimiter = "/", prefix = "" }: ScriptedVariant) {
    this.server = server;
    this.#delimiter = delimiter;
    this.#prefix = prefix;
  }

  static async start(variant: ScriptedVariant, options: ScriptedImapServerOptions = {}): Promise<ScriptedMailboxes> {
    const { without = [], with: more = [], delimiter = "/", prefix = "" } = variant;
    const server = await ScriptedImapServer.start({
      // NAMESPACE stays, or the prefix could not be known.
      capabilities: (state) => [
        ...defaultCapabilities(state).filter((name) => name === "IMAP4rev1" || !without.includes(name)),
        ...more,
      ],
      delimiter,
      namespace: `(("${prefix}" "${delimiter}")) NIL NIL`,
      ...options,
    });
    return new ScriptedMailboxes(server, variant);
  }

  async openSource(content: readonly FolderContent[]): Promise<OpenedSource> {
    const account = this.#addAccount(content.map((folder) => this.#folderOptions(folder)));
    return {
      source: new ImapSource(await this.#connect(account, "with-status")),
      uidsOf: (levels) => account.folder(this.#nameOf(levels)).messages.map(({ uid }) => uid),
    };
  }

  async openTarget(): Promise<OpenedTarget> {
    const account = this.#addAccount([{ name: `${this.#prefix}Sent`, specialUse: "\\Sent" }]);
    return {
      target: new ImapTarget(await this.#connect(account, "names")),
      read: async () =>
        account.folders
          .filter(({ selectable }) => selectable)
          .map(({ name, messages }) => ({ levels: splitLevels(name, this.#delimiter), messages })),
    };
  }

  #addAccount(folders: readonly ScriptedFolderOptions[]): ScriptedAccount {
    this.#accounts += 1;
    return this.server.addAccount({ user: `user${this.#accounts}`, password: PASSWORD, folders });
  }

  #connect({ user }: ScriptedAccount, list: ListedAtOnce) {
    const { host, port } = this.server;
    return openImapConnection({ remoteServer: host, port, security: "None" }, { user, password: PASSWORD }, { list });
  }

  #folderOptions({ levels, specialUse, selectable, messages = [] }: FolderContent): ScriptedFolderOptions {
    return {
      name: this.#nameOf(levels),
      messages,
      ...(specialUse && { specialUse }),
      ...(selectable !== undefined && { selectable }),
    };
  }

  #nameOf(levels: readonly string[]): string {
    const name = levels.map(encodeFolderName).join(this.#delimiter);
    return name === "INBOX" ? name : this.#prefix + name;
  }
}
