import { execFile } from "node:child_process";
import { inspect, promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  MigrationBatch,
  type MigrationBatchStatus,
  MigrationEndpoint,
  MigrationError,
  type MigrationEvents,
  type MigrationStore,
  memoryStore,
  sqliteStore,
} from "../../src/index.js";
import { sampleMessage } from "../../src/testing/index.js";
import { collect } from "../../src/testing/store-fixtures.js";
import { temporaryFolders } from "../unit/store/temporary-folder.js";
import { VirtualClock } from "../virtual-clock.js";
import { BatchOffice, rowOf } from "./batch-office.js";

const { folder, closing } = temporaryFolders();
const run = promisify(execFile);
const NAME = "IMAPBatch1";
const HOUR_MS = 3_600_000;
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error: unknown) => MigrationError.from(error).code,
  );

function office(store: MigrationStore = memoryStore()) {
  const clock = new VirtualClock();
  const faulty = new Set<string>();
  const place = new BatchOffice({
    store,
    clock,
    opening: async (user) => {
      if (faulty.has(user)) throw new MigrationError("protocol-error", "out of order");
    },
  });
  const users = place.add("user", 3);
  return { store, clock, faulty, office: place, users, batch: place.batch(NAME, users) };
}

function statusesOf(batch: MigrationBatch): MigrationBatchStatus[] {
  const statuses: MigrationBatchStatus[] = [];
  batch.on("batch:status", ({ status }) => void statuses.push(status));
  return statuses;
}

describe("endpoints in a store", () => {
  const options = {
    name: "IMAPEndpoint",
    remoteServer: "imap.contoso.com",
    security: "Tls",
    maxConnections: 9,
  } as const;

  it("are created, got, listed, set and removed by name, whatever its case", async () => {
    const store = memoryStore();
    const created = await MigrationEndpoint.create(store, { ...options, ca: "PEM", authenticationId: "mailadmin" });
    expect(await codeOf(MigrationEndpoint.create(store, { ...options, name: "imapendpoint" }))).toBe("name-taken");
    const got = await MigrationEndpoint.get(store, "IMAPENDPOINT");
    expect({ ...got, settings: got.settings }).toEqual({ ...created, settings: created.settings });
    const change = {
      maxConcurrentMigrations: 50,
      maxConcurrentIncrementalSyncs: 25,
      remoteServer: "imap2.contoso.com",
    };
    await MigrationEndpoint.set(store, "imapEndpoint", change);
    expect(await MigrationEndpoint.list(store)).toMatchObject([
      { ...change, port: 143, security: "Tls", maxConnections: 9 },
    ]);
    expect(await codeOf(MigrationEndpoint.set(store, "IMAPEndpoint", { maxConcurrentMigrations: 5 }))).toBe(
      "option-invalid",
    );
    await MigrationEndpoint.remove(store, "imapendpoint");
    expect(await codeOf(MigrationEndpoint.get(store, "IMAPEndpoint"))).toBe("not-found");
    expect(await codeOf(MigrationEndpoint.remove(store, "IMAPEndpoint"))).toBe("not-found");
    expect(await codeOf(MigrationEndpoint.set(store, "IMAPEndpoint", {}))).toBe("not-found");
  });

  it("stay while a batch uses them", async () => {
    const { store, batch } = office();
    await batch.start();
    expect(await codeOf(MigrationEndpoint.remove(store, "IMAPEndpoint"))).toBe("state-invalid");
    await batch.remove();
    await MigrationEndpoint.remove(store, "IMAPEndpoint");
  });
});

