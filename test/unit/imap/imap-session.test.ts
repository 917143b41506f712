import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MigrationError } from "../../../src/errors.js";
import { type ImapConnection, type OpeningOptions, openImapConnection } from "../../../src/imap/imap-connection.js";
import { openSession } from "../../../src/imap/imap-session.js";
import { ImapSource } from "../../../src/imap/imap-source.js";
import { ImapTarget } from "../../../src/imap/imap-target.js";
import {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
} from "../../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { connectWire } from "./wire/fake-socket.js";

const TERRY = { user: "terry", password: "p4ssw0rd-of-terry" };
const SIGN_IN = ["AUTHENTICATE"];
const connections: ImapConnection[] = [];
const servers: ScriptedImapServer[] = [];
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  for (const { wire } of connections.splice(0)) await wire.close();
  for (const server of servers.splice(0)) await server.close();
  await new Promise(setImmediate);
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

async function start(options: ScriptedImapServerOptions = {}): Promise<ScriptedImapServer> {
  const server = await ScriptedImapServer.start({ accounts: [{ ...TERRY, folders: ["Other"] }], ...options });
  servers.push(server);
  return server;
}

async function open({ host, port }: ScriptedImapServer, options?: OpeningOptions): Promise<ImapConnection> {
  const connection = await openImapConnection({ remoteServer: host, port, security: "None" }, TERRY, options);
  connections.push(connection);
  return connection;
}

const verbs = (server: ScriptedImapServer) => server.commands().map(({ verb }) => verb);
const names = (folders: readonly { readonly name: string }[]) => folders.map(({ name }) => name).sort();

describe("folders asked for with the opening", () => {
  it("are asked for before the server has answered anything behind the sign-in", async () => {
    const { socket, wire } = connectWire();
    const announced = ["NAMESPACE", "ID", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"];
    const refusal = () => new MigrationError("access-denied", "No");
    const session = openSession(wire, announced, refusal, "with-status");
    await socket.got("\r\nm3 LIST");
    expect(socket.received).toMatch(
      /^m1 NAMESPACE\r\nm2 ID .*\r\nm3 LIST "" "\*" RETURN \(SPECIAL-USE STATUS .*\)\r\n$/,
    );
    socket.send('* NAMESPACE (("INBOX." ".")) NIL NIL\r\nm1 OK\r\nm2 OK\r\n');
    const { personal, listing } = await session;
    expect(personal).toEqual({ prefix: "INBOX.", delimiter: "." });
    socket.send('* LIST () "." INBOX\r\n* STATUS INBOX (MESSAGES 3)\r\nm3 OK\r\n');
    expect(await listing).toEqual({
      entries: [{ name: "INBOX", attributes: [], delimiter: "." }],
      statuses: new Map([["INBOX", { messages: 3 }]]),
    });
  });

  it("are asked for once, and anew where they are wanted again", async () => {
    const server = await start();
    const source = new ImapSource(await open(server, { list: "with-status" }));
    const first = await source.listFolders();
    expect(verbs(server)).toEqual([...SIGN_IN, "NAMESPACE", "ID", "LIST"]);
    server.account(TERRY.user).folder("Other").addMessage(sampleMessage("one that came meanwhile"));
    const again = await source.listFolders();
    expect(names(again)).toEqual(names(first));
    expect(again.find(({ name }) => name === "Other")).toMatchObject({ messages: 1 });
  });

  it("are not asked for where nobody wants them", async () => {
    const server = await start();
    const connection = await open(server);
    expect(connection.takeListing()).toBeUndefined();
    expect(verbs(server)).toEqual([...SIGN_IN, "NAMESPACE", "ID"]);
  });

  it("do not keep the connection from opening, however late they come", async () => {
    const server = await start({ faults: [{ when: { verb: "LIST" }, do: { delayUntil: "release" } }] });
    const target = new ImapTarget(await open(server, { list: "names" }));
    const listed = target.listFolders();
    await server.until(() => server.held > 0);
    server.release();
    expect(names(await listed)).toEqual(["INBOX", "Other"]);
  });

  it.each([
    ["without NAMESPACE", { capabilities: ["IMAP4rev1", "AUTH=PLAIN", "SASL-IR"] }],
    ["that refuses NAMESPACE", { faults: [{ when: { verb: "NAMESPACE" }, do: { answer: "BAD what?" } }] }],
  ] satisfies [string, ScriptedImapServerOptions][])(
    "come from a server %s, and the delimiter too",
    async (_, options) => {
      const server = await start({ ...options, delimiter: "." });
      const connection = await open(server, { list: "with-status" });
      expect(connection.personal).toEqual({ prefix: "", delimiter: "." });
      const folders = await new ImapSource(connection).listFolders();
      expect(names(folders)).toEqual(["INBOX", "Other"]);
      expect(folders.every(({ uidValidity }) => uidValidity > 0)).toBe(true);
    },
  );

  it("that the server refuses are told of where they are listed, and can be asked for again", async () => {
    for (const [Mailbox, list] of [
      [ImapSource, "with-status"],
      [ImapTarget, "names"],
    ] as const) {
      const refused = { when: { verb: "LIST", nth: 1 }, do: { answer: "NO [UNAVAILABLE] later" } };
      const server = await start({ faults: [refused] });
      const mailbox = new Mailbox(await open(server, { list }));
      await expect(mailbox.listFolders()).rejects.toMatchObject({ code: "server-unavailable" });
      expect(names(await mailbox.listFolders())).toEqual(["INBOX", "Other"]);
    }
  });

  it("that nobody takes may fail unheard, and those of a lost connection are none (R14)", async () => {
    for (const after of ["before-effect", { responseOctets: 20 }] as const) {
      const held = { when: { verb: "LIST" }, do: { delayUntil: "release" as const } };
      const server = await start({ faults: [held, { when: { verb: "LIST" }, do: { cut: "rst", after } }] });
      const connection = await open(server, { list: "names" });
      const lost = new Promise<void>((resolve) => connection.wire.onLost(resolve));
      server.release();
      server.dropConnections("rst");
      await lost;
      expect(connection.takeListing()).toBeUndefined();
      await expect(new ImapTarget(connection).listFolders()).rejects.toMatchObject({ code: "connection-lost" });
    }
  });

  it("that came whole before the connection was lost are not given either (R14)", async () => {
    const server = await start();
    const connection = await open(server, { list: "names" });
    await connection.wire.run("NOOP");
    const lost = new Promise<void>((resolve) => connection.wire.onLost(resolve));
    server.dropConnections("rst");
    await lost;
    await expect(new ImapTarget(connection).listFolders()).rejects.toMatchObject({ code: "connection-lost" });
  });
});
