// The main job on an embedded default: the seed's three mailboxes from one IMAP server to another, with the ledger in
// SQLite. Servers, mail and ledger stay in one folder, so that a second run goes on where the first one ended.
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CsvRow, imapServer, MigrationBatch, MigrationEndpoint, sqliteStore } from "../../src/index.js";
import { seedMailboxes } from "../fixtures/mail/seed-mailboxes.js";
import { type MailServer, startDovecot } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { printReport } from "./print-report.js";
import { proveIdentical } from "./prove-identical.js";
import { showProgress } from "./show-progress.js";

const CSV = `EmailAddress,UserName,Password
terrya@contoso.edu,terry.adams,1091990
annb@contoso.edu,ann.beebe,2111991
paulc@contoso.edu,paul.cannon,3281986
`;

const folder = join(tmpdir(), `imap-to-m365-demo-${process.getuid?.() ?? 0}`);
const mailboxes = seedMailboxes();

async function main(): Promise<void> {
  if (process.argv.includes("--fresh")) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o755 });
  console.log("Starting two IMAP servers (Dovecot, from Debian's packages) …");
  const [source, target] = await Promise.all([
    startDovecot({ dir: join(folder, "source") }),
    startDovecot({ dir: join(folder, "target") }),
  ]);
  try {
    await fillSource(source);
    await migrate(source, target);
  } finally {
    await Promise.all([source.stop(), target.stop()]);
  }
}

/** Once: a second run finds its mail where the first one left it. */
async function fillSource(source: MailServer): Promise<void> {
  const filled = join(folder, "filled");
  if (existsSync(filled)) return;
  for (const { user, folders } of mailboxes) await writeMaildir(source, user, folders);
  await writeFile(join(folder, "IMAPmigration_1.csv"), CSV, { mode: 0o600 });
  await writeFile(filled, "");
}

async function migrate(source: MailServer, target: MailServer): Promise<void> {
  const users = new Map(mailboxes.map(({ emailAddress, user }) => [emailAddress, user]));
  const passwords = new Map(target.users.map(({ name, password }) => [name, password]));
  const store = sqliteStore(join(folder, "IMAPBatch1.db"));
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    sourceEndpoint: new MigrationEndpoint({
      name: "IMAPEndpoint",
      remoteServer: source.host,
      port: source.tlsPort,
      security: "Ssl",
      ca: source.ca,
    }),
    target: imapServer({
      remoteServer: target.host,
      port: target.tlsPort,
      security: "Ssl",
      ca: target.ca,
      credentials: (emailAddress) => {
        const user = users.get(emailAddress) ?? emailAddress;
        return { user, password: passwords.get(user) ?? "" };
      },
    }),
    users: CsvRow.parse(await readFile(join(folder, "IMAPmigration_1.csv"))),
    store,
  });
  console.log(
    `Migrating ${batch.totalCount} mailboxes from localhost:${source.tlsPort} to localhost:${target.tlsPort} …\n`,
  );
  const progress = showProgress(batch);
  try {
    const report = await batch.start();
    progress.end();
    await printReport(report);
    await proveIdentical(
      source,
      target,
      mailboxes.map(({ user }) => user),
    );
    console.log(`\nPeak memory of this process: ${Math.round(process.resourceUsage().maxRSS / 1024)} MB.`);
    console.log(`Ledger and mail: ${folder}. Run it again: nothing is copied. Start over: npm run demo -- --fresh`);
    if (report.status !== "Synced" || !report.balanced) process.exitCode = 1;
  } finally {
    await store.close();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
