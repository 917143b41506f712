import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DailyOctets } from "../../../../src/engine/throttle/daily-octets.js";
import type { OctetsByHour } from "../../../../src/store/batch-records.js";
import { SimulatedTime } from "../simulated-time.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** What a store keeps. */
class Kept {
  saved: OctetsByHour | undefined;
  saves = 0;

  async load(): Promise<OctetsByHour | undefined> {
    return this.saved && { ...this.saved };
  }

  async save(octets: OctetsByHour): Promise<void> {
    this.saves += 1;
    this.saved = { ...octets };
  }
}

/** Waits as long as the budget asks. */
async function takeInTime(budget: DailyOctets, octets: number, time: SimulatedTime): Promise<void> {
  for (let waitMs = await budget.take(octets); waitMs > 0; waitMs = await budget.take(octets)) {
    await time.run(time.sleep(waitMs));
  }
}

describe("R16 a budget of octets by the day", () => {
  it("is never exceeded in any 24 hours, over crashes at any moment", async () => {
    const steps = fc.array(
      fc.record({
        octets: fc.integer({ min: 1, max: 60_000 }),
        restHours: fc.integer({ min: 0, max: 9 }),
        crash: fc.boolean(),
      }),
      { minLength: 20, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const time = new SimulatedTime();
        const kept = new Kept();
        const moved: { at: number; octets: number }[] = [];
        let budget = await DailyOctets.open(1_000_000, kept, time);
        for (const { octets, restHours, crash } of all) {
          if (crash) budget = await DailyOctets.open(1_000_000, kept, time);
          await takeInTime(budget, octets, time);
          moved.push({ at: time.now(), octets });
          if (restHours > 7) await time.run(time.sleep(restHours * HOUR));
        }
        for (const { at } of moved) {
          const day = moved.filter((each) => each.at > at - DAY && each.at <= at);
          expect(day.reduce((sum, { octets }) => sum + octets, 0)).toBeLessThanOrEqual(1_000_000);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is used to its end each day, and written down at most about a hundred times for it", async () => {
    const time = new SimulatedTime();
    const kept = new Kept();
    const budget = await DailyOctets.open(2_500_000_000, kept, time);
    let moved = 0;
    while ((await budget.take(1_000_000)) === 0) moved += 1_000_000;
    expect(moved).toBe(2_500_000_000);
    expect(kept.saves).toBeLessThanOrEqual(101);
    expect(Object.keys(kept.saved ?? {})).toHaveLength(1);
    await takeInTime(budget, 1_000_000, time);
    expect(time.now()).toBeGreaterThanOrEqual(DAY);
    expect(time.now()).toBeLessThanOrEqual(DAY + HOUR);
  });

  it("loses no more than a hundredth to a crash", async () => {
    const time = new SimulatedTime();
    const kept = new Kept();
    await (await DailyOctets.open(1_000_000, kept, time)).take(10);
    const next = await DailyOctets.open(1_000_000, kept, time);
    expect(await next.take(990_001)).toBeGreaterThan(0);
    expect(await next.take(990_000)).toBe(0);
  });

  it("R18 is delayed by a day at most where the clock went back, however far", async () => {
    const time = new SimulatedTime();
    let shift = 400 * DAY;
    const clock = { now: () => time.now(), date: () => time.date() + shift, sleep: time.sleep.bind(time) };
    const kept = new Kept();
    await (await DailyOctets.open(100, kept, clock)).take(100);
    shift = 0;
    const budget = await DailyOctets.open(100, kept, clock);
    await takeInTime(budget, 100, time);
    expect(time.now()).toBeGreaterThanOrEqual(DAY - HOUR);
    expect(time.now()).toBeLessThanOrEqual(DAY + HOUR);
  });
});
