import { describe, expect, it } from "vitest";
import { BatchRates } from "../../../src/batch/batch-statistics.js";
import { RateMeter } from "../../../src/batch/rate-meter.js";
import { VirtualClock } from "../../virtual-clock.js";

const never = new AbortController().signal;

/** So many items each second, of 1,000 octets each. */
async function run(meter: RateMeter, clock: VirtualClock, seconds: number, perSecond: number): Promise<void> {
  let done = meter.progress?.itemsSynced ?? 0;
  for (let second = 0; second < seconds; second++) {
    await clock.sleep(1_000, never);
    done += perSecond;
    meter.note({ itemsTotal: 10_000, itemsSynced: done, itemsSkipped: 0, octetsSynced: done * 1_000 });
  }
}

describe("a rate", () => {
  it("is unknown in the first seconds, and then that of the last minute", async () => {
    const clock = new VirtualClock();
    const meter = new RateMeter(clock);
    expect(meter.rate).toBeUndefined();
    await run(meter, clock, 4, 10);
    expect(meter.rate).toBeUndefined();
    await run(meter, clock, 60, 10);
    expect(meter.rate).toEqual({ itemsPerSecond: 10, octetsPerSecond: 10_000 });
    await run(meter, clock, 70, 50);
    expect(meter.rate?.itemsPerSecond).toBeCloseTo(50, 5);
  });

  it("falls when nothing comes any more, and is unknown at last", async () => {
    const clock = new VirtualClock();
    const meter = new RateMeter(clock);
    await run(meter, clock, 60, 10);
    await clock.sleep(30_000, never);
    expect(meter.rate?.itemsPerSecond).toBeCloseTo(5, 0);
    await clock.sleep(60_000, never);
    expect(meter.rate).toBeUndefined();
  });
});

describe("a forecast", () => {
  it("is unknown before two in a hundred are done", async () => {
    const clock = new VirtualClock();
    const meter = new RateMeter(clock);
    await run(meter, clock, 19, 10);
    expect(meter.forecast(9_810)).toBeUndefined();
    await run(meter, clock, 2, 10);
    expect(meter.forecast(9_790)).toBeDefined();
  });

  it("lies between what the last minute and what the whole pass say", async () => {
    const clock = new VirtualClock();
    const meter = new RateMeter(clock);
    await run(meter, clock, 100, 10);
    await run(meter, clock, 100, 30);
    const forecast = meter.forecast(6_000);
    const inSeconds = (date: Date | undefined) => ((date?.getTime() ?? 0) - clock.date()) / 1_000;
    expect(inSeconds(forecast?.earliest)).toBeCloseTo(200, 0);
    expect(inSeconds(forecast?.latest)).toBeGreaterThan(285);
    expect(inSeconds(forecast?.latest)).toBeLessThan(310);
  });
});

it("the rate of a batch is the sum of its users' progress, each told cumulatively", async () => {
  const clock = new VirtualClock();
  const rates = new BatchRates(clock);
  for (let second = 1; second <= 10; second++) {
    await clock.sleep(1_000, never);
    for (const [user, perSecond] of [
      ["a", 3],
      ["b", 7],
    ] as const) {
      const itemsSynced = second * perSecond;
      rates.note(user, { itemsTotal: 1_000, itemsSynced, itemsSkipped: 0, octetsSynced: itemsSynced * 10 });
    }
  }
  expect(rates.ofUser("a")?.rate?.itemsPerSecond).toBeCloseTo(3, 5);
  expect(rates.ofBatch.rate?.itemsPerSecond).toBeCloseTo(10, 5);
  rates.end("a");
  expect(rates.ofUser("a")).toBeUndefined();
  // Another pass begins where the last one ended.
  rates.note("a", { itemsTotal: 1_000, itemsSynced: 31, itemsSkipped: 0, octetsSynced: 310 });
  expect(rates.ofBatch.progress).toMatchObject({ itemsSynced: 91 });
});
