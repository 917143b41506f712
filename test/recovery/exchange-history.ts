import { CsvRow, MigrationBatch, type MigrationReport, memoryStore, noLimits } from "../../src/index.js";
import { FakeMailbox, type FolderContent } from "../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../src/testing/fake-source.js";
import { exchangeFaults } from "../../src/testing/imap-server/exchange-faults.js";
import { exchangeFolders } from "../../src/testing/imap-server/exchange-online-profile.js";
import type { ServerFault } from "../../src/testing/imap-server/faults.js";
import { knownFaults } from "../../src/testing/imap-server/known-faults.js";
import type { ScriptedAccount } from "../../src/testing/imap-server/mailbox-state.js";
import type { StoredMessage } from "../../src/testing/sample-message.js";
import { Random } from "../fixtures/mail/random.js";
import { CountingCredentials, ExchangeMailboxes, rebuiltHarshly } from "../suites/exchange-mailboxes.js";
import { VirtualClock } from "../virtual-clock.js";
import type { Multiset } from "./invariants.js";
import { differences } from "./mailbox-multisets.js";

const USER = "terry.adams@contoso.com";
const MOST_STARTS = 12;
export const BACKOFF_MS = 300_000;

/** How one migration ended that was interfered with all along. */
export interface ExchangeVerdict {
  /** What is wrong at the end; empty where nothing is. */
  readonly faults: readonly string[];
  readonly messages: number;
  readonly connections: number;
  readonly tokens: number;
  readonly pauses: readonly number[];
}

/**
 * Copies a mailbox of all sorts to a server that behaves as Exchange Online on a bad day: answers are lost, appends cut,
 * tokens run out in mid-append, everything is throttled now and then, and every message comes back rebuilt.
 */
export async function exchangeHistory(seed: number): Promise<ExchangeVerdict> {
  const random = new Random(seed);
  const content = mailbox(random);
  const messages = content.reduce((sum, folder) => sum + (folder.messages?.length ?? 0), 0);
  const commandsOfToken = new Map<string, number>();
  // Enough for what has to be done before the first append.
  const commandsPerToken = 60 + random.below(3 * messages);
  const mailboxes = await ExchangeMailboxes.start(
    {
      accounts: [{ user: USER, folders: exchangeFolders }],
      faults: faultsFor(random, messages),
      ...(random.below(2) === 0 && { store: rebuiltHarshly }),
    },
    {
      acceptsToken: ({ secret }) => {
        const commands = (commandsOfToken.get(secret) ?? 0) + 1;
        commandsOfToken.set(secret, commands);
        return commands <= commandsPerToken;
      },
    },
  );
  const { server } = mailboxes;
  const clock = new VirtualClock();
  const credentials = new CountingCredentials();
  const batch = new MigrationBatch({
    name: "Exchange",
    store: memoryStore(),
    limits: noLimits,
    clock,
    sourceEndpoint: {
      name: "source",
      maxConcurrentMigrations: 1,
      openSource: (_row, options) => openFakeSource(new FakeMailbox(content), {}, options),
    },
    target: mailboxes.target({ credentials, maxConcurrentAppends: 1 + random.below(16) }),
    users: [new CsvRow({ emailAddress: USER, userName: USER, password: "unused" })],
  });
  try {
    let report = await batch.start();
    for (let starts = 1; report.users.Synced === 0 && starts < MOST_STARTS; starts++) report = await batch.start();
    const faults = [
      ...(await booksFaults(report, messages, content)),
      ...differences(expected(content), held(server.account(USER))),
    ];
    const { acceptedConnections: connections } = server;
    return { faults, messages, connections, tokens: credentials.serial, pauses: clock.pauses };
  } finally {
    await server.close();
  }
}

async function booksFaults(
  report: MigrationReport,
  messages: number,
  content: readonly FolderContent[],
): Promise<string[]> {
  const { found, copied, alreadyThere, uncertain } = report.books;
  const faults: string[] = [];
  for await (const item of report.items())
    if (item.kind !== "copied" && item.kind !== "alreadyThere") faults.push(JSON.stringify(item));
  if (report.users.Synced !== 1) faults.push("the user is not synced");
  if (!report.balanced || found !== messages || copied + alreadyThere !== messages || uncertain > 0)
    faults.push(`the books are ${JSON.stringify(report.books)}`);
  let told = 0;
  for await (const { lost } of report.items()) told += lost?.includes("keyword") ? 1 : 0;
  const lossy = content.flatMap((folder) => folder.messages ?? []).filter(({ flags }) => hasKeyword(flags)).length;
  if (told !== lossy) faults.push(`${told} of ${lossy} messages that lost a keyword are told`);
  return faults;
}

