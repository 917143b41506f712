import { setMaxListeners } from "node:events";
import { beforeAll, describe, expect, it } from "vitest";
import { RequestGates } from "../../src/engine/throttle/paced-requests.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import { FakeMailbox } from "../../src/testing/fake-mailbox.js";
import type { SimulatedRequest } from "../../src/testing/microsoft365/requests.js";
import { documentedLimits, type GraphLimits } from "../../src/testing/microsoft365/throttle.js";
import { type StoredMessage, sampleMessage } from "../../src/testing/sample-message.js";
import { graphThrottle, type ThrottleProfile } from "../../src/throttle-profiles.js";
import { Random } from "../fixtures/mail/random.js";
import { SimulatedTime } from "../unit/engine/simulated-time.js";
import { graphBatch } from "../unit/graph/graph-batch.js";
import { byFetch, GraphWorld } from "../unit/graph/graph-fixture.js";
import { mailWithFiles } from "../unit/graph/mail-with-files.js";
import { planFor } from "../unit/graph/plan-for.js";

const SEED = Number(process.env["THROUGHPUT_SEED"] ?? 20_261_122);
const MINUTE = 60_000;

/** What is written, and to whom. */
interface Load {
  readonly mailboxes: number;
  readonly minutes: number;
  /** What the service allows, where less than is documented leaves less to simulate. */
  readonly limits?: Partial<GraphLimits>;
  /** Written again and again, in any order. */
  readonly messages: readonly StoredMessage[];
  /** Milliseconds that the service works at a request, at least and at most. */
  readonly workMs: readonly [least: number, most: number];
}

/** How much of a limit was used, 1 for all that it allows. */
interface Use {
  /** From the first message on. */
  readonly concurrent: number;
  readonly requests: number;
  readonly uploadedOctets: number;
}

/** The limits as our side knows them. */
function profileOf(limits: GraphLimits): ThrottleProfile {
  return {
    name: "graph",
    mostAtOnce: limits.concurrent,
    requests: { most: limits.requests, perMs: limits.requestsWindowMs },
    uploadedOctets: { most: limits.uploadedOctets, perMs: limits.uploadWindowMs },
  };
}

/** Writes into all mailboxes until the time is over, into each as many messages at a time as its target takes. */
async function write(load: Load, keptTo: Partial<GraphLimits> = {}) {
  const { mailboxes, minutes, messages } = load;
  const time = new SimulatedTime();
  const random = new Random(SEED);
  const [least, most] = load.workMs;
  const limits = { ...documentedLimits, ...load.limits };
  const latency = () => time.sleep(least + (most - least) * random.fraction());
  const world = new GraphWorld({ clock: time, limits, latency, tokenLifetimeMs: 24 * 60 * MINUTE }, byFetch);
  const gates = new RequestGates(profileOf({ ...limits, ...keptTo }), time);
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const end = minutes * MINUTE;
  const fill = async (user: string): Promise<Use> => {
    const target = await world.open(user, { gate: gates.of(user), signal: stop.signal });
    const inbox = await target.ensureFolder(planFor(["INBOX"]));
    const start = time.now();
    let uid = 0;
    const append = async () => {
      while (time.now() < end) {
        await target.append(inbox, fakeMessage(++uid, random.pick(messages)), stop);
        world.mailbox(user).wellKnown("inbox").messages.length = 0; // together they would not fit into memory
      }
    };
    await Promise.all(Array.from({ length: target.capabilities.maxConcurrentAppends }, append));
    const requests = world.simulator.requests.filter(({ mailbox }) => mailbox === user);
    return useOf(requests, limits, { start, end });
  };
  const users = Array.from({ length: mailboxes }, () => world.addUser());
  try {
    const uses = await time.run(Promise.all(users.map(fill)), TURNS);
    return { uses, violations: world.simulator.violations };
  } finally {
    stop.abort();
    world.close();
  }
}

/** What a request does between two pauses, reading its body and its answer, is done in so many turns of the event loop. */
const TURNS = 5;

function useOf(
  requests: readonly SimulatedRequest[],
  limits: GraphLimits,
  { start, end }: { start: number; end: number },
): Use {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const sent = requests.filter(({ at }) => at < end);
  const workedAt = sent.filter(({ at }) => at >= start).map(({ at, endedAt = end }) => Math.min(endedAt, end) - at);
  return {
    concurrent: sum(workedAt) / (end - start) / limits.concurrent,
    requests: sent.length / (end / limits.requestsWindowMs) / limits.requests,
    uploadedOctets: sum(sent.map(({ octets }) => octets)) / (end / limits.uploadWindowMs) / limits.uploadedOctets,
  };
}

