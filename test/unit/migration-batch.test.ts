import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { CsvRow } from "../../src/csv-row.js";
import { systemClock } from "../../src/engine/clock.js";
import { MigrationError } from "../../src/errors.js";
import type { MigrationEvents } from "../../src/events.js";
import { noLimits } from "../../src/limits.js";
import { MigrationBatch, type MigrationBatchOptions } from "../../src/migration-batch.js";
import { MigrationEndpoint } from "../../src/migration-endpoint.js";
import { memoryStore } from "../../src/store/memory-store.js";
import type { MigrationStore } from "../../src/store/migration-store.js";
import type { JournalEntry } from "../../src/testing/fake-connection.js";
import { readOctets } from "../../src/testing/fake-content.js";
import { type FakeFault, FaultScript } from "../../src/testing/fake-faults.js";
import { FakeMailbox } from "../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../src/testing/fake-source.js";
import { openFakeTarget } from "../../src/testing/fake-target.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { collect } from "../../src/testing/store-fixtures.js";
import { intercepting } from "../recovery/world.js";
import { VirtualClock } from "../virtual-clock.js";

const PASSWORD = "Pa55word,§7";

function row(name: string): CsvRow {
  return new CsvRow({ emailAddress: `${name}@contoso.com`, userName: name, password: PASSWORD });
}

/** A batch over mailboxes in memory: one source and one target for each name, with two messages. */
class Office {
  readonly sources = new Map<string, FakeMailbox>();
  readonly targets = new Map<string, FakeMailbox>();
  readonly sourceCalls: JournalEntry[] = [];
  readonly targetCalls: JournalEntry[] = [];
  readonly opened: string[] = [];
  readonly clock = new VirtualClock();
  readonly store: MigrationStore;
  readonly names: readonly string[];
  readonly faults: FaultScript;
  /** Faults for one user alone. */
  readonly ownFaults = new Map<string, FaultScript>();
  openNow = 0;
  openAtMost = 0;

  constructor(names: readonly string[], faults: readonly FakeFault[] = [], store: MigrationStore = memoryStore()) {
    this.names = names;
    this.store = store;
    this.faults = new FaultScript(faults);
    for (const name of names) {
      const messages = [sampleMessage(`One of ${name}`), sampleMessage(`Two of ${name}`)];
      this.sources.set(`${name}@contoso.com`, new FakeMailbox([{ levels: ["INBOX"], messages }]));
      this.targets.set(`${name}@contoso.com`, new FakeMailbox());
    }
  }

  source(name: string): FakeMailbox {
    return mailbox(this.sources, name);
  }

  target(name: string): FakeMailbox {
    return mailbox(this.targets, name);
  }

  batch(change: Partial<MigrationBatchOptions> & { cap?: number } = {}): MigrationBatch {
    const { cap = 20, ...options } = change;
    return new MigrationBatch({
      name: "IMAPBatch1",
      sourceEndpoint: {
        name: "IMAPEndpoint",
        maxConcurrentMigrations: cap,
        openSource: async ({ emailAddress }, { signal }) => {
          this.opened.push(emailAddress);
          const faults = this.ownFaults.get(emailAddress) ?? this.faults;
          const source = await openFakeSource(
            this.source(emailAddress),
            { faults, journal: this.sourceCalls },
            { signal },
          );
          this.openNow += 1;
          this.openAtMost = Math.max(this.openAtMost, this.openNow);
          return intercepting(source, {
            close: async () => {
              this.openNow -= 1;
              await source.close();
            },
          });
        },
      },
      target: {
        name: "fake",
        openMailbox: (user, { signal }) =>
          openFakeTarget(this.target(user), { faults: this.faults, journal: this.targetCalls }, { signal }),
      },
      users: this.names.map(row),
      store: this.store,
      limits: noLimits,
      clock: this.clock,
      ...options,
    });
  }

  appends(): number {
    return this.targetCalls.filter(({ call }) => call === "append").length;
  }
}

function mailbox(mailboxes: ReadonlyMap<string, FakeMailbox>, name: string): FakeMailbox {
  const found = mailboxes.get(name.includes("@") ? name : `${name}@contoso.com`);
  if (!found) throw new Error(`there is no mailbox of ${name}`);
  return found;
}

