import { setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { RequestGates } from "../../../../src/engine/throttle/paced-requests.js";
import { graphThrottle, type RateLimit, type ThrottleProfile } from "../../../../src/throttle-profiles.js";
import { Random } from "../../../fixtures/mail/random.js";
import { SimulatedTime } from "../simulated-time.js";

/** A limit as the service counts it: every arrival of the last stretch, to the octet and the millisecond. */
class ExactWindow {
  readonly #limit: RateLimit;
  #arrivals: { at: number; amount: number }[] = [];
  #first = 0;
  #sum = 0;

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** False where the arrival is one too many. */
  arrives(amount: number, at: number): boolean {
    for (let oldest = this.#arrivals[this.#first]; oldest && oldest.at <= at - this.#limit.perMs; ) {
      this.#sum -= oldest.amount;
      oldest = this.#arrivals[++this.#first];
    }
    if (this.#first > 10_000) this.#arrivals = this.#arrivals.slice(this.#first);
    if (this.#first > 10_000) this.#first = 0;
    this.#arrivals.push({ at, amount });
    this.#sum += amount;
    return this.#sum <= this.#limit.most;
  }
}

/** One mailbox at a service that keeps to a profile, and notes what it would have had to refuse. */
class SimulatedMailbox {
  readonly #requests: ExactWindow | undefined;
  readonly #octets: ExactWindow | undefined;
  readonly #profile: ThrottleProfile;
  #now = 0;
  answered = 0;
  octets = 0;
  forbidden = 0;

  constructor(profile: ThrottleProfile) {
    this.#profile = profile;
    this.#requests = profile.requests && new ExactWindow(profile.requests);
    this.#octets = profile.uploadedOctets && new ExactWindow(profile.uploadedOctets);
  }

  /** The request arrives after `wayMs` and is worked at for `workMs`. */
  async request(time: SimulatedTime, octets: number, wayMs: number, workMs: number): Promise<void> {
    await time.sleep(wayMs);
    this.#now += 1;
    const isOneTooMany = this.#now > (this.#profile.mostAtOnce ?? Number.POSITIVE_INFINITY);
    const isTooEarly = this.#requests?.arrives(1, time.now()) === false;
    const isTooMuch = this.#octets?.arrives(octets, time.now()) === false;
    if (isOneTooMany || isTooEarly || isTooMuch) this.forbidden += 1;
    await time.sleep(workMs);
    this.#now -= 1;
    this.answered += 1;
    this.octets += octets;
    await time.sleep(wayMs);
  }
}

interface Load {
  readonly mailboxes: number;
  readonly minutes: number;
  /** Given a number from 0 to 1. */
  octets(random: number): number;
  readonly wayMs: readonly [least: number, most: number];
  readonly workMs: readonly [least: number, most: number];
}

/** Eight callers for each mailbox, who send one request after the other. */
async function send(load: Load, seed: number, profile: ThrottleProfile = graphThrottle): Promise<SimulatedMailbox[]> {
  const time = new SimulatedTime();
  const random = new Random(seed);
  const between = ([least, most]: readonly [number, number]) => least + (most - least) * random.fraction();
  const gates = new RequestGates(profile, time);
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const end = load.minutes * 60_000;
  const mailboxes = Array.from({ length: load.mailboxes }, () => new SimulatedMailbox(profile));
  const callers = mailboxes.flatMap((mailbox, index) =>
    Array.from({ length: 8 }, async () => {
      const gate = gates.of(`user${index}@contoso.com`);
      while (time.now() < end) {
        const octets = load.octets(random.fraction());
        const leave = await gate.enter(octets, signal);
        if (time.now() < end) await mailbox.request(time, octets, between(load.wayMs), between(load.workMs));
        leave();
      }
    }),
  );
  await time.run(Promise.all(callers));
  return mailboxes;
}

const SEED = 20_261_122;
const line = [5, 60] as const;

describe(`R16 requests within the documented limits of Graph (seed ${SEED})`, () => {
  for (const mailboxes of [1, 50]) {
    it(`${mailboxes} mailboxes: 150 MB in 5 minutes are used to 95 %, with no request that is forbidden`, async () => {
      const minutes = 120;
      const octets = (random: number) => Math.round(64_000 + random * 3_000_000);
      const sent = await send({ mailboxes, minutes, octets, wayMs: line, workMs: [100, 900] }, SEED);
      const allowed = (150_000_000 * minutes) / 5;
      expect(sent.map(({ forbidden }) => forbidden)).toEqual(sent.map(() => 0));
      expect(Math.min(...sent.map((mailbox) => mailbox.octets))).toBeGreaterThan(0.95 * allowed);
    });

    it(`${mailboxes} mailboxes: 4 at once are used to 95 %, with no request that is forbidden`, async () => {
      const minutes = 20;
      const workMs = [2_000, 2_000] as const;
      const sent = await send({ mailboxes, minutes, octets: () => 20_000, wayMs: [10, 10], workMs }, SEED);
      const allowed = (4 * minutes * 60_000) / (2_000 + 2 * 10);
      expect(sent.map(({ forbidden }) => forbidden)).toEqual(sent.map(() => 0));
      expect(Math.min(...sent.map(({ answered }) => answered))).toBeGreaterThan(0.95 * allowed);
    });
  }

  it("10,000 requests in 10 minutes are used to 95 %, with no request that is forbidden", async () => {
    const sent = await send({ mailboxes: 2, minutes: 130, octets: () => 100, wayMs: line, workMs: [5, 60] }, SEED);
    expect(sent.map(({ forbidden }) => forbidden)).toEqual([0, 0]);
    expect(Math.min(...sent.map(({ answered }) => answered))).toBeGreaterThan(0.95 * 130_000);
  });

  it("would be seen if they were not kept", async () => {
    const looser = { ...graphThrottle, requests: { most: 10_300, perMs: 600_000 } };
    const time = new SimulatedTime();
    const mailbox = new SimulatedMailbox(graphThrottle);
    const gate = new RequestGates(looser, time).of("terry@contoso.com");
    const { signal } = new AbortController();
    const caller = async () => {
      for (let sent = 0; sent < 5_100; sent++) {
        const leave = await gate.enter(0, signal);
        await mailbox.request(time, 0, 1, 1);
        leave();
      }
    };
    await time.run(Promise.all([caller(), caller()]));
    expect(mailbox.forbidden).toBe(200);
  });
});
