import type { AccessToken, AccessTokenProvider, Microsoft365Credentials } from "./credentials/access-token.js";
import { type Cloud, globalCloud } from "./credentials/clouds.js";
import { systemClock } from "./engine/clock.js";
import { RequestGates } from "./engine/throttle/paced-requests.js";
import { MigrationError } from "./errors.js";
import { type GraphTargetOptions, openGraphTarget } from "./graph/graph-target.js";
import {
  EXCHANGE_CONCURRENT_APPENDS,
  EXCHANGE_MESSAGE_OCTETS,
  EXCHANGE_MOST_MESSAGE_OCTETS,
} from "./imap/exchange-profile.js";
import { ExchangeStanding } from "./imap/exchange-standing.js";
import { ExchangeTarget } from "./imap/exchange-target.js";
import { type ImapConnection, openImapConnection } from "./imap/imap-connection.js";
import { checkServerAddress } from "./imap/server-address.js";
import type { MailTarget } from "./mail/mail-target.js";
import type { MigrationTarget } from "./migration-target.js";
import { graphThrottle } from "./throttle-profiles.js";

/** What both routes need. */
export interface ExchangeOnlineCredentials {
  /** Who signs in: `clientCredentials()`, `deviceCode()`, `managedIdentity()` or `tokenCallback()`. */
  readonly credentials: Microsoft365Credentials;
  /** Which Microsoft cloud; default `globalCloud`. A host that differs: `{ ...globalCloud, imapHost: "…" }`. */
  readonly cloud?: Cloud;
}

/** IMAP with OAuth, the default. One connection for each mailbox under way. */
export interface ExchangeOnlineImapOptions extends ExchangeOnlineCredentials {
  readonly route?: "imap";
  /**
   * Octets of the largest message, as it goes over the wire. Default 45,000,000, which is Exchange Online's 35 MB with the
   * encoding on top; at most 157,286,400 (150 MB), where `Set-Mailbox -MaxReceiveSize` was raised on the account that
   * signs in and on the target mailbox. The batch's own `limits.maxMessageSize` holds besides.
   */
  readonly maxMessageSize?: number;
  /** Appends under way at a time in one mailbox, 1 to 512; default 16. */
  readonly maxConcurrentAppends?: number;
  /** Default 993, with TLS from the first octet. */
  readonly port?: number;
  /** Certificates (PEM) of authorities to trust instead of the system's. */
  readonly ca?: string;
  /** The proxy between here and Exchange Online: `socks5://`, `socks4://`, `http://` or `https://`. Default: none. */
  readonly proxy?: string;
}

/** Microsoft Graph, to be chosen by name: it keeps less of a message (docs/fidelity.md). */
export interface ExchangeOnlineGraphOptions extends ExchangeOnlineCredentials {
  readonly route: "graph";
  /** How messages are made; default JSON with MAPI properties. */
  readonly graph?: GraphTargetOptions;
}

export type ExchangeOnlineOptions = ExchangeOnlineImapOptions | ExchangeOnlineGraphOptions;

/**
 * Mailboxes of Exchange Online as the target. Each row's EmailAddress is the mailbox that is opened. The route is chosen
 * here, stands in `name`, and is never changed on the way.
 *
 * Over IMAP the mailbox is opened again when 80 % of the token's life are over, and with a new token when Exchange says
 * that it has expired. What the service is told and keeps of a message: docs/fidelity.md.
 * @throws MigrationError `option-invalid`. `openMailbox`, over IMAP: what the credentials throw; `auth-failed`, of scope
 * `endpoint` while no mailbox could be opened; `server-unavailable` and at the third time `mailbox-not-connected` where
 * the mailbox does not open after the sign-in; `quota-exceeded` where appends were refused on three connections as if
 * it were full; and the codes of the connection.
 */
export function exchangeOnline(options: ExchangeOnlineOptions): MigrationTarget {
  const { credentials, cloud = globalCloud } = options;
  if (typeof credentials?.connect !== "function") {
    throw new MigrationError(
      "option-invalid",
      "credentials must be made by clientCredentials() or one of its siblings",
    );
  }
  if (options.route === "graph") return graphRoute(options, cloud);
  if (options.route === undefined || options.route === "imap") return new ImapRoute(options, cloud);
  throw new MigrationError("option-invalid", 'route must be "imap" or "graph"');
}

function graphRoute({ credentials, graph }: ExchangeOnlineGraphOptions, cloud: Cloud): MigrationTarget {
  const tokens = credentials.connect(cloud);
  const gates = new RequestGates(graphThrottle, systemClock);
  return {
    name: `Exchange Online by Graph: ${cloud.graph}`,
    openMailbox: (user, { signal }) =>
      openGraphTarget({ user, tokens, cloud, gate: gates.of(user), signal, ...(graph && { options: graph }) }),
  };
}

/** The part of a token's life after which nothing more is begun with it. */
const USED_UP = 0.8;