describe("batches in a store", () => {
  it("have names of at most 64 characters, unique without regard to case", async () => {
    const { store, office: place, users } = office();
    const batch = await MigrationBatch.create({ ...place.context(), name: NAME, users, store });
    expect(batch.status).toBe("Created");
    const again = { ...place.context(), name: NAME.toUpperCase(), users, store };
    expect(await codeOf(MigrationBatch.create(again))).toBe("name-taken");
    expect(await codeOf(new MigrationBatch(again).start())).toBe("name-taken");
    const elsewhere = { ...place.endpoint, name: "Another" };
    expect(await codeOf(place.batch(NAME, users, { sourceEndpoint: elsewhere }).start())).toBe("name-taken");
    expect(await codeOf(MigrationBatch.get(store, "x".repeat(65)))).toBe("option-invalid");
    expect(await codeOf(MigrationBatch.get(store, ""))).toBe("option-invalid");
  });

  it("are never all got by a name that is unknown", async () => {
    const { store, batch } = office();
    await batch.start();
    expect(await codeOf(MigrationBatch.get(store, "unknown"))).toBe("not-found");
    expect((await MigrationBatch.list(store)).map(({ name }) => name)).toEqual([NAME]);
    expect((await MigrationBatch.get(store, NAME.toLowerCase())).name).toBe(NAME);
  });

  it("can be looked at without a target, and say what they wait for", async () => {
    const { store, batch } = office();
    await batch.start();
    await batch.close();
    const seen = await MigrationBatch.get(store, NAME);
    expect(seen.status).toBe("Synced");
    expect(seen.batchGuid).toBe(batch.batchGuid);
    expect(seen.waitsFor).toEqual(["target", "sourceEndpoint", "credentials"]);
    expect((await seen.statistics()).users).toEqual({
      total: 3,
      active: 0,
      synced: 3,
      failed: 0,
      stopped: 0,
      pending: 0,
    });
    expect((await collect(seen.users())).map(({ status }) => status)).toEqual(["Synced", "Synced", "Synced"]);
    expect(await codeOf(seen.user("nobody@contoso.com"))).toBe("not-found");
    expect(await codeOf(seen.start())).toBe("option-invalid");
    expect(seen.status).toBe("Synced");
  });

  it("go on in a new process, with the users' secrets asked for one by one, and a password in no store", async () => {
    const path = `${await folder()}/store.db`;
    const first = office(sqliteStore(path));
    await first.batch.start();
    await first.batch.close();
    await first.store.close();
    const store = closing(sqliteStore(path));
    const { target, sourceEndpoint, ...context } = first.office.context();
    const asked: string[] = [];
    const secrets = async (user: string) => {
      asked.push(user);
      if (user.startsWith("user3")) throw new Error("Pa55word of user3");
      return { userName: user, password: "Pa55word" };
    };
    const bare = await MigrationBatch.get(store, NAME, { ...context, target, sourceEndpoint });
    expect(bare.waitsFor).toEqual(["credentials"]);
    expect(await codeOf(bare.start())).toBe("credentials-missing");
    const batch = await MigrationBatch.get(store, NAME, { ...context, target, sourceEndpoint, secrets });
    const failures: MigrationEvents["user:failed"][0][] = [];
    batch.on("user:failed", (event) => void failures.push(event));
    for (const source of first.office.sources.values()) source.folder("INBOX").add(sampleMessage("New"));
    const report = await batch.syncNow();
    expect(report.users).toMatchObject({ Synced: 2, Failed: 1 });
    expect(asked.sort()).toEqual(["user1@contoso.com", "user2@contoso.com", "user3@contoso.com"]);
    expect(failures).toMatchObject([{ user: "user3@contoso.com", error: { code: "credentials-missing" } }]);
    expect(inspect([failures, batch, report], { depth: 10, showHidden: true })).not.toContain("Pa55word");
    await batch.stop();
  });

  it("of a process that died are resumed where they were: users under way first, the others not at all", async () => {
    const path = `${await folder()}/store.db`;
    const { office: place, users, store: first, batch } = office(sqliteStore(path));
    await batch.start();
    await first.updateBatch(NAME, { status: "Syncing" });
    await first.queueUsers(NAME, { emailAddresses: ["user2@contoso.com"] });
    await first.claimUser(NAME, { worker: "dead", leaseMs: 60_000, endpoint: "IMAPEndpoint", cap: 5 });
    await first.close();
    const store = closing(sqliteStore(path));
    const opened = new Map(place.opened);
    const next = await MigrationBatch.get(store, NAME, { ...place.context(), users });
    expect(next.status).toBe("Syncing");
    expect((await next.resume()).users.Synced).toBe(3);
    expect(next.status).toBe("Synced");
    const again = [...place.opened].filter(([user, times]) => times > (opened.get(user) ?? 0));
    expect(again.map(([user]) => user)).toEqual(["user2@contoso.com"]);
    await next.stop();
  });
});

