import { describe, expect, it } from "vitest";
import { OutcomeLedger } from "../../../src/engine/outcome-ledger.js";
import type { Outcome } from "../../../src/outcome.js";
import type { FolderJournal } from "../../../src/store/migration-store.js";
import { intercepting } from "../../recovery/world.js";
import { VirtualClock } from "../../virtual-clock.js";
import { FolderFixture } from "./folder-run-fixture.js";

function vanished(uid: number): Outcome {
  return { uid, size: 1, kind: "vanished" };
}

async function ledgerWith(settle?: FolderJournal["settle"]) {
  const clock = new VirtualClock();
  const told: number[] = [];
  const writes: number[][] = [];
  const inner = await new FolderFixture([]).journal();
  const journal = intercepting(inner, {
    settle: async (outcomes) => {
      writes.push(outcomes.map(({ uid }) => uid));
      await (settle?.(outcomes) ?? inner.settle(outcomes));
    },
  });
  const ledger = new OutcomeLedger(journal, clock, (outcomes) => told.push(...outcomes.map(({ uid }) => uid)));
  return { ledger, clock, told, writes, journal };
}

describe("R6 outcomes", () => {
  it("are told only when they are durable", async () => {
    let write = () => {};
    const written = new Promise<void>((resolve) => {
      write = resolve;
    });
    const { ledger, told } = await ledgerWith(() => written);
    ledger.add(vanished(1));
    const flushed = ledger.flush();
    await new Promise(setImmediate);
    expect(told).toEqual([]);
    write();
    await flushed;
    expect(told).toEqual([1]);
  });

  it("are never told when they could not be written, nor are those after them", async () => {
    const full = new Error("no room");
    const { ledger, told } = await ledgerWith(() => Promise.reject(full));
    ledger.add(vanished(1));
    await expect(ledger.flush()).rejects.toBe(full);
    ledger.add(vanished(2));
    await expect(ledger.flush()).rejects.toBe(full);
    expect(told).toEqual([]);
  });

  it("leave no unhandled rejection when a write that nobody waits for fails", async () => {
    const full = new Error("no room");
    const { ledger } = await ledgerWith(() => Promise.reject(full));
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    for (let uid = 1; uid <= 300; uid++) ledger.add(vanished(uid));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    await expect(ledger.flush()).rejects.toBe(full);
  });
});

describe("outcomes are written", () => {
  it("behind the group that is begun: only those that were being written before are waited for", async () => {
    const ends: (() => void)[] = [];
    const { ledger, writes } = await ledgerWith(() => new Promise((resolve) => ends.push(resolve)));
    ledger.add(vanished(1));
    await ledger.flushBehind();
    expect(writes).toEqual([[1]]);
    ledger.add(vanished(2));
    const order: string[] = [];
    const behind = ledger.flushBehind().then(() => order.push("behind"));
    await new Promise(setImmediate);
    order.push("the first is durable");
    ends[0]?.();
    await behind;
    expect(order).toEqual(["the first is durable", "behind"]);
    await new Promise(setImmediate);
    expect(writes).toEqual([[1], [2]]);
    ends[1]?.();
    await ledger.flush();
  });

  it("behind the group that is begun, and a failure is told at the next one", async () => {
    const full = new Error("no room");
    const { ledger } = await ledgerWith(() => Promise.reject(full));
    ledger.add(vanished(1));
    await ledger.flushBehind();
    await expect(ledger.flushBehind()).rejects.toBe(full);
  });

  it("256 at a time, without anybody waiting", async () => {
    const { ledger, writes, journal } = await ledgerWith();
    for (let uid = 1; uid <= 258; uid++) ledger.add(vanished(uid));
    await new Promise(setImmediate);
    expect(writes.map((uids) => uids.length)).toEqual([256]);
    await ledger.flush();
    expect(writes.map((uids) => uids.length)).toEqual([256, 2]);
    expect(journal.settledCount).toBe(258);
  });

  it("when the last write is a second ago", async () => {
    const { ledger, clock, writes } = await ledgerWith();
    ledger.add(vanished(1));
    await clock.sleep(999, new AbortController().signal);
    ledger.add(vanished(2));
    expect(writes).toEqual([]);
    await clock.sleep(1, new AbortController().signal);
    ledger.add(vanished(3));
    await ledger.flush();
    expect(writes).toEqual([[1, 2, 3]]);
  });

  it("not at all where there are none", async () => {
    const { ledger, writes } = await ledgerWith();
    await ledger.flush();
    expect(writes).toEqual([]);
  });

  it("one write after the other, in their order", async () => {
    const order: string[] = [];
    const { ledger } = await ledgerWith(async (outcomes) => {
      order.push(`begins ${outcomes[0]?.uid}`);
      await new Promise(setImmediate);
      order.push(`ends ${outcomes[0]?.uid}`);
    });
    ledger.add(vanished(1));
    const first = ledger.flush();
    ledger.add(vanished(2));
    await Promise.all([first, ledger.flush()]);
    expect(order).toEqual(["begins 1", "ends 1", "begins 2", "ends 2"]);
  });
});