class ImapRoute implements MigrationTarget {
  readonly name: string;
  readonly #address: ReturnType<typeof checkServerAddress>;
  readonly #tokens: AccessTokenProvider;
  readonly #scope: string;
  readonly #kind: Microsoft365Credentials["kind"];
  readonly #limits: { readonly maxMessageSize: number; readonly maxConcurrentAppends: number };
  readonly #standings = new Map<string, ExchangeStanding>();
  /** The token in use, and since when. */
  #current: { readonly token: string; readonly since: number } | undefined;
  /** The last token that the server called expired: it is not sent again. */
  #refused: string | undefined;
  #someMailboxOpened = false;

  constructor(options: ExchangeOnlineImapOptions, cloud: Cloud) {
    const { credentials, port, ca, proxy } = options;
    const { maxMessageSize = EXCHANGE_MESSAGE_OCTETS, maxConcurrentAppends = EXCHANGE_CONCURRENT_APPENDS } = options;
    this.#limits = {
      maxMessageSize: wholeNumber("maxMessageSize", maxMessageSize, EXCHANGE_MOST_MESSAGE_OCTETS),
      maxConcurrentAppends: wholeNumber("maxConcurrentAppends", maxConcurrentAppends, 512),
    };
    this.#address = checkServerAddress({ remoteServer: cloud.imapHost, security: "Ssl", port, ca, proxy });
    this.#kind = credentials.kind;
    this.#scope = credentials.kind === "application" ? cloud.imapScope : cloud.imapUserScope;
    this.#tokens = credentials.connect(cloud);
    this.name = `Exchange Online by IMAP: imaps://${this.#address.remoteServer}:${this.#address.port}`;
  }

  async openMailbox(user: string, { signal }: { signal: AbortSignal }): Promise<MailTarget> {
    const standing = this.#standingOf(user);
    const { token, expiresOn, renewed } = await this.#token(signal);
    let connection: ImapConnection;
    try {
      connection = await openImapConnection(this.#address, { user, accessToken: token }, { signal, list: "names" });
    } catch (cause) {
      throw this.#signInError(MigrationError.from(cause), user, renewed ? undefined : token);
    }
    standing.opened();
    this.#someMailboxOpened = true;
    const noteExpiry = (error: MigrationError | undefined) => {
      if (error?.code === "token-expired") this.#refused = token;
    };
    connection.wire.onLost(() => noteExpiry(connection.wire.lost));
    const refusal: ImapConnection["refusal"] = (answer, about) => {
      const error = connection.refusal(answer, about);
      noteExpiry(error);
      return error;
    };
    return new ExchangeTarget(
      { ...connection, refusal },
      { ...this.#limits, standing, goodUntil: this.#goodUntil(token, expiresOn) },
    );
  }

  async #token(signal: AbortSignal): Promise<AccessToken & { renewed: boolean }> {
    const kept = await this.#tokens.accessToken(this.#scope, { signal });
    if (kept.token !== this.#refused) return { token: kept.token, expiresOn: kept.expiresOn, renewed: false };
    const { token, expiresOn } = await this.#tokens.accessToken(this.#scope, { renew: true, signal });
    return { token, expiresOn, renewed: true };
  }

  /** @param token the one that was refused, unless it is new */
  #signInError(error: MigrationError, mailbox: string, token: string | undefined): MigrationError {
    if (token !== undefined && (error.code === "token-expired" || this.#mayHaveExpired(error, token))) {
      this.#refused = token;
      const { message, cause } = error;
      return error.code === "token-expired" ? error : new MigrationError("token-expired", message, { cause });
    }
    // A new token that is refused has not expired: the account may not sign in.
    const judged =
      error.code === "token-expired" ? new MigrationError("auth-failed", error.message, { cause: error }) : error;
    return this.#standingOf(mailbox).judgeSignIn(judged, {
      mailbox,
      kind: this.#kind,
      otherMailboxesOpen: this.#someMailboxOpened,
    });
  }

  /** Exchange says of an expired token what it says of a wrong right: one that has opened a mailbox is renewed once. */
  #mayHaveExpired({ code }: MigrationError, token: string): boolean {
    return code === "auth-failed" && this.#current?.token === token;
  }

  /** At 80 % of the token's life; for one that is older already, when 80 % of the rest have passed. */
  #goodUntil(token: string, expiresOn: Date): Date {
    const now = Date.now();
    if (this.#current?.token !== token) this.#current = { token, since: now };
    const until = (from: number) => from + USED_UP * (expiresOn.getTime() - from);
    const usedUp = until(this.#current.since);
    return new Date(usedUp > now ? usedUp : until(now));
  }

  #standingOf(user: string): ExchangeStanding {
    const key = user.toLowerCase();
    const standing = this.#standings.get(key) ?? new ExchangeStanding();
    this.#standings.set(key, standing);
    return standing;
  }
}

function wholeNumber(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new MigrationError("option-invalid", `${name} must be a whole number from 1 to ${most}`);
}
