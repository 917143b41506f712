import { describe, expect, it } from "vitest";
import { CsvRow } from "../../../../src/csv-row.js";
import { MigrationError } from "../../../../src/errors.js";
import type { MigrationEvents } from "../../../../src/events.js";
import { noLimits } from "../../../../src/limits.js";
import { MigrationBatch } from "../../../../src/migration-batch.js";
import { memoryStore } from "../../../../src/store/memory-store.js";
import { FakeMailbox } from "../../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../../src/testing/fake-target.js";
import { intercepting } from "../../../recovery/world.js";
import { VirtualClock } from "../../../virtual-clock.js";
import { numbered, VerifyFixture } from "./verify-fixture.js";

const names = ["adam", "bea", "carl", "dora", "emil"];
const addressOf = (name: string) => `${name}@contoso.com`;

/** Five mailboxes of three messages, migrated; `onOpen` is called for each target mailbox before it opens. */
async function migratedOffice(cap: number) {
  const targets = new Map(names.map((name) => [addressOf(name), new FakeMailbox()]));
  const office = { targets, openNow: 0, openAtMost: 0, onOpen: async (_user: string): Promise<void> => {} };
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    sourceEndpoint: {
      name: "IMAPEndpoint",
      maxConcurrentMigrations: cap,
      openSource: (_row, options) =>
        openFakeSource(new FakeMailbox([{ levels: ["INBOX"], messages: numbered(3) }]), {}, options),
    },
    target: {
      name: "fake",
      openMailbox: async (user, options) => {
        office.openNow += 1;
        office.openAtMost = Math.max(office.openAtMost, office.openNow);
        const closed = () => {
          office.openNow -= 1;
        };
        try {
          await office.onOpen(user);
          const target = await openFakeTarget(targets.get(user) ?? new FakeMailbox(), {}, options);
          return intercepting(target, { close: () => target.close().finally(closed) });
        } catch (error) {
          closed();
          throw error;
        }
      },
    },
    users: names.map((name) => new CsvRow({ emailAddress: addressOf(name), userName: name, password: "x" })),
    store: memoryStore(),
    limits: noLimits,
    settleDelayMs: 0,
    clock: new VirtualClock(),
  });
  await batch.start();
  office.openAtMost = 0;
  return { office, batch };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return MigrationError.is(error) ? error.code : `no MigrationError: ${error}`;
}

describe("the verification of a batch", () => {
  it("grades every user and the batch by its worst, in the order of the user list", async () => {
    const { office, batch } = await migratedOffice(2);
    office.targets.get(addressOf("bea"))?.folder("INBOX").setFlags(1, ["\\Seen"]);
    office.targets.get(addressOf("dora"))?.folder("INBOX").expunge(2);
    const report = await batch.verify({ level: 2 });
    expect(report.users.map(({ user, grade }) => [user, grade])).toEqual([
      ["adam@contoso.com", "Perfect"],
      ["bea@contoso.com", "Good"],
      ["carl@contoso.com", "Perfect"],
      ["dora@contoso.com", "Investigate"],
      ["emil@contoso.com", "Perfect"],
    ]);
    expect(report).toMatchObject({
      ...{ batch: "IMAPBatch1", level: 2, sample: 1, seed: 0, grade: "Investigate" },
      counts: { found: 15, checked: 15, missing: 1, changed: 1, damaged: 0 },
    });
  });

  it("R16 keeps to the endpoint's cap", async () => {
    const { office, batch } = await migratedOffice(2);
    await batch.verify({ level: 1 });
    expect(office.openAtMost).toBe(2);
  });

  it("tells of each user when it is verified", async () => {
    const { office, batch } = await migratedOffice(2);
    office.targets.get(addressOf("carl"))?.folder("INBOX").expunge(1);
    const events: MigrationEvents["user:verified"][0][] = [];
    batch.on("user:verified", (event) => void events.push(event));
    await batch.verify({ level: 1, users: ["CARL@contoso.com"] });
    expect(events).toEqual([
      {
        ...{ batch: "IMAPBatch1", sequence: expect.any(Number), user: "carl@contoso.com" },
        ...{ grade: "Investigate", level: 1, checked: 3, missing: 1, changed: 0, surplus: 0 },
      },
    ]);
  });

  it("takes the users that it is given and no others, and refuses one that the batch does not have", async () => {
    const { batch } = await migratedOffice(2);
    const { users } = await batch.verify({ level: 0, users: ["emil@contoso.com", "adam@contoso.com"] });
    expect(users.map(({ user }) => user)).toEqual(["emil@contoso.com", "adam@contoso.com"]);
    expect(await codeOf(batch.verify({ level: 0, users: ["fritz@contoso.com"] }))).toBe("option-invalid");
  });

  it("refuses with `state-invalid` while the batch runs or is verified, and the batch does not start meanwhile", async () => {
    const { batch } = await migratedOffice(2);
    const run = batch.start();
    expect(await codeOf(batch.verify({ level: 0 }))).toBe("state-invalid");
    await run;
    const verification = batch.verify({ level: 1 });
    expect(await codeOf(batch.verify({ level: 1 }))).toBe("state-invalid");
    expect(await codeOf(batch.start())).toBe("state-invalid");
    await verification;
    expect((await batch.verify({ level: 1 })).grade).toBe("Perfect");
    expect((await batch.start()).status).toBe("Synced");
  });

  it("leaves the status of batch and users as it is", async () => {
    const { batch } = await migratedOffice(2);
    const statuses: string[] = [];
    batch.on("batch:status", ({ status }) => void statuses.push(status));
    batch.on("user:status", ({ status }) => void statuses.push(status));
    await batch.verify({ level: 1 });
    expect(statuses).toEqual([]);
    expect(await batch.report()).toMatchObject({ status: "Synced", users: { Synced: 5 } });
  });

  it("ends with `aborted` when the host says so, with every mailbox closed", async () => {
    const { office, batch } = await migratedOffice(2);
    const host = new AbortController();
    office.onOpen = async (user) => {
      if (user === addressOf("carl")) host.abort();
    };
    expect(await codeOf(batch.verify({ level: 4, signal: host.signal }))).toBe("aborted");
    expect(office.openNow).toBe(0);
    office.onOpen = async () => {};
    expect((await batch.verify({ level: 4 })).grade).toBe("Perfect");
    expect(await codeOf(batch.verify({ level: 4, signal: AbortSignal.abort() }))).toBe("aborted");
  });

  it("R15 goes on with the others where one mailbox cannot be opened", async () => {
    const { office, batch } = await migratedOffice(2);
    office.onOpen = async (user) => {
      if (user === addressOf("bea")) throw new MigrationError("auth-failed", "no");
    };
    const report = await batch.verify({ level: 1 });
    expect(report.grade).toBe("Investigate");
    expect(report.users.map(({ counts }) => counts.checked)).toEqual([3, 0, 3, 3, 3]);
  });
});

describe("the items of a report", () => {
  it("are a thousand of a user at most, and the counts have them all", async () => {
    const fixture = await VerifyFixture.inbox(numbered(1_200));
    for (let uid = 1; uid <= 1_100; uid++) fixture.targetInbox.expunge(uid);
    const { items, itemsTotal, counts } = await fixture.verify({ level: 1 });
    expect([items.length, itemsTotal, counts.missing]).toEqual([1_000, 1_100, 1_100]);
  });
});