describe("the actions on a batch", () => {
  it("are refused where the table does not have them, and change nothing", async () => {
    const { batch } = office();
    expect(batch.supportedActions).toEqual(["start", "set", "addUsers", "remove"]);
    for (const refused of [() => batch.syncNow(), () => batch.complete(), () => batch.stop()]) {
      expect(await codeOf(refused())).toBe("state-invalid");
    }
    await batch.start();
    await batch.stop();
    expect(await codeOf(batch.startUser("user1@contoso.com"))).toBe("state-invalid");
    expect(batch.status).toBe("Stopped");
  });

  it("startAfter lets it wait, through a new process too, and start when the time has come", async () => {
    const { clock, store, office: place, users } = office();
    const startAfter = new Date(clock.date() + 5 * HOUR_MS);
    const batch = place.batch(NAME, users, { startAfter });
    const statuses = statusesOf(batch);
    await MigrationBatch.create({ ...place.context(), name: NAME, users, store, startAfter });
    let copied = 0;
    batch.on("user:synced", () => {
      copied = clock.date();
    });
    await batch.start();
    expect(statuses).toEqual(["Waiting", "Starting", "Syncing", "Synced"]);
    expect(copied).toBeGreaterThanOrEqual(startAfter.getTime());
    await batch.stop();
  });

  it("addUsers takes a second list: new rows are migrated, those that are there already are left alone", async () => {
    const { batch, office: place, users } = office();
    await batch.start();
    const more = place.add("more", 2);
    const synced = new Promise<void>((resolve) => {
      let left = 2;
      batch.on("user:synced", () => void (--left === 0 && resolve()));
    });
    const opened = new Map(place.opened);
    expect(await batch.addUsers([...users, ...more])).toEqual(["more1@contoso.com", "more2@contoso.com"]);
    await synced;
    expect((await batch.statistics()).users.total).toBe(5);
    expect(place.different()).toEqual([]);
    for (const [user, times] of opened) expect(place.opened.get(user)).toBe(times);
    expect(await codeOf(batch.addUsers([rowOf("a@contoso.com"), rowOf("A@contoso.com")]))).toBe("option-invalid");
    await batch.stop();
  });

  it("start tries those that failed again; syncNow leaves them alone", async () => {
    const { batch, faulty, office: place } = office();
    faulty.add("user2@contoso.com");
    expect((await batch.start()).status).toBe("SyncedWithErrors");
    faulty.clear();
    await batch.syncNow();
    expect(place.opened.get("user2@contoso.com")).toBe(1);
    expect((await batch.startUser("USER2@contoso.com")).status).toBe("Synced");
    expect((await batch.user("user2@contoso.com")).supportedActions).toContain("syncNow");
    await batch.stop();
  });

  it("stopUser leaves one out of every pass until startUser, and removeUser takes it away", async () => {
    const { batch, clock, office: place } = office();
    await batch.start();
    await batch.stopUser("user1@contoso.com");
    expect((await batch.user("user1@contoso.com")).status).toBe("IncrementalStopped");
    expect(await codeOf(batch.stopUser("user1@contoso.com"))).toBe("state-invalid");
    await clock.advance(24 * HOUR_MS);
    expect([...place.opened.values()]).toEqual([1, 2, 2]);
    await batch.startUser("user1@contoso.com");
    expect(place.opened.get("user1@contoso.com")).toBe(2);
    await batch.removeUser("user1@contoso.com");
    expect(await codeOf(batch.user("user1@contoso.com"))).toBe("not-found");
    expect((await batch.statistics()).users).toMatchObject({ total: 2, synced: 2 });
    await batch.stop();
  });

  it("complete makes a last pass, verifies, and freezes the ledger", async () => {
    const { batch, store, office: place } = office();
    await batch.start();
    for (const source of place.sources.values()) source.folder("INBOX").add(sampleMessage("The last"));
    const statuses = statusesOf(batch);
    const { report, verification } = await batch.complete({ verify: { level: 4 } });
    expect(statuses).toEqual(["Completing", "Completed"]);
    expect(report).toMatchObject({ status: "Completed", books: { copied: 9 } });
    expect(verification).toMatchObject({ grade: "Perfect", counts: { checked: 9 } });
    expect(batch.supportedActions).toEqual(["remove"]);
    for (const refused of [() => batch.start(), () => batch.addUsers([]), () => batch.set({}), () => batch.stop()]) {
      expect(await codeOf(refused())).toBe("state-invalid");
    }
    await store.queueUsers(NAME);
    const claim = { worker: "w", leaseMs: 1000, endpoint: "IMAPEndpoint", cap: 5 };
    expect(await store.claimUser(NAME, claim)).toBeUndefined();
    expect(await codeOf((await MigrationBatch.get(store, NAME)).removeUser("user1@contoso.com"))).toBe("state-invalid");
  });

  it("complete ends with errors where a user is not synced, and is Synced again where it cannot verify", async () => {
    const { batch, faulty } = office();
    await batch.start();
    faulty.add("user3@contoso.com");
    expect(await codeOf(batch.complete({ verify: { level: 1, users: ["nobody@contoso.com"] } }))).toBe(
      "option-invalid",
    );
    expect(batch.status).toBe("SyncedWithErrors");
    const { report, verification } = await batch.complete({ verify: false });
    expect(verification).toBeUndefined();
    expect(report).toMatchObject({ status: "CompletedWithErrors", users: { Synced: 2, Failed: 1 } });
  });

  it("remove refuses what its check still misses, unless it is forced, and then the batch is not found", async () => {
    const { office: place, users, store } = office();
    const standings: unknown[] = [];
    const removalCheck = async (standing: unknown) => {
      standings.push(standing);
      return ["MX still names imap.contoso.com"];
    };
    const batch = place.batch(NAME, users, { removalCheck });
    await batch.start();
    await batch.syncNow();
    const refusal = MigrationError.from(await batch.remove().catch((error: unknown) => error));
    expect(refusal).toMatchObject({ code: "state-invalid", message: expect.stringContaining("MX still names") });
    expect(batch.status).toBe("Synced");
    const statuses = statusesOf(batch);
    const removals: unknown[] = [];
    batch.on("batch:removed", (event) => void removals.push(event));
    await batch.remove({ force: true });
    expect(statuses).toEqual(["Removing"]);
    expect(standings[0]).toEqual({ total: 3, synced: 3, oldestSync: expect.any(Date), newInLastPass: 0 });
    expect(removals).toMatchObject([{ forced: true, missing: ["MX still names imap.contoso.com"] }]);
    expect(await codeOf(MigrationBatch.get(store, NAME))).toBe("not-found");
    for (const call of [() => batch.stop(), () => batch.set({}), () => batch.remove(), () => batch.report()]) {
      expect(await codeOf(call())).toBe("not-found");
    }
    expect(await collect(store.listUsers(NAME))).toEqual([]);
  });

  it("remove that a crash has cut short is ended by calling it again", async () => {
    const { store, batch } = office();
    await batch.start();
    await batch.close();
    await store.updateBatch(NAME, { status: "Removing" });
    const next = await MigrationBatch.get(store, NAME);
    expect(await codeOf(next.set({}))).toBe("state-invalid");
    await next.remove();
    expect(await MigrationBatch.list(store)).toEqual([]);
  });

  it("stop of another object ends a run", async () => {
    const { store, clock, office: place, users } = office();
    let tell = () => {};
    const begun = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const { sourceEndpoint } = place.context();
    const hanging = {
      ...sourceEndpoint,
      openSource: (_: unknown, { signal }: { signal: AbortSignal }) => {
        tell();
        return new Promise<never>((__, reject) => {
          signal.addEventListener("abort", () => reject(new MigrationError("aborted", "stopped")));
        });
      },
    };
    const running = place.batch(NAME, users, { sourceEndpoint: hanging }).start();
    await begun;
    await (await MigrationBatch.get(store, NAME)).stop();
    await clock.asleep();
    clock.leap(1_000);
    expect((await running).status).toBe("Stopped");
  });
});

