import assert from "node:assert/strict";
import type { Lease, MigrationStore, UserRecord } from "../store/migration-store.js";
import type { BehaviourCase } from "./behaviour-case.js";
import {
  BATCH,
  begun,
  claimed,
  claimOf,
  collect,
  copied,
  type OpenStore,
  rejectsWith,
  sourceFolder,
  target,
} from "./store-fixtures.js";

/** Users, their order, and who may work on them. */
export function storeUserCases(open: OpenStore): readonly BehaviourCase[] {
  return [...addingCases(open), ...claimCases(open), ...leaseCases(open), ...changeCases(open)];
}

function addingCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "lists users in the order in which they were added, spelled as they were, over several calls",
      async run() {
        const { store, reopen } = await open();
        await store.addUsers(BATCH, ["Zoe@contoso.com", "adam@contoso.com"]);
        await store.addUsers(BATCH, ["Möller@contoso.com"]);
        const fresh = { status: "Queued", queuedMs: 0, inProgressMs: 0, syncedMs: 0, stalledMs: 0 };
        const users = await collect((await reopen()).listUsers(BATCH));
        assert.deepEqual(users.map(withoutSince), [
          { emailAddress: "Zoe@contoso.com", ...fresh },
          { emailAddress: "adam@contoso.com", ...fresh },
          { emailAddress: "Möller@contoso.com", ...fresh },
        ]);
        assert.ok(users.every(({ since }) => since !== undefined));
      },
    },
    {
      title: "leaves a user that is added again as it is, whatever the case of its address",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["Adam@contoso.com", "ADAM@contoso.com"]);
        await store.releaseUser(await claimed(store), { status: "Synced", lastSyncedAt: 1000 });
        await store.addUsers(BATCH, ["adam@CONTOSO.com", "zoe@contoso.com"]);
        const users = await collect(store.listUsers(BATCH));
        assert.deepEqual(
          users.map(({ emailAddress, status }) => [emailAddress, status]),
          [
            ["Adam@contoso.com", "Synced"],
            ["zoe@contoso.com", "Queued"],
          ],
        );
      },
    },
    {
      title: "keeps the same address in two batches apart",
      async run() {
        const { store } = await open();
        await store.addUsers("one", ["adam@contoso.com"]);
        await store.addUsers("two", ["adam@contoso.com"]);
        await store.updateUser(await claimed(store, "two"), { status: "Failed" });
        assert.equal((await collect(store.listUsers("one")))[0]?.status, "Queued");
        assert.equal((await collect(store.listUsers("two")))[0]?.status, "Failed");
      },
    },
    {
      title: "knows nothing of a batch that it was never given",
      async run() {
        const { store } = await open();
        assert.deepEqual(await collect(store.listUsers("unknown")), []);
        assert.deepEqual(await store.listFolders("unknown", "adam@contoso.com"), []);
        assert.deepEqual(await collect(store.listItems("unknown", "adam@contoso.com", ["copied"])), []);
        await store.queueUsers("unknown");
        assert.equal(await store.claimUser("unknown", claimOf()), undefined);
      },
    },
    {
      title: "lists thousands of users, each once and in order, while others are being changed",
      async run() {
        const { store } = await open();
        const added = Array.from({ length: 1501 }, (_, number) => `user${number}@contoso.com`);
        await store.addUsers(BATCH, added);
        const listed: string[] = [];
        for await (const { emailAddress } of store.listUsers(BATCH)) {
          listed.push(emailAddress);
          if (listed.length % 500 === 0) await store.releaseUser(await claimed(store), { status: "Synced" });
        }
        assert.deepEqual(listed, added);
      },
    },
  ];
}

function claimCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "lends users in the order in which they were added, each to one worker, until none waits",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["Zoe@contoso.com", "adam@contoso.com"]);
        const first = await claimed(store);
        assert.equal(first.batch, BATCH);
        assert.equal(first.emailAddress, "Zoe@contoso.com");
        assert.equal(first.worker, "worker-1");
        assert.equal((await claimed(store, BATCH, { worker: "worker-2" })).emailAddress, "adam@contoso.com");
        assert.equal(await store.claimUser(BATCH, claimOf()), undefined);
      },
    },
    {
      title: "makes a claimed user Syncing in its first pass and IncrementalSyncing in every later one",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["adam@contoso.com"]);
        const first = await claimed(store);
        assert.equal(first.user.status, "Syncing");
        assert.equal((await collect(store.listUsers(BATCH)))[0]?.status, "Syncing");
        await store.releaseUser(first, { status: "Synced", lastSyncedAt: 1000 });
        await store.queueUsers(BATCH);
        const second = await claimed(store);
        assert.equal(second.user.status, "IncrementalSyncing");
        assert.equal(second.user.lastSyncedAt, 1000);
        assert.equal((await collect(store.listUsers(BATCH)))[0]?.status, "IncrementalSyncing");
      },
    },
    {
      title: "lends no more users of an endpoint than its cap, counted over all batches",
      async run() {
        const { store } = await open();
        await store.addUsers("one", ["a@contoso.com", "b@contoso.com"]);
        await store.addUsers("two", ["c@contoso.com", "d@contoso.com"]);
        const first = await claimed(store, "one", { cap: 2 });
        await claimed(store, "two", { cap: 2 });
        assert.equal(await store.claimUser("one", claimOf({ cap: 2 })), undefined);
        assert.equal(await store.claimUser("two", claimOf({ cap: 2 })), undefined);
        const elsewhere = await claimed(store, "two", { cap: 1, endpoint: "another" });
        assert.equal(elsewhere.emailAddress, "d@contoso.com", "another endpoint has a cap of its own");
        await store.releaseUser(first, { status: "Synced" });
        assert.equal((await claimed(store, "one", { cap: 2 })).emailAddress, "b@contoso.com");
      },
    },
    {
      title: "keeps the cap and lends nobody twice when many claim at once",
      async run() {
        const { store } = await open();
        const users = Array.from({ length: 10 }, (_, number) => `user${number}@contoso.com`);
        await store.addUsers(BATCH, users);
        const claims = await Promise.all(
          users.map((_, number) => store.claimUser(BATCH, claimOf({ cap: 4, worker: `worker-${number}` }))),
        );
        const lent = claims.flatMap((lease) => (lease ? [lease.emailAddress] : []));
        assert.deepEqual(lent.sort(), users.slice(0, 4));
      },
    },
    {
      title: "lends a user whose lease ran out again, in the order of adding, and counts that lease no more",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com", "b@contoso.com"]);
        const first = await claimed(store, BATCH, { leaseMs: 0, cap: 1 });
        const second = await claimed(store, BATCH, { cap: 1, worker: "worker-2" });
        assert.equal(second.emailAddress, "a@contoso.com");
        assert.ok(second.fence > first.fence, "the fence grows with every claim of the user");
        assert.equal(await store.claimUser(BATCH, claimOf({ cap: 1 })), undefined);
      },
    },
    {
      title: "lends a user that was given back only after it was queued again",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        await store.releaseUser(await claimed(store), { status: "Stopped" });
        assert.equal(await store.claimUser(BATCH, claimOf()), undefined);
        await store.queueUsers(BATCH);
        assert.equal((await claimed(store)).emailAddress, "a@contoso.com");
      },
    },
  ];
}

function leaseCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "R8 lets a lease that another worker took over write nothing at all",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        const stale = await claimed(store, BATCH, { leaseMs: 0 });
        const journal = await store.openJournal(stale, sourceFolder("INBOX"));
        await claimed(store, BATCH, { worker: "worker-2" });
        await assertCanWriteNothing(store, stale);
        await rejectsWith("lease-lost", journal.begin(begun(1), target));
        await rejectsWith("lease-lost", journal.settle([copied(1)]));
        await rejectsWith("lease-lost", journal.finish(1, { uidNext: 2, messages: 1 }));
        assert.equal(journal.settledCount, 0);
        assert.deepEqual(journal.doubts, []);
        assert.equal(journal.syncPoint, undefined);
        const [folder, ...others] = await store.listFolders(BATCH, "a@contoso.com");
        assert.deepEqual(others, []);
        assert.equal(folder?.target, undefined);
        assert.equal(folder?.books.copied, 0);
        assert.deepEqual(await collect(store.listItems(BATCH, "a@contoso.com", ["copied"])), []);
      },
    },
    {
      title: "R8 fences a worker off even when the same worker claims the user again",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        const stale = await claimed(store, BATCH, { leaseMs: 0 });
        const held = await claimed(store);
        await assertCanWriteNothing(store, stale);
        await store.updateUser(held, { inProgressMs: 5 });
      },
    },
    {
      title: "takes nothing from a lease that was given back",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        const lease = await claimed(store);
        await store.releaseUser(lease, { status: "Synced" });
        await assertCanWriteNothing(store, lease);
        assert.equal((await collect(store.listUsers(BATCH)))[0]?.status, "Synced");
      },
    },
    {
      title: "knows no lease that it did not give",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        const lease = await claimed(store);
        await assertCanWriteNothing(store, { ...lease, worker: "worker-2" });
        await assertCanWriteNothing(store, { ...lease, fence: lease.fence + 1 });
        await assertCanWriteNothing(store, { ...lease, batch: "another" });
        await assertCanWriteNothing(store, { ...lease, emailAddress: "b@contoso.com" });
      },
    },
    {
      title: "lets a lease that ran out be renewed while nobody has taken the user over",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        const lease = await claimed(store, BATCH, { leaseMs: 0 });
        await store.renewLease(lease);
        await store.updateUser(lease, { status: "Failed" });
        assert.equal((await collect(store.listUsers(BATCH)))[0]?.status, "Failed");
      },
    },
    {
      title: "queues every user that nobody holds, and takes the user from a lease that ran out",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["failed@contoso.com", "held@contoso.com", "abandoned@contoso.com"]);
        const error = { code: "auth-failed", message: "The server refused the sign-in." };
        await store.releaseUser(await claimed(store), { status: "Failed", error });
        const held = await claimed(store);
        const abandoned = await claimed(store, BATCH, { leaseMs: 0, worker: "worker-2" });
        await store.queueUsers(BATCH);
        const users = await collect(store.listUsers(BATCH));
        assert.deepEqual(
          users.map(({ emailAddress, status, error: left }) => [emailAddress, status, left]),
          [
            ["failed@contoso.com", "Queued", undefined],
            ["held@contoso.com", "Syncing", undefined],
            ["abandoned@contoso.com", "Queued", undefined],
          ],
        );
        await assertCanWriteNothing(store, abandoned);
        await store.updateUser(held, { inProgressMs: 1 });
      },
    },
  ];
}

function changeCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "changes only what a change names, adds milliseconds up, and takes an error away again",
      async run() {
        const { store, reopen } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        const lease = await claimed(store);
        const { queuedMs } = lease.user;
        const error = { code: "quota-exceeded", message: "Full: ✗" };
        await store.updateUser(lease, { status: "Failed", error, inProgressMs: 100.4 });
        await store.updateUser(lease, { lastSyncedAt: 1_700_000_000_000, queuedMs: 5, inProgressMs: 50 });
        const expected = {
          emailAddress: "a@contoso.com",
          status: "Failed",
          lastSyncedAt: 1_700_000_000_000,
          queuedMs: queuedMs + 5,
          inProgressMs: 150,
          syncedMs: 0,
          stalledMs: 0,
        };
        assert.deepEqual(await collect(store.listUsers(BATCH)), [{ ...expected, error }]);
        await store.releaseUser(lease, {
          status: "Synced",
          error: null,
          stalledMs: 7.6,
          nextSyncAt: 1_700_086_400_000,
        });
        const [user] = await collect((await reopen()).listUsers(BATCH));
        assert.deepEqual(user && withoutSince(user), {
          ...expected,
          status: "Synced",
          stalledMs: 8,
          nextSyncAt: 1_700_086_400_000,
        });
      },
    },
  ];
}

function withoutSince({ since: _, ...user }: UserRecord): Omit<UserRecord, "since"> {
  return user;
}

async function assertCanWriteNothing(store: MigrationStore, lease: Lease): Promise<void> {
  const before = await collect(store.listUsers(lease.batch));
  await rejectsWith("lease-lost", store.renewLease(lease));
  await rejectsWith("lease-lost", store.updateUser(lease, { status: "Failed", inProgressMs: 1 }));
  await rejectsWith("lease-lost", store.releaseUser(lease, { status: "Failed" }));
  await rejectsWith("lease-lost", store.openJournal(lease, sourceFolder("Never")));
  assert.deepEqual(await collect(store.listUsers(lease.batch)), before);
  const folders = await store.listFolders(lease.batch, lease.emailAddress);
  assert.ok(!folders.some(({ source }) => source === "Never"), "the refused journal left no folder behind");
}
