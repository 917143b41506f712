import type { MailTarget } from "../../src/mail/mail-target.js";
import type { MigrationStore } from "../../src/store/migration-store.js";
import type { FakeFault } from "../../src/testing/fake-faults.js";
import type { FolderContent } from "../../src/testing/fake-mailbox.js";
import { rawMessage, type StoredMessage, sampleMessage } from "../../src/testing/sample-message.js";
import type { VirtualClock } from "../virtual-clock.js";
import type { World, WorldOptions } from "./world.js";

/** A migration that has to come to the same end wherever it is interrupted. */
export interface Scenario {
  readonly title: string;
  /** Made anew for each run, since the mailboxes change. */
  readonly world: () => WorldOptions;
  /** What was before the run that is interrupted. */
  readonly prepare?: (world: World) => Promise<void>;
  /** What others do between the interrupted run and the next one. */
  readonly between?: (world: World) => void;
  /** Where a folder goes; default: its own path. */
  readonly pathOf?: (path: string) => string;
  /** How a message stands at the target; absent where it never gets there. Default: as it is. */
  readonly arrives?: (message: StoredMessage) => StoredMessage | undefined;
  /** Only every so manieth step is interrupted; default each. */
  readonly every?: number;
  /** Interrupted twice as well. */
  readonly twice?: boolean;
}

const SECOND = 1000;

function numbered(count: number, from = 1): StoredMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const number = from + index;
    return sampleMessage(`Message ${number}`, {
      body: `Number ${number}.\r\n`.repeat((number % 5) + 1),
      flags: number % 2 === 0 ? ["\\Seen"] : [],
      internalDate: new Date(Date.UTC(2010, 0, number)),
    });
  });
}

const [one, other] = [sampleMessage("A twin"), sampleMessage("Another twin")];
const twins: readonly StoredMessage[] = [one, other, one, one, other, ...numbered(1)];

function inbox(messages: readonly StoredMessage[]): FolderContent[] {
  return [{ levels: ["INBOX"], messages }];
}

/** One user whose INBOX holds these. */
function user(messages: readonly StoredMessage[], options: Partial<WorldOptions> = {}): () => WorldOptions {
  return () => ({ sources: [inbox(messages)], ...options });
}

function withFaults(
  messages: readonly StoredMessage[],
  faults: (clock: VirtualClock, world: World) => readonly FakeFault[],
  options: Partial<WorldOptions> = {},
): () => WorldOptions {
  return user(messages, { ...options, faults });
}

function withNewMail(...messages: StoredMessage[]): (world: World) => Promise<void> {
  return async (world) => {
    await world.run();
    for (const message of messages) world.source.folder("INBOX").add(message);
  };
}

const withoutMessageId = [1, 2, 3, 4].map((number) =>
  rawMessage(`From: cron\r\nSubject: Report\r\n\r\n${"Done.\r\n".repeat(number)}`),
);

const deepTree: readonly FolderContent[] = [
  ...inbox(numbered(1)),
  { levels: ["Projects"], selectable: false },
  { levels: ["Projects", "2024"], messages: numbered(1, 10) },
  { levels: ["Projects", "2024", "Q1"] },
  { levels: ["Projects", "2024", "Q1", "Offers"], messages: numbered(2, 20) },
  { levels: ["Nothing"], selectable: false },
  { levels: ["Entwürfe & Notizen"], messages: numbered(1, 30) },
];

const octetsOf = ({ octets }: StoredMessage): string => Buffer.from(octets).toString("latin1");
const ending = (octets: Uint8Array): Uint8Array => Buffer.concat([octets, Buffer.from("\r\n")]);
const rebuilt = (octets: Uint8Array): Uint8Array => Buffer.concat([Buffer.from("X-Server: rebuilt\r\n"), octets]);