describe("statistics", () => {
  it("tell of a user and of the batch what is done, how long each part took, and nothing that is not known", async () => {
    const { clock, store, office: place, users } = office();
    const batch = place.batch(NAME, users, { retry: { attempts: 3, firstPauseMs: 4_000, maxPauseMs: 8_000 } });
    await batch.addUsers([]);
    expect(await batch.userStatistics("user1@contoso.com")).not.toHaveProperty("itemsTotal");
    expect(await batch.statistics()).toMatchObject({ percentageSynced: 0, users: { pending: 3, total: 3 } });
    let refusals = 1;
    const { sourceEndpoint } = place.context();
    const slow = place.batch(NAME, users, {
      sourceEndpoint: {
        ...sourceEndpoint,
        openSource: async (row, options) => {
          if (row.emailAddress === "user2@contoso.com" && refusals-- > 0) {
            throw new MigrationError("connection-lost", "gone", { retryAfterMs: 5_000 });
          }
          return sourceEndpoint.openSource(row, options);
        },
      },
      retry: { attempts: 3, firstPauseMs: 4_000, maxPauseMs: 8_000 },
    });
    await slow.start();
    const one = await slow.userStatistics("USER2@contoso.com");
    expect(one).toMatchObject({
      identity: "user2@contoso.com",
      status: "Synced",
      itemsTotal: 2,
      itemsSynced: 2,
      itemsSkipped: 0,
      itemsToDo: 0,
      octetsToDo: 0,
      percentageComplete: 100,
    });
    expect(one.octetsSynced).toBeGreaterThan(100);
    expect(one.stalledDuration).toBeGreaterThanOrEqual(5_000);
    expect(one.inProgressDuration).toBeLessThan(one.stalledDuration);
    expect(one.nextSyncTime?.getTime()).toBeGreaterThan(clock.date() + 11 * HOUR_MS);
    expect(one).not.toHaveProperty("rate");
    expect(one).not.toHaveProperty("forecast");
    const all = await slow.statistics();
    expect(all).toMatchObject({ percentageSynced: 100, itemsTotal: 6, itemsSynced: 6, itemsToDo: 0 });
    const { startDateTime, initialSyncDateTime, initialSyncDuration, everyUserSyncedSince, lastSyncedDateTime } = all;
    expect(initialSyncDuration).toBe(Number(initialSyncDateTime) - Number(startDateTime));
    expect(Number(everyUserSyncedSince)).toBeLessThanOrEqual(Number(lastSyncedDateTime));
    await store.addUsers(NAME, ["late@contoso.com"]);
    expect(await slow.statistics()).not.toHaveProperty("everyUserSyncedSince");
    await slow.stop();
  });
});

