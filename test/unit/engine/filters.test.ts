import { describe, expect, it } from "vitest";
import { AppendBudget } from "../../../src/engine/append-window.js";
import { migrateUser, type UserRun } from "../../../src/engine/migrate-user.js";
import { defaultRetryPolicy } from "../../../src/engine/retry.js";
import { noLimits } from "../../../src/limits.js";
import { FolderFilter, type FolderFilterOptions } from "../../../src/mail/folder-filter.js";
import type { MessageFilter } from "../../../src/mail/message-filter.js";
import type { Books } from "../../../src/outcome.js";
import { MigrationReport, type UserReport } from "../../../src/report.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import type { ItemRecord } from "../../../src/store/migration-store.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import { FakeMailbox, type FolderContent } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH, claimed, collect } from "../../../src/testing/store-fixtures.js";
import { VirtualClock } from "../../virtual-clock.js";

const USER = "terry.adams@contoso.com";

/** A mailbox that is migrated pass after pass, with filters that may change between them. */
class Mailbox {
  readonly source: FakeMailbox;
  readonly target = new FakeMailbox();
  readonly store = memoryStore();
  readonly calls: JournalEntry[] = [];
  readonly #clock = new VirtualClock();

  constructor(content: readonly FolderContent[]) {
    this.source = new FakeMailbox(content);
  }

  async migrate(folders?: FolderFilterOptions, messageFilter?: MessageFilter): Promise<Books> {
    await this.store.addUsers(BATCH, [USER]);
    await this.store.queueUsers(BATCH);
    const lease = await claimed(this.store);
    const silent = () => {};
    const run: UserRun = {
      ...{
        lease,
        store: this.store,
        limits: { ...noLimits, maxItems: 4 },
        settleDelayMs: 0,
        retry: defaultRetryPolicy,
      },
      openSource: (signal) => openFakeSource(this.source, { journal: this.calls }, { signal }),
      openTarget: (signal) => openFakeTarget(this.target, {}, { signal }),
      folderFilter: folders && new FolderFilter(folders),
      messageFilter,
      budget: new AppendBudget(),
      clock: this.#clock,
      tell: {
        ...{
          started: silent,
          settled: silent,
          completed: silent,
          folderFailed: silent,
          progress: silent,
          waiting: silent,
        },
      },
      signal: new AbortController().signal,
    };
    const books = await migrateUser(run);
    await this.store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1 });
    return books;
  }

  async report(): Promise<{ user: UserReport; items: ItemRecord[] }> {
    const run = { copied: 0, octetsCopied: 0, durationMs: 0 };
    const report = await MigrationReport.of(this.store, BATCH, () => "Synced", run);
    const [user] = await collect(report.userReports());
    if (!user) throw new Error("the batch has no user");
    return { user, items: await collect(report.items()) };
  }

  subjects(folder: string): string[] {
    const found = this.target.folders.find(({ levels }) => levels.join("/") === folder);
    return (found?.messages ?? []).map(({ octets }) => /Subject: (.*)/.exec(Buffer.from(octets).toString())?.[1] ?? "");
  }
}

const inbox: FolderContent = { levels: ["INBOX"], messages: [sampleMessage("one")] };
const pub: FolderContent = {
  levels: ["Public"],
  messages: ["p1", "p2", "p3"].map((subject) => sampleMessage(subject)),
};
const excluded = { excludeFolders: ["Public/*"] };

