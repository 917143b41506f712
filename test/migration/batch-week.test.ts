import { expect, it } from "vitest";
import { MigrationBatch, type MigrationStore, memoryStore } from "../../src/index.js";
import { sampleMessage } from "../../src/testing/index.js";
import { collect } from "../../src/testing/store-fixtures.js";
import { VirtualClock } from "../virtual-clock.js";
import { BatchOffice, rowOf } from "./batch-office.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const USERS = 40;

function office() {
  const clock = new VirtualClock();
  const store = memoryStore();
  const openings: { user: string; at: number }[] = [];
  const place = new BatchOffice({
    store,
    clock,
    opening: async (user) => void openings.push({ user, at: clock.date() }),
  });
  const users = place.add("user", USERS);
  return { clock, store, openings, office: place, users };
}

/** How often each user was opened, from the fewest to the most. */
function passes(openings: readonly { user: string }[]): number[] {
  const counts = new Map<string, number>();
  for (const { user } of openings) counts.set(user, (counts.get(user) ?? 0) + 1);
  expect(counts.size).toBe(USERS);
  return [...new Set(counts.values())].sort();
}

it("a week: each user has one pass in 24 hours, spread over the day, and what came is copied", async () => {
  const { clock, openings, office: place, users } = office();
  const batch = place.batch("IMAPBatch1", users);
  await batch.start();
  openings.length = 0;
  const began = clock.date();
  for (let day = 1; day <= 7; day++) {
    for (const [user, source] of place.sources) source.folder("INBOX").add(sampleMessage(`${user}, day ${day}`));
    await clock.advance(DAY_MS);
    expect(passes(openings)).toEqual([day]);
  }
  const hours = new Map<number, number>();
  for (const { at } of openings) {
    const hour = Math.floor((at - began) / HOUR_MS);
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
  }
  expect(Math.max(...hours.values())).toBeLessThanOrEqual(12);
  const gaps = users.flatMap(({ emailAddress }) => {
    const times = openings.filter(({ user }) => user === emailAddress).map(({ at }) => at);
    return times.slice(1).map((at, index) => at - (times[index] ?? 0));
  });
  expect(Math.max(...gaps)).toBeLessThan(DAY_MS + HOUR_MS);
  await clock.advance(DAY_MS);
  expect(place.different()).toEqual([]);
  expect(batch.status).toBe("Synced");
  expect(openings).toHaveLength(8 * USERS);
  await batch.stop();
}, 60_000);

it("R18 clocks that jump, and processes that come and go, cost no user a pass and give nobody two", async () => {
  const { clock, store, openings, office: place, users } = office();
  const first = place.batch("IMAPBatch1", users);
  await first.start();
  await clock.advance(DAY_MS);
  openings.length = 0;

  clock.setWall(3 * DAY_MS);
  await clock.advance(HOUR_MS);
  expect(passes(openings)).toEqual([1]);
  await clock.advance(23 * HOUR_MS);
  openings.length = 0;

  clock.setWall(-5 * DAY_MS);
  await clock.advance(DAY_MS + HOUR_MS);
  expect(Math.max(...passes(openings))).toBeLessThanOrEqual(2);
  openings.length = 0;

  const planned = await planOf(store);
  await first.close();
  expect(first.status).toBe("Synced");
  clock.setWall(2 * DAY_MS);
  const next = await MigrationBatch.get(store, "imapbatch1", {
    ...place.context(),
    users: users.map(({ emailAddress }) => rowOf(emailAddress)),
  });
  expect(await planOf(store)).toEqual(planned);
  await next.resume();
  expect(passes(openings)).toEqual([1]);
  await next.stop();
}, 60_000);

async function planOf(store: MigrationStore) {
  return (await collect(store.listUsers("IMAPBatch1"))).map(({ nextSyncAt }) => nextSyncAt);
}
