import assert from "node:assert/strict";
import type { BatchRecord, EndpointRecord } from "../store/batch-records.js";
import type { MigrationStore } from "../store/migration-store.js";
import type { BehaviourCase } from "./behaviour-case.js";
import {
  BATCH,
  claimed,
  claimOf,
  collect,
  copied,
  type OpenStore,
  rejectsWith,
  sourceFolder,
} from "./store-fixtures.js";

/** Endpoints and batches, the schedule of their users, and who gets the places at an endpoint. */
export function storeBatchCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    ...endpointCases(open),
    ...batchCases(open),
    ...removalCases(open),
    ...scheduleCases(open),
    ...userCases(open),
    ...placeCases(open),
  ];
}

const DAY_MS = 86_400_000;
const ENDPOINT: EndpointRecord = {
  name: "IMAPEndpoint",
  settings: { remoteServer: "imap.contoso.com", port: 993 },
  maxConcurrentMigrations: 50,
  maxConcurrentIncrementalSyncs: 25,
  lastModifiedAt: 1_000,
};

function batchRecord(name: string, change: Partial<BatchRecord> = {}): BatchRecord {
  return {
    name,
    batchGuid: `guid of ${name}`,
    endpoint: ENDPOINT.name,
    status: "Created",
    settings: { syncIntervalMs: DAY_MS, reportIntervalMs: 0, notificationEmails: ["admin@contoso.com"] },
    createdAt: 1_700_000_000_000,
    ...change,
  };
}

function endpointCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "keeps endpoints by names that are unique without regard to case, in the order of their making",
      async run() {
        const { store, reopen } = await open();
        assert.equal(await store.createEndpoint({ ...ENDPOINT, maxConnections: 40 }), true);
        assert.equal(await store.createEndpoint({ ...ENDPOINT, name: "imapendpoint" }), false);
        assert.equal(await store.createEndpoint({ ...ENDPOINT, name: "Another" }), true);
        const next = await reopen();
        assert.deepEqual(await next.getEndpoint("IMAPENDPOINT"), { ...ENDPOINT, maxConnections: 40 });
        assert.equal(await next.getEndpoint("unknown"), undefined);
        const names = (await collect(next.listEndpoints())).map(({ name }) => name);
        assert.deepEqual(names, ["IMAPEndpoint", "Another"]);
      },
    },
    {
      title: "changes of an endpoint what is named, and tells of one that is not there",
      async run() {
        const { store } = await open();
        await store.createEndpoint({ ...ENDPOINT, maxConnections: 40 });
        const changed = await store.updateEndpoint("imapendpoint", {
          maxConcurrentMigrations: 7,
          maxConnections: null,
        });
        assert.deepEqual(changed, { ...ENDPOINT, maxConcurrentMigrations: 7 });
        assert.deepEqual(await store.getEndpoint(ENDPOINT.name), changed);
        assert.equal(await store.updateEndpoint("unknown", {}), undefined);
      },
    },
    {
      title: "removes an endpoint only when no batch uses it",
      async run() {
        const { store } = await open();
        await store.createEndpoint(ENDPOINT);
        await store.createBatch(batchRecord(BATCH));
        assert.equal(await store.removeEndpoint("imapENDPOINT"), "in-use");
        await store.removeBatch(BATCH);
        assert.equal(await store.removeEndpoint("imapENDPOINT"), "removed");
        assert.equal(await store.removeEndpoint("imapENDPOINT"), "not-found");
      },
    },
  ];
}

function batchCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "keeps batches by names that are unique without regard to case, in the order of their making",
      async run() {
        const { store, reopen } = await open();
        const full = batchRecord(BATCH, { startedAt: 1, initialSyncedAt: 2, lastSyncedAt: 3, nextReportAt: 4 });
        assert.equal(await store.createBatch(full), true);
        assert.equal(await store.createBatch(batchRecord(BATCH.toUpperCase())), false);
        assert.equal(await store.createBatch(batchRecord("Another")), true);
        const next = await reopen();
        assert.deepEqual(await next.getBatch(BATCH.toLowerCase()), full);
        assert.equal(await next.getBatch("unknown"), undefined);
        assert.deepEqual(await collect(next.listBatches()), [full, batchRecord("Another")]);
      },
    },
    {
      title: "changes a batch out of the statuses that are given alone, and gives it as it is then",
      async run() {
        const { store } = await open();
        await store.createBatch(batchRecord(BATCH));
        const started = { ...batchRecord(BATCH), status: "Starting", startedAt: 9 } as const;
        assert.deepEqual(await store.updateBatch(BATCH, { status: "Starting", startedAt: 9 }, ["Created"]), started);
        assert.deepEqual(await store.updateBatch(BATCH, { status: "Synced" }, ["Created"]), started);
        assert.equal((await store.updateBatch(BATCH, { status: "Synced" }))?.status, "Synced");
        assert.equal(await store.updateBatch("unknown", { status: "Synced" }), undefined);
      },
    },
    {
      title: "lends no user of a batch that is stopped, completed or being removed",
      async run() {
        const { store } = await open();
        await store.createBatch(batchRecord(BATCH));
        await store.addUsers(BATCH, ["a@contoso.com"]);
        for (const status of ["Stopping", "Stopped", "Completed", "CompletedWithErrors", "Removing"] as const) {
          await store.updateBatch(BATCH, { status });
          assert.equal(await store.claimUser(BATCH, claimOf()), undefined, status);
        }
        await store.updateBatch(BATCH, { status: "Syncing" });
        await claimed(store);
      },
    },
  ];
}

function removalCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "removes a batch with its users and their ledger, and leaves every other as it is",
      async run() {
        const { store, reopen } = await open();
        for (const name of ["one", "two"]) {
          await store.createBatch(batchRecord(name));
          await store.addUsers(name, ["a@contoso.com"]);
          await copyOne(store, name);
        }
        await store.removeBatch("ONE");
        const next = await reopen();
        assert.equal(await next.getBatch("one"), undefined);
        assert.deepEqual(await collect(next.listUsers("one")), []);
        assert.deepEqual(await next.listFolders("one", "a@contoso.com"), []);
        assert.equal((await next.listFolders("two", "a@contoso.com"))[0]?.books.copied, 1);
        await next.removeBatch("one");
        await next.createBatch(batchRecord("one"));
        await next.addUsers("one", ["a@contoso.com"]);
        assert.deepEqual(await next.listFolders("one", "a@contoso.com"), []);
      },
    },
    {
      title: "removes one user with its ledger, whose lease writes nothing from then on",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com", "b@contoso.com"]);
        const lease = await copyOne(store, BATCH);
        await store.removeUser(BATCH, "A@contoso.com");
        await rejectsWith("lease-lost", store.updateUser(lease, { inProgressMs: 1 }));
        const users = await collect(store.listUsers(BATCH));
        assert.deepEqual(
          users.map(({ emailAddress }) => emailAddress),
          ["b@contoso.com"],
        );
        await store.addUsers(BATCH, ["a@contoso.com"]);
        assert.deepEqual(await store.listFolders(BATCH, "a@contoso.com"), []);
        assert.deepEqual(await collect(store.listItems(BATCH, "a@contoso.com", ["copied"])), []);
      },
    },
  ];
}

