import {
  type CsvRow,
  imapServer,
  MigrationBatch,
  MigrationEndpoint,
  type MigrationEndpointOptions,
  type MigrationReport,
  type MigrationStore,
  memoryStore,
  noLimits,
} from "../../src/index.js";
import type { SeedMailbox } from "../fixtures/mail/seed-mailboxes.js";
import type { Account, MailServer } from "../servers/mail-server.js";

/** One migration between two real servers. */
export interface Migration {
  readonly source: MailServer;
  readonly target: MailServer;
  readonly users: readonly CsvRow[];
  /** Whose mailbox at the target a row's EmailAddress names. */
  readonly accountOf: (emailAddress: string) => Account;
  readonly store?: MigrationStore;
  readonly endpoint?: Partial<MigrationEndpointOptions>;
}

/** Runs it to the report. */
export async function migrate({
  source,
  target,
  users,
  accountOf,
  store,
  endpoint,
}: Migration): Promise<MigrationReport> {
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    store: store ?? memoryStore(),
    limits: noLimits,
    settleDelayMs: 0,
    sourceEndpoint: new MigrationEndpoint({
      name: "IMAPEndpoint",
      remoteServer: source.host,
      port: source.tlsPort,
      ca: source.ca,
      ...endpoint,
    }),
    target: imapServer({
      remoteServer: target.host,
      port: target.tlsPort,
      ca: target.ca,
      credentials: (emailAddress) => {
        const { name, password } = accountOf(emailAddress);
        return { user: name, password };
      },
    }),
    users,
  });
  return await batch.start();
}

/** Finds the account of each of the seed's addresses. */
export function seedAccounts(server: MailServer, mailboxes: readonly SeedMailbox[]): (emailAddress: string) => Account {
  return (emailAddress) => {
    const user = mailboxes.find((mailbox) => mailbox.emailAddress === emailAddress)?.user;
    const account = server.users.find(({ name }) => name === user);
    if (!account) throw new Error(`No account for ${emailAddress}`);
    return account;
  };
}
