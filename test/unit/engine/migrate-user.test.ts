import { describe, expect, it } from "vitest";
import { AppendBudget } from "../../../src/engine/append-window.js";
import { migrateUser, type UserRun, type UserTellers } from "../../../src/engine/migrate-user.js";
import type { MigrationError } from "../../../src/errors.js";
import { noLimits } from "../../../src/limits.js";
import type { Books } from "../../../src/outcome.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import type { MigrationStore } from "../../../src/store/migration-store.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import { type FakeFault, FaultScript } from "../../../src/testing/fake-faults.js";
import { FakeMailbox, type FolderContent } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { rawMessage, sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH, claimed } from "../../../src/testing/store-fixtures.js";
import { VirtualClock } from "../../recovery/virtual-clock.js";
import { intercepting } from "../../recovery/world.js";

const messages = [1, 2, 3].map((number) => sampleMessage(`Message ${number}`));

/** One mailbox at each end, and what the engine told. */
class Mailbox {
  readonly clock = new VirtualClock();
  readonly source: FakeMailbox;
  readonly target = new FakeMailbox();
  readonly sourceCalls: JournalEntry[] = [];
  readonly targetCalls: JournalEntry[] = [];
  readonly failedFolders: string[] = [];
  readonly waits: { waitMs: number; error: MigrationError }[] = [];
  readonly progress: Books[] = [];
  /** When each append began, by the engine's clock. */
  readonly appendedAt: number[] = [];
  readonly store: MigrationStore = memoryStore();
  maxConcurrentAppends = 10;
  readonly #faults: FaultScript;

  constructor(content: readonly FolderContent[], faults: readonly FakeFault[] = []) {
    this.source = new FakeMailbox(content);
    this.#faults = new FaultScript(faults);
  }

  /** One pass as `runBatch` has it done. */
  async migrate(change: Partial<UserRun> = {}): Promise<Books> {
    await this.store.addUsers(BATCH, ["terry.adams@contoso.com"]);
    await this.store.queueUsers(BATCH);
    const lease = await claimed(this.store);
    const tell: UserTellers = {
      started: () => {},
      settled: () => {},
      completed: () => {},
      folderFailed: (plan, error) => void this.failedFolders.push(`${plan.source.name} ${error.code}`),
      progress: (books) => void this.progress.push(books),
      waiting: (waitMs, error) => void this.waits.push({ waitMs, error }),
    };
    try {
      const books = await migrateUser({
        lease,
        store: this.store,
        openSource: (signal) =>
          openFakeSource(this.source, { faults: this.#faults, journal: this.sourceCalls }, { signal }),
        openTarget: async (signal) => {
          const capabilities = { maxConcurrentAppends: this.maxConcurrentAppends };
          const options = { faults: this.#faults, journal: this.targetCalls, capabilities };
          const target = await openFakeTarget(this.target, options, { signal });
          return intercepting(target, {
            append: (...parameters) => {
              this.appendedAt.push(this.clock.now());
              return target.append(...parameters);
            },
          });
        },
        budget: new AppendBudget(),
        limits: noLimits,
        settleDelayMs: 30_000,
        retry: { attempts: 3, firstPauseMs: 1_000, maxPauseMs: 4_000 },
        clock: this.clock,
        tell,
        signal: new AbortController().signal,
        ...change,
      });
      await this.store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1 });
      return books;
    } catch (error) {
      await this.store.releaseUser(lease, { status: "Failed" });
      throw error;
    }
  }

  opened(calls: readonly JournalEntry[]): number {
    return calls.filter(({ call }) => call === "open").length;
  }
}

function inbox(...content: FolderContent[]): FolderContent[] {
  return [{ levels: ["INBOX"], messages }, ...content];
}

describe("one mailbox", () => {
  it("R1 is copied folder by folder, with books that balance", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Sent"], messages }, { levels: ["Empty"] }));
    expect(await mailbox.migrate()).toMatchObject({ found: 6, copied: 6 });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    expect([mailbox.sourceCalls.at(-1)?.call, mailbox.targetCalls.at(-1)?.call]).toEqual(["close", "close"]);
  });

  it("R17 leaves the target alone when nothing has changed, whatever the structure", async () => {
    const tree: FolderContent[] = [
      { levels: ["Projects"], selectable: false },
      { levels: ["Projects", "2024"], messages },
      { levels: ["Nothing"], selectable: false },
      { levels: ["Empty"] },
    ];
    const mailbox = new Mailbox(inbox(...tree));
    const first = await mailbox.migrate();
    mailbox.targetCalls.length = 0;
    expect(await mailbox.migrate()).toEqual(first);
    expect(mailbox.targetCalls).toEqual([]);
  });

  it("tells progress whose total is never less than what has an outcome", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Sent"], messages: [...messages, rawMessage("")] }));
    await mailbox.migrate();
    const last = mailbox.progress.at(-1);
    expect(last).toMatchObject({ found: 7, copied: 6, refused: 1 });
    for (const { found, copied, refused } of mailbox.progress) expect(copied + refused).toBeLessThanOrEqual(found);
  });

