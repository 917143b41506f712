import { connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CsvRow, imapServer, MigrationBatch, MigrationEndpoint, memoryStore, noLimits } from "../../src/index.js";
import { seedMailboxes } from "../fixtures/mail/seed-mailboxes.js";
import { type MailServer, startDovecot } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { differences, readMailbox } from "../servers/read-mailbox.js";
import { seedAccounts } from "./migrate.js";

const mailboxes = seedMailboxes();
const lines: Server[] = [];
let source: MailServer;
let target: MailServer;

beforeAll(async () => {
  [source, target] = await Promise.all([startDovecot(), startDovecot()]);
  for (const { user, folders } of mailboxes) await writeMaildir(source, user, folders);
});

afterAll(async () => {
  for (const line of lines) line.close();
  await Promise.all([source.stop(), target.stop()]);
});

/** A line to a server that keeps what goes over it, both ways. */
async function tappedLine(server: MailServer): Promise<{ port: number; octets: () => Buffer }> {
  const seen: Buffer[] = [];
  const line = createServer((client) => {
    const upstream = connect(server.port, server.host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on("data", (octets: Buffer) => seen.push(octets));
      from.pipe(to);
      from.on("error", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => line.listen(0, "127.0.0.1", resolve));
  lines.push(line);
  const address = line.address();
  return { port: typeof address === "object" ? (address?.port ?? 0) : 0, octets: () => Buffer.concat(seen) };
}

it("mailboxes arrive whole over compressed lines, on which no command can be read (RFC 4978)", async () => {
  const [from, to] = await Promise.all([tappedLine(source), tappedLine(target)]);
  const accountOf = seedAccounts(target, mailboxes);
  const plain = { remoteServer: "127.0.0.1", security: "None", compress: true } as const;
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    store: memoryStore(),
    limits: noLimits,
    sourceEndpoint: new MigrationEndpoint({ name: "IMAPEndpoint", ...plain, port: from.port }),
    target: imapServer({
      ...plain,
      port: to.port,
      credentials: (emailAddress) => {
        const { name, password } = accountOf(emailAddress);
        return { user: name, password };
      },
    }),
    users: mailboxes.map(({ user, emailAddress }) => {
      const password = source.users.find(({ name }) => name === user)?.password ?? "";
      return new CsvRow({ emailAddress, userName: user, password });
    }),
  });
  expect(await batch.start()).toMatchObject({ status: "Synced", balanced: true });
  for (const { emailAddress } of mailboxes) {
    const account = accountOf(emailAddress);
    expect(differences(await readMailbox(source, account), await readMailbox(target, account))).toEqual([]);
  }
  for (const { octets } of [from, to]) {
    const line = octets().toString("latin1");
    expect(line.includes("COMPRESS DEFLATE")).toBe(true);
    // Behind it every command of ours begins with such a tag.
    expect(/\bm\d+ [A-Z]+ /.exec(line)?.[0]).toBeUndefined();
  }
});
