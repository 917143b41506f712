import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { type MigrationStore, sqliteStore } from "../../src/index.js";
import { BatchOffice } from "./batch-office.js";

/** How long each mailbox takes, in milliseconds; small ones differ by less than a poll. */
const MAILBOX_MS = { shortest: 300, longest: 900 };

let store: MigrationStore;

afterEach(() => store.close());

function busyOffice(caps: { maxConnections?: number } = {}) {
  store = sqliteStore(":memory:");
  let opened = 0;
  return new BatchOffice({
    store,
    caps: { maxConcurrentMigrations: 50, maxConcurrentIncrementalSyncs: 25, ...caps },
    opening: async () => {
      // The same durations each time, spread over the range.
      const place = ((opened++ * 7919) % 101) / 100;
      await pause(MAILBOX_MS.shortest + place * (MAILBOX_MS.longest - MAILBOX_MS.shortest));
    },
  });
}

it("R16 caps hold over two batches, first and later passes apart, and the small batch has its share", async () => {
  const office = busyOffice();
  const large = office.batch("Large", office.add("large", 200));
  const small = office.batch("Small", office.add("small", 20));
  const synced = { large: 0 };
  let underWay = 0;
  let tellFull = () => {};
  const full = new Promise<void>((resolve) => {
    tellFull = resolve;
  });
  large.on("user:synced", () => {
    synced.large += 1;
  });
  large.on("user:status", ({ status }) => {
    if (status === "Syncing" && ++underWay === 50) tellFull();
  });
  const largeDone = large.start();
  await full;
  const began = performance.now();
  let largeWhenSmallWasDone = 0;
  const smallDone = small.start().then((report) => {
    largeWhenSmallWasDone = synced.large;
    return report;
  });
  expect((await smallDone).users.Synced).toBe(20);
  const smallMs = performance.now() - began;
  expect(office.openAtMost).toBe(50);
  expect((await largeDone).users.Synced).toBe(200);
  const largeMs = performance.now() - began;
  expect(office.different()).toEqual([]);
  expect(office.openAtMost).toBe(50);

  office.openAtMost = 0;
  await Promise.all([large.syncNow(), small.syncNow()]);
  expect(office.openAtMost).toBe(25);

  // By itself it would take one round of mailboxes; in line behind the large one it would be last.
  console.info(
    `batch-places: small ${Math.round(smallMs)} ms, large ${Math.round(largeMs)} ms, ` +
      `${largeWhenSmallWasDone} of 200 users of the large one synced when the small one was done; peaks 50 and 25`,
  );
  expect(largeWhenSmallWasDone).toBeLessThan(170);
});

it("R16 an administrator's login opens no more mailboxes than one user may have connections", async () => {
  const office = busyOffice({ maxConnections: 8 });
  const first = office.batch("First", office.add("first", 16));
  const report = await first.start();
  expect(report.users.Synced).toBe(16);
  const second = office.batch("Second", office.add("second", 8));
  await Promise.all([first.syncNow(), second.start()]);
  expect(office.openAtMost).toBe(8);
});
