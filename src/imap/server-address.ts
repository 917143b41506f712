import { MigrationError } from "../errors.js";
import type { ImapSecurity, ImapServerAddress } from "./imap-connection.js";

const SECURITIES: readonly ImapSecurity[] = ["None", "Ssl", "Tls"];

/** What a caller says of a server; absent members get their defaults. */
export interface ServerAddressOptions {
  readonly remoteServer: string;
  readonly port?: number | undefined;
  readonly security?: ImapSecurity | undefined;
  readonly ca?: string | undefined;
  readonly acceptUntrustedCertificates?: boolean | undefined;
}

/** @throws MigrationError `option-invalid` */
export function checkServerAddress(options: ServerAddressOptions): ImapServerAddress {
  const { remoteServer, security = "Ssl", ca, acceptUntrustedCertificates = false } = options;
  const port = options.port ?? (security === "Ssl" ? 993 : 143);
  if (typeof remoteServer !== "string" || !/^[^\s/@]+$/.test(remoteServer)) {
    throw new MigrationError(
      "option-invalid",
      "remoteServer must be a host name or an address, without scheme, blanks or path",
    );
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new MigrationError("option-invalid", `port must be a whole number from 1 to 65535, not ${port}`);
  }
  if (!SECURITIES.includes(security)) {
    throw new MigrationError(
      "option-invalid",
      `security must be "None", "Ssl" or "Tls", not ${JSON.stringify(security)}`,
    );
  }
  return { remoteServer, port, security, ca, acceptUntrustedCertificates };
}
