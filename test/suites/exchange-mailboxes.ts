import type { Cloud } from "../../src/credentials/clouds.js";
import { globalCloud } from "../../src/credentials/clouds.js";
import { type ExchangeOnlineImapOptions, exchangeOnline } from "../../src/exchange-online.js";
import { splitLevels } from "../../src/imap/folder-names.js";
import type { MigrationTarget } from "../../src/migration-target.js";
import {
  type ExchangeOnlineProfileOptions,
  exchangeFolders,
  exchangeOnlineProfile,
} from "../../src/testing/imap-server/exchange-online-profile.js";
import {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
} from "../../src/testing/imap-server/scripted-imap-server.js";
import type { StoreRule } from "../../src/testing/imap-server/server-context.js";
import type { OpenedTarget } from "../../src/testing/target-cases.js";
import { type ServerCertificate, serverCertificate } from "../servers/certificates.js";

const LIFE_MS = 3_600_000;

/** Credentials whose token is the same until it is to be renewed: `token-1`, `token-2` … */
export class CountingCredentials {
  readonly kind: "application" | "delegated" = "application";
  readonly lifeMs: number;
  /** How many tokens there were. */
  serial = 1;
  #expiresOn: Date;

  constructor(lifeMs = LIFE_MS) {
    this.lifeMs = lifeMs;
    this.#expiresOn = new Date(Date.now() + lifeMs);
  }

  connect(_cloud: Cloud) {
    return {
      accessToken: async (_scope: string, { renew = false }: { readonly renew?: boolean } = {}) => {
        if (renew || this.#expiresOn.getTime() <= Date.now()) {
          this.serial += 1;
          this.#expiresOn = new Date(Date.now() + this.lifeMs);
        }
        return { token: `token-${this.serial}`, expiresOn: this.#expiresOn };
      },
    };
  }
}

/** A scripted server with TLS that behaves as Exchange Online, and how to reach it as a user of the library does. */
export class ExchangeMailboxes {
  readonly server: ScriptedImapServer;
  readonly #certificate: ServerCertificate;
  #accounts = 0;

  private constructor(server: ScriptedImapServer, certificate: ServerCertificate) {
    this.server = server;
    this.#certificate = certificate;
  }

  static async start(
    options: ScriptedImapServerOptions = {},
    profile: ExchangeOnlineProfileOptions = { acceptsToken: () => true },
  ): Promise<ExchangeMailboxes> {
    const certificate = await serverCertificate();
    const { certificate: cert, key } = certificate;
    const tls = { mode: "implicit", cert, key } as const;
    const server = await ScriptedImapServer.start({ profile: exchangeOnlineProfile(profile), tls, ...options });
    return new ExchangeMailboxes(server, certificate);
  }

  target(options: Partial<ExchangeOnlineImapOptions> = {}): MigrationTarget {
    const cloud = { ...globalCloud, imapHost: this.server.host };
    const own = { cloud, port: this.server.tlsPort, ca: this.#certificate.ca };
    return exchangeOnline({ credentials: new CountingCredentials(), ...own, ...options });
  }

  /** Each opening gets a new mailbox. */
  async openTarget(): Promise<OpenedTarget> {
    this.#accounts += 1;
    const account = this.server.addAccount({ user: `user${this.#accounts}@contoso.com`, folders: exchangeFolders });
    return {
      target: await this.target().openMailbox(account.user, { signal: new AbortController().signal }),
      read: async () =>
        account.folders.map(({ name, messages }) => ({ levels: splitLevels(name, "/"), messages: [...messages] })),
    };
  }
}

/** Rebuilds a message more harshly than the profile does: another order of fields, all folded anew, names encoded. */
export const rebuiltHarshly: StoreRule = (octets) => {
  const text = octets.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  const fields = text
    .slice(0, end)
    .split(/\r\n(?![ \t])/)
    .sort()
    .map((field) => field.replace(/:\s*/, ":\r\n\t").replace(/Terry Adams/, "=?utf-8?B?VGVycnkgQWRhbXM=?="));
  const added = ["X-MS-Exchange-Organization-AuthAs: Internal", `X-Padding: ${"x".repeat(900)}`];
  return Buffer.from(`${[...fields, ...added].join("\r\n")}${text.slice(end)}\r\n`, "latin1");
};
