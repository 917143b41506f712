import { setTimeout as sleep } from "node:timers/promises";
import { CsvRow, imapServer, MigrationBatch, MigrationEndpoint, memoryStore, noLimits } from "../../src/index.js";
import type { FolderContent } from "../../src/testing/fake-mailbox.js";
import { FaultProxy, type ProxyDirection } from "../../src/testing/fault-proxy.js";
import { defaultCapabilities } from "../../src/testing/imap-server/capabilities.js";
import type { ScriptedAccount } from "../../src/testing/imap-server/mailbox-state.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { everything, type Multiset, multiset } from "./invariants.js";
import { differences } from "./mailbox-multisets.js";
import { intercepting } from "./world.js";

/** Which line is cut, and where. */
export interface Cut {
  readonly side: "source" | "target";
  readonly direction: ProxyDirection;
  readonly afterOctets: number;
  readonly kind: "fin" | "rst";
  /** True: the target takes each message by itself, and asks for it first. False: all in one APPEND. */
  readonly oneByOne: boolean;
  /** Connections that the target may be written over, where it takes each message by itself; default 1. */
  readonly connections?: number;
  /** Which of them is cut, from 1 on; default the first. */
  readonly connection?: number;
  /** True: the engine never finds what it looks for. Default false. */
  readonly isBlind?: boolean;
}

/** How a migration ended whose line was cut once. */
export interface CutVerdict {
  /** What is wrong at the end; empty where nothing is. */
  readonly faults: readonly string[];
  /** Whether the line was cut at all: a session can be shorter than the offset. */
  readonly isCut: boolean;
  /** The code of the error that the cut became; undefined where nobody minded. */
  readonly code: string | undefined;
  /** How often the batch had to be started until everything was there. */
  readonly starts: number;
}

const USER = "terry.adams";
const PASSWORD = "1091990";
const APPENDS_TOGETHER = new Set(["MULTIAPPEND", "LITERAL+"]);
const MOST_STARTS = 2;
const HANG_MS = 30_000;

const date = new Date(Date.UTC(2024, 1, 29, 12));
const twin = { octets: "Subject: twin\r\nMessage-ID: <1@contoso.edu>\r\n\r\nOne of two\r\n", internalDate: date };
const other = { octets: "Subject: other\r\n\r\nWithout Message-ID\r\n", internalDate: date, flags: ["\\Seen"] };

/** Copies three messages from one server to another in plain text; one of the lines is cut once. */
export async function cutMigration({
  side,
  direction,
  afterOctets,
  kind,
  oneByOne,
  connections = 1,
  connection = 1,
  isBlind = false,
}: Cut): Promise<CutVerdict> {
  const account = { user: USER, password: PASSWORD };
  const source = await ScriptedImapServer.start({ accounts: [account] });
  const target = await ScriptedImapServer.start({
    accounts: [account],
    capabilities: (state) => defaultCapabilities(state).filter((name) => !(oneByOne && APPENDS_TOGETHER.has(name))),
  });
  const proxy = await FaultProxy.start({
    to: side === "source" ? source : target,
    faults: [{ connection, direction, afterOctets, do: kind }],
  });
  const inbox = source.account(USER).folder("INBOX");
  for (const message of [twin, other, twin]) inbox.addMessage(message);
  try {
    return await verdict({ source, target, proxy, side, connections, isBlind });
  } finally {
    await proxy.close();
    await Promise.all([source.close(), target.close()]);
  }
}

interface Scene {
  readonly source: ScriptedImapServer;
  readonly target: ScriptedImapServer;
  readonly proxy: FaultProxy;
  readonly side: Cut["side"];
  readonly connections: number;
  readonly isBlind: boolean;
}

async function verdict(scene: Scene): Promise<CutVerdict> {
  const { source, target, proxy } = scene;
  const { batch, codes } = batchOf(scene);
  const sent = contentOf(source.account(USER));
  const faults: string[] = [];
  let starts = 0;
  let isSynced = false;
  while (!isSynced && starts < MOST_STARTS) {
    starts += 1;
    const report = await withoutHanging(batch);
    isSynced = report.users.Synced === 1;
    const { found, copied, alreadyThere, uncertain } = report.books;
    const accountedFor = report.balanced && found === 3 && copied + alreadyThere === 3 && uncertain === 0;
    if (isSynced && !accountedFor) faults.push(`the books are ${JSON.stringify(report.books)}`);
  }
  if (!isSynced) faults.push(`the user is not synced after ${starts} starts`);
  faults.push(...differences(sent, contentOf(target.account(USER))));
  const before = target.commands("APPEND").length;
  await withoutHanging(batch);
  if (target.commands("APPEND").length > before) faults.push("one more run appended something");
  await batch.close();
  return { faults, isCut: proxy.appliedFaults > 0, code: codes[0], starts };
}

function batchOf({ source, target, proxy, side, connections, isBlind }: Scene): {
  batch: MigrationBatch;
  codes: string[];
} {
  const addressOf = (end: Cut["side"], { host, port }: { host: string; port: number }) =>
    ({ remoteServer: host, port: side === end ? proxy.port : port, security: "None" }) as const;
  const server = imapServer({
    ...addressOf("target", target),
    connections,
    credentials: () => ({ user: USER, password: PASSWORD }),
  });
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    store: memoryStore(),
    limits: noLimits,
    settleDelayMs: 0,
    retry: { attempts: 3, firstPauseMs: 1, maxPauseMs: 1 },
    sourceEndpoint: new MigrationEndpoint({ name: "IMAPEndpoint", ...addressOf("source", source) }),
    target: {
      name: server.name,
      // In place of the settle delay: the server has done with the line that was cut.
      openMailbox: async (user, options) => {
        await target.until(() => target.connections === 0);
        const mailbox = await server.openMailbox(user, options);
        return isBlind ? intercepting(mailbox, { find: async () => new Map() }) : mailbox;
      },
    },
    users: [new CsvRow({ emailAddress: "terrya@contoso.edu", userName: USER, password: PASSWORD })],
  });
  const codes: string[] = [];
  batch.on("user:waiting", ({ error }) => codes.push(error.code));
  batch.on("user:failed", ({ error }) => codes.push(error.code));
  return { batch, codes };
}

async function withoutHanging(batch: MigrationBatch) {
  const done = new AbortController();
  const hang = sleep(HANG_MS, undefined, { signal: done.signal }).then(
    () => Promise.reject(new Error(`the batch has not ended in ${HANG_MS} ms`)),
    () => undefined,
  );
  try {
    const report = await Promise.race([batch.start(), hang]);
    if (!report) throw new Error("unreachable: nobody has aborted yet");
    return report;
  } finally {
    done.abort();
  }
}

function contentOf(account: ScriptedAccount): Multiset {
  const folders: FolderContent[] = account.folders.map(({ name, messages }) => ({ levels: [name], messages }));
  return multiset(folders, everything);
}
