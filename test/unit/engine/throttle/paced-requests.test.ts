import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/engine/clock.js";
import { PacedRequests, RequestGates } from "../../../../src/engine/throttle/paced-requests.js";
import { RateWindow } from "../../../../src/engine/throttle/rate-window.js";
import { exchangeImapThrottle, gmailThrottle, graphThrottle, unthrottled } from "../../../../src/throttle-profiles.js";
import { SimulatedTime } from "../simulated-time.js";

const { signal } = new AbortController();

describe("a rate window", () => {
  it("never allows more than its limit within any stretch, whatever comes when", () => {
    const steps = fc.array(
      fc.record({ amount: fc.integer({ min: 1, max: 60 }), passes: fc.integer({ min: 0, max: 700 }) }),
      {
        maxLength: 200,
      },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const limit = { most: 100, perMs: 1_000 };
        const window = new RateWindow(limit);
        const done: { at: number; amount: number }[] = [];
        let now = 12_345;
        for (const { amount, passes } of all) {
          now += window.waitMs(amount, now);
          expect(window.waitMs(amount, now)).toBe(0);
          window.begin(amount);
          const begun = now;
          done.push({ at: begun, amount });
          // It may reach the server at any moment until it ends.
          now += passes;
          window.end(amount, now);
          const within = done.filter(({ at }) => at > begun - limit.perMs);
          expect(within.reduce((sum, each) => sum + each.amount, 0)).toBeLessThanOrEqual(limit.most);
        }
      }),
    );
  });

  it("forgets at most a hundredth of the stretch late", () => {
    for (const at of [0, 3, 4.6, 999.5]) {
      const window = new RateWindow({ most: 1, perMs: 1_000 });
      window.begin(1);
      window.end(1, at);
      expect(window.waitMs(1, at)).toBeGreaterThanOrEqual(1_000);
      expect(window.waitMs(1, at)).toBeLessThanOrEqual(1_010);
    }
  });

  it("allows what is over the whole limit once nothing else is remembered", () => {
    const window = new RateWindow({ most: 10, perMs: 1_000 });
    expect(window.waitMs(25, 0)).toBe(0);
    window.begin(1);
    expect(window.waitMs(25, 0)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("R16 a gate", () => {
  it("lets requests through in the order of the calls, four at a time", async () => {
    const gate = new PacedRequests(graphThrottle, new SimulatedTime());
    const order: number[] = [];
    const leaves: (() => void)[] = [];
    const entering = Array.from({ length: 10 }, async (_, index) => {
      leaves.push(await gate.enter(index === 4 ? 4_000_000 : 1, signal));
      order.push(index);
    });
    await new Promise(setImmediate);
    expect(order).toEqual([0, 1, 2, 3]);
    for (let next = 0; next < 10; next++) {
      leaves[next]?.();
      leaves[next]?.();
      await new Promise(setImmediate);
      expect(order.length).toBe(Math.min(10, 5 + next));
    }
    await Promise.all(entering);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("lets nobody through until a pause is over, and no shorter one shortens it", async () => {
    const time = new SimulatedTime();
    const gate = new PacedRequests(unthrottled, time);
    gate.pause(128_000);
    gate.pause(2_128);
    await time.run(gate.enter(1, signal));
    expect(time.now()).toBe(128_000);
  });

  it("lets whoever is stopped go at once, from any place in the line, and lets nobody wait for it", async () => {
    const time = new SimulatedTime();
    const gate = new PacedRequests({ name: "one", mostAtOnce: 1 }, time);
    const leave = await gate.enter(0, signal);
    const controller = new AbortController();
    const [first, second] = [gate.enter(0, controller.signal), gate.enter(0, signal)];
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    await expect(gate.enter(0, controller.signal)).rejects.toMatchObject({ code: "aborted" });
    leave();
    (await second)();
    expect(gate.isIdle).toBe(true);
  });

  it("takes no more memory for a million requests than for a few", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const time = new SimulatedTime();
    const gate = new PacedRequests({ ...graphThrottle, requests: { most: 2_000_000, perMs: 600_000 } }, time);
    const send = async (count: number) => {
      for (let sent = 0; sent < count; sent++) (await gate.enter(1, signal))();
    };
    const used = () => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    await send(10_000);
    const before = used();
    await send(1_000_000);
    // One number for each would be eight million octets.
    expect(used() - before).toBeLessThan(1_000_000);
  });
});

describe("the system's clock", () => {
  it("R16 sleeps for longer than a timer can", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(100 * 86_400_000, controller.signal).then(() => "is over");
    // A timer that overflows ends after a millisecond.
    expect(await Promise.race([sleeping, systemClock.sleep(50, signal).then(() => "sleeps")])).toBe("sleeps");
    controller.abort();
    await expect(sleeping).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("the gates of an application", () => {
  it("remember a mailbox that is opened again, whatever the case of its name, and no longer than they need to", async () => {
    const time = new SimulatedTime();
    const gates = new RequestGates({ name: "one a minute", requests: { most: 1, perMs: 60_000 } }, time);
    const first = gates.of("Terry@contoso.com");
    (await first.enter(0, signal))();
    (await time.run(gates.of("terry@CONTOSO.com").enter(0, signal)))();
    expect(time.now()).toBeGreaterThanOrEqual(60_000);
    expect(gates.size).toBe(1);
    await time.run(time.sleep(61_000));
    (await gates.of("ann@contoso.com").enter(0, signal))();
    expect(gates.size).toBe(1);
    // What was opened long ago is limited as before.
    (await first.enter(0, signal))();
    const before = time.now();
    await time.run(first.enter(0, signal));
    expect(time.now() - before).toBeGreaterThanOrEqual(60_000);
  });
});

describe("the profiles", () => {
  it("hold what the services publish", () => {
    expect(graphThrottle).toMatchObject({
      mostAtOnce: 4,
      requests: { most: 10_000, perMs: 600_000 },
      uploadedOctets: { most: 150_000_000, perMs: 300_000 },
    });
    expect(gmailThrottle).toMatchObject({ mostAtOnce: 15, octetsReadPerDay: 2.5e9, octetsWrittenPerDay: 5e8 });
    expect(exchangeImapThrottle.mostAtOnce).toBe(2);
  });
});
