import type { CsvFault } from "./csv/csv-faults.js";

/** How far an error reaches: everything inside that scope is affected, nothing outside it. */
export type ErrorScope = "message" | "folder" | "user" | "endpoint" | "batch";

/**
 * Whether the same thing is worth trying again: `now` (at once, on a new connection), `later` (after a pause),
 * `never` (somebody has to change something first).
 */
export type ErrorRetry = "now" | "later" | "never";

interface CodeFacts {
  readonly scope: ErrorScope;
  readonly retry: ErrorRetry;
  readonly remedy: string;
}

const facts = (scope: ErrorScope, retry: ErrorRetry, remedy: string): CodeFacts => ({ scope, retry, remedy });

/** The one table of codes. A code, its scope and its retry never change once released. */
const CODES = {
  "connection-refused": facts("endpoint", "later", "Check the host name, the port and the firewall."),
  "dns-failed": facts("endpoint", "later", "Check the spelling of remoteServer and that its name resolves here."),
  "connect-timeout": facts("endpoint", "later", "Check the firewall and that the IMAP service is running."),
  "connection-lost": facts("user", "now", "Nothing to do: the mailbox is opened again and goes on where it was."),
  "command-timeout": facts("user", "now", "Nothing to do: the mailbox is opened again and goes on where it was."),
  "tls-failed": facts("endpoint", "never", "The server must offer TLS 1.2 or newer; check port and security."),
  "certificate-untrusted": facts(
    "endpoint",
    "never",
    "Give the issuing authority in `ca`, or set acceptUntrustedCertificates for this endpoint if you must.",
  ),
  "certificate-expired": facts("endpoint", "never", "Renew the server's certificate."),
  "certificate-name": facts("endpoint", "never", "Use the host name that the certificate was issued for."),
  "tls-required": facts(
    "endpoint",
    "never",
    'The server does not protect the connection as asked. Use security "Ssl" with its TLS port, or have STARTTLS repaired.',
  ),
  "tls-injection": facts("endpoint", "never", "Something between here and the server tampers with STARTTLS: find it."),
  "not-imap": facts("endpoint", "never", "Check the port: what answers there does not speak IMAP."),
  "protocol-error": facts(
    "user",
    "later",
    "The server broke the IMAP protocol; report it with the text of this error.",
  ),
  "response-too-large": facts("user", "never", "The server sent more than any honest answer holds."),
  "auth-failed": facts(
    "user",
    "never",
    "Check UserName, Password and the credential format; with an administrator's login, its right to this mailbox.",
  ),
  "auth-expired": facts("user", "never", "Set a new password for this account."),
  "auth-unsupported": facts("user", "never", "The server offers no sign-in that fits these credentials."),
  "token-expired": facts("user", "now", "Nothing to do: a new token is fetched."),
  "credentials-refused": facts(
    "batch",
    "never",
    "The sign-in service refused the application's or the person's credentials; the message says which of them and why.",
  ),
  "token-unavailable": facts("endpoint", "later", "The token provider failed; see the cause."),
  throttled: facts("user", "later", "Nothing to do: the server asked for a pause, and it is kept."),
  "server-unavailable": facts("endpoint", "later", "Nothing to do: tried again later."),
  "too-many-connections": facts("endpoint", "later", "Lower maxConcurrentMigrations, or raise the server's limit."),
  "access-denied": facts(
    "folder",
    "never",
    "Give the signed-in account the right to read (source) or write (target) it.",
  ),
  "folder-missing": facts("folder", "never", "The folder was deleted after it was listed."),
  "folder-name": facts("folder", "never", "Rename the folder at the source, or map it to another name."),
  "folder-duplicate": facts(
    "folder",
    "never",
    "Two source folders meet in one target folder: map one to another name.",
  ),
  "user-root-missing": facts("user", "never", "Check the UserRoot cell and that the administrator sees that mailbox."),
  "uidvalidity-changed": facts("folder", "now", "Nothing to do: the folder is compared again by content."),
  "message-unreadable": facts("message", "later", "The source cannot deliver this message; look at it there."),
  "message-truncated": facts("message", "later", "The source broke off inside this message."),
  "message-too-large": facts("message", "never", "Over the size limit: raise maxMessageSize if the target allows it."),
  "message-refused": facts("message", "never", "The target refused this message; its words are in the report."),
  "group-refused": facts("message", "now", "Nothing to do: each message of the group is sent again by itself."),
  "message-empty": facts("message", "never", "The message has no octets; there is nothing to store."),
  "quota-exceeded": facts("user", "never", "The target mailbox is full: raise its quota, then start again."),
  "target-missing": facts("user", "never", "Create and license the target mailbox."),
  "mailbox-not-connected": facts(
    "user",
    "never",
    "Three things lead here: the signed-in account lacks FullAccess to the mailbox, the mailbox has no licence, or IMAP is switched off for it.",
  ),
  "too-many-refusals": facts("user", "never", "The target refused many messages in a row; see the first refusal."),
  "books-unbalanced": facts("user", "later", "Start again: not every listed message has an outcome yet."),
  "csv-invalid": facts("batch", "never", "Correct the lines named in `faults` and submit the file again."),
  "login-format": facts("user", "never", "Use another credential format, or rename the account."),
  "option-invalid": facts("batch", "never", "Correct the option named in the message."),
  "name-taken": facts("batch", "never", "Choose another name, or get what has it: case does not count."),
  "not-found": facts("batch", "never", "Check the spelling; list() tells every name there is."),
  "credentials-missing": facts(
    "user",
    "never",
    "A store holds no password: give this user's row again, or `secrets`, then start again.",
  ),
  "state-invalid": facts("batch", "never", "See the message for what is possible in this state."),
  "store-unavailable": facts("batch", "later", "Check the store's path, rights and driver."),
  "store-in-use": facts("batch", "later", "Another process works with this store: stop it, or use another file."),
  "store-full": facts("batch", "never", "Make room on the disk, then start again."),
  "store-version": facts("batch", "never", "Use the version of imap-to-m365 that wrote this store, or a newer one."),
  "lease-lost": facts("user", "now", "Nothing to do: another worker has taken this mailbox over."),
  aborted: facts("batch", "never", "Start again to go on where it was."),
  unexpected: facts("user", "later", "A defect in imap-to-m365 or in code it called; see the cause and report it."),
} as const satisfies Record<string, CodeFacts>;

