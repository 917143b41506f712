import { describe, expect, it } from "vitest";
import { MigrationReport } from "../../../src/report.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import { BATCH, claimed, oneOfEach, sourceFolder } from "../../../src/testing/store-fixtures.js";
import { textOf } from "./report-fixture.js";

describe("A report over a store", () => {
  it("writes each of its forms from the ledger, and a folder left out in all of them", async () => {
    const store = memoryStore();
    await store.addUsers(BATCH, ["terry@contoso.com"]);
    const lease = await claimed(store);
    const inbox = await store.openJournal(lease, sourceFolder("INBOX"));
    await inbox.settle(oneOfEach);
    await inbox.finish(6, { uidNext: 7, messages: 6 });
    const leftOut = await store.openJournal(lease, sourceFolder("Public"));
    await leftOut.finish(0, { uidNext: 0, messages: 4_310 });
    await store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1_700_000_000_000 });

    const run = { copied: 1, octetsCopied: 1_000, durationMs: 12 };
    const report = await MigrationReport.of(store, BATCH, () => "Synced", run);
    const [errors, statistics, json, page] = await Promise.all(
      [report.errorCsv(), report.statisticsCsv(), report.jsonLines(), report.html()].map(textOf),
    );
    expect(
      errors
        ?.trimEnd()
        .split("\r\n")
        .slice(1)
        .map((line) => line.split(",")[0]),
    ).toEqual(Array(5).fill("terry@contoso.com"));
    expect(statistics).toMatch(/terry@contoso\.com,.*,2,1,4310\r\n$/);
    expect(json).toContain('"leftOut":4310');
    for (const text of [errors, page?.replaceAll(",", "")]) expect(text).toContain("4310");
    expect(page).toContain("1969-12-31");
  });
});
