import { checkName } from "./batch/batch-options.js";
import { endpointRecord } from "./batch/batch-registration.js";
import type { CsvRow } from "./csv-row.js";
import { SignInGuard } from "./engine/throttle/sign-in-guard.js";
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
import type { ProviderProfile } from "./providers/provider-profile.js";
import type { EndpointRecord, JsonObject } from "./store/batch-records.js";
import type { MigrationStore } from "./store/migration-store.js";

export interface MigrationEndpointOptions {
  /** At most 64 characters, unique in a store without regard to case: batches and stores know the endpoint by it. */
  readonly name: string;
  /**
   * What the server is like: `gmail`, `yahoo` … Defaults of the other options, the order in which folders are read and which
   * are left out, and how much may be read a day: `docs/providers.md`. Default: nothing special.
   */
  readonly provider?: ProviderProfile;
  /** Host name or address of the IMAP server. Default: the provider's, where it has one. */
  readonly remoteServer?: string;
  /** Default: the provider's; otherwise 993 for `Ssl`, 143 for `Tls` and `None`. */
  readonly port?: number;
  /** `Ssl` (TLS from the first octet, the default), `Tls` (STARTTLS, required), `None` (plain text). */
  readonly security?: ImapSecurity;
  /**
   * Most mailboxes in their first pass at a time, over all batches of the store. Default 20 (support.microsoft.com,
   * article 10062), or as many connections as the provider takes from one address where those are fewer.
   */
  readonly maxConcurrentMigrations?: number;
  /** Most mailboxes in incremental sync at a time; not above `maxConcurrentMigrations`. Default 10, or that if lower. */
  readonly maxConcurrentIncrementalSyncs?: number;
  /**
   * Most mailboxes at a time, of both kinds together: each is one connection. For an administrator's login, which opens
   * every mailbox as one user, what the server allows one user (Dovecot: mail_max_userip_connections). Default: the connections that the provider takes
   * from one address; otherwise no limit.
   */
  readonly maxConnections?: number;
  /** Certificates (PEM) of authorities to trust instead of the system's. */
  readonly ca?: string;
  /** Accepts a certificate that does not verify. Default false; not recommended. */
  readonly acceptUntrustedCertificates?: boolean;
  /** A proxy between here and the server: `socks5://`, `socks4://` or `http://`, with name and password if it wants them. */
  readonly proxy?: string;
  /** Compresses what goes over the line where the server can (RFC 4978). Default false: it pays on slow lines only. */
  readonly compress?: boolean;
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
  /** Absent: no limit over both kinds together. */
  readonly maxConnections?: number;
  readonly authenticationId?: string;
  /** Absent: nothing special is known of the server. */
  readonly provider?: ProviderProfile;
  readonly #address: ImapServerAddress;
  readonly #guard = new SignInGuard();

  /** @throws MigrationError `option-invalid` */
  constructor(options: MigrationEndpointOptions) {
    const { name, provider, authenticationId } = options;
    const { mostConnectionsFromOneAddress: most } = provider ?? {};
    const { maxConcurrentMigrations = Math.min(20, most ?? 20), maxConnections = most } = options;
    checkName("migration endpoint", name);
    this.#address = checkServerAddress({ ...serverOf(options), ...options });
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
    if (maxConnections !== undefined) this.maxConnections = atLeastOne("maxConnections", maxConnections);
    if (provider !== undefined) this.provider = provider;
    if (authenticationId !== undefined) this.authenticationId = authenticationId;
  }

  /**
   * Puts an endpoint into a store (New-MigrationEndpoint). A batch that is started does so by itself.
   * @throws MigrationError `name-taken`, `option-invalid`, `store-*`
   */
  static async create(store: MigrationStore, options: MigrationEndpointOptions): Promise<MigrationEndpoint> {
    const endpoint = new MigrationEndpoint(options);
    if (await store.createEndpoint(endpointRecord(endpoint))) return endpoint;
    throw new MigrationError("name-taken", `There is an endpoint ${endpoint.name} already`);
  }

  /**
   * The endpoint of this name, whatever its case (Get-MigrationEndpoint).
   * @throws MigrationError `not-found`; `option-invalid` for one that only the host can make; `store-*`
   */
  static async get(store: MigrationStore, name: string): Promise<MigrationEndpoint> {
    const record = await store.getEndpoint(checkName("migration endpoint", name));
    if (!record) throw notFound(name);
    return MigrationEndpoint.of(record);
  }

  /**
   * Every endpoint of the store that is one of these, in the order of their making.
   * @throws MigrationError `store-*`
   */
  static async list(store: MigrationStore): Promise<MigrationEndpoint[]> {
    const endpoints: MigrationEndpoint[] = [];
    for await (const record of store.listEndpoints())
      if (isOfOurs(record)) endpoints.push(MigrationEndpoint.of(record));
    return endpoints;
  }

  /**
   * Changes an endpoint in its store (Set-MigrationEndpoint). Batches that run keep to new caps within a second, and use a
   * new server from their next start on.
   * @returns the endpoint as it is then
   * @throws MigrationError `not-found`, `option-invalid`, `store-*`
   */
  static async set(
    store: MigrationStore,
    name: string,
    change: Partial<Omit<MigrationEndpointOptions, "name">>,
  ): Promise<MigrationEndpoint> {
    const before = await MigrationEndpoint.get(store, name);
    const changed = new MigrationEndpoint({ ...optionsOf(endpointRecord(before)), ...change, name: before.name });
    const { maxConnections = null, ...record } = endpointRecord(changed);
    if (await store.updateEndpoint(name, { ...record, maxConnections })) return changed;
    throw notFound(name);
  }

