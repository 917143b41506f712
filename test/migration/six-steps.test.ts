import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/engine/clock.js";
import { CsvRow, courierUserRoot, imapServer, memoryStore } from "../../src/index.js";
import { type School, sixSteps } from "../demo/six-steps.js";
import { seedMailboxes } from "../fixtures/mail/seed-mailboxes.js";
import { type MailServer, startCourier, startDovecot } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { differences, readMailbox } from "../servers/read-mailbox.js";
import { migrate, seedAccounts } from "./migrate.js";

const THREE_DAYS_MS = 73 * 3_600_000;
const mailboxes = seedMailboxes();
const found = mailboxes.flatMap(({ folders }) => folders.flatMap(({ messages }) => messages)).length;
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

/** The school with its mail on `from`, and an MX record that is switched in the middle. */
async function school(from: MailServer, csv: string): Promise<School & { readonly to: MailServer }> {
  const to = await started(startDovecot());
  const accountOf = seedAccounts(to, mailboxes);
  let [exchange, passed] = ["mail.contoso.edu", 0];
  return {
    to,
    csv,
    domain: "contoso.edu",
    endpoint: {
      remoteServer: from.host,
      port: from.tlsPort,
      ca: from.ca,
      maxConcurrentMigrations: 50,
      maxConcurrentIncrementalSyncs: 25,
    },
    target: imapServer({
      remoteServer: to.host,
      port: to.tlsPort,
      ca: to.ca,
      credentials: (emailAddress) => {
        const { name: user, password } = accountOf(emailAddress);
        return { user, password };
      },
    }),
    store: memoryStore(),
    clock: { ...systemClock, date: () => Date.now() + passed },
    resolveMx: async () => ({ records: [{ exchange, preference: 10 }], ttl: 3600 }),
    switchMx: () => {
      exchange = "contoso-edu.mail.protection.outlook.com";
    },
    waitThreeDays: async () => {
      passed = THREE_DAYS_MS;
    },
  };
}

async function expectSixSteps(from: MailServer, csv: string): Promise<void> {
  const contoso = await school(from, csv);
  const steps = await sixSteps(contoso);
  expect(steps).toMatchObject({
    serverAnswers: true,
    endpointFound: from.host,
    rowsOk: [true, true, true],
    planned: found,
    created: "Created",
    first: { status: "Synced", balanced: true, books: { found, copied: found } },
    missing: {
      beforeSwitch: expect.arrayContaining(["mx-moved"]),
      afterSwitch: expect.arrayContaining(["wait"]),
      afterThreeDays: [],
    },
    refusal: "state-invalid",
    last: { balanced: true, books: { found, copied: found } },
    afterRemoval: "not-found",
  });
  for (const { emailAddress, user } of mailboxes) {
    const account = seedAccounts(contoso.to, mailboxes)(emailAddress);
    const original = source.users.find(({ name }) => name === user);
    if (!original) throw new Error(`No account ${user}`);
    const read = await readMailbox(from, from === source ? original : seedAccounts(from, mailboxes)(emailAddress));
    expect(differences(read, await readMailbox(contoso.to, account))).toEqual([]);
  }
}

describe("the article, from its first step to its last", () => {
  it("with a Dovecot server and the users' own passwords", async () => {
    const rows = mailboxes.map(({ user, emailAddress }) => {
      const password = source.users.find(({ name }) => name === user)?.password;
      return `${emailAddress},${user},${password}`;
    });
    await expectSixSteps(source, `EmailAddress,UserName,Password\n${rows.join("\n")}\n`);
  });

  it("with a Courier server, an administrator's login and UserRoot", async () => {
    const courier = await started(startCourier());
    const users = mailboxes.map(({ user: userName, emailAddress }) => {
      const password = source.users.find(({ name }) => name === userName)?.password ?? "";
      return new CsvRow({ emailAddress, userName, password });
    });
    await migrate({ source, target: courier, users, accountOf: seedAccounts(courier, mailboxes) });
    const { name, password } = courier.admin;
    const rows = mailboxes.map(
      ({ user, emailAddress }) => `${emailAddress},${name},${password},${courierUserRoot({ user })}`,
    );
    await expectSixSteps(courier, `EmailAddress,UserName,Password,UserRoot\n${rows.join("\n")}\n`);
  });
});
