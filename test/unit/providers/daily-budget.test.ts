import { expect, it } from "vitest";
import { CsvRow } from "../../../src/csv-row.js";
import { MigrationBatch, type SourceEndpoint } from "../../../src/migration-batch.js";
import { gmail } from "../../../src/providers/profiles.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import { FakeMailbox } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { intercepting } from "../../recovery/world.js";
import { VirtualClock } from "../../virtual-clock.js";

const HOUR = 3_600_000;
const OCTETS = 1_000;

it("A day's octets of an account are kept to over a restart and over batches, and the wait says until when", async () => {
  const clock = new VirtualClock();
  const store = memoryStore();
  const target = new FakeMailbox();
  const source = new FakeMailbox();
  const arrive = (...subjects: string[]) => {
    for (const subject of subjects) source.folder("INBOX").add(sampleMessage(subject, { octets: OCTETS }));
  };
  const sourceEndpoint: SourceEndpoint = {
    name: "Gmail",
    maxConcurrentMigrations: 1,
    provider: { ...gmail, throttle: { name: "two a day", octetsReadPerDay: 2 * OCTETS } },
    openSource: (_row, { signal }) => openFakeSource(source, {}, { signal }),
  };
  const sentAt: number[] = [];
  const batch = (name: string) =>
    new MigrationBatch({
      ...{ name, store, sourceEndpoint, clock, syncIntervalMs: 0 },
      users: CsvRow.parse("EmailAddress,UserName,Password\nterry@contoso.com,terry@gmail.example,app-password"),
      target: {
        name: "fake",
        openMailbox: async (_user, { signal }) => {
          const mailbox = await openFakeTarget(target, {}, { signal });
          const append: typeof mailbox.append = (...parameters) => {
            sentAt.push(clock.now());
            return mailbox.append(...parameters);
          };
          return intercepting(mailbox, { append });
        },
      },
    });
  arrive("one", "two");
  await batch("before the restart").start();
  expect(sentAt).toHaveLength(2);
  arrive("three");
  const next = batch("after it");
  const waits: { waitMs: number; code: string }[] = [];
  next.on("user:waiting", ({ waitMs, error: { code } }) => {
    waits.push({ waitMs, code });
    void next.close();
  });
  await next.start();
  expect(waits[0]).toEqual({ code: "throttled", waitMs: expect.closeTo(24.5 * HOUR, -7) });
  expect(sentAt.filter((at) => at < 24 * HOUR)).toHaveLength(2);
});
