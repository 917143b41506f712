import type { Flag } from "../../mail/flags.js";
import type { CapabilityState } from "./capabilities.js";
import type { SignInAttempt, StoreRule } from "./server-context.js";

/** The tagged answers that a kind of server words in its own way. */
export interface RefusalTexts {
  readonly signInFailed: string;
  readonly folderExists: string;
  readonly folderMissing: string;
  readonly folderReserved: string;
  readonly messageTooLarge: string;
  readonly mailboxFull: string;
  readonly tokenExpired: string;
  readonly notConnected: string;
  readonly tooManyConnections: string;
}

/** How a kind of server differs from what the RFCs want. What is absent is as a scripted server has it without a profile. */
export interface ServerProfile {
  readonly capabilities?: (state: CapabilityState) => readonly string[];
  /** Largest message in octets. */
  readonly appendLimit?: number;
  /** PERMANENTFLAGS of folders that name none. */
  readonly permanentFlags?: readonly Flag[];
  /** LIST tells special uses though SPECIAL-USE is not announced. */
  readonly listsSpecialUse?: boolean;
  /** Names of folders compare without case. */
  readonly ignoresCase?: boolean;
  /** Top-level names that cannot be created, in small letters. */
  readonly reservedNames?: ReadonlySet<string>;
  /** Whether this sign-in with a token is good now. Default: the account's own token. */
  readonly acceptsToken?: (attempt: SignInAttempt) => boolean;
  /** Whether the token is good is asked again before every command of its session. */
  readonly asksForTokenAgain?: boolean;
  /** A refused token is answered with NO at once, without the challenge that explains it. */
  readonly refusesTokensAtOnce?: boolean;
  /** The tagged answer to a message that is not taken; undefined for one that is. */
  readonly objectionToMessage?: (octets: Buffer, flags: ReadonlySet<Flag>) => string | undefined;
  /** Flags that APPEND brings and that are not kept, in small letters. */
  readonly flagsLostOnAppend?: ReadonlySet<Flag>;
  readonly store?: StoreRule;
  /** After so many refused commands on a connection comes `* BYE Connection closed`. */
  readonly refusalsUntilBye?: number;
  /** Sessions that one account may have at a time. */
  readonly mostConnections?: number;
  readonly texts?: Partial<RefusalTexts>;
}

export const defaultTexts: RefusalTexts = {
  signInFailed: "NO [AUTHENTICATIONFAILED] Authentication failed",
  folderExists: "NO [ALREADYEXISTS] Mailbox already exists",
  folderMissing: "NO [NONEXISTENT] Mailbox does not exist",
  folderReserved: "NO [CANNOT] Mailbox name is reserved",
  messageTooLarge: "NO [TOOBIG] Message exceeds APPENDLIMIT", // RFC 7889
  mailboxFull: "NO [OVERQUOTA] Mailbox is full", // RFC 9208
  tokenExpired: "NO [AUTHENTICATIONFAILED] Token expired",
  notConnected: "NO [UNAVAILABLE] Mailbox is not connected",
  tooManyConnections: "NO [LIMIT] Too many connections", // RFC 5530
};