export const scenarios: readonly Scenario[] = [
  { title: "a new mailbox", world: user(numbered(6)), twice: true },
  { title: "an empty mailbox", world: user([]) },
  {
    title: "new mail after a complete pass",
    world: user(numbered(3)),
    prepare: withNewMail(...numbered(4, 10)),
    twice: true,
  },
  {
    title: "new mail while a pass was interrupted",
    world: user(numbered(4)),
    between: ({ source }) => void source.folder("INBOX").add(sampleMessage("Late")),
  },
  { title: "twins", world: user(twins), twice: true },
  { title: "twins whose outcomes are written in mid-stream", world: user(twins, { tickMs: 400 }), twice: true },
  {
    title: "twins whose appends are all under way together",
    world: user(twins, { targetOptions: { capabilities: { maxConcurrentAppends: 10 } } }),
  },
  {
    title: "twins that come after a complete pass",
    world: user([one, other]),
    prepare: withNewMail(one, other, one),
    twice: true,
  },
  {
    title: "a target that tells no UIDs",
    world: user(numbered(5), { targetOptions: { tellsIds: false } }),
    twice: true,
  },
  {
    title: "twins on a target that tells no UIDs",
    world: user(twins, { targetOptions: { tellsIds: false }, tickMs: 400 }),
    twice: true,
  },
  {
    title: "twins after a complete pass on a target that tells no UIDs",
    world: user([one, other], { targetOptions: { tellsIds: false } }),
    prepare: withNewMail(one, other, one),
    twice: true,
  },
  {
    title: "twins of messages that were left out, on a target that tells no UIDs",
    world: user([one, other, one, one, other], {
      targetOptions: { tellsIds: false },
      limits: { maxItems: 3, maxMessageSize: 1_000_000 },
    }),
    twice: true,
    arrives: (message) => message,
  },
  { title: "messages without Message-ID that share a header", world: user(withoutMessageId) },
  {
    title: "a message that is expunged while nobody runs",
    world: user(numbered(5)),
    between: ({ source }) => source.folder("INBOX").expunge(3),
  },
  {
    title: "a twin that is expunged while nobody runs",
    world: user(twins),
    between: ({ source }) => source.folder("INBOX").expunge(3),
  },
  {
    title: "a message that is expunged just before it is fetched",
    world: withFaults(numbered(4), () => [{ on: "fetch", uid: 2, do: { vanish: true } }]),
    arrives: (message) => message,
  },
  {
    title: "another UIDVALIDITY while nobody runs",
    world: user(numbered(5)),
    between: ({ source }) => source.folder("INBOX").renumber(50),
    twice: true,
  },
  {
    title: "another UIDVALIDITY with twins while nobody runs",
    world: user(twins),
    between: ({ source }) => source.folder("INBOX").renumber(),
  },
  {
    title: "another UIDVALIDITY after a complete pass",
    world: user(numbered(4)),
    prepare: async (world) => {
      await world.run();
      world.source.folder("INBOX").renumber(100);
      world.source.folder("INBOX").add(sampleMessage("New"));
    },
  },
  {
    title: "another UIDVALIDITY that gives old UIDs to other messages",
    world: user(numbered(4)),
    prepare: async (world) => {
      await world.run();
      const inbox = world.source.folder("INBOX");
      inbox.expunge(1);
      inbox.renumber();
      inbox.add(sampleMessage("New"));
    },
  },
  {
    title: "UIDs that are given out again after a complete pass",
    world: user(numbered(5)),
    prepare: async (world) => {
      await world.run();
      const inbox = world.source.folder("INBOX");
      for (const uid of [4, 5]) inbox.expunge(uid);
      inbox.uidNext = 4;
      for (const message of numbered(3, 40)) inbox.add(message);
    },
    twice: true,
  },
  {
    title: "another UIDVALIDITY in mid-fetch",
    world: withFaults(numbered(6), (_, world) => [
      {
        on: "fetch",
        uid: 4,
        nth: 1,
        do: {
          get hold() {
            world.source.folder("INBOX").renumber(200);
            return Promise.resolve();
          },
        },
      },
    ]),
  },
  {
    title: "a folder that is deleted while nobody runs",
    world: () => ({ sources: [[...inbox(numbered(2)), { levels: ["Old"], messages: numbered(3, 10) }]] }),
    between: ({ source }) => {
      if (source.find("Old")) source.removeFolder("Old");
    },
  },
  {
    title: "a target folder that is made anew while nobody runs",
    world: user(twins),
    between: ({ target }) => target.folder("INBOX").renumber(300),
  },
  {
    title: "mail that others put into the target while nobody runs",
    world: user(numbered(4), { target: inbox([sampleMessage("Welcome")]) }),
    between: ({ target }) => void target.folder("INBOX").add(sampleMessage("Welcome back")),
  },
  {
    title: "a full target that is given more room",
    world: withFaults(numbered(6), () => [{ on: "append", nth: 4, do: { throw: "quota-exceeded" } }]),
  },
  {
    title: "a target that asks for a pause",
    world: withFaults(numbered(5), () => [
      { on: "append", nth: 3, do: { throw: "throttled", retryAfterMs: 90 * SECOND } },
    ]),
  },
  {
    title: "a target that adds a line end (Courier)",
    world: withFaults(twins, () => [{ on: "append", do: { rewrite: ending } }]),
    arrives: (message) => ({ ...message, octets: ending(message.octets) }),
  },
  {
    title: "a target that rebuilds messages (Exchange)",
    world: withFaults(numbered(5), () => [{ on: "append", do: { rewrite: rebuilt } }], {
      targetOptions: { rewrites: true },
    }),
    arrives: (message) => ({ ...message, octets: rebuilt(message.octets) }),
  },
  {
    title: "a target that keeps no keywords",
    world: user([sampleMessage("Keyword", { flags: ["$Forwarded", "\\Seen"] }), ...numbered(2)], {
      targetOptions: { permanentFlags: new Set(["\\Seen"]) },
    }),
    arrives: (message) => ({ ...message, flags: new Set([...message.flags].filter((flag) => flag === "\\Seen")) }),
  },
  {
    title: "several folders at a time",
    world: () => ({
      sources: [
        [
          ...inbox(twins),
          { levels: ["Sent"], messages: numbered(3, 10) },
          { levels: ["Archive"], messages: [one, one] },
        ],
      ],
    }),
    every: 1,
  },
  { title: "a deep tree with empty folders", world: () => ({ sources: [deepTree] }) },
  {
    title: "special folders with other names",
    world: () => ({
      sources: [[...inbox(numbered(1)), { levels: ["Gesendet"], messages: numbered(2, 5) }]],
      target: [{ levels: ["INBOX"] }, { levels: ["Sent Items"], specialUse: "\\Sent" }],
    }),
    pathOf: (path) => (path === "Gesendet" ? "Sent Items" : path),
  },
  {
    title: "a target that another tool half filled",
    world: user(numbered(6), { target: inbox([...numbered(2, 2), sampleMessage("Welcome"), ...numbered(1, 6)]) }),
    twice: true,
  },
  {
    title: "a target that another tool filled with some of the twins",
    world: user(twins, { target: inbox([one, other]) }),
    twice: true,
  },
  {
    title: "a half filled target that tells no UIDs",
    world: user(twins, { target: inbox([one, other, one]), targetOptions: { tellsIds: false }, tickMs: 400 }),
  },
  {
    title: "wrong sizes in the listing",
    world: () => ({
      sources: [
        inbox(
          numbered(4).map((message, index) => ({
            ...message,
            claimedSize: index === 1 ? 7 : index === 2 ? 90_000 : 0,
          })),
        ),
      ],
    }),
  },
  {
    title: "a message that the target refuses",
    world: withFaults(numbered(5), () => [{ on: "append", uid: 3, do: { refuse: "no" } }]),
    arrives: (message) => (octetsOf(message).includes("Subject: Message 3\r") ? undefined : message),
  },
  {
    title: "a group that the target refuses together",
    world: withFaults(numbered(5), () => [
      { on: "append", nth: 2, do: { throw: "group-refused" } },
      { on: "append", nth: 3, do: { throw: "group-refused" } },
    ]),
  },
  {
    title: "a message that the source does not deliver",
    world: withFaults(numbered(4), () => [{ on: "fetch", uid: 2, do: { unreadable: true } }]),
    arrives: (message) => (octetsOf(message).includes("Subject: Message 2\r") ? undefined : message),
  },
  {
    title: "a message that breaks off every time",
    world: withFaults(numbered(4), () => [
      { on: "fetch", uid: 2, do: { breakOffAfter: 20, breakOffCode: "message-truncated" } },
    ]),
    arrives: (message) => (octetsOf(message).includes("Subject: Message 2\r") ? undefined : message),
  },
  {
    title: "a message that failed and is expunged then",
    world: withFaults(numbered(4), () => [{ on: "fetch", uid: 2, do: { unreadable: true } }]),
    prepare: async (world) => {
      await world.run();
      world.source.folder("INBOX").expunge(2);
    },
  },
  {
    title: "a source that breaks off in mid-message",
    world: withFaults(numbered(5), () => [{ on: "fetch", uid: 3, nth: 1, do: { breakOffAfter: 30 } }]),
  },
  {
    title: "an answer that is lost",
    world: withFaults(numbered(5), () => [{ on: "append", nth: 3, do: { storeThenLose: true } }]),
    twice: true,
  },
  {
    title: "a message that is stored 29 seconds after its connection was lost",
    world: withFaults(numbered(4), (clock) => [
      {
        on: "append",
        nth: 2,
        do: {
          get loseThenStoreOn() {
            return clock.passed(29 * SECOND);
          },
        },
      },
    ]),
  },
  {
    title: "a message without octets, one that is too large and more than there may be",
    world: user([rawMessage(""), ...numbered(3), sampleMessage("Large", { octets: 5000 }), ...numbered(2, 7)], {
      limits: { maxItems: 6, maxMessageSize: 4000 },
    }),
    arrives: (message) => (message.octets.length === 0 || message.octets.length > 4000 ? undefined : message),
  },
  {
    title: "more messages than are begun together",
    world: user(numbered(270)),
    every: 41,
  },
  {
    title: "three users, two at a time",
    world: () => ({ sources: [inbox(numbered(2)), inbox(twins), deepTree], cap: 2 }),
    every: 2,
  },
];

/** What a deliberately wrong engine is made of. */
export interface Sabotage {
  readonly wrongStore?: (store: MigrationStore) => MigrationStore;
  readonly wrongTarget?: (target: MailTarget) => MailTarget;
  readonly settleDelayMs?: number;
}
