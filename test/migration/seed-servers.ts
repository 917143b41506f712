import { expect } from "vitest";
import { CsvRow, type ImapServerOptions, imapServer, type MigrationTarget } from "../../src/index.js";
import { seedMailboxes } from "../fixtures/mail/seed-mailboxes.js";
import { type Account, type MailServer, startDovecot } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { differences, readMailbox } from "../servers/read-mailbox.js";

export const mailboxes = seedMailboxes();
/** In all mailboxes and folders. */
export const messageCount = mailboxes.flatMap(({ folders }) => folders.flatMap(({ messages }) => messages)).length;

/** A Dovecot that holds the seed. */
export async function startSeededDovecot(): Promise<MailServer> {
  const server = await startDovecot();
  for (const { user, folders } of mailboxes) await writeMaildir(server, user, folders);
  return server;
}

/** Whose mailbox on a server one of the seed's addresses names. */
export function accountOf(server: MailServer, emailAddress: string): Account {
  const user = mailboxes.find((mailbox) => mailbox.emailAddress === emailAddress)?.user;
  const account = server.users.find(({ name }) => name === user);
  if (!account) throw new Error(`No account for ${emailAddress}`);
  return account;
}

/** A row for each of the seed's users, who signs in by himself. */
export function ownRows(server: MailServer): CsvRow[] {
  return mailboxes.map(({ emailAddress }) => {
    const { name, password } = accountOf(server, emailAddress);
    return new CsvRow({ emailAddress, userName: name, password });
  });
}

/** The mailboxes of the seed's users on this server as a target. */
export function targetOn(server: MailServer, options: Partial<ImapServerOptions> = {}): MigrationTarget {
  return imapServer({
    ...{ remoteServer: server.host, port: server.tlsPort, ca: server.ca },
    credentials: (emailAddress) => {
      const { name, password } = accountOf(server, emailAddress);
      return { user: name, password };
    },
    ...options,
  });
}

/** Holds every mailbox of one server against that of the other. */
export async function expectSameMailboxes(one: MailServer, other: MailServer): Promise<void> {
  for (const { emailAddress } of mailboxes) {
    const read = (server: MailServer) => readMailbox(server, accountOf(server, emailAddress));
    const [here, there] = await Promise.all([read(one), read(other)]);
    expect(differences(here, there)).toEqual([]);
  }
}