describe("A folder that a filter leaves out", () => {
  it("is neither listed nor made at the target, and stands in the report with its count, outside of the books", async () => {
    const mailbox = new Mailbox([inbox, pub]);
    expect(await mailbox.migrate(excluded)).toMatchObject({ found: 1, copied: 1 });
    expect(mailbox.calls.filter(({ folder }) => folder === "Public")).toEqual([]);
    expect(mailbox.target.folders.map(({ name }) => name)).toEqual(["INBOX"]);
    const { user } = await mailbox.report();
    expect(user.folders.map(({ source, leftOut, books }) => [source, leftOut, books.found])).toEqual([
      ["Public", 3, 0],
      ["INBOX", undefined, 1],
    ]);
    expect(user.balanced).toBe(true);
  });

  it("keeps its count up to date from pass to pass", async () => {
    const mailbox = new Mailbox([inbox, pub]);
    await mailbox.migrate(excluded);
    mailbox.source.folder("Public").add(sampleMessage("p4"));
    await mailbox.migrate(excluded);
    expect((await mailbox.report()).user.folders[0]).toMatchObject({ source: "Public", leftOut: 4 });
  });

  it("is no longer counted when it is gone, and counted once when its UIDs are given anew", async () => {
    const mailbox = new Mailbox([inbox, pub]);
    const counts = async () => (await mailbox.report()).user.folders.flatMap(({ leftOut }) => leftOut ?? []);
    await mailbox.migrate(excluded);
    mailbox.source.folder("Public").renumber();
    await mailbox.migrate(excluded);
    expect(await counts()).toEqual([3]);
    mailbox.source.removeFolder("Public");
    expect(await mailbox.migrate(excluded)).toMatchObject({ found: 1, copied: 1 });
    expect(await counts()).toEqual([]);
  });

  it("is migrated whole, each message once, when a later filter lets it in", async () => {
    const mailbox = new Mailbox([inbox, pub]);
    await mailbox.migrate(excluded);
    expect(await mailbox.migrate()).toMatchObject({ found: 4, copied: 4 });
    expect(mailbox.subjects("Public")).toEqual(["p1", "p2", "p3"]);
    expect((await mailbox.report()).user.folders.find(({ source }) => source === "Public")?.leftOut).toBeUndefined();
  });

  it("recognises what another tool copied when it is let in", async () => {
    const mailbox = new Mailbox([inbox, pub]);
    mailbox.target.addFolder(pub);
    await mailbox.migrate(excluded);
    expect(await mailbox.migrate()).toMatchObject({ found: 4, copied: 1, alreadyThere: 3 });
    expect(mailbox.subjects("Public")).toEqual(["p1", "p2", "p3"]);
  });

  it("keeps in the books what an earlier pass copied, and counts only the rest as left out", async () => {
    const mailbox = new Mailbox([inbox, pub]);
    await mailbox.migrate();
    mailbox.source.folder("Public").add(sampleMessage("p4"));
    expect(await mailbox.migrate(excluded)).toMatchObject({ found: 4, copied: 4 });
    const { user } = await mailbox.report();
    expect(user.balanced).toBe(true);
    expect(user.folders.find(({ source }) => source === "Public")).toMatchObject({ leftOut: 1, books: { copied: 3 } });
  });
});

describe("A message that a filter leaves out", () => {
  const dated = (subject: string, year: number) =>
    sampleMessage(subject, { internalDate: new Date(Date.UTC(year, 0, 1)), flags: year === 2020 ? ["\\Deleted"] : [] });
  const years = [2001, 2005, 2010, 2015, 2020].map((year) => dated(`y${year}`, year));
  const filter = { receivedAfter: new Date("2004-06-01"), receivedBefore: new Date("2018-01-01") };

  it("is in the books as skipped with its rule and date, and the others arrive, more than maxItems as there are", async () => {
    const mailbox = new Mailbox([{ levels: ["INBOX"], messages: years }]);
    expect(await mailbox.migrate(undefined, filter)).toMatchObject({ found: 5, copied: 3, skipped: 2 });
    expect(mailbox.subjects("INBOX")).toEqual(["y2005", "y2010", "y2015"]);
    const { items } = await mailbox.report();
    expect(items.map(({ uid, kind, reason, internalDate }) => [uid, kind, reason, internalDate])).toEqual([
      [1, "skipped", "filter-received", Date.UTC(2001, 0, 1)],
      [5, "skipped", "filter-received", Date.UTC(2020, 0, 1)],
    ]);
  });

  it("is left out by size and by flags too, and by the first rule that says so", async () => {
    const mailbox = new Mailbox([
      { levels: ["INBOX"], messages: [...years, sampleMessage("large", { octets: 9_000 })] },
    ]);
    await mailbox.migrate(undefined, { maxSize: 5_000, withoutFlags: ["\\deleted"] });
    const { items } = await mailbox.report();
    expect(items.map(({ uid, reason }) => [uid, reason])).toEqual([
      [5, "filter-flags"],
      [6, "filter-size"],
    ]);
  });

  it("that came since the last pass is left out as well", async () => {
    const mailbox = new Mailbox([{ levels: ["INBOX"], messages: years.slice(0, 3) }]);
    await mailbox.migrate(undefined, filter);
    mailbox.source.folder("INBOX").add(dated("new", 2026));
    expect(await mailbox.migrate(undefined, filter)).toMatchObject({ found: 4, copied: 2, skipped: 2 });
  });
});
