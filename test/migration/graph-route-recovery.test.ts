import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/engine/clock.js";
import { RequestGates } from "../../src/engine/throttle/paced-requests.js";
import { FakeMailbox } from "../../src/testing/fake-mailbox.js";
import { type GraphFault, type GraphFaultCondition, knownGraphFaults } from "../../src/testing/microsoft365/faults.js";
import type { SimulatedMailbox } from "../../src/testing/microsoft365/mailbox.js";
import { type StoredMessage, sampleMessage } from "../../src/testing/sample-message.js";
import { graphThrottle } from "../../src/throttle-profiles.js";
import { Random } from "../fixtures/mail/random.js";
import { graphBatch } from "../unit/graph/graph-batch.js";
import { GraphWorld } from "../unit/graph/graph-fixture.js";
import { mailWithFiles } from "../unit/graph/mail-with-files.js";

let world: GraphWorld;
beforeEach(() => {
  world = new GraphWorld();
});
afterEach(() => world.close());

/** Two folders: plain messages, twins, drafts, and messages whose files come after them. */
function mailboxToMove(): FakeMailbox {
  const plain = Array.from({ length: 16 }, (_, at) => sampleMessage(`plain ${at}`, { octets: 600 + 37 * at }));
  const twin = sampleMessage("twin", { flags: ["\\Seen"] });
  const drafts = [1, 2, 3, 4].map((at) => sampleMessage(`draft ${at}`, { flags: ["\\Draft", "\\Seen", "later"] }));
  const files = [
    mailWithFiles("large", [3_500_000, 40_000], 2),
    mailWithFiles("many", [1_200_000, 1_200_000, 900_000], 3),
  ];
  return new FakeMailbox([
    { levels: ["INBOX"], messages: [...plain, twin, twin, twin, ...files.map(({ message }) => message)] },
    { levels: ["Drafts"], specialUse: "\\Drafts", messages: drafts },
  ]);
}

/** What there is, by subject and number of files: lost, doubled and unfinished ones differ. */
function inventory(mailbox: SimulatedMailbox): string[] {
  return mailbox.messages
    .map(({ subject, attachments, folder }) => `${folder.displayName}: ${subject} +${attachments.length}`)
    .sort();
}

const expected: readonly string[] = [
  ...Array.from({ length: 16 }, (_, at) => `Inbox: plain ${at} +0`),
  ...["Inbox: twin +0", "Inbox: twin +0", "Inbox: twin +0", "Inbox: large +2", "Inbox: many +3"],
  ...[1, 2, 3, 4].map((at) => `Drafts: draft ${at} +0`),
].sort();

const writing = { service: "graph", path: /messages|attachments/ } as const;
const { gatewayTimeout, htmlAnswer, lostAnswer, lostRequest, throttled, tokenExpired } = knownGraphFaults;

type FaultAt = (when: GraphFaultCondition) => GraphFault;

/** A fault at so many of the first requests, where a seed puts it: not in step with anything. */
function scattered(fault: FaultAt, { count = 14, within = 60, seed = 1, when = writing } = {}): GraphFault[] {
  const random = new Random(seed);
  const places = new Set(Array.from({ length: count }, () => 1 + random.below(within)));
  return [...places].map((nth) => fault({ ...when, nth }));
}

const troubles: readonly (readonly [string, readonly GraphFault[]])[] = [
  ["answers are lost", scattered(lostAnswer)],
  ["requests are lost", scattered(lostRequest)],
  ["requests are throttled", scattered((when) => throttled(0.013, when))],
  ["a gateway times out behind the effect", scattered((when) => gatewayTimeout(when, true))],
  ["answers are pages of HTML", scattered((when) => htmlAnswer(503, when))],
  ["tokens run out", scattered(tokenExpired, { count: 8 })],
  [
    "every answer to a PATCH is lost, the first six times",
    [1, 2, 3, 4, 5, 6].map((nth) => lostAnswer({ ...writing, method: "PATCH", nth })),
  ],
  ...[11, 12, 13].map((seed) => {
    const some = { count: 5, seed };
    const faults = [
      ...scattered(lostAnswer, some),
      ...scattered(lostRequest, { ...some, seed: seed + 100 }),
      ...scattered((when) => throttled(0.013, when), { ...some, seed: seed + 200 }),
      ...scattered((when) => htmlAnswer(502, when), { ...some, seed: seed + 300 }),
      ...scattered(tokenExpired, { count: 3, seed: seed + 400 }),
      { when: { service: "upload", every: 2 }, do: { loseConnection: "after-effect" } } as const,
    ];
    return [`everything goes wrong now and then (seed ${seed})`, faults] as const;
  }),
];

