import { rebuiltByExchange } from "../exchange-rewriting.js";
import type { SignInAttempt } from "./server-context.js";
import type { ServerProfile } from "./server-profile.js";

/** What can be set of an Exchange Online profile. */
export interface ExchangeOnlineProfileOptions {
  /**
   * Whether this sign-in with a token is good now. It is asked at sign-in and before every later command, so that a token
   * can run out in mid-session. Default: the account's own token, which a test may change at any time.
   */
  readonly acceptsToken?: (attempt: SignInAttempt) => boolean;
  /** Largest message in octets. Default 45,000,000, what a tenant's 35 MB come to on the wire. */
  readonly appendLimit?: number;
  /** Names that cannot be created. Default `Files`, the one that is reported. */
  readonly reservedNames?: readonly string[];
  /** Default 10. */
  readonly refusalsUntilBye?: number;
}

/** What is announced before sign-in and after it (MailKit issue 2016). */
const BEFORE_LOGIN =
  "IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+";
const AFTER_LOGIN =
  "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES " +
  "CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+";

const PERMANENT_FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$MDNSent"];
const TAKEN_FLAGS = new Set(PERMANENT_FLAGS.map((flag) => flag.toLowerCase()));

/** Longer lines are refused (imapsync, FAQ.Exchange.txt); pages differ between 9,900 and 10,500. */
const LONGEST_LINE = 10_239;
const ARGUMENT_ERROR = "BAD Command Argument Error. 11";

/**
 * A scripted server that behaves as Exchange Online is documented and reported to: XOAUTH2 alone, special uses that LIST
 * tells unannounced, no keywords, names without case, its own words for refusals, and messages that come back rebuilt.
 * Give its accounts folders with special uses in the language that you want. MOVE is announced and not done.
 *
 * ```ts
 * const server = await ScriptedImapServer.start({
 *   profile: exchangeOnlineProfile(),
 *   accounts: [{ user: "terry@contoso.com", accessToken: "token", folders: exchangeFolders }],
 * });
 * ```
 */
export function exchangeOnlineProfile(options: ExchangeOnlineProfileOptions = {}): ServerProfile {
  return {
    capabilities: ({ authenticated }) => (authenticated ? AFTER_LOGIN : BEFORE_LOGIN).split(" "),
    appendLimit: options.appendLimit ?? 45_000_000,
    permanentFlags: PERMANENT_FLAGS,
    listsSpecialUse: true,
    ignoresCase: true,
    reservedNames: new Set((options.reservedNames ?? ["Files"]).map((name) => name.toLowerCase())),
    ...(options.acceptsToken && { acceptsToken: options.acceptsToken }),
    asksForTokenAgain: true,
    refusesTokensAtOnce: true,
    objectionToMessage,
    flagsLostOnAppend: new Set(["\\flagged"]), // kept for IMAP alone, and gone in Outlook: as good as lost
    store: rebuiltByExchange,
    refusalsUntilBye: options.refusalsUntilBye ?? 10,
    texts: {
      signInFailed: "NO AUTHENTICATE failed.",
      folderExists: "NO Mailbox already exists.",
      folderMissing: "NO Mailbox does not exist.", // what Exchange says is not reported; it has no response code
      folderReserved: "NO Folder name is reserved",
      messageTooLarge: "NO Maximum size of appendable message has been exceeded",
      mailboxFull: "NO Server Unavailable. 15",
      tokenExpired: "NO Session invalidated - AccessTokenExpired",
      notConnected: "BAD User is authenticated but not connected.",
    },
  };
}

function objectionToMessage(octets: Buffer, flags: ReadonlySet<string>): string | undefined {
  for (const flag of flags) if (!TAKEN_FLAGS.has(flag.toLowerCase())) return ARGUMENT_ERROR;
  return longestLine(octets) > LONGEST_LINE ? ARGUMENT_ERROR : undefined;
}

function longestLine(octets: Buffer): number {
  let longest = 0;
  for (let from = 0; from < octets.length; ) {
    const end = octets.indexOf("\r\n", from);
    longest = Math.max(longest, (end < 0 ? octets.length : end) - from);
    from = end < 0 ? octets.length : end + 2;
  }
  return longest;
}

/** The folders of a new mailbox in English. */
export const exchangeFolders = [
  { name: "Archive" },
  { name: "Deleted Items", specialUse: "\\Trash" },
  { name: "Drafts", specialUse: "\\Drafts" },
  { name: "Junk Email", specialUse: "\\Junk" },
  { name: "Sent Items", specialUse: "\\Sent" },
] as const;
