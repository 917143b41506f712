import { SignInGuard } from "./engine/throttle/sign-in-guard.js";
import { MigrationError } from "./errors.js";
import { type ImapSecurity, openImapConnection } from "./imap/imap-connection.js";
import { ImapTarget } from "./imap/imap-target.js";
import { checkServerAddress } from "./imap/server-address.js";
import type { MigrationTarget } from "./migration-target.js";

/** Who signs in for one user at the target. */
export interface TargetCredentials {
  /** The login name. */
  readonly user: string;
  readonly password?: string;
  /** OAuth access token, for OAUTHBEARER or XOAUTH2; instead of a password. */
  readonly accessToken?: string;
  /** The mailbox to act for, by SASL PLAIN (RFC 4616); absent: the user's own. */
  readonly authorizationId?: string;
}

export interface ImapServerOptions {
  /** Host name or address. */
  readonly remoteServer: string;
  /** Default 993 for `Ssl`, 143 for `Tls` and `None`. */
  readonly port?: number;
  /** Default `Ssl`. */
  readonly security?: ImapSecurity;
  /** Certificates (PEM) of authorities to trust instead of the system's. */
  readonly ca?: string;
  /** Accepts a certificate that does not verify. Default false. */
  readonly acceptUntrustedCertificates?: boolean;
  /** A proxy between here and the server: `socks5://`, `socks4://` or `http://`, with name and password if it wants them. */
  readonly proxy?: string;
  /** Compresses what goes over the line where the server can (RFC 4978). Default false: it pays on slow lines only. */
  readonly compress?: boolean;
  /**
   * Connections to one mailbox, 1 to 8. More than one are opened only where the server has no LITERAL+ (RFC 7888) and so
   * has to ask for every message, which takes a round trip. Default 1.
   */
  readonly connections?: number;
  /**
   * Called with the EmailAddress of the row each time that its mailbox is opened; what it gives signs in on each of the
   * `connections`, and is not kept.
   */
  readonly credentials: (user: string) => TargetCredentials | Promise<TargetCredentials>;
}

const MAX_CONNECTIONS = 8;

/**
 * A target on any IMAP server.
 * @throws MigrationError `option-invalid`
 */
export function imapServer(options: ImapServerOptions): MigrationTarget {
  const address = checkServerAddress(options);
  const { connections = 1 } = options;
  if (!Number.isInteger(connections) || connections < 1 || connections > MAX_CONNECTIONS) {
    throw new MigrationError("option-invalid", `connections must be a whole number from 1 to ${MAX_CONNECTIONS}`);
  }
  const guard = new SignInGuard();
  const scheme = address.security === "Ssl" ? "imaps" : "imap";
  return {
    name: `${scheme}://${address.remoteServer}:${address.port}`,
    async openMailbox(user, { signal }) {
      const login = await credentialsFor(options, user);
      const open = (list?: "names") => () => openImapConnection(address, login, { signal, list });
      const first = await guard.open(login, open("names"), signal);
      if (first.capabilities.has("LITERAL+")) return new ImapTarget(first);
      const more = Array.from({ length: connections - 1 }, () => guard.open(login, open(), signal));
      const opened = await Promise.allSettled(more);
      const parallel = opened.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      // One refused is no reason to do without the others: servers count connections.
      return new ImapTarget(first, {}, parallel);
    },
  };
}

async function credentialsFor(options: ImapServerOptions, user: string): Promise<TargetCredentials> {
  try {
    return await options.credentials(user);
  } catch (cause) {
    if (MigrationError.is(cause)) throw cause;
    const text = `The credentials callback failed for ${user}`;
    throw new MigrationError("token-unavailable", text, { cause, scope: "user" });
  }
}
