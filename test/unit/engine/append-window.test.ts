import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { AppendBudget, AppendWindow } from "../../../src/engine/append-window.js";

const { signal } = new AbortController();

describe("the window of appends", () => {
  it("lets so many in, and the next one only when one has left, in the order of asking", async () => {
    const window = new AppendWindow(2);
    const entered: number[] = [];
    const enter = async (number: number) => {
      await window.enter(signal);
      entered.push(number);
    };
    const all = Promise.all([1, 2, 3, 4].map(enter));
    await new Promise(setImmediate);
    expect(entered).toEqual([1, 2]);
    window.leave();
    await new Promise(setImmediate);
    expect(entered).toEqual([1, 2, 3]);
    window.leave();
    await all;
    expect(entered).toEqual([1, 2, 3, 4]);
  });

  it("is never wider than it says, whatever the order of coming and going", async () => {
    const window = new AppendWindow(3);
    let inside = 0;
    let most = 0;
    const visit = async (turns: number) => {
      await window.enter(signal);
      inside += 1;
      most = Math.max(most, inside);
      for (let turn = 0; turn < turns; turn++) await undefined;
      inside -= 1;
      window.leave();
    };
    await Promise.all(Array.from({ length: 200 }, (_, index) => visit((index * 7) % 5)));
    expect({ most, inside }).toEqual({ most: 3, inside: 0 });
  });

  it("lets one in at a time where it is told zero", async () => {
    const window = new AppendWindow(0);
    await window.enter(signal);
    window.leave();
    await window.enter(signal);
  });

  it("R12 keeps nobody waiting once the migration is stopped", async () => {
    const window = new AppendWindow(1);
    const controller = new AbortController();
    await window.enter(controller.signal);
    const waiting = [window.enter(controller.signal), window.enter(controller.signal)];
    controller.abort();
    for (const turn of waiting) await expect(turn).rejects.toMatchObject({ code: "aborted" });
    await expect(window.enter(controller.signal)).rejects.toMatchObject({ code: "aborted" });
  });

  it("leaves no listener behind", async () => {
    const window = new AppendWindow(1);
    const controller = new AbortController();
    await window.enter(controller.signal);
    const next = window.enter(controller.signal);
    window.leave();
    await next;
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });
});

describe("the appends of all mailboxes together", () => {
  /** How many get in before one has to wait. */
  async function width(window: AppendWindow): Promise<number> {
    let inside = 0;
    const controller = new AbortController();
    const visits = Array.from({ length: 3_000 }, () =>
      window.enter(controller.signal).then(
        () => {
          inside += 1;
        },
        () => {},
      ),
    );
    await new Promise(setImmediate);
    controller.abort();
    await Promise.all(visits);
    for (let left = 0; left < inside; left++) window.leave();
    return inside;
  }

  it("R11 are shared among the mailboxes that are open, down to 16 for each", async () => {
    const budget = new AppendBudget();
    const first = budget.open(5_000);
    expect(await width(first)).toBe(2_048);
    for (let more = 1; more < 4; more++) budget.open(5_000);
    expect(await width(first)).toBe(512);
    for (let more = 4; more < 1_000; more++) budget.open(5_000);
    expect(await width(first)).toBe(16);
    for (let more = 1; more < 1_000; more++) budget.close();
    expect(await width(first)).toBe(2_048);
  });

  it("are never more than the target takes", async () => {
    expect(await width(new AppendBudget().open(7))).toBe(7);
  });
});

describe("R16 a window whose mailbox has to rest", () => {
  it("lets nobody in before the rest is over", async () => {
    let wake = () => {};
    const over = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const pace = { mustRest: true, rest: () => over };
    const window = new AppendBudget().open(2, pace);
    let entered = 0;
    const entering = [1, 2].map(async () => {
      await window.enter(new AbortController().signal);
      entered += 1;
    });
    await new Promise(setImmediate);
    expect(entered).toBe(0);
    pace.mustRest = false;
    wake();
    await Promise.all(entering);
  });

  it("sends everybody away who waits for a turn, where the rest ends with an error", async () => {
    const failure = new Error("throttled");
    const pace = { mustRest: false, rest: () => Promise.reject(failure) };
    const window = new AppendBudget().open(1, pace);
    const { signal } = new AbortController();
    await window.enter(signal);
    const waiting = [window.enter(signal), window.enter(signal), window.enter(signal)];
    await new Promise(setImmediate);
    pace.mustRest = true;
    window.leave();
    const ends = await Promise.allSettled(waiting);
    expect(ends.map((end) => end.status === "rejected" && end.reason)).toEqual([failure, failure, failure]);
  });
});