function scheduleCases(open: OpenStore): readonly BehaviourCase[] {
  const WALL = 1_800_000_000_000;
  const syncedUser = async (store: MigrationStore, nextSyncAt: number) => {
    await store.addUsers(BATCH, ["a@contoso.com"]);
    await store.releaseUser(await claimed(store), { status: "Synced", lastSyncedAt: WALL, nextSyncAt });
  };
  const user = async (store: MigrationStore) => (await collect(store.listUsers(BATCH)))[0];
  return [
    {
      title: "queues a user when its pass is due, and sets down the next one an interval later",
      async run() {
        const { store, reopen } = await open();
        await syncedUser(store, WALL + 500);
        assert.equal(await store.queueDueUsers(BATCH, { now: WALL + 499, intervalMs: 1000 }), WALL + 500);
        assert.equal((await user(store))?.status, "Synced");
        const next = await reopen();
        assert.equal(await next.queueDueUsers(BATCH, { now: WALL + 500, intervalMs: 1000 }), WALL + 1500);
        assert.equal((await user(next))?.status, "Queued");
        assert.equal((await next.countUsers(BATCH)).requested, 0);
      },
    },
    {
      title: "R18 makes up for no pass that was missed but one, and keeps the user's place",
      async run() {
        const { store } = await open();
        await syncedUser(store, WALL + 500);
        assert.equal(await store.queueDueUsers(BATCH, { now: WALL + 7_700, intervalMs: 1000 }), WALL + 8500);
        assert.equal((await user(store))?.status, "Queued");
      },
    },
    {
      title: "R18 lets nobody wait longer than an interval when the clock was set back",
      async run() {
        const { store } = await open();
        await syncedUser(store, WALL + 500);
        assert.equal(await store.queueDueUsers(BATCH, { now: WALL - 86_400_000, intervalMs: 1000 }), WALL - 86_399_500);
        assert.equal((await user(store))?.status, "Synced");
      },
    },
    {
      title: "queues by the schedule neither who failed at first nor who was stopped, but who failed later",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["failed@contoso.com", "stopped@contoso.com", "later@contoso.com"]);
        const error = { code: "auth-failed", message: "no" };
        await store.releaseUser(await claimed(store), { status: "Failed", error });
        await store.releaseUser(await claimed(store), { status: "Synced", lastSyncedAt: WALL, nextSyncAt: WALL });
        const later = { status: "IncrementalFailed", error, lastSyncedAt: WALL, nextSyncAt: WALL } as const;
        await store.releaseUser(await claimed(store), later);
        await store.stopUsers(BATCH, { emailAddresses: ["Stopped@contoso.com"] });
        assert.equal(await store.queueDueUsers(BATCH, { now: WALL + 1, intervalMs: 1000 }), WALL + 1000);
        const statuses = (await collect(store.listUsers(BATCH))).map(({ status }) => status);
        assert.deepEqual(statuses, ["Failed", "IncrementalStopped", "Queued"]);
        assert.equal(await store.queueDueUsers("unknown", { now: WALL, intervalMs: 1000 }), undefined);
      },
    },
  ];
}

function userCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "counts users by status, and whose pass somebody waits for until it has ended",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com", "b@contoso.com", "c@contoso.com"]);
        assert.deepEqual(await store.countUsers(BATCH), { byStatus: { Queued: 3 }, requested: 0 });
        await store.queueUsers(BATCH, { emailAddresses: ["A@contoso.com", "b@contoso.com"] });
        assert.equal((await store.countUsers(BATCH)).requested, 2);
        const lease = await claimed(store);
        assert.deepEqual(await store.countUsers(BATCH), { byStatus: { Queued: 2, Syncing: 1 }, requested: 2 });
        await store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1 });
        await store.releaseUser(await claimed(store), { status: "Failed" });
        assert.deepEqual(await store.countUsers(BATCH), {
          byStatus: { Queued: 1, Synced: 1, Failed: 1 },
          requested: 0,
        });
        await store.queueUsers(BATCH, { statuses: ["Failed"] });
        assert.deepEqual(await store.countUsers(BATCH), { byStatus: { Queued: 2, Synced: 1 }, requested: 1 });
        assert.deepEqual(await store.countUsers("unknown"), { byStatus: {}, requested: 0 });
      },
    },
    {
      title: "finds one user whatever the case of its address, and tells which kind is queued",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com"]);
        assert.equal((await store.getUser(BATCH, "A@CONTOSO.COM"))?.emailAddress, "a@contoso.com");
        assert.equal(await store.getUser(BATCH, "b@contoso.com"), undefined);
        assert.equal(await store.hasQueued(BATCH, "initial"), true);
        assert.equal(await store.hasQueued(BATCH, "incremental"), false);
        await store.releaseUser(await claimed(store), { status: "Synced", lastSyncedAt: 1 });
        await store.queueUsers(BATCH);
        assert.equal(await store.hasQueued(BATCH, "initial"), false);
        assert.equal(await store.hasQueued(BATCH, "incremental"), true);
      },
    },
    {
      title:
        "R8 stops a user that another worker holds: its lease writes nothing more, and counts until it has run out",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com", "b@contoso.com"]);
        const lease = await claimed(store, BATCH, { cap: 1 });
        await store.stopUsers(BATCH, { emailAddresses: ["a@contoso.com"] });
        await rejectsWith("lease-lost", store.renewLease(lease));
        assert.equal((await store.getUser(BATCH, "a@contoso.com"))?.status, "Stopped");
        assert.equal(await store.claimUser(BATCH, claimOf({ cap: 1 })), undefined);
        assert.equal((await claimed(store, BATCH, { cap: 2 })).emailAddress, "b@contoso.com");
      },
    },
  ];
}

