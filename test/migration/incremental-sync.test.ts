import type { ImapFlow } from "imapflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CsvRow, imapServer, MigrationBatch, MigrationEndpoint, memoryStore, noLimits } from "../../src/index.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { type MailServer, startDovecot, TERRY } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { logIn, type MailboxContents, readMailbox } from "../servers/read-mailbox.js";

const USER = "terrya@contoso.edu";
const users = [new CsvRow({ emailAddress: USER, userName: TERRY.name, password: TERRY.password })];
const common = { users, limits: noLimits, settleDelayMs: 0, syncIntervalMs: 0, syncFlags: true };
const credentials = () => ({ user: TERRY.name, password: TERRY.password });

function messagesOf(folder: string, count: number) {
  return Array.from({ length: count }, (_, at) => {
    const { octets, internalDate } = sampleMessage(`${folder} ${at + 1}`, { octets: 600 + 10 * at });
    return { octets: Buffer.from(octets), internalDate, flags: at % 2 === 0 ? ["\\Seen"] : [] };
  });
}

function countsOf(contents: MailboxContents): Record<string, number> {
  return Object.fromEntries([...contents].map(([folder, messages]) => [folder, messages.length]));
}

describe("a mailbox that its owner goes on using between two passes, from Dovecot to Dovecot", () => {
  let source: MailServer;
  let target: MailServer;
  let batch: MigrationBatch;

  async function atSource(work: (client: ImapFlow) => Promise<unknown>): Promise<void> {
    const client = await logIn(source, { user: TERRY.name, pass: TERRY.password });
    await work(client);
    await client.logout();
  }

  async function inFolder(client: ImapFlow, folder: string, work: () => Promise<unknown>): Promise<void> {
    const lock = await client.getMailboxLock(folder);
    await work().finally(() => lock.release());
  }

  beforeAll(async () => {
    [source, target] = await Promise.all([startDovecot(), startDovecot()]);
    await writeMaildir(source, TERRY.name, [
      { name: "INBOX", messages: messagesOf("INBOX", 6) },
      { name: "Projects", messages: messagesOf("Projects", 5) },
      { name: "Archive", messages: [] },
    ]);
    batch = new MigrationBatch({
      ...{ ...common, name: "IMAPBatch1", store: memoryStore() },
      sourceEndpoint: new MigrationEndpoint({
        ...{ name: "IMAPEndpoint", remoteServer: source.host, port: source.tlsPort, ca: source.ca },
      }),
      target: imapServer({ remoteServer: target.host, port: target.tlsPort, ca: target.ca, credentials }),
    });
    expect(await batch.start()).toMatchObject({ status: "Synced", books: { copied: 11 } });
  }, 60_000);

  afterAll(() => Promise.all([source?.stop(), target?.stop()]));

  it("R2 doubles nothing that was moved, nor a folder under a new name, and carries flags both ways apart", async () => {
    await atSource(async (client) => {
      await inFolder(client, "INBOX", async () => {
        await client.messageMove("1:2", "Archive", { uid: true });
        await client.messageCopy("3", "Archive", { uid: true });
        await client.messageFlagsAdd("4", ["\\Flagged", "\\Seen"], { uid: true });
        await client.messageFlagsRemove("5", ["\\Seen"], { uid: true });
      });
      await client.mailboxRename("Projects", "Projects 2019");
    });
    const own = await logIn(target, { user: TERRY.name, pass: TERRY.password });
    await inFolder(own, "INBOX", () => own.messageFlagsAdd("4", ["\\Answered"], { uid: true }));
    await own.logout();
    const { books, run } = await batch.syncNow();
    expect(run.copied).toBe(1);
    expect(books).toMatchObject({ copied: 12, alreadyThere: 7 });
    const contents = await readMailbox(target, TERRY);
    expect(countsOf(contents)).toMatchObject({ INBOX: 6, Projects: 5, Archive: 1 });
    const flags = contents.get("INBOX")?.map((message) => [...message.flags].sort());
    expect(flags?.slice(3, 5)).toEqual([["\\Answered", "\\Flagged", "\\Seen"], []]);
  });

  it("R1 is Perfect in a verification at every level: what stands elsewhere is neither missing nor surplus", async () => {
    for (const level of [1, 3, 4] as const) {
      const { users: verified } = await batch.verify({ level });
      expect(verified[0]?.items.filter(({ kind }) => kind !== "changed")).toEqual([]);
    }
  });
});

describe("a pass over the wire", () => {
  const account = { user: TERRY.name, password: TERRY.password, folders: ["Archive"] };
  let source: ScriptedImapServer;
  let target: ScriptedImapServer;
  let batch: MigrationBatch;
  const folder = (name: string) => source.account(TERRY.name).folder(name);

  beforeAll(async () => {
    source = await ScriptedImapServer.start({ accounts: [account] });
    target = await ScriptedImapServer.start({ accounts: [account] });
    for (const subject of ["one", "two", "three"]) folder("INBOX").addMessage(sampleMessage(subject));
    batch = new MigrationBatch({
      ...{ ...common, name: "IMAPBatch2", store: memoryStore() },
      sourceEndpoint: new MigrationEndpoint({
        ...{ name: "Scripted", remoteServer: source.host, port: source.port, security: "None" },
      }),
      target: imapServer({ remoteServer: target.host, port: target.port, security: "None", credentials }),
    });
    await batch.start();
  });

  afterAll(() => Promise.all([source?.close(), target?.close()]));

  /** The commands of one pass behind the folder list, from LIST on. */
  async function commandsOf(server: ScriptedImapServer, pass: () => Promise<unknown>): Promise<string[]> {
    const before = server.commands().length;
    await pass();
    await server.until(() => server.connections === 0);
    const commands = server.commands().slice(before);
    const texts = commands.map(({ verb, arguments: text }) => `${verb} ${text.trim()}`.trim());
    return texts.slice(texts.findIndex((text) => text.startsWith("LIST")) + 1);
  }

  it("R17 asks an unchanged mailbox for nothing but its folders, and leaves the target alone", async () => {
    const atTarget = target.commands().length;
    expect(await commandsOf(source, () => batch.syncNow())).toEqual(["LOGOUT"]);
    expect(target.commands().length).toBe(atTarget);
  });

  it("asks only for what has changed, and stores only that", async () => {
    const { highestModSeq } = folder("INBOX");
    folder("INBOX").setFlags(2, ["\\Seen", "\\Flagged"]);
    let atTarget: string[] = [];
    const atSource = await commandsOf(source, async () => {
      atTarget = await commandsOf(target, () => batch.syncNow());
    });
    expect(atSource).toContain(`UID FETCH 1:3 (UID RFC822.SIZE INTERNALDATE FLAGS) (CHANGEDSINCE ${highestModSeq})`);
    const stores = atTarget.filter((text) => text.startsWith("UID STORE"));
    expect(stores).toEqual(["UID STORE 2 +FLAGS.SILENT (\\Flagged \\Seen)"]);
  });
});