const FOLDERS = [["INBOX"], ["Projects"], ["Projects", "files"], ["Files"]] as const;
const TARGET_NAMES = ["INBOX", "Projects", "Projects/files", "Files_"];
const FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$MDNSent", "projekt-x"];

function mailbox(random: Random): FolderContent[] {
  let serial = 0;
  return FOLDERS.map((levels) => {
    const messages: StoredMessage[] = [];
    for (let left = 10 + random.below(30); left > 0; left--) {
      const twin = messages.at(-1);
      if (twin && random.below(8) === 0) messages.push(twin);
      else messages.push(message(random, ++serial));
    }
    return { levels: [...levels], messages };
  });
}

function message(random: Random, serial: number): StoredMessage {
  const kind = random.below(4);
  const header = [
    "From: Terry Adams <terry.adams@contoso.com>",
    `To: ${Array.from({ length: 1 + random.below(6) }, (_, at) => `"P. ${at}" <p${at}@contoso.com>`).join(", ")}`,
    `Subject: message ${serial} =?iso-8859-1?Q?f=FCr?= ${"words ".repeat(random.below(30))}`,
    `Date: ${random.date(1995, 2025).toUTCString()}`,
    ...(kind === 0 ? [] : [`Message-ID: <${kind === 1 ? "the same for many" : serial}@contoso.com>`]),
  ];
  const size = random.below(20) === 0 ? 70_000 : random.below(3_000);
  return {
    octets: Buffer.from(`${header.join("\r\n")}\r\n\r\nmarker ${serial}\r\n${"line of text\r\n".repeat(size / 14)}`),
    // Many of the same second.
    internalDate: random.below(2) === 0 ? new Date("2010-01-01T00:00:00Z") : random.date(1995, 2025),
    flags: new Set(FLAGS.filter(() => random.below(4) === 0)),
  };
}

function faultsFor(random: Random, messages: number): ServerFault[] {
  const append = () => ({ verb: "APPEND", nth: 1 + random.below(messages) });
  const store = () => ({ verb: "UID STORE", nth: 1 + random.below(6) });
  const kinds: (() => ServerFault)[] = [
    () => knownFaults.lostAcknowledgement(append(), random.pick(["fin", "rst"])),
    () => ({ when: append(), do: { cut: "rst", after: "before-effect" } }),
    () => ({ when: append(), do: { cut: "fin", after: { literalOctets: random.below(200) } } }),
    () => exchangeFaults.throttled(BACKOFF_MS, append(), random.pick(["NO", "BAD"])),
    () => exchangeFaults.throttled(BACKOFF_MS, store()),
    () => exchangeFaults.sessionInvalidated(append()),
    () => exchangeFaults.sessionInvalidated(store()),
    () => exchangeFaults.serverUnavailable(append()),
    () => exchangeFaults.invalidState(append()),
    () => exchangeFaults.notConnected({ verb: "NAMESPACE", nth: 1 + random.below(6) }),
    () => ({ when: store(), do: { cut: "rst", after: "effect" } }),
    () => ({ when: store(), do: { cut: "rst", after: "before-effect" } }),
    () => ({ when: { verb: "UID FETCH", nth: 1 + random.below(4) }, do: { cut: "rst", after: "effect" } }),
  ];
  return Array.from({ length: 2 + random.below(8) }, () => random.pick(kinds)());
}

function hasKeyword(flags: ReadonlySet<string>): boolean {
  return [...flags].some((flag) => !flag.startsWith("\\"));
}

function expected(content: readonly FolderContent[]): Multiset {
  return multisetOf(
    content.flatMap(({ messages = [] }, at) => messages.map((each) => ({ ...each, folder: TARGET_NAMES[at] ?? "" }))),
  );
}

function held(account: ScriptedAccount): Multiset {
  return multisetOf(
    account.folders.flatMap(({ name, messages }) => messages.map((each) => ({ ...each, folder: name }))),
  );
}

interface InFolder extends Pick<StoredMessage, "octets" | "internalDate" | "flags"> {
  readonly folder: string;
}

/** What must be the same although octets are not: folder, marker, date and system flags. */
function multisetOf(messages: readonly InFolder[]): Multiset {
  const counts = new Map<string, number>();
  for (const { folder, octets, internalDate, flags } of messages) {
    const marker = /^marker \d+/m.exec(Buffer.from(octets).toString("latin1"))?.[0];
    const system = [...flags].filter((flag) => flag.startsWith("\\")).sort();
    const key = `${folder} ${marker} ${internalDate.toISOString()} ${system.join(" ")}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
