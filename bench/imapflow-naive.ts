// The loop that a developer writes with imapflow: fetch a message, append it, next.
import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";
import { type CopyJob, onlyMailbox, readCopyJob } from "./copy-job.js";

async function copy(job: CopyJob): Promise<void> {
  const mailbox = onlyMailbox(job);
  const source = await open(job, job.sourcePort, mailbox.source);
  const target = await open(job, job.targetPort, mailbox.target);
  const existing = new Map((await target.list()).map(({ path, delimiter }) => [path, delimiter]));
  const delimiter = existing.get("INBOX") ?? "/";
  for (const folder of await source.list()) {
    if (folder.flags.has("\\Noselect") || folder.flags.has("\\NonExistent")) continue;
    const path = folder.path.split(folder.delimiter).join(delimiter);
    if (!existing.has(path)) await target.mailboxCreate(path);
    await source.mailboxOpen(folder.path, { readOnly: true });
    for (const uid of (await source.search({ all: true }, { uid: true })) || []) {
      const wanted = { source: true, flags: true, internalDate: true };
      const message = await source.fetchOne(String(uid), wanted, { uid: true });
      if (!message) throw new Error(`${folder.path} lost message ${uid}`);
      const flags = [...(message.flags ?? [])].filter((flag) => flag !== "\\Recent");
      await target.append(path, message.source ?? Buffer.alloc(0), flags, message.internalDate);
    }
  }
  await Promise.all([source.logout(), target.logout()]);
}

async function open(job: CopyJob, port: number, user: string): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: job.host,
    port,
    secure: job.tls,
    doSTARTTLS: false,
    auth: { user, pass: job.password },
    tls: { ca: readFileSync(job.ca, "utf8") },
    disableAutoIdle: true,
    logger: false,
  });
  await client.connect();
  return client;
}

const job = readCopyJob();
if (job) void copy(job);
