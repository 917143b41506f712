import { describe, expect, it } from "vitest";
import { Bell } from "../../../src/engine/bell.js";
import { VirtualClock } from "../../virtual-clock.js";

describe("a bell", () => {
  const never = new AbortController().signal;

  it("wakes who waits, and lets nobody sleep after a ring that came before", async () => {
    const [bell, clock] = [new Bell(), new VirtualClock()];
    const waiting = bell.wait(clock, never, { ms: 1_000, background: true });
    await clock.asleep();
    bell.ring();
    await waiting;
    bell.ring();
    await bell.wait(clock, never, { ms: 1_000, background: true });
    expect(clock.now()).toBe(0);
  });

  it("wakes when the time has come, when another has ended, and when all is over", async () => {
    const [bell, clock, over] = [new Bell(), new VirtualClock(), new AbortController()];
    await bell.wait(clock, never, { ms: 1_000 });
    expect(clock.now()).toBe(1_000);
    await bell.wait(clock, never, { others: [Promise.resolve()] });
    const waiting = bell.wait(clock, over.signal, {});
    over.abort();
    await waiting;
    await bell.wait(clock, over.signal, {});
  });
});