/** Every event of these names, as it comes. */
function listen<Name extends keyof MigrationEvents & string>(batch: MigrationBatch, ...names: Name[]) {
  const events: MigrationEvents[Name][0][] = [];
  for (const name of names) batch.on(name, (event) => void events.push(event));
  return events;
}

const ALL_EVENTS = [
  "batch:status",
  "user:status",
  "user:progress",
  "user:synced",
  "user:failed",
  "user:waiting",
  "folder:started",
  "folder:completed",
  "folder:failed",
  "message:not-copied",
  "message:changed",
  "listener:failed",
] as const;

describe("the options of a batch", () => {
  const office = new Office(["terry"]);

  it("refuses a name that is empty or longer than 64 characters", () => {
    for (const name of ["", " ", "x".repeat(65)]) {
      expect(() => office.batch({ name })).toThrow(expect.objectContaining({ code: "option-invalid" }));
    }
    expect(office.batch({ name: "x".repeat(64) }).name).toHaveLength(64);
  });

  it("refuses two rows for one mailbox, whatever their case", () => {
    const users = [row("terry"), row("TERRY")];
    expect(() => office.batch({ users })).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });
});

describe("a run", () => {
  it("copies every mailbox, and reports books that balance", async () => {
    const office = new Office(["terry", "ann"]);
    const batch = office.batch();
    expect(batch.status).toBe("Created");
    const report = await batch.start();
    expect(batch.status).toBe("Synced");
    expect(report).toMatchObject({
      batch: "IMAPBatch1",
      status: "Synced",
      balanced: true,
      users: { Active: 0, Synced: 2, Failed: 0, Stopped: 0 },
      books: { found: 4, copied: 4 },
      run: { copied: 4 },
    });
    for (const name of office.names) expect(office.target(name).content()).toEqual(office.source(name).content());
  });

  it("R17 a second one opens no target, sends nothing, and its own figures are zero", async () => {
    const office = new Office(["terry"]);
    const first = await office.batch().start();
    office.targetCalls.length = 0;
    const second = await office.batch().start();
    expect(office.targetCalls).toEqual([]);
    expect(second.books).toEqual(first.books);
    expect(second.run).toMatchObject({ copied: 0, octetsCopied: 0 });
  });

  it("brings a synced mailbox up to date, and counts only what is new as its own", async () => {
    const office = new Office(["terry"]);
    const batch = office.batch();
    await batch.start();
    office.source("terry").folder("INBOX").add(sampleMessage("Three"));
    const report = await batch.start();
    expect(report).toMatchObject({ books: { found: 3, copied: 3 }, run: { copied: 1 } });
    expect(office.appends()).toBe(3);
  });

  it("that is started while it goes on ends with the same report, and copies nothing twice", async () => {
    const office = new Office(["terry"]);
    const batch = office.batch();
    const reports = [batch.start()];
    batch.once("batch:status", () => void reports.push(batch.start()));
    reports.push(batch.start());
    await Promise.all(reports);
    expect(reports).toHaveLength(3);
    for (const report of await Promise.all(reports)) expect(report).toMatchObject({ status: "Synced" });
    expect(office.appends()).toBe(2);
    expect((await batch.start()).status).toBe("Synced");
  });

  it("R15 isolates a user that fails; the others are synced", async () => {
    const office = new Office(["terry", "ann", "bob"]);
    office.ownFaults.set("ann@contoso.com", new FaultScript([{ on: "listFolders", do: { throw: "protocol-error" } }]));
    const batch = office.batch({ retry: { attempts: 2, firstPauseMs: 10, maxPauseMs: 20 } });
    const failures = listen(batch, "user:failed");
    const report = await batch.start();
    expect(report).toMatchObject({ status: "SyncedWithErrors", users: { Synced: 2, Failed: 1 } });
    expect(failures).toMatchObject([{ user: "ann@contoso.com", error: { code: "protocol-error" } }]);
    const [, ann] = await collect(report.userReports());
    expect(ann?.user).toMatchObject({
      identity: "ann@contoso.com",
      status: "Failed",
      error: { code: "protocol-error" },
    });
  });

  it("R16 tries a wrong password once for each user and run", async () => {
    const office = new Office(["terry", "ann"], [{ on: "open", do: { throw: "auth-failed" } }]);
    const batch = office.batch({
      target: { name: "fake", openMailbox: async (user) => openFakeTarget(office.target(user)) },
    });
    const report = await batch.start();
    expect(report.status).toBe("Failed");
    expect(office.opened).toEqual(["terry@contoso.com", "ann@contoso.com"]);
    expect(office.clock.pauses).toEqual([]);
  });

  it("fails a stored user whose row is missing, by name, and migrates the others", async () => {
    const office = new Office(["terry", "ann"]);
    await office.batch().start();
    const batch = office.batch({ users: [row("ann")] });
    const failures = listen(batch, "user:failed");
    const report = await batch.start();
    expect(failures).toMatchObject([
      { user: "terry@contoso.com", error: { code: "credentials-missing", scope: "user" } },
    ]);
    expect(report.users).toMatchObject({ Synced: 1, Failed: 1 });
  });

  it("rejects with what keeps the ledger from being written, and has failed", async () => {
    const full = new MigrationError("store-full", "no room");
    const store = memoryStore();
    const openJournal: MigrationStore["openJournal"] = async (lease, folder) =>
      intercepting(await store.openJournal(lease, folder), { begin: () => Promise.reject(full) });
    const office = new Office(["terry"], [], intercepting(store, { openJournal }));
    const batch = office.batch();
    await expect(batch.start()).rejects.toBe(full);
    expect(batch.status).toBe("Failed");
    expect(office.appends()).toBe(0);
  });

  it("has failed when its report cannot be made", async () => {
    const gone = new MigrationError("store-unavailable", "the disk is gone");
    const store = memoryStore();
    const office = new Office(["terry"], [], intercepting(store, { listFolders: () => Promise.reject(gone) }));
    const batch = office.batch();
    await expect(batch.start()).rejects.toBe(gone);
    expect(batch.status).toBe("Failed");
  });

  it("goes on with a ledger whose user list grew", async () => {
    const office = new Office(["terry", "ann"]);
    await office.batch({ users: [row("terry")] }).start();
    const report = await office.batch().start();
    expect(report).toMatchObject({ users: { Synced: 2 }, run: { copied: 2 } });
  });
});

