import type { SecureContext } from "node:tls";
import type { Flag } from "../../mail/flags.js";
import type { CapabilityState } from "./capabilities.js";
import type { FaultBook } from "./faults.js";
import type { ScriptedAccount, ScriptedFolder } from "./mailbox-state.js";
import type { RefusalTexts, ServerProfile } from "./server-profile.js";
import type { ReceivedCommand, Transcript } from "./transcript.js";

/** One attempt to sign in, as the client made it. */
export interface SignInAttempt {
  readonly mechanism: "LOGIN" | "AUTH=PLAIN" | "AUTH=LOGIN" | "AUTH=XOAUTH2" | "AUTH=OAUTHBEARER";
  /** The authentication identity, byte for byte as UTF-8. */
  readonly user: string;
  /** The password or the bearer token. */
  readonly secret: string;
  /** The authorization identity (authzid); absent where none or an empty one was sent. */
  readonly authorizeAs?: string;
}

/** What an APPEND brings besides the octets. */
export interface IncomingMessage {
  readonly folder: ScriptedFolder;
  readonly flags: ReadonlySet<Flag>;
  /** Absent where the client sent none. */
  readonly internalDate?: Date;
}

/**
 * What the server makes of a message that it acknowledges: the octets it stores, several messages, nothing (undefined), or
 * a refusal with the tagged answer. The client cannot tell the first three apart.
 */
export type StoreRule = (
  octets: Buffer,
  message: IncomingMessage,
) => Buffer | readonly Buffer[] | { refuse: string } | undefined;

/** What the sessions of one server share. */
export interface ServerContext {
  readonly transcript: Transcript;
  readonly commands: ReceivedCommand[];
  readonly faults: FaultBook;
  readonly secureContext: SecureContext | undefined;
  readonly offersStartTls: boolean;
  readonly announcesCapabilities: boolean;
  readonly delimiter: string | null;
  readonly namespace: string;
  readonly appendLimit: number | undefined;
  readonly commandLatencyMs: number;
  readonly store: StoreRule | undefined;
  readonly profile: ServerProfile;
  readonly texts: RefusalTexts;
  capabilities(state: CapabilityState): readonly string[];
  signIn(attempt: SignInAttempt): ScriptedAccount | undefined;
  /** Whether a session that began with this attempt may go on. */
  isStillGood(attempt: SignInAttempt): boolean;
  account(user: string): ScriptedAccount;
  /** Resolves when `until` does or, without it, when the test releases what is held. */
  hold(until: Promise<unknown> | undefined): Promise<void>;
  /** Something happened that a test may be waiting for. */
  changed(): void;
  /** A defect in a test's own function, or in the server. */
  failed(error: unknown): void;
}
