import { setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { type EndpointWait, Governor, governorOf, type Place } from "../../../../src/engine/throttle/governor.js";
import { MigrationError, type MigrationErrorCode } from "../../../../src/errors.js";
import { Random } from "../../../fixtures/mail/random.js";
import { SimulatedTime } from "../simulated-time.js";

const { signal } = new AbortController();
setMaxListeners(0, signal);
const nothingTold = () => {};
const retry = { attempts: 5, firstPauseMs: 1_000, maxPauseMs: 300_000 };
const HALF_MINUTE = 30_000;

function refusal(code: MigrationErrorCode, retryAfterMs?: number): MigrationError {
  return new MigrationError(code, "…", { scope: "endpoint", ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

async function enterServed(governor: Governor, told: (wait: EndpointWait) => void = nothingTold): Promise<Place> {
  const place = await governor.enter(signal, told);
  place.served();
  return place;
}

function one(place: Place | undefined): Place {
  if (!place) throw new Error("there is no such place");
  return place;
}

/** Mailboxes at work; each has been served. */
async function atWork(governor: Governor, count: number): Promise<Place[]> {
  return await Promise.all(Array.from({ length: count }, () => enterServed(governor)));
}

describe("an endpoint that refuses nothing", () => {
  it("is worked at up to its cap, in the order of the calls, with nothing told", async () => {
    const time = new SimulatedTime();
    const governor = new Governor({ clock: time, cap: 2, retry });
    const [first] = await atWork(governor, 2);
    const order: string[] = [];
    const told: EndpointWait[] = [];
    const enter = async (name: string) => {
      await enterServed(governor, (wait) => void told.push(wait));
      order.push(name);
    };
    const waiting = [enter("third"), enter("fourth")];
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    first?.leave();
    first?.leave();
    await waiting[0];
    expect(order).toEqual(["third"]);
    expect([told, governor.allowed]).toEqual([[], 2]);
  });

  it("lets whoever waits go when it is stopped, and the next one in", async () => {
    const governor = new Governor({ clock: new SimulatedTime(), cap: 1, retry });
    const [place] = await atWork(governor, 1);
    const controller = new AbortController();
    const stopped = governor.enter(controller.signal, nothingTold);
    const next = governor.enter(signal, nothingTold);
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    await expect(governor.enter(controller.signal, nothingTold)).rejects.toMatchObject({ code: "aborted" });
    place?.leave();
    (await next).leave();
  });

  it("has one governor, however many batches ask for it", () => {
    const endpoint = {};
    const options = { clock: new SimulatedTime(), retry };
    expect(governorOf(endpoint, options)).toBe(governorOf(endpoint, options));
    expect(governorOf({}, options)).not.toBe(governorOf(endpoint, options));
  });
});

describe("R16 an endpoint that throttles", () => {
  it("rests for all that it asked, and tells everybody until when", async () => {
    const time = new SimulatedTime();
    const governor = new Governor({ clock: time, cap: 20, retry });
    const [place] = await atWork(governor, 1);
    const error = refusal("throttled", 3_600_000);
    governor.refused(error, one(place));
    place?.leave();
    const told: EndpointWait[] = [];
    await time.run(enterServed(governor, (wait) => void told.push(wait)));
    expect(time.now()).toBe(3_600_000);
    expect(told).toEqual([{ error, until: 3_600_000 }]);
  });

  it("never has a pause shortened by another refusal, and tells those in line when it is put off", async () => {
    const time = new SimulatedTime();
    const governor = new Governor({ clock: time, cap: 20, retry });
    const places = await atWork(governor, 3);
    const told: number[] = [];
    governor.refused(refusal("throttled", 60_000), one(places[0]));
    const entered = enterServed(governor, ({ until }) => void told.push(until));
    governor.refused(refusal("throttled", 600_000), one(places[1]));
    governor.refused(refusal("throttled", 1_000), one(places[2]));
    for (const place of places) place.leave();
    await time.run(entered);
    expect(time.now()).toBe(600_000);
    expect(told.at(-1)).toBeGreaterThanOrEqual(600_000);
  });

  it("goes on with half as many, and with one more each quiet half minute", async () => {
    const time = new SimulatedTime();
    const governor = new Governor({ clock: time, cap: 20, retry });
    const [first, ...places] = await atWork(governor, 20);
    governor.refused(refusal("throttled", 10_000), one(first));
    // What comes of the same moment counts once.
    for (const place of places.slice(0, 5)) governor.refused(refusal("throttled", 10_000), place);
    expect(governor.allowed).toBe(10);
    await time.run(time.sleep(10_000 + 3 * HALF_MINUTE));
    expect(governor.allowed).toBe(13);
    await time.run(time.sleep(60 * HALF_MINUTE));
    expect(governor.allowed).toBe(20);
  });

  it("holds back those at work too, until there is room for them", async () => {
    const time = new SimulatedTime();
    const governor = new Governor({ clock: time, cap: 20, retry });
    const [first, ...others] = await atWork(governor, 8);
    expect(others.some(({ mustRest }) => mustRest)).toBe(false);
    governor.refused(refusal("throttled", 10_000), one(first));
    await expect(first?.rest(signal)).rejects.toMatchObject({ code: "throttled" });
    first?.leave();
    const wentOn: number[] = [];
    const resting = others.map(async (place) => {
      await Promise.all([place.rest(signal), place.rest(signal)]);
      wentOn.push(time.now());
    });
    await time.run(Promise.all(resting));
    const half = [10_000, 10_000, 10_000, 10_000];
    expect(wentOn).toEqual([...half, 10_000 + HALF_MINUTE, 10_000 + 2 * HALF_MINUTE, 10_000 + 3 * HALF_MINUTE]);
    expect(others.some(({ mustRest }) => mustRest)).toBe(false);
  });
});

/** A server that lets so many in at a time, and a batch of mailboxes that each work for a while. */
async function migrateAll(options: { cap: number; mailboxes: number; places: number; workMs: number; seed: number }) {
  const time = new SimulatedTime();
  const random = new Random(options.seed);
  const governor = new Governor({ clock: time, cap: options.cap, retry });
  const seen = { now: 0, most: 0, refused: [] as number[], failed: 0 };
  const queue = Array.from({ length: options.mailboxes }).values();
  const migrate = async () => {
    while (true) {
      const place = await governor.enter(signal, nothingTold);
      await time.sleep(50 + 200 * random.fraction());
      const isIn = seen.now < options.places;
      if (isIn) {
        seen.now += 1;
        seen.most = Math.max(seen.most, seen.now);
        place.served();
        await time.sleep(options.workMs * (0.5 + random.fraction()));
        seen.now -= 1;
      } else {
        seen.refused.push(time.now());
        governor.refused(refusal("too-many-connections"), place);
      }
      place.leave();
      if (isIn) return;
      if (governor.isGivenUp) throw refusal("too-many-connections");
      await time.sleep(governor.pausedMs);
    }
  };
  const worker = async () => {
    for (const _ of queue) await migrate().catch(() => (seen.failed += 1));
  };
  await time.run(Promise.all(Array.from({ length: options.cap }, worker)));
  return { ...seen, durationMs: time.now() };
}

describe("R16 a server that takes fewer mailboxes than the cap", () => {
  it.each([3, 10, 19])("and only %i of 20 is not stormed, and is kept busy", async (places) => {
    const workMs = 600_000;
    const mailboxes = 100;
    const { most, refused, failed, durationMs } = await migrateAll({ cap: 20, mailboxes, places, workMs, seed: 5 });
    expect([most, failed]).toEqual([places, 0]);
    // At first all come at once; then one tries each half minute.
    expect(refused.length).toBeLessThan(20 + durationMs / HALF_MINUTE);
    const early = refused.filter((at) => at < 60_000).length;
    expect(early).toBeLessThanOrEqual(20 - places + 3);
    expect(durationMs).toBeLessThan(1.25 * ((mailboxes * workMs) / places) + workMs);
  });

  it("and none at all is given up after as many tries as one mailbox has, for everybody in line", async () => {
    const { refused, failed } = await migrateAll({ cap: 20, mailboxes: 20, places: 0, workMs: 1, seed: 6 });
    expect(failed).toBe(20);
    expect(refused.length).toBeLessThanOrEqual(20 + 4);
  });
});

describe("an endpoint that was out of reach for a while", () => {
  it("is tried by one mailbox at a time, ever more seldom, and by all again once it serves", async () => {
    const time = new SimulatedTime();
    const governor = new Governor({ clock: time, cap: 20, retry });
    for (const place of await atWork(governor, 20)) place.leave();
    const end = 3_600_000;
    const tries: number[] = [];
    let served = 0;
    const mailbox = async () => {
      while (true) {
        const place = await governor.enter(signal, nothingTold);
        if (time.now() >= end) {
          served += 1;
          place.served();
          return;
        }
        tries.push(time.now());
        governor.refused(refusal("connection-refused"), place);
        place.leave();
        await time.sleep(governor.pausedMs);
      }
    };
    await time.run(Promise.all(Array.from({ length: 20 }, mailbox)));
    expect(served).toBe(20);
    // An hour of pauses that grow to between two and a half and five minutes.
    expect(tries.filter((at) => at > 0).length).toBeLessThan(40);
    expect(time.now()).toBeLessThan(end + 300_000 + 20 * HALF_MINUTE);
  });
});