  it("R1 is not synced when the books of one folder do not balance", async () => {
    const mailbox = new Mailbox(inbox());
    const openJournal: MigrationStore["openJournal"] = async (lease, folder) => {
      const journal = await mailbox.store.openJournal(lease, folder);
      return intercepting(journal, { finish: (found, point) => journal.finish(found + 1, point) });
    };
    const store = intercepting(mailbox.store, { openJournal });
    await expect(mailbox.migrate({ store })).rejects.toMatchObject({ code: "books-unbalanced", scope: "user" });
  });
});

describe("R15 a folder that fails", () => {
  it("does not keep the others from being copied, and fails the user in the end", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Secret"], messages }, { levels: ["Sent"], messages }), [
      { on: "listMessages", folder: "Secret", do: { throw: "access-denied" } },
    ]);
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "access-denied", scope: "folder" });
    expect(mailbox.failedFolders).toEqual(["Secret access-denied"]);
    expect(mailbox.target.folder("Sent").messages).toHaveLength(3);
    expect(mailbox.waits).toEqual([]);
  });

  it("because its UIDVALIDITY changed is listed again at once, and nothing is doubled", async () => {
    const mailbox: Mailbox = new Mailbox(inbox(), [
      {
        on: "fetch",
        uid: 2,
        nth: 1,
        do: {
          get hold() {
            mailbox.source.folder("INBOX").renumber(70);
            return Promise.resolve();
          },
        },
      },
    ]);
    await mailbox.migrate();
    expect(mailbox.failedFolders).toEqual(["INBOX uidvalidity-changed"]);
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
  });
});

