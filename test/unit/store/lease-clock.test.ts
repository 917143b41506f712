import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.js";
import { sqliteStore } from "../../../src/store/sqlite.js";
import { BATCH, claimed, claimOf } from "../../../src/testing/store-fixtures.js";

const DAY_MS = 86_400_000;

describe.each([
  ["memoryStore", memoryStore],
  ["sqliteStore", () => sqliteStore(":memory:")],
])("leases and waiting times of %s", (_, open) => {
  let store: ReturnType<typeof open>;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    store = open();
    await store.addUsers(BATCH, ["a@contoso.com"]);
  });

  afterEach(async () => {
    await store.close();
    vi.useRealTimers();
  });

  it("holds a lease for its milliseconds, and for as many more each time it is renewed", async () => {
    const lease = await claimed(store, BATCH, { leaseMs: 1000 });
    vi.advanceTimersByTime(900);
    await store.renewLease(lease);
    vi.advanceTimersByTime(900);
    expect(await store.claimUser(BATCH, claimOf({ worker: "worker-2" }))).toBeUndefined();
    vi.advanceTimersByTime(101);
    expect(await store.claimUser(BATCH, claimOf({ worker: "worker-2" }))).toBeDefined();
  });

  it("R18 neither ends nor lengthens a lease when the computer's clock is set", async () => {
    await claimed(store, BATCH, { leaseMs: 1000 });
    vi.setSystemTime(Date.now() + 400 * DAY_MS);
    expect(await store.claimUser(BATCH, claimOf({ worker: "worker-2" }))).toBeUndefined();
    vi.setSystemTime(Date.now() - 800 * DAY_MS);
    vi.advanceTimersByTime(1001);
    expect(await store.claimUser(BATCH, claimOf({ worker: "worker-2" }))).toBeDefined();
  });

  it("adds up how long a user waited for its place", async () => {
    vi.advanceTimersByTime(300);
    const first = await claimed(store);
    expect(first.user.queuedMs).toBe(300);
    vi.advanceTimersByTime(5000);
    await store.releaseUser(first, { status: "Queued" });
    vi.advanceTimersByTime(40);
    const second = await claimed(store);
    expect(second.user.queuedMs).toBe(340);
    await store.releaseUser(second, { status: "Synced" });
    vi.advanceTimersByTime(7000);
    await store.queueUsers(BATCH);
    vi.advanceTimersByTime(2);
    await store.queueUsers(BATCH);
    vi.advanceTimersByTime(3);
    expect((await claimed(store)).user.queuedMs).toBe(345);
  });
});
