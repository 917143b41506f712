import { afterEach, describe, expect, it } from "vitest";
import { imapServer } from "../../src/imap-server.js";
import type { MailTarget } from "../../src/mail/mail-target.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { planFor } from "../suites/real-mailboxes.js";

const TERRY = { user: "terry", password: "p4ssw0rd-of-terry" };
const ASKING = ["IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS"];
const servers: ScriptedImapServer[] = [];
const opened: MailTarget[] = [];

afterEach(async () => {
  for (const target of opened.splice(0)) await target.close();
  for (const server of servers.splice(0)) await server.close();
});

async function open(options: Parameters<typeof ScriptedImapServer.start>[0], connections?: number) {
  const server = await ScriptedImapServer.start({ accounts: [TERRY], ...options });
  servers.push(server);
  const { host: remoteServer, port } = server;
  const target = await imapServer({
    remoteServer,
    port,
    security: "None",
    credentials: () => TERRY,
    ...(connections === undefined ? {} : { connections }),
  }).openMailbox("terry@contoso.example", { signal: new AbortController().signal });
  opened.push(target);
  return { server, target };
}

describe("connections to one mailbox", () => {
  it("are one where the server takes messages without asking for them", async () => {
    expect((await open({}, 4)).server.acceptedConnections).toBe(1);
    expect((await open({ capabilities: ASKING })).server.acceptedConnections).toBe(1);
  });

  it("each ask for a message of their own where the server asks for each, and every message arrives once (R2)", async () => {
    const { server, target } = await open({ capabilities: ASKING }, 4);
    expect(server.acceptedConnections).toBe(4);
    await target.listFolders();
    expect(server.commands("LIST").filter(({ arguments: asked }) => asked.includes("*"))).toHaveLength(1);
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    const messages = Array.from({ length: 40 }, (_, at) => fakeMessage(at + 1, sampleMessage(`number ${at}`)));
    const answers = await Promise.all(messages.map((message) => target.append(folder, message)));
    const held = server.account(TERRY.user).folder("INBOX").messages;
    expect(held).toHaveLength(40);
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(held.map(({ uid }) => String(uid))));
    const users = new Set(
      server
        .commands()
        .filter(({ verb }) => verb === "APPEND")
        .map(({ connection }) => connection),
    );
    expect(users.size).toBe(4);
  });

  it("go on with fewer where the server refuses more", async () => {
    const { server, target } = await open(
      {
        capabilities: ASKING,
        faults: [{ when: { verb: "AUTHENTICATE", nth: 3 }, do: { answer: "NO [LIMIT] too many connections" } }],
      },
      4,
    );
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    await target.append(folder, fakeMessage(1, sampleMessage("one")));
    expect(server.account(TERRY.user).folder("INBOX").messages).toHaveLength(1);
  });

  it("are 1 to 8", () => {
    for (const connections of [0, 9, 1.5]) {
      expect(() => imapServer({ remoteServer: "localhost", connections, credentials: () => TERRY })).toThrow(
        expect.objectContaining({ code: "option-invalid" }),
      );
    }
  });
});
