import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/engine/clock.js";
import { courierUserRoot, memoryStore } from "../../src/index.js";
import { type School, sixSteps } from "../demo/six-steps.js";
import { type MailServer, startCourier, startDovecot } from "../servers/mail-server.js";
import { startedServers } from "../servers/started-servers.js";
import { migrate } from "./migrate.js";
import {
  expectSameMailboxes,
  messageCount as found,
  mailboxes,
  ownRows,
  startSeededDovecot,
  targetOn,
} from "./seed-servers.js";

const THREE_DAYS_MS = 73 * 3_600_000;
const started = startedServers();
let source: MailServer;

beforeAll(async () => {
  source = await started(startSeededDovecot());
});

/** The school with its mail on `from`, and an MX record that is switched in the middle. */
async function school(from: MailServer, csv: string): Promise<School & { readonly to: MailServer }> {
  const to = await started(startDovecot());
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
    target: targetOn(to),
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
  await expectSameMailboxes(from, contoso.to);
}

describe("the article, from its first step to its last", () => {
  it("with a Dovecot server and the users' own passwords", async () => {
    const rows = ownRows(source).map((row) => `${row.emailAddress},${row.userName},${row.password}`);
    await expectSixSteps(source, `EmailAddress,UserName,Password\n${rows.join("\n")}\n`);
  });

  it("with a Courier server, an administrator's login and UserRoot", async () => {
    const courier = await started(startCourier());
    await migrate({ source, target: courier, users: ownRows(source) });
    const { name, password } = courier.admin;
    const rows = mailboxes.map(
      ({ user, emailAddress }) => `${emailAddress},${name},${password},${courierUserRoot({ user })}`,
    );
    await expectSixSteps(courier, `EmailAddress,UserName,Password,UserRoot\n${rows.join("\n")}\n`);
  });
});
