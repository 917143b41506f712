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
  /** Called for each connection with the EmailAddress of the row; what it gives is used once and not kept. */
  readonly credentials: (user: string) => TargetCredentials | Promise<TargetCredentials>;
}

/**
 * A target on any IMAP server.
 * @throws MigrationError `option-invalid`
 */
export function imapServer(options: ImapServerOptions): MigrationTarget {
  const address = checkServerAddress(options);
  const scheme = address.security === "Ssl" ? "imaps" : "imap";
  return {
    name: `${scheme}://${address.remoteServer}:${address.port}`,
    async openMailbox(user, { signal }) {
      const login = await credentialsFor(options, user);
      return new ImapTarget(await openImapConnection(address, login, { signal }));
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
