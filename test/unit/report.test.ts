import { describe, expect, it } from "vitest";
import { emptyBooks } from "../../src/outcome.js";
import { MigrationReport } from "../../src/report.js";
import { memoryStore } from "../../src/store/memory-store.js";
import type { MigrationStore } from "../../src/store/migration-store.js";
import { BATCH, claimed, collect, copied, oneOfEach, sourceFolder } from "../../src/testing/store-fixtures.js";

const RUN = { copied: 1, octetsCopied: 1000, durationMs: 12 };
const syncPoint = { uidNext: 9, messages: 6 };

/** Terry has one message of each kind and one more folder, Ann has failed, and Bob was never begun. */
async function ledger(): Promise<MigrationStore> {
  const store = memoryStore();
  await store.addUsers(BATCH, ["terry@contoso.com", "ann@contoso.com", "bob@contoso.com"]);
  const terry = await claimed(store);
  const inbox = await store.openJournal(terry, sourceFolder("INBOX"));
  await inbox.settle(oneOfEach);
  await inbox.finish(6, syncPoint);
  const sent = await store.openJournal(terry, sourceFolder("Sent"));
  await sent.settle([copied(1, { lost: ["keyword"] })]);
  await sent.finish(1, syncPoint);
  await store.releaseUser(terry, { status: "Synced", lastSyncedAt: 1_700_000_000_000, inProgressMs: 5 });
  const ann = await claimed(store);
  const error = { code: "auth-failed", message: "The server refused the password." };
  await store.releaseUser(ann, { status: "Failed", error });
  return store;
}

function reportOf(store: MigrationStore): Promise<MigrationReport> {
  return MigrationReport.of(store, BATCH, () => "SyncedWithErrors", RUN);
}

describe("a report", () => {
  it("sums the books of all users and says how many stand where", async () => {
    const report = await reportOf(await ledger());
    expect(report.books).toEqual({
      ...{ found: 7, copied: 2, alreadyThere: 1, skipped: 1, refused: 1, failed: 1, vanished: 1 },
      ...{ uncertain: 0, octetsCopied: 2000 },
    });
    expect(report).toMatchObject({
      batch: BATCH,
      status: "SyncedWithErrors",
      balanced: true,
      users: { Active: 1, Synced: 1, Failed: 1, Stopped: 0 },
      run: RUN,
    });
  });

  it("R1 does not balance when a single folder does not, though the sums are right", async () => {
    const store = await ledger();
    const bob = await claimed(store);
    const [inbox, other] = [
      await store.openJournal(bob, sourceFolder("INBOX")),
      await store.openJournal(bob, sourceFolder("Other")),
    ];
    await inbox.settle([copied(1)]);
    await inbox.finish(2, syncPoint);
    await other.settle([copied(1)]);
    await other.finish(0, syncPoint);
    const report = await reportOf(store);
    expect(report.balanced).toBe(false);
    const [, , bobs] = await collect(report.userReports());
    expect(bobs?.balanced).toBe(false);
  });

  it("gives each user in the order of the list, with status, error and folders", async () => {
    const [terry, ann, bob] = await collect((await reportOf(await ledger())).userReports());
    expect(terry?.user).toMatchObject({ identity: "terry@contoso.com", batchId: BATCH, statusSummary: "Synced" });
    expect(terry?.user.lastSuccessfulSyncTime).toEqual(new Date(1_700_000_000_000));
    expect(terry?.folders.map(({ source }) => source)).toEqual(["INBOX", "Sent"]);
    expect(ann?.user).toMatchObject({ statusSummary: "Failed", error: { code: "auth-failed" } });
    expect(bob).toMatchObject({ books: emptyBooks, balanced: true, folders: [], user: { status: "Queued" } });
  });

  it("lists the messages that need a look, and no others", async () => {
    const items = await collect((await reportOf(await ledger())).items());
    expect(items.map(({ folder, uid, kind }) => `${folder} ${uid} ${kind}`)).toEqual([
      "INBOX 3 skipped",
      "INBOX 4 refused",
      "INBOX 5 failed",
      "INBOX 6 vanished",
      "Sent 1 copied",
    ]);
    expect(items[1]).toMatchObject({ reason: "message-refused", detail: "Ünknown encoding ✗" });
  });

  it("derives the status from how many users stand where", async () => {
    const seen: unknown[] = [];
    const statusOf = (users: object) => {
      seen.push(users);
      return "Synced" as const;
    };
    await MigrationReport.of(await ledger(), BATCH, statusOf, RUN);
    expect(seen).toEqual([{ Active: 1, Synced: 1, Failed: 1, Stopped: 0 }]);
  });

  it("is empty for a batch without users", async () => {
    const report = await MigrationReport.of(memoryStore(), "none", () => "Synced", RUN);
    expect(report).toMatchObject({ books: emptyBooks, balanced: true });
    expect(await collect(report.items())).toEqual([]);
  });
});