describe("what ends a pass", () => {
  it("R16 lets nothing begin in any folder until the pause that a server asked for is over", async () => {
    const many = Array.from({ length: 40 }, (_, index) => sampleMessage(`Many ${index}`));
    const mailbox = new Mailbox(
      [
        { levels: ["INBOX"], messages: many },
        { levels: ["Other"], messages: many },
      ],
      [{ on: "append", nth: 5, do: { throw: "throttled", retryAfterMs: 600_000 } }],
    );
    mailbox.maxConcurrentAppends = 2;
    expect(await mailbox.migrate()).toMatchObject({ found: 80, failed: 0, refused: 0 });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    expect(mailbox.waits[0]).toMatchObject({ waitMs: 600_000, error: { code: "throttled" } });
    const beforeThePause = mailbox.appendedAt.filter((at) => at < 600_000).length;
    expect(beforeThePause).toBeLessThan(5 + 4);
  });

  it("is tried again so many times without progress, and no more", async () => {
    const mailbox = new Mailbox(inbox(), [{ on: "append", do: { throw: "connection-lost" } }]);
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "connection-lost" });
    expect(mailbox.opened(mailbox.targetCalls)).toBe(3);
    expect(mailbox.waits).toHaveLength(2);
  });

  it("is tried again as long as each attempt gets a message further, and only then", async () => {
    const many = Array.from({ length: 12 }, (_, index) => sampleMessage(`Many ${index}`));
    const mailbox = new Mailbox(
      [{ levels: ["INBOX"], messages: many }],
      [{ on: "append", every: 2, do: { throw: "connection-lost" } }],
    );
    mailbox.maxConcurrentAppends = 1;
    expect(await mailbox.migrate()).toMatchObject({ found: 12, copied: 12 });
    expect(mailbox.waits.length).toBeGreaterThan(3);
  });

  it("takes what an earlier run has done for no progress more than once", async () => {
    const mailbox = new Mailbox(inbox());
    await mailbox.migrate();
    mailbox.source.folder("INBOX").add(sampleMessage("New"));
    const openTarget = () =>
      openFakeTarget(mailbox.target, { faults: [{ on: "append", do: { throw: "connection-lost" } }] });
    const openings: number[] = [];
    const counted = async () => {
      openings.push(mailbox.clock.now());
      return openTarget();
    };
    await expect(mailbox.migrate({ openTarget: counted })).rejects.toMatchObject({ code: "connection-lost" });
    expect(openings.length).toBeLessThanOrEqual(4);
  });

  it("is not tried again where that cannot help", async () => {
    for (const code of ["quota-exceeded", "auth-failed", "target-missing"] as const) {
      const mailbox = new Mailbox(inbox(), [{ on: "append", do: { throw: code } }]);
      await expect(mailbox.migrate()).rejects.toMatchObject({ code });
      expect(mailbox.waits).toEqual([]);
    }
  });

  it("R15 is never a message that breaks off each time, nor are two of them", async () => {
    const truncated = { breakOffAfter: 10, breakOffCode: "message-truncated" } as const;
    const mailbox = new Mailbox(
      [{ levels: ["INBOX"], messages: [...messages, ...messages] }],
      [
        { on: "fetch", uid: 2, do: truncated },
        { on: "fetch", uid: 4, do: truncated },
      ],
    );
    expect(await mailbox.migrate()).toMatchObject({ found: 6, failed: 2 });
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(4);
  });

  it("is the host's stop, at once and without another attempt", async () => {
    const controller = new AbortController();
    const mailbox = new Mailbox(inbox(), [{ on: "append", do: { throw: "connection-lost" } }]);
    const running = mailbox.migrate({ signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "aborted" });
    expect(mailbox.waits).toEqual([]);
  });
});

describe("the settle delay", () => {
  it("keeps folders in doubt waiting while the others go on", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Other"], messages }), [
      { on: "append", folder: "INBOX", nth: 2, do: { storeThenLose: true } },
    ]);
    mailbox.maxConcurrentAppends = 1;
    expect(await mailbox.migrate()).toMatchObject({ found: 6, copied: 5, alreadyThere: 1 });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    const waited = mailbox.waits[0]?.waitMs ?? 0;
    // What it paused before the second attempt counts: no more than the rest is waited for.
    expect(mailbox.clock.pauses).toContainEqual(expect.closeTo(30_000 - waited, 3));
    const found = mailbox.targetCalls.findIndex(({ call }) => call === "find");
    const others = mailbox.targetCalls.findIndex(({ call, folder }) => call === "append" && folder === "Other");
    expect(others).toBeLessThan(found);
  });
});

describe("pages of folders that are gone", () => {
  it("R1 count with what they hold, so that the books of the others can balance", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Old"], messages }), [
      { on: "append", folder: "Old", nth: 2, do: { throw: "quota-exceeded" } },
    ]);
    mailbox.maxConcurrentAppends = 1;
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "quota-exceeded" });
    mailbox.source.removeFolder("Old");
    expect(await mailbox.migrate()).toMatchObject({ found: 4, copied: 4 });
    const records = await mailbox.store.listFolders(BATCH, "terry.adams@contoso.com");
    expect(records.find(({ source }) => source === "Old")?.books).toMatchObject({ found: 1, copied: 1 });
  });

  it("R1 R2 lose and double nothing when the folder comes back", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Old"], messages }), [
      { on: "append", folder: "Old", nth: 2, do: { throw: "quota-exceeded" } },
    ]);
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "quota-exceeded" });
    const old = mailbox.source.folder("Old");
    mailbox.source.removeFolder("Old");
    await mailbox.migrate();
    mailbox.source.folders.push(old);
    expect(await mailbox.migrate()).toMatchObject({ found: 6 });
    expect(mailbox.target.folder("Old").messages).toHaveLength(3);
  });
});
