import { MigrationError } from "../../errors.js";
import type { NewScriptedMessage, ScriptedAccount, ScriptedFolder, ScriptedFolderOptions } from "./mailbox-state.js";
import type { ServerProfile } from "./server-profile.js";

/** What can be set of a Gmail profile. */
export interface GmailProfileOptions {
  /** Connections to one account at a time. Default 15 ("Sync Gmail with other email clients", support.google.com). */
  readonly mostConnections?: number;
}

/** What Gmail announces, less what a scripted server cannot do (QUOTA, MOVE, COMPRESS, ESEARCH, UTF8=ACCEPT). */
const BEFORE_LOGIN =
  "IMAP4rev1 UNSELECT IDLE NAMESPACE ID CHILDREN X-GM-EXT-1 SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=OAUTHBEARER";
const AFTER_LOGIN =
  "IMAP4rev1 UNSELECT IDLE NAMESPACE ID CHILDREN X-GM-EXT-1 UIDPLUS ENABLE CONDSTORE LIST-EXTENDED LIST-STATUS " +
  "SPECIAL-USE APPENDLIMIT=35651584";

/** What Gmail answers to FETCH once an account has moved too much (quoted in ljmerza/ha-email-sensor issue 16). */
export const gmailBandwidthRefusal = "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)";

/**
 * A scripted server that behaves as Gmail is documented: X-GM-MSGID, special uses, and 15 connections to an account. Put
 * messages into it with {@link GmailMailbox}.
 *
 * ```ts
 * const server = await ScriptedImapServer.start({
 *   profile: gmailProfile(),
 *   accounts: [{ user: "terry@gmail.example", password: "app-password", folders: [...gmailFolders, "Family"] }],
 * });
 * ```
 */
export function gmailProfile({ mostConnections = 15 }: GmailProfileOptions = {}): ServerProfile {
  return {
    capabilities: ({ authenticated }) => (authenticated ? AFTER_LOGIN : BEFORE_LOGIN).split(" "),
    appendLimit: 35_651_584,
    mostConnections,
    texts: {
      signInFailed: "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
      folderMissing: "NO [NONEXISTENT] Unknown Mailbox: (Failure)",
      folderExists: "NO [ALREADYEXISTS] Duplicate folder name (Failure)",
      tooManyConnections: "NO [ALERT] Too many simultaneous connections. (Failure)",
    },
  };
}

/** The folders of a new account in English (developers.google.com/workspace/gmail/imap/imap-extensions). */
export const gmailFolders: readonly ScriptedFolderOptions[] = [
  { name: "[Gmail]", selectable: false },
  { name: "[Gmail]/All Mail", specialUse: "\\All" },
  { name: "[Gmail]/Drafts", specialUse: "\\Drafts" },
  { name: "[Gmail]/Important", specialUse: "\\Important" },
  { name: "[Gmail]/Sent Mail", specialUse: "\\Sent" },
  { name: "[Gmail]/Spam", specialUse: "\\Junk" },
  { name: "[Gmail]/Starred", specialUse: "\\Flagged" },
  { name: "[Gmail]/Trash", specialUse: "\\Trash" },
];

/**
 * The messages of a Gmail account: each exists once, and the folders of its labels show it. All Mail shows every one but
 * those in Spam and Trash, Starred those with `\Flagged`.
 */
export class GmailMailbox {
  readonly #account: ScriptedAccount;
  readonly #messages = new Map<string, NewScriptedMessage>();
  #nextId = 1_278_455_344_230_334_865n;

  /** `account` has the {@link gmailFolders} and a folder for each further label. */
  constructor(account: ScriptedAccount) {
    this.#account = account;
  }

  /**
   * Puts a message into the folders of these labels, by their raw names; without any it is archived.
   * @returns its X-GM-MSGID
   */
  add(message: Omit<NewScriptedMessage, "uid" | "emailId">, labels: readonly string[] = []): string {
    const emailId = String(this.#nextId++);
    this.#messages.set(emailId, { ...message, emailId });
    for (const label of labels) this.label(emailId, label);
    if ([...(message.flags ?? [])].includes("\\Flagged")) this.#show(emailId, this.#folderFor("\\Flagged"));
    const isApart = labels.some((label) =>
      ["\\Junk", "\\Trash"].includes(this.#account.folder(label).specialUse ?? ""),
    );
    if (!isApart) this.#show(emailId, this.#folderFor("\\All"));
    return emailId;
  }

  /** Shows a message in one more folder, where it gets a new UID. */
  label(emailId: string, folder: string): void {
    this.#show(emailId, this.#account.folder(folder));
  }

  /** Shows it there no more; all other folders keep it. */
  unlabel(emailId: string, folder: string): void {
    this.#account.folder(folder).expunge((message) => message.emailId === emailId);
  }

  #show(emailId: string, folder: ScriptedFolder | undefined): void {
    const message = this.#messages.get(emailId);
    if (!message) throw new MigrationError("option-invalid", `There is no message ${emailId}.`);
    if (folder?.messages.some((shown) => shown.emailId === emailId)) return;
    folder?.addMessage(message);
  }

  /** Undefined where the account hides it from IMAP. */
  #folderFor(use: ScriptedFolder["specialUse"]): ScriptedFolder | undefined {
    return this.#account.folders.find(({ specialUse }) => specialUse === use);
  }
}