describe("the cap of an endpoint", () => {
  const names = Array.from({ length: 12 }, (_, index) => `user${index}`);

  it("R16 is never exceeded, and is used", async () => {
    const office = new Office(names);
    await office.batch({ cap: 3 }).start();
    expect(office.openAtMost).toBe(3);
  });

  it("R16 holds over two batches on one store", async () => {
    const office = new Office(names);
    const half = (from: number, name: string) =>
      office.batch({ cap: 3, name, users: names.slice(from, from + 6).map(row) }).start();
    const reports = await Promise.all([half(0, "Batch1"), half(6, "Batch2")]);
    expect(reports.map(({ users }) => users.Synced)).toEqual([6, 6]);
    expect(office.openAtMost).toBe(3);
  });
});

describe("stopping a batch", () => {
  /** Resolves when the target is asked to append, which it never answers. */
  function hanging(): { faults: FakeFault[]; asked: Promise<void> } {
    let tell = () => {};
    const asked = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const hold = new Promise(() => {});
    const fault = {
      get hold() {
        tell();
        return hold;
      },
    };
    return { faults: [{ on: "append", nth: 2, do: fault }], asked };
  }

  it("ends a run whose append is never answered, keeps what was settled, and goes on at the next start", async () => {
    const { faults, asked } = hanging();
    const office = new Office(["terry"], faults);
    const batch = office.batch();
    const running = batch.start();
    await asked;
    await batch.stop();
    const report = await running;
    expect(batch.status).toBe("Stopped");
    expect(report).toMatchObject({ status: "Stopped", users: { Stopped: 1 } });
    expect((await batch.start()).users.Synced).toBe(1);
    expect(office.target("terry").content()).toEqual(office.source("terry").content());
  });

  /** A target that takes no notice of any signal, and never answers its second append once it has read it. */
  function deafTarget(office: Office, maxConcurrentAppends: number) {
    let tell = () => {};
    const asked = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const openMailbox = async (user: string) => {
      const target = await openFakeTarget(office.target(user), { capabilities: { maxConcurrentAppends } });
      let appends = 0;
      return intercepting(target, {
        append: async (folder, message) => {
          if (++appends !== 2) return target.append(folder, message);
          await readOctets(message.content);
          tell();
          return new Promise<never>(() => {});
        },
      });
    };
    return { asked, target: { name: "deaf", openMailbox } };
  }

  for (const [where, width] of [
    ["the last answer is waited for", 10],
    ["a full window keeps the next message waiting", 1],
  ] as const) {
    it(`R12 ends within two seconds where ${where} and the target takes no notice of the signal`, async () => {
      const office = new Office(["terry"]);
      for (const subject of ["Three", "Four"]) office.source("terry").folder("INBOX").add(sampleMessage(subject));
      const { asked, target } = deafTarget(office, width);
      const batch = office.batch({ clock: systemClock, target });
      const running = batch.start();
      await asked;
      // The engine has pulled whatever it can by now.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      const began = performance.now();
      await batch.stop();
      expect(performance.now() - began).toBeLessThan(2_000);
      expect((await running).status).toBe("Stopped");
    });
  }

  it("does what stop does when the host's signal is aborted, before the start or during the run", async () => {
    const early = new AbortController();
    early.abort();
    const office = new Office(["terry"]);
    expect((await office.batch({ signal: early.signal }).start()).status).toBe("Stopped");
    expect(office.appends()).toBe(0);

    const { faults, asked } = hanging();
    const other = new Office(["terry"], faults);
    const controller = new AbortController();
    const running = other.batch({ signal: controller.signal }).start();
    await asked;
    controller.abort();
    expect((await running).status).toBe("Stopped");
  });

  it("works from a listener of the first event", async () => {
    const office = new Office(["terry"]);
    const batch = office.batch();
    batch.once("batch:status", () => batch.stop());
    expect((await batch.start()).status).toBe("Stopped");
    expect(office.appends()).toBe(0);
  });

  it("works from a listener of a user's first status", async () => {
    const office = new Office(["terry", "ann"]);
    const batch = office.batch();
    batch.on("user:status", () => batch.stop());
    expect((await batch.start()).status).toBe("Stopped");
    expect(office.appends()).toBe(0);
  });

  it("ends the schedule of a batch that is Synced, and leaves its users as they are", async () => {
    const batch = new Office(["terry"]).batch();
    await batch.start();
    await batch.stop();
    expect(batch.status).toBe("Stopped");
    expect((await batch.user("terry@contoso.com")).status).toBe("Synced");
  });

  it("never comes back to Syncing once it is Stopping", async () => {
    const office = new Office(["terry"]);
    const batch = office.batch();
    const statuses = listen(batch, "batch:status");
    const running = batch.start();
    await batch.stop();
    await running;
    expect(statuses.map(({ status }) => status)).toEqual(["Starting", "Stopping", "Stopped"]);
  });

  it("is refused where nothing was started, and does nothing where it is stopped", async () => {
    const batch = new Office(["terry"]).batch();
    await expect(batch.stop()).rejects.toMatchObject({
      code: "state-invalid",
      message: expect.stringContaining("Created"),
    });
    await Promise.all([batch.start(), batch.stop()]);
    await batch.stop();
    expect(batch.status).toBe("Stopped");
  });

  it("still rejects with what keeps the ledger from being written", async () => {
    const full = new MigrationError("store-full", "no room");
    const store = memoryStore();
    const office = new Office(["terry"], [], intercepting(store, { releaseUser: () => Promise.reject(full) }));
    const batch = office.batch();
    batch.on("folder:started", () => batch.stop());
    await expect(batch.start()).rejects.toBe(full);
    expect(batch.status).toBe("Failed");
  });
});

