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
  readonly proxy?: string | undefined;
  readonly compress?: boolean | undefined;
}

/** @throws MigrationError `option-invalid` */
export function checkServerAddress(options: ServerAddressOptions): ImapServerAddress {
  const { remoteServer, security = "Ssl", ca, acceptUntrustedCertificates = false, proxy, compress = false } = options;
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
  if (proxy !== undefined) checkProxy(proxy);
  if (proxy !== undefined && compress) {
    throw new MigrationError("option-invalid", "compress cannot be had together with a proxy");
  }
  return { remoteServer, port, security, ca, acceptUntrustedCertificates, proxy, compress };
}

/** A proxy's password stands in its address, so no error repeats it. */
function checkProxy(proxy: string): void {
  const { protocol, hostname } = URL.canParse(proxy) ? new URL(proxy) : { protocol: "", hostname: "" };
  if (/^(socks[45]?|socks4a|https?):$/.test(protocol) && hostname !== "") return;
  throw new MigrationError(
    "option-invalid",
    "proxy must be an address that begins with socks5://, socks4:// or http://",
  );
}