describe("A migration by Graph", () => {
  it.each(troubles)("R1 R2 loses nothing and doubles nothing where %s", async (_, faults) => {
    const user = world.addUser();
    const source = mailboxToMove();
    for (const fault of faults) world.simulator.addFault(fault);
    const batch = graphBatch({ world, user, source });
    let report = await batch.start();
    // A content that was let go of too often with its connection counts as failed, until the next pass.
    for (let pass = 1; pass <= 3 && report.books.failed > 0; pass++) report = await batch.start();
    expect(report).toMatchObject({ balanced: true, books: { found: expected.length, refused: 0, failed: 0 } });
    expect(inventory(world.mailbox(user))).toEqual(expected);
    expect(world.simulator.peakConcurrency).toBeLessThanOrEqual(4);
    const gone = world.simulator.requests.filter(({ status = 0 }) => status === 0 || status >= 400);
    expect(gone.length, "requests that went wrong").toBeGreaterThanOrEqual(4);
  });

  it("R16 sends nothing before a 429 allows it but what was under way, where the requests are paced", async () => {
    const user = world.addUser();
    const source = mailboxToMove();
    const gate = new RequestGates(graphThrottle, systemClock).of(user);
    world.simulator.addFault(throttled(0.35, { ...writing, nth: 7 }));
    // Whole seconds are all that such a date can say.
    world.simulator.addFault(throttled(new Date(Date.now() + 1_500), { ...writing, nth: 19 }));
    const report = await graphBatch({ world, user, source, gate }).start();
    expect(report.books).toMatchObject({ found: expected.length, failed: 0 });
    expect(inventory(world.mailbox(user))).toEqual(expected);
    const refused = world.simulator.requests.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(2);
    // Three at most were sent before the answer came.
    expect(world.simulator.violations.length).toBeLessThanOrEqual(2 * 3);
  });

  it("sends 30 MB with five files by upload sessions, a range of it lost on the way", async () => {
    const user = world.addUser();
    const sizes = [9_000_000, 5_500_000, 3_200_000, 3_100_000, 1_300_000];
    const { message, files } = mailWithFiles("thirty megabytes", sizes);
    expect(message.octets.length).toBeGreaterThan(30_000_000);
    world.simulator.addFault(knownGraphFaults.rangeLost(2));
    world.simulator.addFault(knownGraphFaults.rangeLost(6, "after-effect"));
    const source = new FakeMailbox([{ levels: ["INBOX"], messages: [message] }]);
    const report = await graphBatch({ world, user, source }).start();
    expect(report.books).toMatchObject({ found: 1, copied: 1 });
    const [stored] = world.mailbox(user).messages;
    // The order in which they were added: what goes with the message itself comes first.
    const octets = stored?.attachments.map((attachment) => attachment.octets) ?? [];
    expect(octets).toHaveLength(files.length);
    expect(files.every((file) => octets.some((other) => other.equals(file)))).toBe(true);
    expect(stored?.body.content).toBe("See the files.");
    expect(world.mailbox(user).messages).toHaveLength(1);
    const puts = world.simulator.requests.filter(({ service }) => service === "upload");
    expect(puts.every(({ octets: sent }) => sent <= 3 * 1024 * 1024)).toBe(true);
    // 3 + 2 + 2 + 1 ranges of 3 MiB, and the two that were lost
    expect(puts).toHaveLength(10);
  });

  it("R9 a stop in the middle of a message with files leaves nothing that a next run does not mend", async () => {
    const user = world.addUser();
    const source = mailboxToMove();
    const batch = graphBatch({ world, user, source });
    const opened = world.simulator.until(() => world.calls(user).some((call) => call.endsWith("createUploadSession")));
    const run = batch.start();
    await opened;
    await batch.stop();
    await run;
    const report = await batch.start();
    expect(report).toMatchObject({ balanced: true, books: { found: expected.length, failed: 0 } });
    expect(inventory(world.mailbox(user))).toEqual(expected);
  });
});

describe("What stood in the mailbox before", () => {
  it("R5 is not touched, whatever goes wrong and however much it looks like ours", async () => {
    const user = world.addUser();
    const source = mailboxToMove();
    const mailbox = world.mailbox(user);
    const inbox = mailbox.wellKnown("inbox");
    const own = ["large", "many", "plain 1"].map((subject) => sampleMessage(subject, { internalDate: new Date(0) }));
    const strangers = own.map((message) => mailbox.addMessage(inbox, asDelivered(message)));
    for (const stranger of strangers.slice(0, 2)) {
      stranger.extendedProperties.set(KEY, `${"0".repeat(64)}-1-building`); // another migration's unfinished piece
    }
    const before = JSON.stringify(strangers.map(({ folder, ...rest }) => ({ ...rest, folder: folder.id })));
    for (const fault of scattered(lostAnswer)) world.simulator.addFault(fault);
    await graphBatch({ world, user, source }).start();
    expect(strangers.every((stranger) => inbox.messages.includes(stranger))).toBe(true);
    expect(JSON.stringify(strangers.map(({ folder, ...rest }) => ({ ...rest, folder: folder.id })))).toBe(before);
    expect(mailbox.messages).toHaveLength(expected.length + strangers.length);
  });
});

const KEY = "String {00020329-0000-0000-c000-000000000046} Name MigrationKey";

/** The same Message-ID as that of the message to be moved, another date. */
function asDelivered(message: StoredMessage) {
  const [, internetMessageId = ""] = /^Message-ID: (.*)\r$/m.exec(Buffer.from(message.octets).toString("latin1")) ?? [];
  return { subject: "delivered", internetMessageId, receivedDateTime: message.internalDate };
}
