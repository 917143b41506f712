import { afterEach, describe, expect, it, vi } from "vitest";
import { type BatchRun, runBatch } from "../../../src/engine/run-batch.js";
import { MigrationError } from "../../../src/errors.js";
import { emptyBooks } from "../../../src/outcome.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import type { MigrationStore } from "../../../src/store/migration-store.js";
import { BATCH, claimOf, collect } from "../../../src/testing/store-fixtures.js";
import { intercepting } from "../../recovery/world.js";
import { VirtualClock } from "../../virtual-clock.js";

const [terry, ann] = ["terry@contoso.com", "ann@contoso.com"];

async function storeWith(...users: string[]): Promise<MigrationStore> {
  const store = memoryStore();
  await store.addUsers(BATCH, users);
  return store;
}

function run(store: MigrationStore, change: Partial<BatchRun> = {}) {
  const told: string[] = [];
  const promise = runBatch({
    batch: BATCH,
    store,
    endpoint: "IMAPEndpoint",
    caps: () => ({ initial: 10, incremental: 10 }),
    worker: "worker-1",
    migrate: async () => emptyBooks,
    tell: {
      userStatus: (user, status) => void told.push(`${user} ${status}`),
      userSynced: (user) => void told.push(`${user} done`),
      userFailed: (user, error) => void told.push(`${user} ${error.code}`),
    },
    clock: new VirtualClock(),
    signal: new AbortController().signal,
    ...change,
  });
  return { told, promise };
}

async function statuses(store: MigrationStore): Promise<string[]> {
  return (await collect(store.listUsers(BATCH))).map(({ emailAddress, status }) => `${emailAddress} ${status}`);
}

describe("running a batch", () => {
  it("R15 gives each user its own end", async () => {
    const store = await storeWith(terry, ann);
    const { told, promise } = run(store, {
      migrate: async ({ emailAddress }) => {
        if (emailAddress === ann) throw new MigrationError("quota-exceeded", "full");
        return emptyBooks;
      },
    });
    await promise;
    expect(await statuses(store)).toEqual([`${terry} Synced`, `${ann} Failed`]);
    expect(told.sort()).toEqual(
      [
        `${terry} Syncing`,
        `${terry} Synced`,
        `${terry} done`,
        `${ann} Syncing`,
        `${ann} Failed`,
        `${ann} quota-exceeded`,
      ].sort(),
    );
  });

  it("calls what fails or stops after a first sync incremental", async () => {
    const store = await storeWith(terry, ann);
    await run(store).promise;
    await store.queueUsers(BATCH);
    const controller = new AbortController();
    await run(store, {
      signal: controller.signal,
      migrate: async ({ emailAddress }, signal) => {
        if (emailAddress === terry) throw new MigrationError("quota-exceeded", "full");
        controller.abort();
        throw new MigrationError("aborted", `stopped: ${signal.aborted}`);
      },
    }).promise;
    expect(await statuses(store)).toEqual([`${terry} IncrementalFailed`, `${ann} IncrementalStopped`]);
  });

  it("ends with an error of the store, after the others have ended", async () => {
    const store = await storeWith(terry, ann);
    const ended: string[] = [];
    const { promise } = run(store, {
      migrate: async ({ emailAddress }) => {
        if (emailAddress === terry) throw new MigrationError("store-full", "no room");
        await new Promise(setImmediate);
        ended.push(emailAddress);
        return emptyBooks;
      },
    });
    await expect(promise).rejects.toMatchObject({ code: "store-full" });
    expect(ended).toEqual([ann]);
  });

  it("aborts every mailbox when the batch is stopped, and claims no more", async () => {
    const store = await storeWith(terry, ann);
    const controller = new AbortController();
    let begun = 0;
    await run(store, {
      caps: () => ({ initial: 1, incremental: 1 }),
      signal: controller.signal,
      migrate: (_, signal) => {
        begun += 1;
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new MigrationError("aborted", "stopped")));
          controller.abort();
        });
      },
    }).promise;
    expect(begun).toBe(1);
    expect(await statuses(store)).toEqual([`${terry} Stopped`, `${ann} Queued`]);
  });
});

describe("R8 a lease that is lost", () => {
  afterEach(() => void vi.useRealTimers());

  it("ends the work on its mailbox at once, tells nothing of it, and hurts no other user", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const inner = await storeWith(terry, ann);
    const store = intercepting(inner, {
      renewLease: (lease) =>
        lease.emailAddress === terry
          ? Promise.reject(new MigrationError("lease-lost", "gone"))
          : inner.renewLease(lease),
      releaseUser: (lease, change) =>
        lease.emailAddress === terry
          ? Promise.reject(new MigrationError("lease-lost", "gone"))
          : inner.releaseUser(lease, change),
    });
    let finishAnn = () => {};
    const annIsDone = new Promise<void>((resolve) => {
      finishAnn = resolve;
    });
    let begun = 0;
    let terryEnded = false;
    const { told, promise } = run(store, {
      migrate: async ({ emailAddress }, signal) => {
        begun += 1;
        if (emailAddress === ann) {
          await annIsDone;
          expect(signal.aborted).toBe(false);
          return emptyBooks;
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        terryEnded = true;
        throw new MigrationError("aborted", "stopped");
      },
    });
    await vi.waitFor(() => expect(begun).toBe(2));
    vi.advanceTimersByTime(20_000);
    await vi.waitFor(() => expect(terryEnded).toBe(true));
    finishAnn();
    await promise;
    expect(told.filter((text) => text.startsWith(terry))).toEqual([`${terry} Syncing`]);
    expect(told).toContain(`${ann} Synced`);
  });

  it("shows at the release too, and the batch goes on", async () => {
    const inner = await storeWith(terry, ann);
    const store = intercepting(inner, {
      releaseUser: async (lease, change) => {
        if (lease.emailAddress === terry) throw new MigrationError("lease-lost", "gone");
        await inner.releaseUser(lease, change);
      },
    });
    const { told, promise } = run(store, {
      migrate: async () => {
        throw new MigrationError("connection-lost", "gone");
      },
    });
    await promise;
    expect(told).toContain(`${ann} Failed`);
    expect(told).not.toContain(`${terry} Failed`);
  });

  it("is renewed while its mailbox is being migrated, and no longer", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const inner = await storeWith(terry);
    const renewed: string[] = [];
    const store = intercepting(inner, {
      renewLease: async (lease) => {
        renewed.push(lease.emailAddress);
      },
    });
    let finish = () => {};
    let begun = false;
    const { promise } = run(store, {
      migrate: async () => {
        begun = true;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return emptyBooks;
      },
    });
    await vi.waitFor(() => expect(begun).toBe(true));
    vi.advanceTimersByTime(60_000);
    expect(renewed).toEqual([terry, terry, terry]);
    finish();
    await promise;
    vi.advanceTimersByTime(60_000);
    expect(renewed).toHaveLength(3);
  });
});

it("R16 waits for room at the endpoint that another batch holds", async () => {
  const store = await storeWith(terry);
  await store.addUsers("Other", [ann]);
  const held = await store.claimUser("Other", claimOf({ cap: 1 }));
  const clock = new VirtualClock();
  void clock.passed(5_000).then(() => held && store.releaseUser(held, { status: "Synced" }));
  await run(store, { caps: () => ({ initial: 1, incremental: 1 }), clock }).promise;
  expect(await statuses(store)).toEqual([`${terry} Synced`]);
  expect(clock.now()).toBeGreaterThanOrEqual(5_000);
});
