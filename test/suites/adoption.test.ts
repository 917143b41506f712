import { afterEach, expect, it } from "vitest";
import { openImapConnection } from "../../src/imap/imap-connection.js";
import { ImapTarget } from "../../src/imap/imap-target.js";
import { headerBlock } from "../../src/mail/header-key.js";
import type { MessageHead } from "../../src/mail/message.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { type StoredMessage, sampleMessage } from "../../src/testing/sample-message.js";
import { planFor } from "./real-mailboxes.js";

const TERRY = { user: "terry", password: "p4ssw0rd-of-terry" };
let server: ScriptedImapServer | undefined;

afterEach(() => server?.close());

function headOf(uid: number, { octets, internalDate, flags }: StoredMessage): MessageHead {
  return { uid, size: octets.length, internalDate, flags, header: headerBlock(octets) };
}

it("R11 reads a target's folder once for a whole adoption, and so many UIDs at a time", async () => {
  server = await ScriptedImapServer.start({ accounts: [TERRY] });
  const folder = server.account(TERRY.user).folder("INBOX");
  const messages = Array.from({ length: 4_500 }, (_, at) => sampleMessage(`m${at}`, { octets: 300 }));
  for (const message of messages) folder.addMessage(message);
  const { host, port } = server;
  const connection = await openImapConnection({ remoteServer: host, port, security: "None" }, TERRY);
  const target = new ImapTarget(connection);
  const inbox = await target.ensureFolder(planFor(["INBOX"]));
  const heads = messages.map((message, at) => headOf(at + 1, message));
  const [snapshot, taken] = [{}, new Set<string>()];
  for (let at = 0; at < heads.length; at += 1_000) {
    const part = heads.slice(at, at + 1_000);
    const found = await target.find(inbox, part, { snapshot, taken });
    expect([...found].map(([uid, { id }]) => [uid, id])).toEqual(part.map(({ uid }) => [uid, `${uid}`]));
  }
  expect(await target.find(inbox, heads.slice(0, 10), { snapshot, taken })).toHaveProperty("size", 10);
  const ranges = server
    .commands()
    .filter(({ verb }) => verb === "UID FETCH" || verb === "UID")
    .map(({ arguments: text }) => /(\d+:(\d+|\*))/.exec(text)?.[1]);
  expect(ranges).toEqual(["1:2000", "2001:4000", "4001:*"]);
  await target.close();
});