function placeCases(open: OpenStore): readonly BehaviourCase[] {
  const twoBatches = async (store: MigrationStore) => {
    for (const name of ["large", "small"]) {
      await store.createBatch(batchRecord(name, { status: "Syncing" }));
      await store.addUsers(
        name,
        Array.from({ length: 6 }, (_, number) => `${name}${number}@contoso.com`),
      );
    }
  };
  return [
    {
      title: "R16 counts first and later passes apart, each under its cap, and both under that of the connections",
      async run() {
        const { store } = await open();
        await store.addUsers(BATCH, ["a@contoso.com", "b@contoso.com", "c@contoso.com", "d@contoso.com"]);
        for (let synced = 0; synced < 2; synced++) {
          await store.releaseUser(await claimed(store), { status: "Synced", lastSyncedAt: 1 });
        }
        await store.queueUsers(BATCH);
        const initial = { kind: "initial", cap: 1 } as const;
        const incremental = { kind: "incremental", cap: 1 } as const;
        assert.equal((await claimed(store, BATCH, incremental)).emailAddress, "a@contoso.com");
        assert.equal(await store.claimUser(BATCH, claimOf(incremental)), undefined);
        assert.equal(await store.claimUser(BATCH, claimOf({ ...initial, totalCap: 1 })), undefined);
        assert.equal((await claimed(store, BATCH, initial)).emailAddress, "c@contoso.com");
        assert.equal(await store.claimUser(BATCH, claimOf(initial)), undefined);
      },
    },
    {
      title: "R16 gives the places that a large batch gives back to a small one that waits, until both hold as many",
      async run() {
        const { store } = await open();
        await twoBatches(store);
        const ask = (name: string) => store.claimUser(name, claimOf({ kind: "initial", cap: 4 }));
        const held = [await ask("large"), await ask("large"), await ask("large"), await ask("large")];
        assert.equal(await ask("small"), undefined, "there is no room");
        for (const expected of ["small", "small"]) {
          const lease = held.shift();
          assert.ok(lease);
          await store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1 });
          assert.equal(await ask("large"), undefined, "the small one waits, and holds fewer");
          assert.equal((await ask(expected))?.batch, "small");
          assert.equal(await ask("small"), undefined);
        }
        const lease = held.shift();
        assert.ok(lease);
        await store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1 });
        assert.equal((await ask("large"))?.batch, "large", "both hold as many, and no place stays empty");
      },
    },
    {
      title: "keeps no place for a batch that does not ask",
      async run() {
        const { store } = await open();
        await twoBatches(store);
        for (let place = 0; place < 4; place++) await claimed(store, "large", { kind: "initial", cap: 4 });
        const fifth = await store.claimUser("large", claimOf({ kind: "initial", cap: 5 }));
        assert.equal(fifth?.batch, "large");
      },
    },
  ];
}

async function copyOne(store: MigrationStore, batch: string) {
  const lease = await claimed(store, batch);
  const journal = await store.openJournal(lease, sourceFolder("INBOX"));
  await journal.settle([copied(1)]);
  return lease;
}
