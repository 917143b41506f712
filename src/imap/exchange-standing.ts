import { MigrationError } from "../errors.js";
import type { RefusedCommand } from "./imap-connection.js";
import type { TaggedAnswer } from "./wire/wire-connection.js";

/** Refusals in a row from which on it is no fault of the messages. */
const REFUSALS_IN_A_ROW = 5;
/** Octets of a line that Exchange Online is reported to take, with its line end; pages differ between 9,900 and 10,500. */
const LONGEST_LINE = 9_900;
/** Connections in a row that end alike before it counts as settled. */
const CONNECTIONS_IN_A_ROW = 3;

const ARGUMENT_ERROR = /command argument error\.?\s*11\b/i;
const SERVER_UNAVAILABLE = /server unavailable\.?\s*15\b/i;
const INVALID_STATE = /command received in invalid state/i;
const NOT_CONNECTED = /authenticated but not connected/i;

/** What is known of the sign-in beyond one mailbox. */
export interface SignInContext {
  readonly mailbox: string;
  readonly kind: "application" | "delegated";
  /** Whether some mailbox could be opened with these credentials. */
  readonly otherMailboxesOpen: boolean;
}

/** What a refused message comes to. */
export interface RefusalVerdict {
  readonly error: MigrationError;
  /** True: it may as well be the mailbox; the answers to the next messages tell. */
  readonly isSuspect: boolean;
}

/**
 * What Exchange Online has said about one mailbox so far, over all connections: some of its answers mean something only
 * when they come again. It judges, and waits for nothing.
 */
export class ExchangeStanding {
  #refusals = 0;
  #fullConnections = 0;
  #lostConnections = 0;
  #invalidConnections = 0;
  /** What was counted for this connection already. */
  readonly #counted = new Set<"full" | "invalid">();

  /** The mailbox was opened. */
  opened(): void {
    this.#lostConnections = 0;
    this.#counted.clear();
  }

  /** A message was stored. */
  accepted(): void {
    this.#refusals = 0;
    this.#fullConnections = 0;
    this.#invalidConnections = 0;
  }

  /** @param error what the answer means when it comes once */
  judgeAnswer({ text }: TaggedAnswer, { verb, folder }: RefusedCommand, error: MigrationError): MigrationError {
    const where = folder === undefined ? {} : { folder };
    if (INVALID_STATE.test(text)) {
      if (this.#count("invalid")) this.#invalidConnections += 1;
      if (this.#invalidConnections < 2) return error;
      return new MigrationError("tls-failed", `${error.message} (on two connections in a row)`, where);
    }
    return verb === "APPEND" && SERVER_UNAVAILABLE.test(text) ? this.#full(error, where) : error;
  }

  /**
   * What the refusal of a message means, that is said of messages and of full mailboxes alike; any other error as it is.
   * @param longestLine octets of the longest line of the message
   */
  judgeRefusal(error: MigrationError, longestLine: number): RefusalVerdict {
    if (error.code !== "message-refused" || !ARGUMENT_ERROR.test(error.message)) return { error, isSuspect: false };
    const { folder } = error;
    const where = folder === undefined ? {} : { folder };
    if (longestLine > LONGEST_LINE) {
      const text = `${error.message}; it has a line of ${longestLine} octets, and Exchange Online takes ${LONGEST_LINE}`;
      return { error: new MigrationError("message-refused", text, where), isSuspect: false };
    }
    this.#refusals += 1;
    if (this.#refusals < REFUSALS_IN_A_ROW) return { error, isSuspect: true };
    return { error: this.#full(error, where), isSuspect: false };
  }

  /** @param error why the mailbox could not be opened */
  judgeSignIn(error: MigrationError, context: SignInContext): MigrationError {
    const { mailbox, kind, otherMailboxesOpen } = context;
    if (error.code === "auth-failed") {
      const scope = otherMailboxesOpen ? "user" : "endpoint";
      return new MigrationError("auth-failed", `${error.message}. ${whySignInFails(context)}`, { scope, cause: error });
    }
    if (error.code !== "server-unavailable" || !NOT_CONNECTED.test(error.message)) return error;
    this.#lostConnections += 1;
    if (this.#lostConnections < CONNECTIONS_IN_A_ROW) return error;
    const others = otherMailboxesOpen
      ? "Other mailboxes were opened with the same credentials, so the sign-in itself is in order"
      : "No mailbox was opened with these credentials yet";
    const right = kind === "application" ? "FullAccess of the application to it" : "FullAccess, unless it is one's own";
    return new MigrationError(
      "mailbox-not-connected",
      `Exchange Online signs in and does not open ${mailbox}: check ${right}, its licence, and that IMAP is on. ${others}`,
      { cause: error },
    );
  }

  #full(error: MigrationError, where: { folder?: string }): MigrationError {
    if (this.#count("full")) this.#fullConnections += 1;
    const text = `${error.message}; Exchange Online answers so when the mailbox is full, or overloaded`;
    const code = this.#fullConnections >= CONNECTIONS_IN_A_ROW ? "quota-exceeded" : "server-unavailable";
    return new MigrationError(code, text, { ...where, scope: "user" });
  }

  /** True for the first of a connection. */
  #count(what: "full" | "invalid"): boolean {
    if (this.#counted.has(what)) return false;
    this.#counted.add(what);
    return true;
  }
}

function whySignInFails({ mailbox, kind, otherMailboxesOpen }: SignInContext): string {
  if (kind === "delegated") return `Check that the person who signed in may open ${mailbox} and consented to IMAP`;
  return otherMailboxesOpen
    ? `Other mailboxes were opened with the same credentials: check the address ${mailbox}`
    : "Check IMAP.AccessAsApp with the administrator's consent, and that the service principal in Exchange Online has the " +
        "ObjectId of the enterprise application, not of the app registration";
}