/** Every code a {@link MigrationError} can have. The table is closed; `docs/errors.md` explains each. */
export type MigrationErrorCode = keyof typeof CODES;

/** All codes, for a host that wants to check its own table against ours. */
export const migrationErrorCodes: readonly MigrationErrorCode[] = Object.freeze(
  Object.keys(CODES) as MigrationErrorCode[], // Object.keys types its result as string[]
);

/** What more a {@link MigrationError} may say. */
export interface MigrationErrorDetails {
  /** The vendor's error. Secrets have been removed from its text. */
  cause?: unknown;
  /** Milliseconds the other side asked us to wait. */
  retryAfterMs?: number;
  /** The wider or narrower reach of this very case, where it differs from the table. */
  scope?: ErrorScope;
  /** The folder it happened in, as people read it. */
  folder?: string;
  /** The UID of the message at the source. */
  uid?: number;
  /** Every fault of a user list. */
  faults?: readonly CsvFault[];
}

const BRAND = Symbol.for("imap-to-m365.MigrationError");

/**
 * The one error class of the package. Tell errors apart by {@link MigrationError.code}, and recognise the class with
 * {@link MigrationError.is}, which also holds when two copies of the package are loaded.
 *
 * No message, cause or property carries a password, a token or mail content.
 */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly code: MigrationErrorCode;
  /** How far it reaches. */
  readonly scope: ErrorScope;
  /** Whether trying again can help. */
  readonly retry: ErrorRetry;
  /** What a person can do about it. */
  readonly remedy: string;
  /** Milliseconds the other side asked us to wait; absent when it asked for none. */
  declare readonly retryAfterMs?: number;
  /** The folder it happened in; absent when it concerns no folder. */
  declare readonly folder?: string;
  /** The UID of the message at the source; absent when it concerns no message. */
  declare readonly uid?: number;
  /** Every fault of the user list, in the order of its lines; absent for every code but `csv-invalid`. */
  declare readonly faults?: readonly CsvFault[];

  constructor(code: MigrationErrorCode, message: string, details: MigrationErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const known = CODES[code];
    this.code = code;
    this.scope = details.scope ?? known.scope;
    this.retry = known.retry;
    this.remedy = known.remedy;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
    if (details.folder !== undefined) this.folder = details.folder;
    if (details.uid !== undefined) this.uid = details.uid;
    if (details.faults !== undefined) this.faults = details.faults;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** With the message, which JSON leaves out of an Error; without cause and stack. */
  toJSON(): object {
    return { ...this, message: this.message };
  }

  /** True for a MigrationError of any copy of this package. */
  static is(value: unknown): value is MigrationError {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** `error` itself if it is a MigrationError, otherwise an `unexpected` one around it. */
  static from(error: unknown): MigrationError {
    if (MigrationError.is(error)) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new MigrationError("unexpected", text, { cause: error });
  }
}