const least = (uses: readonly Use[], limit: keyof Use) => Math.min(...uses.map((use) => use[limit]));

/** Mail with files of so many kilobytes. What is over 2 MB at a scale of 1 goes by upload session. */
const withFiles = (scale: number, kilobytes: readonly number[]) =>
  kilobytes.map((size, at) => {
    const sizes = [Math.ceil(size * 1_000 * scale), Math.ceil(3_000 * scale)];
    return mailWithFiles(`files ${at}`, sizes, at + 1).message;
  });
const ofAllSizes = withFiles(1, [20, 150, 400, 900, 1_900, 2_600, 4_000, 6_500, 9_000]);
const small = [sampleMessage("one line"), sampleMessage("two pages", { octets: 4_000 })];
/** A four-hundredth of the octets, in files and in the limit; no request is larger in proportion than Graph takes one. */
const scaled = withFiles(0.0025, [1_500, 2_000, 2_500]);
const scaledLimit = { uploadedOctets: documentedLimits.uploadedOctets * 0.0025 };

/** What binds, and by which load. */
const loads: readonly (readonly [keyof Use, Load])[] = [
  ["uploadedOctets", { mailboxes: 1, minutes: 10, messages: ofAllSizes, workMs: [100, 900] }],
  ["uploadedOctets", { mailboxes: 1, minutes: 60, messages: scaled, limits: scaledLimit, workMs: [100, 900] }],
  ["uploadedOctets", { mailboxes: 50, minutes: 10, messages: scaled, limits: scaledLimit, workMs: [100, 900] }],
  ["concurrent", { mailboxes: 1, minutes: 10, messages: small, workMs: [1_500, 2_500] }],
  ["concurrent", { mailboxes: 50, minutes: 2, messages: small, workMs: [6_000, 10_000] }],
  ["requests", { mailboxes: 1, minutes: 60, messages: small, limits: { requests: 200 }, workMs: [5, 60] }],
  ["requests", { mailboxes: 50, minutes: 20, messages: small, limits: { requests: 25 }, workMs: [5, 60] }],
];

beforeAll(() => import("@microsoft/microsoft-graph-client"));

describe(`R16 the Graph target against the limits of Graph (seed ${SEED})`, () => {
  it("keeps to those that the simulator enforces", () => {
    expect(profileOf(documentedLimits)).toEqual(graphThrottle);
  });

  for (const [limit, load] of loads) {
    const { mailboxes, minutes } = load;
    const allowed = `${load.limits?.[limit] ?? documentedLimits[limit]} ${limit}`;
    it(`uses ${allowed} to 95 % in ${mailboxes} mailboxes for ${minutes} minutes, and no request is forbidden`, async () => {
      const { uses, violations } = await write(load);
      console.log(`${allowed}, ${mailboxes} mailboxes: ${least(uses, limit).toFixed(4)} used`);
      expect(violations).toEqual([]);
      expect(least(uses, limit)).toBeGreaterThan(0.95);
    });
  }

  it("is kept busy by a whole migration: 400 messages, 4 requests at once to 95 %", async () => {
    const time = new SimulatedTime();
    const world = new GraphWorld({ clock: time, latency: () => time.sleep(2_000) }, byFetch);
    const user = world.addUser();
    const messages = Array.from({ length: 400 }, (_, at) => sampleMessage(`message ${at}`));
    const source = new FakeMailbox([{ levels: ["INBOX"], messages }]);
    const gate = new RequestGates(graphThrottle, time).of(user);
    const migration = graphBatch({ world, user, source, gate, batch: { clock: time } });
    try {
      const report = await time.run(migration.start(), TURNS);
      expect(report).toMatchObject({ balanced: true, books: { found: 400, copied: 400 } });
    } finally {
      world.close();
    }
    const { requests, violations } = world.simulator;
    const creates = requests.filter(({ method }) => method === "POST").map(({ at }) => at);
    const [start, end] = [Math.min(...creates), Math.max(...creates) + 2_000];
    expect(violations).toEqual([]);
    const { concurrent } = useOf(requests, documentedLimits, { start, end });
    console.log(`4 concurrent, by the engine: ${concurrent.toFixed(4)} used`);
    expect(concurrent).toBeGreaterThan(0.95);
  });

  it("is refused what is too much, so that it would be seen", async () => {
    const load: Load = { mailboxes: 1, minutes: 15, messages: small, limits: { requests: 100 }, workMs: [5, 60] };
    await expect(write(load, { requests: 101 })).rejects.toMatchObject({ code: "throttled" });
  });
});