describe("notifications", () => {
  it("come when what was started has ended, and at the report interval, with the report and whom to send it to", async () => {
    const { clock, office: place, users } = office();
    const batch = place.batch(NAME, users, {
      reportIntervalMs: 6 * HOUR_MS,
      notificationEmails: ["admin@contoso.com"],
    });
    const told: string[] = [];
    batch.on("batch:notification", ({ reason, notificationEmails, report }) => {
      told.push(`${reason} to ${notificationEmails}: ${report.users.Synced}`);
    });
    await batch.start();
    expect(told).toEqual(["finished to admin@contoso.com: 3"]);
    await clock.advance(13 * HOUR_MS);
    expect(told.slice(1)).toEqual(["interval to admin@contoso.com: 3", "interval to admin@contoso.com: 3"]);
    await batch.set({ reportIntervalMs: 0, notificationEmails: [] });
    await clock.advance(48 * HOUR_MS);
    expect(told).toHaveLength(3);
    for (const wrong of [{ reportIntervalMs: -1 }, { syncIntervalMs: 0.5 }, { startAfter: new Date(Number.NaN) }]) {
      expect(await codeOf(batch.set(wrong))).toBe("option-invalid");
    }
    await batch.stop();
  });
});

describe("the schedule and the process", () => {
  it("keeps no process alive by itself, unless it was asked to", async () => {
    const timersOf = async (...parameters: string[]) => {
      const program = ["--import", "tsx", "test/migration/idle-process.ts"];
      return (await run(process.execPath, [...program, ...parameters])).stdout;
    };
    expect(await Promise.all([timersOf(), timersOf("keepAlive")])).toEqual(["0", "1"]);
  });

  it("ends with the first report where no incremental passes are wanted", async () => {
    const { clock, office: place, users } = office();
    const batch = place.batch(NAME, users, { syncIntervalMs: 0 });
    expect((await batch.start()).status).toBe("Synced");
    clock.leap(72 * HOUR_MS);
    await new Promise(setImmediate);
    expect([...place.opened.values()]).toEqual([1, 1, 1]);
    await batch.stop();
    expect(batch.status).toBe("Stopped");
  });

  it("tells when it cannot go on, and goes on when it is resumed", async () => {
    const { clock, store, batch } = office();
    await batch.start();
    const failures: string[] = [];
    const failed = new Promise<void>((resolve) => {
      batch.on("batch:failed", ({ error }) => {
        failures.push(error.code);
        resolve();
      });
    });
    const { queueDueUsers } = store;
    await clock.asleep();
    store.queueDueUsers = () => Promise.reject(new MigrationError("store-full", "no room"));
    clock.leap(HOUR_MS);
    await failed;
    expect(failures).toEqual(["store-full"]);
    expect(batch.status).toBe("Failed");
    store.queueDueUsers = queueDueUsers;
    expect((await batch.resume()).status).toBe("Synced");
    await batch.stop();
  });
});