describe("the events of a batch", () => {
  it("are numbered without a gap and tell what grows", async () => {
    const office = new Office(["terry", "ann", "bob"], [{ on: "append", nth: 3, do: { throw: "connection-lost" } }]);
    const batch = office.batch();
    const events = listen(batch, ...ALL_EVENTS);
    await batch.start();
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    const progress = events.filter((event) => "itemsSynced" in event && event.user === "terry@contoso.com");
    const last = progress.at(-1);
    expect(last).toMatchObject({ itemsTotal: 2, itemsSynced: 2, itemsSkipped: 0 });
    expect(last && "octetsSynced" in last && last.octetsSynced).toBeGreaterThan(0);
  });

  it("tell the way of a user from claim to synced, with its books", async () => {
    const batch = new Office(["terry"]).batch();
    const seen: string[] = [];
    batch.on("user:status", ({ user, status }) => void seen.push(`${user} ${status}`));
    batch.on("folder:started", ({ folder, target, found }) => void seen.push(`${folder} to ${target}: ${found}`));
    batch.on("folder:completed", ({ books }) => void seen.push(`copied ${books.copied}`));
    batch.on("user:synced", ({ books }) => void seen.push(`synced ${books.copied} of ${books.found}`));
    await batch.start();
    await batch.start();
    expect(seen).toEqual([
      "terry@contoso.com Syncing",
      "INBOX to INBOX: 2",
      "copied 2",
      "terry@contoso.com Synced",
      "synced 2 of 2",
      "terry@contoso.com IncrementalSyncing",
      "terry@contoso.com Synced",
      "synced 2 of 2",
    ]);
  });

  it("R15 go on when listeners throw or reject, and each failure is told", async () => {
    const office = new Office(["terry"]);
    const batch = office.batch();
    const thrown = new Error("a listener's own");
    for (const name of ALL_EVENTS) {
      batch.on(name, () => {
        throw thrown;
      });
      batch.on(name, () => Promise.reject(thrown));
    }
    const failures = listen(batch, "listener:failed");
    const all = listen(batch, ...ALL_EVENTS);
    expect((await batch.start()).status).toBe("Synced");
    await vi.waitFor(() => expect(failures.length).toBe(2 * (all.length - failures.length)));
    expect(failures.every(({ error, event }) => error === thrown && event !== "listener:failed")).toBe(true);
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index + 1));
  });

  it("come no more to a listener that was taken away", async () => {
    const batch = new Office(["terry"]).batch();
    const listener = vi.fn();
    batch.on("user:status", listener).off("user:status", listener);
    await batch.start();
    expect(listener).not.toHaveBeenCalled();
  });

  it("name messages that were not copied, and those of which something was lost", async () => {
    const office = new Office(["terry"], [{ on: "append", uid: 1, do: { refuse: "no such luck" } }]);
    office
      .source("terry")
      .folder("INBOX")
      .add(sampleMessage("Old", { flags: ["$Label"] }));
    const batch = office.batch({
      target: {
        name: "fake",
        openMailbox: async (user) =>
          openFakeTarget(office.target(user), { faults: office.faults, permanentFlags: new Set(["\\Seen"]) }),
      },
    });
    const notCopied = listen(batch, "message:not-copied");
    const changed = listen(batch, "message:changed");
    await batch.start();
    expect(notCopied).toMatchObject([
      { folder: "INBOX", outcome: { uid: 1, kind: "refused", reason: "no such luck" } },
    ]);
    expect(changed).toMatchObject([{ folder: "INBOX", outcome: { uid: 3, kind: "copied", lost: ["keyword"] } }]);
  });
});

describe("secrets", () => {
  it("R10 stand in no form of batch, endpoint, report, events or errors", async () => {
    const endpoint = new MigrationEndpoint({ name: "IMAPEndpoint", remoteServer: "127.0.0.1" });
    const office = new Office(["terry", "ann"]);
    office.ownFaults.set("ann@contoso.com", new FaultScript([{ on: "open", do: { throw: "auth-failed" } }]));
    const batch = office.batch();
    const events = listen(batch, ...ALL_EVENTS);
    const report = await batch.start();
    const users = await collect(report.userReports());
    const printed = [batch, endpoint, report, events, users, await collect(report.items())].flatMap((value) => [
      JSON.stringify(value),
      inspect(value, { depth: 10, showHidden: true }),
    ]);
    const forms = [PASSWORD, Buffer.from(PASSWORD).toString("base64"), Buffer.from(PASSWORD).toString("hex")];
    for (const form of forms) expect(printed.filter((text) => text.includes(form))).toEqual([]);
    expect(printed.join("")).toContain("ann@contoso.com");
  });
});
