import { describe, expect, it } from "vitest";
import { CsvRow } from "../../../src/csv-row.js";
import { noLimits } from "../../../src/limits.js";
import { FolderFilter } from "../../../src/mail/folder-filter.js";
import { estimate, estimateAll } from "../../../src/prepare/estimate.js";
import { type PlanOptions, planBatch, planUsers, type UserPlan } from "../../../src/prepare/plan.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import type { FakeFault } from "../../../src/testing/fake-faults.js";
import { FakeMailbox, type FolderContent } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { type FakeTargetOptions, openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import type { ThrottleProfile } from "../../../src/throttle-profiles.js";

const row = (user: string) => new CsvRow({ emailAddress: `${user}@contoso.edu`, userName: user, password: "P@ssw0rd" });
const of = (octets: number, count = 1) => Array.from({ length: count }, (_, at) => sampleMessage(`m${at}`, { octets }));

/** Both ends of every row, and the calls that they got. */
class World {
  readonly calls: JournalEntry[] = [];
  readonly target = new FakeMailbox([{ levels: ["INBOX"] }, { levels: ["Sent Items"], specialUse: "\\Sent" }]);
  readonly source: FakeMailbox;
  targetOptions: FakeTargetOptions = {};
  faults: Record<string, readonly FakeFault[]> = {};

  constructor(content: readonly FolderContent[]) {
    this.source = new FakeMailbox(content);
  }

  options(rows: readonly CsvRow[], more: Partial<PlanOptions> = {}): PlanOptions {
    return {
      rows,
      openSource: ({ userName }, signal) =>
        openFakeSource(this.source, { journal: this.calls, faults: this.faults[userName] ?? [] }, { signal }),
      openTarget: (_, signal) =>
        openFakeTarget(this.target, { journal: this.calls, ...this.targetOptions }, { signal }),
      ...more,
    };
  }

  async plan(more: Partial<PlanOptions> = {}): Promise<UserPlan> {
    for await (const plan of planUsers(this.options([row("terry.adams")], more))) return plan;
    throw new Error("there is no plan");
  }
}

describe("The plan of a mailbox", () => {
  it("tells each folder with its target and why, messages and octets, and changes nothing", async () => {
    const world = new World([
      { levels: ["INBOX"], messages: of(1_000, 3) },
      { levels: ["Gesendet"], specialUse: "\\Sent", messages: of(500, 2) },
      { levels: ["Projekte", "2020"], messages: of(700) },
    ]);
    const before = JSON.stringify([world.source.content(), world.target.content()]);
    const plan = await world.plan();
    expect(plan.folders).toEqual([
      { source: "INBOX", target: "INBOX", changes: [], exists: true, collides: false, messages: 3, octets: 3_000 },
      {
        ...{ source: "Gesendet", target: "Sent Items", exists: true, collides: false, messages: 2, octets: 1_000 },
        changes: [expect.stringContaining("\\Sent")],
      },
      {
        source: "Projekte/2020",
        target: "Projekte/2020",
        changes: [],
        exists: false,
        collides: false,
        messages: 1,
        octets: 700,
      },
    ]);
    expect(plan).toMatchObject({
      user: "terry.adams@contoso.edu",
      messages: 6,
      octets: 4_700,
      refusals: [],
      leftOut: [],
    });
    expect(JSON.stringify([world.source.content(), world.target.content()])).toBe(before);
    expect(new Set(world.calls.map(({ call }) => call))).toEqual(
      new Set(["open", "listFolders", "listMessages", "close"]),
    );
    expect(world.calls.filter(({ call }) => call === "close")).toHaveLength(2);
  });

  it("names collisions and folders that cannot be named there", async () => {
    const world = new World([{ levels: ["INBOX"] }, { levels: ["Work"] }, { levels: ["work"], messages: of(400) }]);
    world.targetOptions = { capabilities: { names: { delimiter: "/", caseInsensitive: true, prefix: [] } } };
    const { folders } = await world.plan();
    expect(folders.map(({ target, collides }) => [target, collides])).toEqual([
      ["INBOX", false],
      ["Work", false],
      ["work (2)", true],
    ]);
    world.targetOptions = {
      capabilities: { names: { delimiter: "/", caseInsensitive: false, prefix: [], maxLevelLength: 3 } },
    };
    const refused = await world.plan();
    expect(refused.folders[2]?.refusal).toContain("does not fit");
    expect(refused.refusals).toEqual([{ reason: "folder-refused", messages: 1, octets: 400 }]);
  });

  it("predicts what would be skipped or refused: too large, too many, filtered, no room", async () => {
    const world = new World([{ levels: ["INBOX"], messages: [...of(400, 4), ...of(9_000, 2)] }]);
    world.targetOptions = { capabilities: { maxMessageSize: 8_000 } };
    const limits = { ...noLimits, maxItems: 3 };
    expect((await world.plan({ limits, roomFor: async () => 1_199 })).refusals).toEqual([
      { reason: "too-many", messages: 1, octets: 400 },
      { reason: "too-large", messages: 2, octets: 18_000 },
      { reason: "quota-exceeded", messages: 3, octets: 1_200 },
    ]);
    const filtered = await world.plan({ messageFilter: { maxSize: 400 }, roomFor: async () => 1_600 });
    expect(filtered.refusals).toEqual([{ reason: "filter-size", messages: 2, octets: 18_000 }]);
    expect(filtered).toMatchObject({ messages: 4, octets: 1_600 });
  });

  it("lists what the folder filter leaves out, and patterns that name nothing", async () => {
    const world = new World([{ levels: ["INBOX"] }, { levels: ["Public", "All"], messages: of(400, 5) }]);
    const folderFilter = new FolderFilter({ excludeFolders: ["Public/*", "Pubic"] });
    const plan = await world.plan({ folderFilter });
    expect(plan.leftOut).toEqual([{ source: "Public/All", messages: 5, by: "excludeFolders", pattern: "Public/*" }]);
    expect(plan.unusedPatterns).toEqual(["Pubic"]);
    expect(plan.folders.map(({ source }) => source)).toEqual(["INBOX"]);
    expect(world.calls.filter(({ call }) => call === "listMessages")).toEqual([]);
  });
});

describe("The plan of a batch", () => {
  const content = [{ levels: ["INBOX"], messages: of(1_000, 10) }];
  const slow: ThrottleProfile = { name: "slow", requests: { most: 1, perMs: 1_000 }, octetsWrittenPerDay: 86_400 };

  it("keeps the order of the rows, a few at a time, and says of one that cannot be read why", async () => {
    const world = new World(content);
    world.faults = { b: [{ on: "open", do: { throw: "auth-failed" } }] };
    const rows = ["a", "b", "c", "d", "e"].map(row);
    const plan = await planBatch({ ...world.options(rows, { atOnce: 2 }), maxConcurrentMigrations: 2 });
    expect(plan.users.map(({ user, error }) => [user[0], error?.code])).toEqual([
      ...[
        ["a", undefined],
        ["b", "auth-failed"],
        ["c", undefined],
        ["d", undefined],
        ["e", undefined],
      ],
    ]);
    expect(plan).toMatchObject({ messages: 40, octets: 40_000, failed: 1 });
    expect(plan.duration).toBeUndefined();
    const opened = world.calls.filter(({ call }) => call === "open").length;
    expect(world.calls.filter(({ call }) => call === "close")).toHaveLength(opened - 1);
  });

  it("gives a range for how long it takes under the limits that it names", async () => {
    const plan = await planBatch({
      ...new World(content).options([row("a"), row("b"), row("c")], { throttles: [slow] }),
      maxConcurrentMigrations: 2,
    });
    // 10 messages at 1/s and 10,000 octets at 1/s.
    expect(plan.users[0]?.duration).toEqual({ atLeast: 10_000_000, atMost: 20_020_000 });
    expect(plan.duration).toEqual({ atLeast: 15_000_000, atMost: 50_050_000, throttles: ["slow"] });
  });

  it("has no duration where no limit is known, and never an upper end below the lower", () => {
    expect(estimate({ messages: 5, octets: 5 }, [{ name: "unthrottled" }])).toBeUndefined();
    const durations = [1, 50, 7].map((ms) => ({ atLeast: ms, atMost: ms * 2 }));
    expect(estimateAll(durations, 20)).toEqual({ atLeast: 50, atMost: 116 / 20 + 100 });
  });

  it("is stopped by its signal", async () => {
    const stop = AbortSignal.abort();
    const options = new World(content).options([row("a")], { signal: stop });
    await expect(planUsers(options).next()).rejects.toMatchObject({ code: "aborted" });
  });
});
