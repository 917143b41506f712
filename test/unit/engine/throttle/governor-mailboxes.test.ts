import { setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { AppendBudget } from "../../../../src/engine/append-window.js";
import { migrateUser } from "../../../../src/engine/migrate-user.js";
import { DailyOctets } from "../../../../src/engine/throttle/daily-octets.js";
import { Governor } from "../../../../src/engine/throttle/governor.js";
import { MigrationError, type MigrationErrorCode } from "../../../../src/errors.js";
import type { WaitAskedBy } from "../../../../src/events.js";
import { noLimits } from "../../../../src/limits.js";
import type { OctetsByHour } from "../../../../src/store/batch-records.js";
import { memoryStore } from "../../../../src/store/memory-store.js";
import { type FakeFault, FaultScript } from "../../../../src/testing/fake-faults.js";
import { FakeMailbox } from "../../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../../src/testing/sample-message.js";
import { BATCH, claimed } from "../../../../src/testing/store-fixtures.js";
import { intercepting } from "../../../recovery/world.js";
import { SimulatedTime } from "../simulated-time.js";

const retry = { attempts: 5, firstPauseMs: 1_000, maxPauseMs: 300_000 };
const MESSAGES = 12;

interface Wait {
  readonly user: string;
  readonly at: number;
  readonly waitMs: number;
  readonly until: number;
  readonly askedBy: WaitAskedBy;
  readonly code: MigrationErrorCode;
}

/** Mailboxes in memory that move side by side between two endpoints, as a batch has them moved. */
class Move {
  readonly time = new SimulatedTime();
  readonly store = memoryStore();
  readonly users: readonly string[];
  readonly sources: readonly FakeMailbox[];
  readonly targets: readonly FakeMailbox[];
  readonly waits: Wait[] = [];
  /** When each mailbox was opened, and each append began. */
  readonly opened: { user: string; end: "source" | "target"; at: number }[] = [];
  readonly appended: { user: string; at: number }[] = [];
  readonly controller = new AbortController();
  /** How many the source takes at a time. */
  places = Number.POSITIVE_INFINITY;
  openNow = 0;
  appendMs = 50;
  /** What each account may move in a day. */
  dailyOctets: readonly DailyOctets[] = [];
  readonly #faults: FaultScript;

  constructor(count: number, faults: readonly FakeFault[] = []) {
    const messages = Array.from({ length: MESSAGES }, (_, index) => sampleMessage(`Message ${index}`));
    this.users = Array.from({ length: count }, (_, index) => `user${index}@contoso.com`);
    this.sources = this.users.map(() => new FakeMailbox([{ levels: ["INBOX"], messages }]));
    this.targets = this.users.map(() => new FakeMailbox());
    this.#faults = new FaultScript(faults);
    setMaxListeners(0, this.controller.signal);
  }

  /** The code that each user ended with. */
  async run(): Promise<string[]> {
    await this.store.addUsers(BATCH, this.users);
    await this.store.queueUsers(BATCH);
    const options = { clock: this.time, cap: this.users.length, retry };
    const governors = { source: new Governor(options), target: new Governor(options) };
    const budget = new AppendBudget();
    const passes = this.users.map(async (_, index) => {
      const lease = await claimed(this.store);
      const { emailAddress: user } = lease;
      return await migrateUser({
        ...{ lease, store: this.store, retry, budget, governors, limits: noLimits, settleDelayMs: 0, clock: this.time },
        dailyOctets: this.dailyOctets,
        openSource: (signal) => this.#openSource(user, index, signal),
        openTarget: (signal) => this.#openTarget(user, index, signal),
        tell: {
          started: () => {},
          settled: () => {},
          completed: () => {},
          folderFailed: () => {},
          progress: () => {},
          waiting: (waitMs, { code }, askedBy, until) =>
            void this.waits.push({ user, at: this.time.now(), waitMs, until, askedBy, code }),
        },
        signal: this.controller.signal,
      });
    });
    const ends = await this.time.run(Promise.allSettled(passes), 30);
    return ends.map((end) => (end.status === "fulfilled" ? "synced" : MigrationError.from(end.reason).code));
  }

  get isComplete(): boolean {
    const content = (mailbox: FakeMailbox) =>
      mailbox
        .folder("INBOX")
        .messages.map(({ octets }) => Buffer.from(octets).toString())
        .sort()
        .join("\0");
    return this.targets.every((target, index) => content(target) === content(this.#mailbox(this.sources, index)));
  }

  /** What was begun in a time that was to be quiet, both ends of which are left out. */
  begunBetween(from: number, to: number): unknown[] {
    return [...this.opened, ...this.appended].filter(({ at }) => at > from && at < to);
  }

  async #openSource(user: string, index: number, signal: AbortSignal) {
    this.opened.push({ user, end: "source", at: this.time.now() });
    await this.time.sleep(100, signal);
    if (this.openNow >= this.places) throw new MigrationError("too-many-connections", "NO [LIMIT]");
    this.openNow += 1;
    const options = { faults: this.#faults };
    const source = await openFakeSource(this.#mailbox(this.sources, index), options, { signal }).catch((error) => {
      this.openNow -= 1;
      throw error;
    });
    return intercepting(source, {
      close: async () => {
        this.openNow -= 1;
        await source.close();
      },
    });
  }

  async #openTarget(user: string, index: number, signal: AbortSignal) {
    this.opened.push({ user, end: "target", at: this.time.now() });
    const capabilities = { maxConcurrentAppends: 2 };
    const options = { faults: this.#faults, capabilities };
    const target = await openFakeTarget(this.#mailbox(this.targets, index), options, { signal });
    return intercepting(target, {
      append: async (folder, message, abortable) => {
        this.appended.push({ user, at: this.time.now() });
        await this.time.sleep(this.appendMs, signal);
        return await target.append(folder, message, abortable);
      },
    });
  }

  #mailbox(mailboxes: readonly FakeMailbox[], index: number): FakeMailbox {
    const mailbox = mailboxes[index];
    if (!mailbox) throw new Error("there is no such mailbox");
    return mailbox;
  }
}

const MINUTE = 60_000;

describe("R16 an endpoint that throttles one mailbox", () => {
  for (const [end, fault] of [
    ["target", { on: "append", nth: 20, do: { throw: "throttled", scope: "endpoint", retryAfterMs: 10 * MINUTE } }],
    ["source", { on: "fetch", nth: 20, do: { throw: "throttled", scope: "endpoint", retryAfterMs: 10 * MINUTE } }],
  ] as const) {
    it(`for all (${end}) holds every mailbox back for all that it asked, and nothing is lost or doubled`, async () => {
      const move = new Move(8, [fault]);
      expect(await move.run()).toEqual(move.users.map(() => "synced"));
      expect(move.isComplete).toBe(true);
      const [asked] = move.waits.filter(({ askedBy }) => askedBy === end);
      const refusedAt = (asked?.until ?? 0) - move.time.date() + move.time.now() - 10 * MINUTE;
      // What was on its way when it was said may still begin in the same moment.
      expect(move.begunBetween(refusedAt, refusedAt + 10 * MINUTE)).toEqual([]);
      expect(new Set(move.waits.map(({ user }) => user)).size).toBe(8);
      expect(move.waits.filter(({ askedBy }) => askedBy === end)).toHaveLength(1);
      expect(move.appended.filter(({ at }) => at > refusedAt).length).toBeGreaterThan(8);
      for (const { at, waitMs, until, code } of move.waits) {
        expect([code, until]).toEqual(["throttled", Date.UTC(2026, 0, 1) + at + waitMs]);
      }
    });
  }

  it("goes on with half of them, and with one more each half minute", async () => {
    const pause = { throw: "throttled", scope: "endpoint", retryAfterMs: MINUTE } as const;
    const move = new Move(8, [{ on: "append", nth: 20, do: pause }]);
    await move.run();
    const firstAfter = (user: string) => move.appended.find((each) => each.user === user && each.at > MINUTE)?.at ?? 0;
    const wentOn = move.users.map(firstAfter).sort((one, other) => one - other);
    // Whoever ends makes room: no more than half at any time, and none before the pause is over.
    expect(wentOn.filter((at) => at < MINUTE + 5_000).length).toBeGreaterThanOrEqual(4);
    expect(Math.min(...wentOn)).toBeGreaterThanOrEqual(MINUTE);
  });

  it("and means that one alone holds back no other", async () => {
    const pause = { throw: "throttled", retryAfterMs: 10 * MINUTE } as const;
    const move = new Move(8, [{ on: "append", nth: 20, do: pause }]);
    expect(await move.run()).toEqual(move.users.map(() => "synced"));
    expect(move.waits).toMatchObject([{ askedBy: "target", code: "throttled" }]);
    const late = move.appended.filter(({ at }) => at > MINUTE);
    expect(new Set(late.map(({ user }) => user))).toEqual(new Set([move.waits[0]?.user]));
    expect(Math.min(...late.map(({ at }) => at))).toBeGreaterThanOrEqual(10 * MINUTE);
  });
});

describe("R16 a source that takes three mailboxes at a time", () => {
  it("moves twelve in the end, is not stormed, and fails none", async () => {
    const move = new Move(12);
    move.places = 3;
    expect(await move.run()).toEqual(move.users.map(() => "synced"));
    expect(move.isComplete).toBe(true);
    const signIns = move.opened.filter(({ end }) => end === "source");
    // Twelve at first, then each once more, and a few that come a moment too early.
    expect(signIns.length).toBeLessThanOrEqual(12 + 9 + 6);
    expect(move.waits.every(({ code }) => code === "too-many-connections")).toBe(true);
  });
});

describe("a mailbox that is one too many at its source", () => {
  it("is not given up while the other one is served, however long that takes", async () => {
    const move = new Move(2);
    move.places = 1;
    move.appendMs = 5 * MINUTE;
    expect(await move.run()).toEqual(["synced", "synced"]);
    const late = move.waits.filter(({ askedBy }) => askedBy === "source").length;
    expect(late).toBeGreaterThan(2 * retry.attempts);
    // One more try each half minute.
    expect(move.opened.length).toBeLessThan(10 + move.time.now() / 30_000);
  });
});

describe("an endpoint that cannot be reached at all", () => {
  it("fails every mailbox after a few tries of one of them", async () => {
    const move = new Move(12, [{ on: "open", do: { throw: "connection-refused" } }]);
    expect(await move.run()).toEqual(move.users.map(() => "connection-refused"));
    const signIns = move.opened.filter(({ end }) => end === "source");
    expect(signIns.length).toBeLessThanOrEqual(12 + 4);
    expect(move.time.now()).toBeLessThan(MINUTE);
  });
});

describe("R12 mailboxes that wait for an endpoint", () => {
  it("end at once when they are stopped", async () => {
    const pause = { throw: "throttled", scope: "endpoint", retryAfterMs: 10 * MINUTE } as const;
    const move = new Move(8, [{ on: "append", nth: 20, do: pause }]);
    const running = move.run();
    void move.time.sleep(MINUTE).then(() => move.controller.abort());
    expect(await running).toEqual(move.users.map(() => "aborted"));
    expect(move.time.now()).toBeLessThan(MINUTE + 2_000);
  });
});

describe("R16 an account that may move so many octets a day", () => {
  it("is closed when they are spent, and goes on the next day until it is done", async () => {
    const move = new Move(1);
    const [source] = move.sources;
    const octets = source?.folder("INBOX").messages.reduce((sum, each) => sum + each.octets.length, 0) ?? 0;
    let saved: OctetsByHour = {};
    const save = async (changed: OctetsByHour): Promise<void> => {
      saved = changed;
    };
    const record = { load: async () => saved, save };
    move.dailyOctets = [await DailyOctets.open(Math.ceil(octets / 2.5), record, move.time)];
    expect(await move.run()).toEqual(["synced"]);
    expect(move.isComplete).toBe(true);
    expect(move.time.now()).toBeGreaterThanOrEqual(2 * 24 * 60 * MINUTE);
    expect(move.time.now()).toBeLessThan(3 * 25 * 60 * MINUTE);
    expect(new Set(move.waits.map(({ code, askedBy }) => `${code} ${askedBy}`))).toEqual(
      new Set(["throttled governor"]),
    );
    expect(Object.keys(saved).length).toBeLessThanOrEqual(25);
  });
});
