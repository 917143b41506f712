import { beforeAll, describe, expect, it } from "vitest";
import { CsvRow, courierUserRoot, dovecotLogin, exchangeLogin, mirapointLogin } from "../../src/index.js";
import { type MailServer, startCourier, startCyrus, startDovecot } from "../servers/mail-server.js";
import { startedServers } from "../servers/started-servers.js";
import { type Migration, migrate } from "./migrate.js";
import { expectSameMailboxes, mailboxes, messageCount, ownRows, startSeededDovecot } from "./seed-servers.js";

const started = startedServers();
let source: MailServer;

beforeAll(async () => {
  source = await started(startSeededDovecot());
});

/** A row for each of the seed's users with the administrator's password; `userName` makes the login. */
function adminRows(userName: (user: string) => string, userRoot?: (user: string) => string): CsvRow[] {
  const { password } = source.admin;
  return mailboxes.map(
    ({ user, emailAddress }) =>
      new CsvRow({ emailAddress, userName: userName(user), password, ...(userRoot && { userRoot: userRoot(user) }) }),
  );
}

/** Migrates, and holds every mailbox of the source against the target's. */
async function expectWholeMailboxes(migration: Migration): Promise<void> {
  expect(await migrate(migration)).toMatchObject({
    ...{ status: "Synced", balanced: true, books: { found: messageCount, copied: messageCount } },
  });
  await expectSameMailboxes(migration.source, migration.target);
}

describe("R3 the seed's three mailboxes arrive whole between real servers", () => {
  it("signed in with each user's own password", async () => {
    const target = await started(startDovecot());
    await expectWholeMailboxes({ source, target, users: ownRows(source) });
  });

  it("by Dovecot's form, user*admin", async () => {
    const target = await started(startDovecot());
    await expectWholeMailboxes({
      source,
      target,
      users: adminRows((user) => dovecotLogin({ user, admin: "mailadmin" })),
    });
  });

  it("by Exchange's form, domain/admin/user", async () => {
    const target = await started(startDovecot());
    const users = adminRows((user) => exchangeLogin({ domain: "contoso-students", admin: "mailadmin", user }));
    await expectWholeMailboxes({ source, target, users });
  });

  it("by Mirapoint's form, #user@domain#admin#, over STARTTLS", async () => {
    const target = await started(startDovecot());
    const users = adminRows((user) => mirapointLogin({ user, domain: "contoso-students.edu", admin: "mailadmin" }));
    await expectWholeMailboxes({ source, target, users, endpoint: { port: source.port, security: "Tls" } });
  });

  it("into Courier, and out of it again by UserRoot", async () => {
    const courier = await started(startCourier());
    await expectWholeMailboxes({ source, target: courier, users: ownRows(source) });
    const target = await started(startDovecot());
    const users = adminRows(
      () => courier.admin.name,
      (user) => courierUserRoot({ user }),
    );
    await expectWholeMailboxes({ source: courier, target, users });
  });

  it("into Cyrus, and out of it again by SASL PLAIN with an authorization identity", async () => {
    const cyrus = await started(startCyrus());
    await expectWholeMailboxes({ source, target: cyrus, users: ownRows(source) });
    const target = await started(startDovecot());
    const users = adminRows((user) => user);
    await expectWholeMailboxes({ source: cyrus, target, users, endpoint: { authenticationId: cyrus.admin.name } });
  });
});

describe("a wrong password", () => {
  it("R15 fails its own user with auth-failed and no other", async () => {
    const target = await started(startDovecot());
    const users = ownRows(source).map((row) =>
      row.userName === "ann.beebe" ? new CsvRow({ ...row, userName: row.userName, password: "not hers" }) : row,
    );
    const report = await migrate({ source, target, users });
    expect(report).toMatchObject({ status: "SyncedWithErrors", users: { Synced: 2, Failed: 1 } });
    for await (const { user } of report.userReports()) {
      expect(user.error?.code).toBe(user.identity === "annb@contoso.edu" ? "auth-failed" : undefined);
      expect(JSON.stringify(user)).not.toContain("not hers");
    }
  });
});
