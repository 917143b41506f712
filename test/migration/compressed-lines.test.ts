import { connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type MailServer, startDovecot } from "../servers/mail-server.js";
import { startedServers } from "../servers/started-servers.js";
import { migrate } from "./migrate.js";
import { expectSameMailboxes, ownRows, startSeededDovecot } from "./seed-servers.js";

const started = startedServers();
const lines: Server[] = [];
let source: MailServer;
let target: MailServer;

beforeAll(async () => {
  [source, target] = await Promise.all([started(startSeededDovecot()), started(startDovecot())]);
});

afterAll(() => {
  for (const line of lines) line.close();
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
  const plain = { remoteServer: "127.0.0.1", security: "None", compress: true } as const;
  const report = await migrate({
    ...{ source, target, users: ownRows(source) },
    endpoint: { ...plain, port: from.port },
    targetOptions: { ...plain, port: to.port },
  });
  expect(report).toMatchObject({ status: "Synced", balanced: true });
  await expectSameMailboxes(source, target);
  for (const { octets } of [from, to]) {
    const line = octets().toString("latin1");
    expect(line.includes("COMPRESS DEFLATE")).toBe(true);
    // Behind it every command of ours begins with such a tag.
    expect(/\bm\d+ [A-Z]+ /.exec(line)?.[0]).toBeUndefined();
  }
});
