import { afterEach, describe, expect, it } from "vitest";
import { openImapConnection } from "../../src/imap/imap-connection.js";
import { ImapSource } from "../../src/imap/imap-source.js";
import { ImapTarget } from "../../src/imap/imap-target.js";
import type { SourceFolder } from "../../src/mail/folder.js";
import type { MessageHead } from "../../src/mail/message.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { planFor } from "./real-mailboxes.js";

const TERRY = { user: "terry", password: "p4ssw0rd-of-terry" };
const SIGN_IN = ["AUTHENTICATE PLAIN •••", "NAMESPACE", "ID"];
const servers: ScriptedImapServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: Parameters<typeof ScriptedImapServer.start>[0] = {}): Promise<ScriptedImapServer> {
  const server = await ScriptedImapServer.start({ accounts: [{ ...TERRY, folders: ["Sent"] }], ...options });
  servers.push(server);
  return server;
}

const connect = ({ host, port }: ScriptedImapServer) =>
  openImapConnection({ remoteServer: host, port, security: "None" }, TERRY);

/** What the client sent, without the octets of literals; ID without what it says of us. */
async function commandsOf(server: ScriptedImapServer): Promise<string[]> {
  await server.until(() => server.connections === 0);
  return server
    .commands()
    .filter(({ verb }) => verb !== "CAPABILITY")
    .map(({ verb, arguments: text }) => (verb === "ID" ? verb : `${verb} ${text.trim()}`.trim()));
}

/** Reads everything that a first pass reads. */
async function readAll(source: ImapSource): Promise<Map<string, { folder: SourceFolder; heads: MessageHead[] }>> {
  const found = new Map<string, { folder: SourceFolder; heads: MessageHead[] }>();
  for (const folder of await source.listFolders()) {
    const heads: MessageHead[] = [];
    for await (const head of source.listMessages(folder)) heads.push(head);
    found.set(folder.name, { folder, heads });
  }
  return found;
}

describe("a small migration", () => {
  it("sends the source only what changes nothing there, and nothing needless (R4)", async () => {
    const server = await start();
    const account = server.account(TERRY.user);
    for (const subject of ["one", "two"]) account.folder("INBOX").addMessage(sampleMessage(subject));
    account.folder("Sent").addMessage(sampleMessage("three"));
    const source = new ImapSource(await connect(server));
    const found = await readAll(source);
    for (const { folder, heads } of found.values()) {
      const uids = heads.map(({ uid }) => uid);
      for await (const { content } of source.fetch(folder, uids)) for await (const _chunk of content);
    }
    const inbox = found.get("INBOX")?.folder;
    if (inbox) for await (const _head of source.listMessages(inbox, { uids: [2], headers: true }));
    await source.close();
    const heads = "(UID RFC822.SIZE INTERNALDATE FLAGS)";
    const whole = "(UID FLAGS INTERNALDATE BODY.PEEK[])";
    expect(await commandsOf(server)).toEqual([
      ...SIGN_IN,
      'LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))',
      'EXAMINE "INBOX"',
      `UID FETCH 1:* ${heads}`,
      'EXAMINE "Sent"',
      `UID FETCH 1:* ${heads}`,
      'EXAMINE "INBOX"',
      `UID FETCH 1:2 ${whole}`,
      'EXAMINE "Sent"',
      `UID FETCH 1 ${whole}`,
      'EXAMINE "INBOX"',
      "UID FETCH 2 (UID RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[HEADER])",
      "LOGOUT",
    ]);
    expect(server.acceptedConnections).toBe(1);
  });

  it("asks an old source by LIST and STATUS alone (R4)", async () => {
    const server = await start({ capabilities: ["IMAP4rev1", "AUTH=PLAIN", "SASL-IR"] });
    const source = new ImapSource(await connect(server));
    await source.listFolders();
    await source.close();
    expect(await commandsOf(server)).toEqual([
      "AUTHENTICATE PLAIN •••",
      'LIST "" ""',
      'LIST "" "*"',
      'STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)',
      'STATUS "Sent" (MESSAGES UIDNEXT UIDVALIDITY)',
      "LOGOUT",
    ]);
  });

  it("sends the target only what makes folders and messages, and nothing needless (R5)", async () => {
    const server = await start();
    server.account(TERRY.user).folder("Sent").addMessage(sampleMessage("was here before"));
    const target = new ImapTarget(await connect(server));
    await target.listFolders();
    const [sent, projects] = [
      await target.ensureFolder(planFor(["Sent"])),
      await target.ensureFolder(planFor(["Projects"])),
    ];
    const messages = ["one", "two"].map((subject) => sampleMessage(subject, { flags: ["\\Seen"], octets: 500 }));
    for (const folder of [sent, projects]) {
      await Promise.all(messages.map((message, at) => target.append(folder, fakeMessage(at + 1, message))));
    }
    await target.find(sent, [], { fromUid: sent.uidNext });
    await target.close();
    const literal = '(\\Seen) " 3-Feb-2001 04:05:06 +0000" {500+}';
    expect(await commandsOf(server)).toEqual([
      ...SIGN_IN,
      'LIST "" "*" RETURN (SPECIAL-USE)',
      'SELECT "Sent"',
      'CREATE "Projects"',
      'SUBSCRIBE "Projects"',
      'SELECT "Projects"',
      'SELECT "Sent"',
      `APPEND "Sent" ${literal} ${literal}`,
      'SELECT "Projects"',
      `APPEND "Projects" ${literal} ${literal}`,
      'SELECT "Sent"',
      "UID FETCH 2:* (UID RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[HEADER])",
      "LOGOUT",
    ]);
    const held = server.account(TERRY.user).folder("Sent").messages;
    expect(held.map(({ uid, flags }) => [uid, [...flags]])).toEqual([
      [1, []],
      [2, ["\\Seen"]],
      [3, ["\\Seen"]],
    ]);
  });
});