  /**
   * Takes an endpoint out of its store (Remove-MigrationEndpoint).
   * @throws MigrationError `not-found`; `state-invalid` while a batch uses it; `store-*`
   */
  static async remove(store: MigrationStore, name: string): Promise<void> {
    const removal = await store.removeEndpoint(checkName("migration endpoint", name));
    if (removal === "not-found") throw notFound(name);
    if (removal === "in-use") {
      throw new MigrationError("state-invalid", `Endpoint ${name} is used by a batch: remove the batch first`);
    }
  }

  /**
   * @internal
   * @throws MigrationError `option-invalid` for one that only the host can make
   */
  static of(record: EndpointRecord): MigrationEndpoint {
    if (isOfOurs(record)) return new MigrationEndpoint(optionsOf(record));
    throw new MigrationError("option-invalid", `Endpoint ${record.name} is the host's own: give it as sourceEndpoint`);
  }

  /** @internal */
  static ifOurs(record: EndpointRecord): MigrationEndpoint | undefined {
    return isOfOurs(record) ? MigrationEndpoint.of(record) : undefined;
  }

  /**
   * What a store keeps to make the endpoint again: no password is in it. Where its proxy wants one, the endpoint that comes
   * out of a store connects to nothing before `set` gives it the proxy anew.
   */
  get settings(): JsonObject {
    const { remoteServer, port, security, acceptUntrustedCertificates, authenticationId, provider } = this;
    const { ca, proxy, compress } = this.#address;
    return {
      ...{ remoteServer, port, security, acceptUntrustedCertificates },
      ...(ca !== undefined && { ca }),
      ...(proxy !== undefined && { proxy: withoutPassword(proxy) }),
      ...(compress && { compress }),
      ...(authenticationId !== undefined && { authenticationId }),
      ...(provider && { provider: JSON.parse(JSON.stringify(provider)) }), // plain data
    };
  }

  /**
   * Test-MigrationServerAvailability, and further: DNS, TCP, TLS with its version and certificate, greeting and
   * capabilities, with the milliseconds of each stage. With a row given, its login and its folder list too. A failing
   * stage is an answer, not an exception. Behind a proxy a row is needed, and only login and folder list are tested.
   * @throws MigrationError `aborted`; `option-invalid` behind a proxy without a row, or without the proxy's password
   */
  async test(row?: CsvRow, options: { signal?: AbortSignal } = {}): Promise<MigrationEndpointTest> {
    this.#checkProxyPassword();
    const openSource = row && ((signal: AbortSignal) => this.openSource(row, { signal }));
    return await testServer(this.#address, openSource, options.signal);
  }

  /**
   * Opens the mailbox of a row to read from it.
   * @throws MigrationError with the code of whatever kept it from opening; nothing is tried twice
   */
  async openSource(row: CsvRow, options: { signal?: AbortSignal } = {}): Promise<MailSource> {
    this.#checkProxyPassword();
    const login = this.#login(row);
    // Another user's folders can be asked for only when the namespaces are known.
    const list = row.userRoot === undefined ? ("with-status" as const) : undefined;
    const open = () => openImapConnection(this.#address, login, { ...options, list });
    const connection = await this.#guard.open(login, open, options.signal);
    return new ImapSource(connection, row.userRoot);
  }

  #checkProxyPassword(): void {
    const { proxy } = this.#address;
    if (proxy === undefined || new URL(proxy).password !== WITHHELD) return;
    throw new MigrationError(
      "option-invalid",
      `The proxy of endpoint ${this.name} wants a password, which no store keeps: give the proxy anew with set(), or the endpoint as sourceEndpoint`,
    );
  }

  #login(row: CsvRow): ImapLogin {
    const { userName, password } = row;
    if (this.authenticationId === undefined) return { user: userName, password };
    return { user: this.authenticationId, password, authorizationId: userName };
  }
}

/** Stands for a proxy's password in a store. */
const WITHHELD = encodeURIComponent("•••");

function withoutPassword(proxy: string): string {
  const url = new URL(proxy);
  if (url.password === "") return proxy;
  url.password = WITHHELD;
  return url.href;
}

function isOfOurs({ settings }: EndpointRecord): boolean {
  return typeof settings["remoteServer"] === "string";
}

function optionsOf({ name, settings, ...caps }: EndpointRecord): MigrationEndpointOptions {
  const { maxConcurrentMigrations, maxConcurrentIncrementalSyncs, maxConnections } = caps;
  return {
    // As the getter `settings` wrote it; the constructor checks every member.
    ...(settings as Omit<MigrationEndpointOptions, "name">),
    ...{ name, maxConcurrentMigrations, maxConcurrentIncrementalSyncs },
    ...(maxConnections !== undefined && { maxConnections }),
  };
}

/** What the provider says of the server. Its port belongs to its security. */
function serverOf({ provider, security }: MigrationEndpointOptions) {
  const { remoteServer = "", port, security: own } = provider ?? {};
  return { remoteServer, ...(own && { security: own }), ...(port !== undefined && security === undefined && { port }) };
}

function notFound(name: string): MigrationError {
  return new MigrationError("not-found", `There is no endpoint ${name} in the store`);
}

function atLeastOne(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new MigrationError("option-invalid", `${name} must be a whole number from 1, not ${value}`);
  }
  return value;
}
