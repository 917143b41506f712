import { afterAll, beforeAll, expect, it } from "vitest";
import type { FixtureMessage } from "../fixtures/mail/fixture-message.js";
import { type MailServer, startDovecot, TERRY } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { bundleMigrationProgram, MigratingProcess, type MigrationProgram } from "./migrating-process.js";
import { countFor, tell } from "./recovery-run.js";

const MESSAGES = countFor("MESSAGES", { short: 2_500, full: 40_000 });
/** What R11 promises for any source, in octets. */
const MOST_MEMORY = 256 * 1024 * 1024;

let servers: [source: MailServer, target: MailServer];
let program: MigrationProgram;

function messages(): FixtureMessage[] {
  return Array.from({ length: MESSAGES }, (_, at) => ({
    octets: Buffer.from(
      `Message-ID: <${at}@example>\r\n${"X-Filler: some octets as there are in every header\r\n".repeat(30)}Subject: ${at}\r\n\r\ntext\r\n`,
    ),
    flags: [],
    internalDate: new Date(Date.UTC(2012, 0, 1, 0, 0, at)),
  }));
}

beforeAll(async () => {
  const extraConfig = "mail_save_crlf = yes";
  const started = await Promise.all([
    startDovecot({ extraConfig }),
    startDovecot({ extraConfig }),
    bundleMigrationProgram(),
  ]);
  servers = [started[0], started[1]];
  program = started[2];
  for (const server of servers) await writeMaildir(server, TERRY.name, [{ name: "INBOX", messages: messages() }]);
}, 600_000);

afterAll(() => Promise.all([...servers.map((server) => server.stop()), program.remove()]));

it("R2 R7 R11 a first run over a target that holds everything copies nothing, in little memory", async () => {
  const [source, target] = servers.map(({ host, tlsPort: port, ca }) => {
    return { host, port, ca, user: TERRY.name, password: TERRY.password };
  });
  if (!source || !target) throw new Error("there are two servers");
  const ledger = `${program.folder}/ledger.db`;
  const migration = { source, target, ledger, settleDelayMs: 0, attempts: 5, pauseMs: 10 };
  const { report, ms } = await new MigratingProcess(program, migration).ended;
  tell("adopt-full-target", { messages: MESSAGES, ms: Math.round(ms), peakMemory: report?.peakMemory });
  expect(report).toMatchObject({ status: "Synced", copied: 0, balanced: true });
  expect(report?.books).toMatchObject({ found: MESSAGES, alreadyThere: MESSAGES, uncertain: 0 });
  expect(report?.peakMemory).toBeLessThan(MOST_MEMORY);
}, 600_000);
