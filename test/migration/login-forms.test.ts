import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CsvRow, courierUserRoot, dovecotLogin, exchangeLogin, mirapointLogin } from "../../src/index.js";
import { seedMailboxes } from "../fixtures/mail/seed-mailboxes.js";
import { type MailServer, startCourier, startCyrus, startDovecot } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { differences, readMailbox } from "../servers/read-mailbox.js";
import { type Migration, migrate, seedAccounts } from "./migrate.js";

const mailboxes = seedMailboxes();
const messages = mailboxes.flatMap(({ folders }) => folders.flatMap((folder) => folder.messages)).length;
const servers: MailServer[] = [];
let source: MailServer;

async function started(server: Promise<MailServer>): Promise<MailServer> {
  servers.push(await server);
  return await server;
}

beforeAll(async () => {
  source = await started(startDovecot());
  for (const { user, folders } of mailboxes) await writeMaildir(source, user, folders);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

/** A row for each of the seed's users; `userName` makes the login, `password` defaults to the administrator's. */
function rows(
  userName: (user: string) => string,
  options: { ownPasswords?: boolean; userRoot?: (user: string) => string } = {},
) {
  return mailboxes.map(({ user, emailAddress }) => {
    const account = source.users.find(({ name }) => name === user);
    const password = options.ownPasswords ? (account?.password ?? "") : source.admin.password;
    const root = options.userRoot === undefined ? {} : { userRoot: options.userRoot(user) };
    return new CsvRow({ emailAddress, userName: userName(user), password, ...root });
  });
}

/** Migrates and holds every mailbox of `from` against the target's. */
async function expectWholeMailboxes(migration: Omit<Migration, "accountOf">, from: MailServer): Promise<void> {
  const accountOf = seedAccounts(migration.target, mailboxes);
  const report = await migrate({ ...migration, accountOf });
  expect(report).toMatchObject({ status: "Synced", balanced: true, books: { found: messages, copied: messages } });
  for (const { emailAddress } of mailboxes) {
    const account = accountOf(emailAddress);
    expect(differences(await readMailbox(from, account), await readMailbox(migration.target, account))).toEqual([]);
  }
}

describe("R3 the seed's three mailboxes arrive whole between real servers", () => {
  it("signed in with each user's own password", async () => {
    const target = await started(startDovecot());
    await expectWholeMailboxes({ source, target, users: rows((user) => user, { ownPasswords: true }) }, source);
  });

  it("by Dovecot's form, user*admin", async () => {
    const target = await started(startDovecot());
    await expectWholeMailboxes(
      { source, target, users: rows((user) => dovecotLogin({ user, admin: "mailadmin" })) },
      source,
    );
  });

  it("by Exchange's form, domain/admin/user", async () => {
    const target = await started(startDovecot());
    const users = rows((user) => exchangeLogin({ domain: "contoso-students", admin: "mailadmin", user }));
    await expectWholeMailboxes({ source, target, users }, source);
  });

  it("by Mirapoint's form, #user@domain#admin#, over STARTTLS", async () => {
    const target = await started(startDovecot());
    const users = rows((user) => mirapointLogin({ user, domain: "contoso-students.edu", admin: "mailadmin" }));
    await expectWholeMailboxes({ source, target, users, endpoint: { port: source.port, security: "Tls" } }, source);
  });

  it("into Courier, and out of it again by UserRoot", async () => {
    const courier = await started(startCourier());
    await expectWholeMailboxes(
      { source, target: courier, users: rows((user) => user, { ownPasswords: true }) },
      source,
    );
    const target = await started(startDovecot());
    const users = rows(() => courier.admin.name, { userRoot: (user) => courierUserRoot({ user }) });
    await expectWholeMailboxes({ source: courier, target, users }, source);
  });

  it("into Cyrus, and out of it again by SASL PLAIN with an authorization identity", async () => {
    const cyrus = await started(startCyrus());
    await expectWholeMailboxes({ source, target: cyrus, users: rows((user) => user, { ownPasswords: true }) }, source);
    const target = await started(startDovecot());
    const users = rows((user) => user);
    await expectWholeMailboxes(
      { source: cyrus, target, users, endpoint: { authenticationId: cyrus.admin.name } },
      source,
    );
  });
});

describe("a wrong password", () => {
  it("R15 fails its own user with auth-failed and no other", async () => {
    const target = await started(startDovecot());
    const users = rows((user) => user, { ownPasswords: true }).map((row) =>
      row.userName === "ann.beebe" ? new CsvRow({ ...row, userName: row.userName, password: "not hers" }) : row,
    );
    const report = await migrate({ source, target, users, accountOf: seedAccounts(target, mailboxes) });
    expect(report).toMatchObject({ status: "SyncedWithErrors", users: { Synced: 2, Failed: 1 } });
    for await (const { user } of report.userReports()) {
      expect(user.error?.code).toBe(user.identity === "annb@contoso.edu" ? "auth-failed" : undefined);
      expect(JSON.stringify(user)).not.toContain("not hers");
    }
  });
});
