import type { CsvRow } from "./csv-row.js";
import { MigrationError } from "./errors.js";
import {
  type ImapLogin,
  type ImapSecurity,
  type ImapServerAddress,
  openImapConnection,
} from "./imap/imap-connection.js";
import { ImapSource } from "./imap/imap-source.js";
import { checkServerAddress } from "./imap/server-address.js";
import type { MailSource } from "./mail/mail-source.js";
import { type MigrationEndpointTest, testServer } from "./prepare/server-test.js";

export interface MigrationEndpointOptions {
  /** Unique name; batches and stores know the endpoint by it. */
  readonly name: string;
  /** Host name or address of the IMAP server. */
  readonly remoteServer: string;
  /** Default 993 for `Ssl`, 143 for `Tls` and `None`. */
  readonly port?: number;
  /** `Ssl` (TLS from the first octet, the default), `Tls` (STARTTLS, required), `None` (plain text). */
  readonly security?: ImapSecurity;
  /** Most mailboxes at a time. Default 20 (support.microsoft.com, article 10062). */
  readonly maxConcurrentMigrations?: number;
  /** Most mailboxes in incremental sync at a time; not above `maxConcurrentMigrations`. Default 10, or that if lower. */
  readonly maxConcurrentIncrementalSyncs?: number;
  /** Certificates (PEM) of authorities to trust instead of the system's. */
  readonly ca?: string;
  /** Accepts a certificate that does not verify. Default false; not recommended. */
  readonly acceptUntrustedCertificates?: boolean;
  /**
   * Signs in with this name and each row's Password, and acts for the row's UserName by SASL PLAIN (RFC 4616): Cyrus and
   * Zimbra. Absent: each row's UserName signs in.
   */
  readonly authenticationId?: string;
}

/**
 * One IMAP server to migrate from, with its limits: Microsoft's migration endpoint of type IMAP
 * (New-MigrationEndpoint). Holds no password; each row brings its own.
 */
export class MigrationEndpoint {
  readonly name: string;
  readonly endpointType = "IMAP";
  readonly remoteServer: string;
  readonly port: number;
  readonly security: ImapSecurity;
  readonly acceptUntrustedCertificates: boolean;
  readonly maxConcurrentMigrations: number;
  readonly maxConcurrentIncrementalSyncs: number;
  readonly authenticationId?: string;
  readonly #address: ImapServerAddress;

  /** @throws MigrationError `option-invalid` */
  constructor(options: MigrationEndpointOptions) {
    const { name, maxConcurrentMigrations = 20, authenticationId } = options;
    if (typeof name !== "string" || name.trim() === "") {
      throw new MigrationError("option-invalid", "A migration endpoint needs a name");
    }
    this.#address = checkServerAddress(options);
    this.name = name;
    this.remoteServer = this.#address.remoteServer;
    this.port = this.#address.port;
    this.security = this.#address.security;
    this.acceptUntrustedCertificates = this.#address.acceptUntrustedCertificates ?? false;
    this.maxConcurrentMigrations = atLeastOne("maxConcurrentMigrations", maxConcurrentMigrations);
    this.maxConcurrentIncrementalSyncs = atLeastOne(
      "maxConcurrentIncrementalSyncs",
      options.maxConcurrentIncrementalSyncs ?? Math.min(10, maxConcurrentMigrations),
    );
    if (this.maxConcurrentIncrementalSyncs > this.maxConcurrentMigrations) {
      throw new MigrationError(
        "option-invalid",
        `maxConcurrentIncrementalSyncs (${this.maxConcurrentIncrementalSyncs}) must not be above maxConcurrentMigrations (${this.maxConcurrentMigrations})`,
      );
    }
    if (authenticationId !== undefined) this.authenticationId = authenticationId;
  }

  /**
   * Test-MigrationServerAvailability, and further: DNS, TCP, TLS with its version and certificate, greeting and
   * capabilities, with the milliseconds of each stage. With a row given, its login and its folder list too. A failing
   * stage is an answer, not an exception.
   * @throws MigrationError `aborted`
   */
  async test(row?: CsvRow, options: { signal?: AbortSignal } = {}): Promise<MigrationEndpointTest> {
    const openSource = row && ((signal: AbortSignal) => this.openSource(row, { signal }));
    return await testServer(this.#address, openSource, options.signal);
  }

  /**
   * Opens the mailbox of a row to read from it.
   * @throws MigrationError with the code of whatever kept it from opening; nothing is tried twice
   */
  async openSource(row: CsvRow, options: { signal?: AbortSignal } = {}): Promise<MailSource> {
    const connection = await openImapConnection(this.#address, this.#login(row), options);
    return new ImapSource(connection, row.userRoot);
  }

  #login(row: CsvRow): ImapLogin {
    const { userName, password } = row;
    if (this.authenticationId === undefined) return { user: userName, password };
    return { user: this.authenticationId, password, authorizationId: userName };
  }
}

function atLeastOne(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new MigrationError("option-invalid", `${name} must be a whole number from 1, not ${value}`);
  }
  return value;
}
