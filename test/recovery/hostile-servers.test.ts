import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FaultCondition, ServerFault } from "../../src/testing/imap-server/faults.js";
import { knownFaults } from "../../src/testing/imap-server/known-faults.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { newLedger } from "./kill-history.js";
import { bundleMigrationProgram, type ChildEnd, MigratingProcess, type MigrationProgram } from "./migrating-process.js";
import { isFull } from "./recovery-run.js";

const MOST_MEMORY = 512 * 1024 * 1024;
const HANG_MS = 50_000;
const ACCOUNT = { user: "terry.adams", password: "1091990" };
const LARGEST_LITERAL = "4294967295";

const { hugeLiteral, endlessLine, deepNesting, manyFolders } = knownFaults;

/** Where a server does it, what it does, and whether the short form has it too. */
type HostileCase = [end: "source" | "target", what: string, fault: ServerFault, inShort?: boolean];

const cases: readonly HostileCase[] = [
  ...(["source", "target"] as const).flatMap((end): HostileCase[] => [
    [end, "a line without end in place of a greeting", endlessLine({ verb: "greeting" })],
    [end, "a line without end in place of the namespaces", endlessLine({ verb: "NAMESPACE" })],
    [end, "100,000 levels in the namespaces", nested("* NAMESPACE ", { verb: "NAMESPACE" }), true],
    [end, "a line without end in place of a folder list", endlessLine({ verb: "LIST" })],
    [end, "a literal of 4 GB in a folder list", hugeLiteral(LARGEST_LITERAL, { verb: "LIST" })],
    [end, "a literal of 30 digits in a folder list", hugeLiteral("9".repeat(30), { verb: "LIST" }), end === "target"],
    [end, "1,000,000 folders", manyFolders(1_000_000), end === "source"],
    [end, "100,000 levels in a folder list", deepNesting(100_000), end === "source"],
    [end, "900,000 levels in a folder list", deepNesting(900_000)],
  ]),
  ["source", "a literal of 4 GB among the heads", hugeLiteral(LARGEST_LITERAL, fetch(1)), true],
  ["source", "a line without end among the heads", endlessLine(fetch(1))],
  ["source", "100,000 levels in a head", nested("* 1 FETCH (UID 1 FLAGS ", fetch(1))],
  ["source", "a message of 4 GB that begins without its UID", hugeLiteral(LARGEST_LITERAL, fetch(2))],
  ["source", "a message of 30 digits", hugeLiteral("9".repeat(30), fetch(2))],
  ["source", "a message of 4 GB where few octets were announced, and more behind it", largeMessage(fetch(2))],
  ["source", "a line without end in place of a message", endlessLine(fetch(2)), true],
  ["source", "100,000 levels in front of a message", nested("* 1 FETCH (UID 1 FLAGS ", fetch(2))],
  ["target", "a line without end in place of an answer to SELECT", endlessLine({ verb: "SELECT" })],
  ["target", "a line without end in place of an answer to APPEND", endlessLine({ verb: "APPEND" }), true],
  ["target", "a literal of 4 GB in front of an answer to APPEND", hugeLiteral(LARGEST_LITERAL, { verb: "APPEND" })],
];

/** The first FETCH asks for heads, the second for messages. */
function fetch(nth: 1 | 2): FaultCondition {
  return { verb: "UID FETCH", nth };
}

function nested(before: string, when: FaultCondition): ServerFault {
  return { when, do: { flood: { before, repeat: "(", times: 100_000, after: "\r\n" } } };
}

function largeMessage(when: FaultCondition): ServerFault {
  const before = `* 1 FETCH (UID 1 FLAGS () INTERNALDATE "29-Feb-2024 12:00:00 +0000" BODY[] {${LARGEST_LITERAL}}\r\n`;
  return { when, do: { flood: { before, repeat: "x".repeat(1024 * 1024), times: Number.POSITIVE_INFINITY } } };
}

let program: MigrationProgram;

beforeAll(async () => {
  program = await bundleMigrationProgram();
});

afterAll(() => program?.remove());

describe("a hostile server", () => {
  it.each(cases.filter(([, , , inShort]) => isFull || inShort))(
    "R11 R12 R13 fails its own user with a code, and fills no memory: %s, %s",
    async (end, _what, fault) => {
      const { report, waits } = await migrateWith({ [end]: fault });
      expect(report).toMatchObject({ status: "Failed", code: "response-too-large" });
      expect(waits).toEqual([]);
      expect(report?.peakMemory).toBeLessThan(MOST_MEMORY);
    },
  );
});

/** @throws Error when it hangs */
async function migrateWith(faults: { source?: ServerFault; target?: ServerFault }): Promise<ChildEnd> {
  const start = (fault?: ServerFault) =>
    ScriptedImapServer.start({ accounts: [ACCOUNT], faults: fault ? [fault] : [] });
  const [source, target] = [await start(faults.source), await start(faults.target)];
  source.account(ACCOUNT.user).folder("INBOX").addMessage({ octets: "Subject: one\r\n\r\nonly\r\n" });
  const ends = {
    source: { host: source.host, port: source.port, ...ACCOUNT },
    target: { host: target.host, port: target.port, ...ACCOUNT },
  };
  const process = new MigratingProcess(program, {
    ...ends,
    ledger: newLedger(program),
    settleDelayMs: 0,
    attempts: 3,
    pauseMs: 1,
  });
  const over = new AbortController();
  const hang = sleep(HANG_MS, undefined, { signal: over.signal }).then(() => process.kill());
  try {
    return await process.ended;
  } finally {
    over.abort();
    await hang.catch(() => {});
    await Promise.all([source.close(), target.close()]);
  }
}
