import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CsvRow, imapServer, MigrationBatch, MigrationEndpoint, memoryStore, noLimits } from "../../src/index.js";
import type { ScriptedFolder } from "../../src/testing/imap-server/mailbox-state.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { messagesOfEveryClass } from "../fixtures/mail/message-classes.js";

const messages = messagesOfEveryClass();
let source: ScriptedImapServer;
let target: ScriptedImapServer;

beforeAll(async () => {
  const accounts = [{ user: "terry.adams", password: "1091990" }];
  source = await ScriptedImapServer.start({ accounts });
  // A target that stores what it gets.
  target = await ScriptedImapServer.start({ accounts });
  const inbox = source.account("terry.adams").folder("INBOX");
  for (const { octets, flags, internalDate } of messages) inbox.addMessage({ octets, flags, internalDate });
});

afterAll(async () => {
  await Promise.all([source.close(), target.close()]);
});

function batch(store = memoryStore()): MigrationBatch {
  return new MigrationBatch({
    name: "IMAPBatch1",
    store,
    limits: noLimits,
    settleDelayMs: 0,
    sourceEndpoint: new MigrationEndpoint({
      name: "IMAPEndpoint",
      remoteServer: source.host,
      port: source.port,
      security: "None",
    }),
    target: imapServer({
      remoteServer: target.host,
      port: target.port,
      security: "None",
      credentials: () => ({ user: "terry.adams", password: "1091990" }),
    }),
    users: [new CsvRow({ emailAddress: "terrya@contoso.edu", userName: "terry.adams", password: "1091990" })],
  });
}

/** What a folder holds, in an order that does not depend on UIDs. */
function contents(folder: ScriptedFolder): string[] {
  return folder.messages
    .map(({ octets, flags, internalDate }) => {
      const digest = createHash("sha256").update(octets).digest("hex");
      return `${digest} ${octets.length} ${[...flags].sort().join(" ")} ${internalDate.toISOString().slice(0, 19)}`;
    })
    .sort();
}

describe("200 messages of every class", () => {
  const store = memoryStore();

  it("R3 arrive with the same octets, flags and INTERNALDATE, and the empty one is accounted for", async () => {
    const report = await batch(store).start();
    const empty = messages.filter(({ octets }) => octets.length === 0).length;
    const items = [];
    for await (const item of report.items()) items.push(item);
    expect(items.filter(({ kind }) => kind !== "copied")).toHaveLength(empty);
    expect(report).toMatchObject({ status: "Synced", balanced: true, books: { found: 200, copied: 200 - empty } });
    const sent = source.account("terry.adams").folder("INBOX");
    const arrived = target.account("terry.adams").folder("INBOX");
    const whole = contents(sent).filter((line) => !line.includes(` 0 `) || empty === 0);
    expect(contents(arrived)).toEqual(whole);
  });

  it("R4 R17 a second run sends no command that writes, at neither end", async () => {
    const before = target.transcript.length;
    const report = await batch(store).start();
    expect(report).toMatchObject({ status: "Synced", balanced: true, run: { copied: 0 } });
    expect(target.transcript).toHaveLength(before);
    const verbs = new Set(source.commands().map(({ verb }) => verb));
    expect([...verbs].sort()).toEqual(["AUTHENTICATE", "EXAMINE", "ID", "LIST", "LOGOUT", "NAMESPACE", "UID FETCH"]);
  });
});
