// This library, as an application uses it: a batch between two IMAP servers, with its ledger in a SQLite file.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CsvRow, imapServer, MigrationBatch, MigrationEndpoint, noLimits, sqliteStore } from "../src/index.js";
import { type CopyJob, readCopyJob } from "./copy-job.js";

async function migrate(job: CopyJob): Promise<void> {
  const { host, password, mailboxes, connections = 1 } = job;
  const server = job.tls
    ? { remoteServer: host, security: "Ssl" as const, ca: readFileSync(job.ca, "utf8") }
    : { remoteServer: host, security: "None" as const };
  const batch = new MigrationBatch({
    name: "bench",
    sourceEndpoint: new MigrationEndpoint({
      ...server,
      name: "source",
      port: job.sourcePort,
      maxConcurrentMigrations: mailboxes.length,
    }),
    target: imapServer({ ...server, port: job.targetPort, connections, credentials: (user) => ({ user, password }) }),
    users: mailboxes.map(({ source, target }) => new CsvRow({ emailAddress: target, userName: source, password })),
    store: sqliteStore(join(job.state, "ledger.db")),
    limits: noLimits,
  });
  batch.on("user:waiting", ({ user, waitMs, error }) => console.error(user, "waits", waitMs, error));
  batch.on("user:failed", ({ user, error }) => console.error(user, "failed", error));
  batch.on("folder:failed", ({ folder, error }) => console.error(folder, "failed", error));
  const report = await batch.start();
  console.error(report.status, report.balanced, report.books, report.run);
  if (report.status !== "Synced" || !report.balanced) process.exitCode = 1;
}

const job = readCopyJob();
if (job) void migrate(job);
