import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { inspect } from "node:util";
import { ImapFlow, type ImapFlowOptions } from "imapflow";
import { generate } from "selfsigned";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { UidSet } from "../../../src/mail/uid-set.js";
import { defaultCapabilities } from "../../../src/testing/imap-server/capabilities.js";
import type { ServerFault } from "../../../src/testing/imap-server/faults.js";
import { knownFaults } from "../../../src/testing/imap-server/known-faults.js";
import {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
} from "../../../src/testing/imap-server/scripted-imap-server.js";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ACCOUNT = { user: "terry", password: "p4ssw0rd", accessToken: "t0ken-abc", folders: ["Sent"] };
let certificate: { key: string; cert: string };
beforeAll(async () => {
  const pem = await generate([{ name: "commonName", value: "localhost" }]);
  certificate = { key: pem.private, cert: pem.cert };
});

async function start(options: ScriptedImapServerOptions = {}): Promise<ScriptedImapServer> {
  const server = await ScriptedImapServer.start({ accounts: [ACCOUNT], ...options });
  cleanups.push(() => server.close());
  return server;
}

/** A client that writes what it is told and keeps what comes. */
class RawClient {
  readonly socket: Socket;
  /** Resolves when the server has ended the connection, in whatever way. */
  readonly ended: Promise<void>;
  text = "";
  #taken = 0;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.ended = new Promise((resolve) => {
      this.socket.on("error", () => resolve()).on("end", () => resolve());
    });
    this.socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
    });
    cleanups.push(async () => this.socket.destroy());
  }

  send(octets: string | Buffer): void {
    this.socket.write(typeof octets === "string" ? Buffer.from(octets, "latin1") : octets);
  }

  /** What has come since the last call, up to and including this text. */
  async until(end: string): Promise<string> {
    for (;;) {
      const at = this.text.indexOf(end, this.#taken);
      if (at >= 0) {
        const part = this.text.slice(this.#taken, at + end.length);
        this.#taken = at + end.length;
        return part;
      }
      const gone = this.ended.then(() => "gone");
      if ((await Promise.race([once(this.socket, "data"), gone])) === "gone" && !this.text.includes(end, this.#taken)) {
        throw new Error(`The connection ended before ${JSON.stringify(end)}: ${this.text.slice(this.#taken)}`);
      }
    }
  }

  /** The lines of the answer to a command, the tagged one last. */
  async command(line: string): Promise<string[]> {
    const tag = line.slice(0, line.indexOf(" "));
    this.send(`${line}\r\n`);
    const start = this.#taken;
    await this.until(`${tag} `);
    while (!this.text.slice(start, this.#taken).endsWith(`\n${tag} `) && this.#taken - start > tag.length + 1) {
      await this.until(`${tag} `);
    }
    await this.until("\r\n");
    return this.text.slice(start, this.#taken).split("\r\n").slice(0, -1);
  }
}

async function signedIn(server: ScriptedImapServer): Promise<RawClient> {
  const client = new RawClient(server.port);
  await client.until("\r\n");
  expect((await client.command("a0 LOGIN terry p4ssw0rd")).at(-1)).toMatch(/^a0 OK/);
  return client;
}

async function imapFlow(server: ScriptedImapServer, options: Partial<ImapFlowOptions> = {}): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: server.port,
    secure: false,
    auth: { user: "terry", pass: "p4ssw0rd" },
    logger: false,
    tls: { rejectUnauthorized: false },
    ...options,
  });
  client.on("error", () => {});
  cleanups.push(async () => client.close());
  await client.connect();
  return client;
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
const serverLines = (server: ScriptedImapServer): string[] =>
  server.transcript.filter(({ direction }) => direction === "server").map(({ line }) => line);

describe("signing in to a ScriptedImapServer", () => {
  it.each([
    ["atoms", "a LOGIN terry p4ssw0rd\r\n"],
    ["quoted strings", 'a LOGIN "terry" "p4ssw0rd"\r\n'],
    ["non-synchronizing literals", "a LOGIN {5+}\r\nterry {8+}\r\np4ssw0rd\r\n"],
    ["SASL PLAIN with an initial response", `a AUTHENTICATE PLAIN ${base64("\0terry\0p4ssw0rd")}\r\n`],
    ["XOAUTH2", `a AUTHENTICATE XOAUTH2 ${base64("user=terry\x01auth=Bearer t0ken-abc\x01\x01")}\r\n`],
    [
      "OAUTHBEARER",
      `a AUTHENTICATE OAUTHBEARER ${base64("n,a=terry,\x01host=h\x01auth=Bearer t0ken-abc\x01\x01")}\r\n`,
    ],
  ])("takes %s and keeps the secret out of the transcript", async (_, octets) => {
    const server = await start();
    const client = new RawClient(server.port);
    client.send(octets);
    await client.until("\r\na OK");
    const shown = inspect([server.transcript, server.commands(), server], { depth: 9 }) + JSON.stringify(server);
    for (const secret of ["p4ssw0rd", "t0ken-abc", octets.split(" ").at(-1)?.trim() ?? ""]) {
      expect(shown).not.toContain(secret);
    }
    expect(shown).toMatch(/LOGIN terry •••|LOGIN "terry" •••|'\{5\+\} \{8\+\}'|AUTHENTICATE \S+ •••/);
  });

  it("takes synchronizing literals, one continuation request for each", async () => {
    const client = new RawClient((await start()).port);
    await client.until("\r\n");
    client.send("a LOGIN {5}\r\n");
    expect(await client.until("\r\n")).toBe("+ OK\r\n");
    client.send("terry {8}\r\n");
    expect(await client.until("\r\n")).toBe("+ OK\r\n");
    client.send("p4ssw0rd\r\n");
    expect(await client.until("\r\n")).toMatch(/^a OK \[CAPABILITY .*UIDPLUS/);
  });

  it("asks for user name and password in SASL LOGIN", async () => {
    const client = new RawClient((await start()).port);
    await client.until("\r\n");
    client.send("a AUTHENTICATE LOGIN\r\n");
    expect(await client.until("\r\n")).toBe(`+ ${base64("Username:")}\r\n`);
    client.send(`${base64("terry")}\r\n`);
    expect(await client.until("\r\n")).toBe(`+ ${base64("Password:")}\r\n`);
    client.send(`${base64("p4ssw0rd")}\r\n`);
    expect(await client.until("\r\n")).toMatch(/^a OK/);
  });

  it("explains a refused token in a challenge before it says NO", async () => {
    const client = new RawClient((await start()).port);
    await client.until("\r\n");
    client.send(`a AUTHENTICATE XOAUTH2 ${base64("user=terry\x01auth=Bearer stale\x01\x01")}\r\n`);
    const challenge = await client.until("\r\n");
    expect(JSON.parse(Buffer.from(challenge.slice(2), "base64").toString())).toMatchObject({ status: "401" });
    client.send("\r\n");
    expect(await client.until("\r\n")).toMatch(/^a NO \[AUTHENTICATIONFAILED\]/);
  });

  it("signs an administrator in for another account by authorization identity, and nobody else", async () => {
    const admin = { user: "boss", password: "b0ss-pass", admin: true };
    const server = await start({ accounts: [ACCOUNT, admin] });
    const client = new RawClient(server.port);
    await client.until("\r\n");
    const refused = await client.command(`a AUTHENTICATE PLAIN ${base64("boss\0terry\0p4ssw0rd")}`);
    expect(refused.at(-1)).toMatch(/^a NO/);
    await client.command(`b AUTHENTICATE PLAIN ${base64("terry\0boss\0b0ss-pass")}`);
    await client.command("c NOOP");
    expect(server.commands("NOOP")[0]?.user).toBe("terry");
  });

  it("lets the test decide who is signed in", async () => {
    const attempts: string[] = [];
    const server = await start({
      signIn: ({ user, mechanism }) => {
        attempts.push(`${mechanism} ${user}`);
        return user === "terry*boss" ? "terry" : undefined;
      },
    });
    const client = new RawClient(server.port);
    await client.until("\r\n");
    expect(await client.command('a LOGIN terry "x1234"')).toEqual([expect.stringMatching(/^a NO/)]);
    expect(await client.command('b LOGIN "terry*boss" "x1234"')).toEqual([expect.stringMatching(/^b OK/)]);
    expect(attempts).toEqual(["LOGIN terry", "LOGIN terry*boss"]);
  });

  it("announces and offers what the test lists, before and after TLS", async () => {
    const server = await start({
      tls: { ...certificate, mode: "starttls" },
      capabilities: (state) =>
        state.tls ? defaultCapabilities(state) : ["IMAP4rev1", "STARTTLS", "LOGINDISABLED", "X-PLAIN"],
    });
    const raw = new RawClient(server.port);
    expect(await raw.until("\r\n")).toContain("[CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED X-PLAIN]");
    expect((await raw.command("a LOGIN terry p4ssw0rd")).at(-1)).toMatch(/^a NO \[PRIVACYREQUIRED\]/);
    const client = await imapFlow(server, { doSTARTTLS: true });
    expect(client.capabilities.has("X-PLAIN")).toBe(false);
    expect(server.commands("AUTHENTICATE").map(({ tls }) => tls)).toEqual([true]);
  });

  it("speaks TLS from the first octet on its TLS port", async () => {
    const server = await start({ tls: { ...certificate, mode: "implicit" } });
    const client = await imapFlow(server, { port: server.tlsPort, secure: true });
    expect(client.secureConnection).toBe(true);
    expect(server.commands().every(({ tls }) => tls)).toBe(true);
  });

  it("refuses initial responses and literals that it has not announced", async () => {
    const server = await start({ capabilities: ["IMAP4rev1", "AUTH=PLAIN"] });
    const client = new RawClient(server.port);
    await client.until("\r\n");
    const initial = await client.command(`a AUTHENTICATE PLAIN ${base64("\0terry\0p4ssw0rd")}`);
    expect(initial.at(-1)).toMatch(/^a BAD/);
    client.send("b LOGIN {5+}\r\nterry p4ssw0rd\r\n");
    expect(await client.until("\r\n")).toMatch(/^b BAD/);
  });
});

describe("folders of a ScriptedImapServer", () => {
  it("lists by wildcard, reference and delimiter", async () => {
    const folders = ["INBOX", "INBOX.a", "INBOX.a.b", "x[1]", "50%"];
    const server = await start({ delimiter: ".", accounts: [{ ...ACCOUNT, folders }] });
    const client = await signedIn(server);
    const names = async (argumentsText: string): Promise<string[]> =>
      (await client.command(`b LIST ${argumentsText}`)).slice(0, -1).map((line) => line.split(' "." ')[1] ?? line);
    expect(await names('"" *')).toEqual(folders.map((name) => `"${name}"`));
    expect(await names('"" %')).toEqual(['"INBOX"', '"x[1]"', '"50%"']);
    expect(await names('"INBOX." %')).toEqual(['"INBOX.a"']);
    expect(await names('"" inbox')).toEqual(['"INBOX"']);
    expect(await names('"" ""')).toEqual(['""']);
    expect(await names('"" ("x*" "INBOX.%")')).toEqual(['"INBOX.a"', '"x[1]"']);
  });

  it("shows raw names, attributes and a NIL delimiter as the test gave them", async () => {
    const folders = [
      "INBOX",
      { name: 'quo"te\\', selectable: false },
      { name: "a\r\nb", attributes: ["\\Marked"] },
      { name: "caf\xe9", specialUse: "\\Junk" as const },
    ];
    const server = await start({ delimiter: null, accounts: [{ ...ACCOUNT, folders }] });
    const client = await signedIn(server);
    expect(await client.command('b LIST "" *')).toEqual([
      '* LIST (\\HasNoChildren) NIL "INBOX"',
      '* LIST (\\Noselect \\HasNoChildren) NIL "quo\\"te\\\\"',
      "* LIST (\\Marked \\HasNoChildren) NIL {4}",
      "a",
      "b",
      '* LIST (\\HasNoChildren \\Junk) NIL "caf\xe9"',
      "b OK List completed",
    ]);
  });

  it("answers STATUS within LIST for selectable folders", async () => {
    const server = await start({ accounts: [{ ...ACCOUNT, folders: [{ name: "top", selectable: false }, "top/x"] }] });
    server
      .account("terry")
      .folder("top/x")
      .addMessage({ octets: "12345", uid: 7, flags: ["\\Seen"] });
    const client = await signedIn(server);
    const items = "MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ RECENT UNSEEN SIZE";
    expect(await client.command(`b LIST "" "top*" RETURN (SPECIAL-USE STATUS (${items}))`)).toEqual([
      '* LIST (\\Noselect \\HasChildren) "/" "top"',
      '* LIST (\\HasNoChildren) "/" "top/x"',
      '* STATUS "top/x" (MESSAGES 1 UIDNEXT 8 UIDVALIDITY 1003 HIGHESTMODSEQ 2 RECENT 0 UNSEEN 0 SIZE 5)',
      "b OK List completed",
    ]);
  });

  it("makes folders with missing parents, says which exist, and changes UIDVALIDITY when one is made again", async () => {
    const server = await start();
    const client = await signedIn(server);
    expect(await client.command('b CREATE "p/q/r"')).toEqual(["b OK Created"]);
    const account = server.account("terry");
    expect(account.folder("p").selectable).toBe(false);
    expect(await client.command("c CREATE p/q/r")).toEqual([expect.stringMatching(/^c NO \[ALREADYEXISTS\]/)]);
    expect(await client.command("d CREATE inbox")).toEqual([expect.stringMatching(/^d NO \[ALREADYEXISTS\]/)]);
    expect(await client.command("e CREATE p/")).toEqual(["e OK Created"]);
    expect(account.folder("p").selectable).toBe(true);
    expect(await client.command("f SUBSCRIBE p")).toEqual(["f OK Subscribed"]);
    expect(await client.command('g LSUB "" p*')).toEqual(['* LSUB () "/" "p"', "g OK Lsub completed"]);
    const old = account.folder("p/q/r").uidValidity;
    account.removeFolder("p/q/r");
    await client.command("h CREATE p/q/r");
    expect(account.folder("p/q/r").uidValidity).toBeGreaterThan(old);
  });

  it("examines without taking effect, and refuses what cannot be opened", async () => {
    const server = await start({ accounts: [{ ...ACCOUNT, folders: [{ name: "top", selectable: false }] }] });
    server.account("terry").folder("INBOX").addMessage({ octets: "\r\nx" });
    const client = await signedIn(server);
    expect((await client.command("b SELECT top")).at(-1)).toMatch(/^b NO \[NONEXISTENT\]/);
    const opened = await client.command("c EXAMINE inbox (CONDSTORE)");
    expect(opened).toContain("* 1 EXISTS");
    expect(opened.at(-1)).toMatch(/^c OK \[READ-ONLY\]/);
    await client.command("d FETCH 1 BODY[]");
    expect(server.account("terry").folder("INBOX").message(1)?.flags).toEqual(new Set());
    expect((await client.command("e UID STORE 1 +FLAGS (\\Deleted)")).at(-1)).toMatch(/^e NO \[READ-ONLY\]/);
    await client.command("f SELECT INBOX");
    expect((await client.command("g SELECT nowhere")).at(-1)).toMatch(/^g NO/);
    expect((await client.command("h UID FETCH 1 UID")).at(-1)).toMatch(/^h BAD/);
  });
});

describe("fetching from a ScriptedImapServer", () => {
  const MESSAGE = "Subject: caf\xe9\r\nX-Long: a\r\n\tfolded\r\nDate: now\r\n\r\nbody \0 octets\n";

  async function withMessages(): Promise<{ server: ScriptedImapServer; client: RawClient }> {
    const server = await start();
    const inbox = server.account("terry").folder("INBOX");
    const octets = Buffer.from(MESSAGE, "latin1");
    inbox.addMessage({ octets, uid: 3, flags: ["\\Seen", "kw"], internalDate: new Date("2001-02-03T04:05:06Z") });
    inbox.addMessage({ octets: "second", uid: 10, claimedSize: 999, rawInternalDate: "NIL" });
    const client = await signedIn(server);
    await client.command("s SELECT INBOX");
    return { server, client };
  }

  it("sends the octets, flags, date and size that it holds", async () => {
    const { client } = await withMessages();
    client.send("b UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n");
    expect(await client.until("b OK Fetch completed\r\n")).toBe(
      `* 1 FETCH (UID 3 FLAGS (\\Seen kw) INTERNALDATE " 3-Feb-2001 04:05:06 +0000" RFC822.SIZE ${MESSAGE.length} ` +
        `BODY[] {${MESSAGE.length}}\r\n${MESSAGE})\r\n` +
        "* 2 FETCH (UID 10 FLAGS () INTERNALDATE NIL RFC822.SIZE 999 BODY[] {6}\r\nsecond)\r\nb OK Fetch completed\r\n",
    );
  });

  it("sends headers, chosen header fields and parts of a body", async () => {
    const { client } = await withMessages();
    const fetched = async (item: string): Promise<string> => {
      client.send(`b UID FETCH 3 (${item})\r\n`);
      return (await client.until("b OK Fetch completed\r\n")).slice(
        "* 1 FETCH (UID 3 ".length,
        -")\r\nb OK Fetch completed\r\n".length,
      );
    };
    const header = MESSAGE.slice(0, MESSAGE.indexOf("\r\n\r\n") + 4);
    expect(await fetched("BODY.PEEK[HEADER]")).toBe(`BODY[HEADER] {${header.length}}\r\n${header}`);
    expect(await fetched("BODY.PEEK[HEADER.FIELDS (X-Long DATE)]")).toBe(
      "BODY[HEADER.FIELDS (X-LONG DATE)] {33}\r\nX-Long: a\r\n\tfolded\r\nDate: now\r\n\r\n",
    );
    expect(await fetched("BODY.PEEK[]<2.5>")).toBe("BODY[]<2> {5}\r\nbject");
    expect(await fetched("BODY.PEEK[]<5000.5>")).toBe("BODY[]<5000> {0}\r\n");
  });

  it("reads sets with ranges, star and surplus, each message once and in order", async () => {
    const { client } = await withMessages();
    const uids = async (set: string): Promise<string[]> =>
      (await client.command(`b UID FETCH ${set} UID`)).slice(0, -1).map((line) => /UID (\d+)/.exec(line)?.[1] ?? "");
    expect(await uids("1:4000000000")).toEqual(["3", "10"]);
    expect(await uids("10,3,3:10")).toEqual(["3", "10"]);
    expect(await uids("*")).toEqual(["10"]);
    expect(await uids("11:*")).toEqual(["10"]);
    expect(await uids("4:9")).toEqual([]);
    expect((await client.command("c FETCH 3 UID")).at(-1)).toMatch(/^c BAD/);
    expect((await client.command("d UID FETCH 1- UID")).at(-1)).toMatch(/^d BAD/);
  });

  it("sends only what changed since a modification sequence, with MODSEQ", async () => {
    const { server, client } = await withMessages();
    const inbox = server.account("terry").folder("INBOX");
    const before = inbox.highestModSeq;
    inbox.setFlags(10, ["\\Flagged"]);
    const answer = await client.command(`b UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${before})`);
    expect(answer).toEqual([`* 2 FETCH (UID 10 FLAGS (\\Flagged) MODSEQ (${before + 1}))`, "b OK Fetch completed"]);
  });

  it("tells of messages that came and went, never while sequence numbers are in use", async () => {
    const { server, client } = await withMessages();
    const inbox = server.account("terry").folder("INBOX");
    inbox.removeMessage(3);
    inbox.addMessage({ octets: "third" });
    expect(await client.command("b FETCH 2 UID")).toEqual(["* 2 FETCH (UID 10)", "* 3 EXISTS", "b OK Fetch completed"]);
    expect(await client.command("c NOOP")).toEqual(["* 1 EXPUNGE", "c OK Nothing done"]);
    expect(await client.command("d UID SEARCH ALL")).toEqual(["* SEARCH 10 11", "d OK Search completed"]);
    expect(await client.command("e UID SEARCH UID 11:20 UNSEEN")).toEqual(["* SEARCH 11", "e OK Search completed"]);
  });

  it("stores flags and expunges what is marked", async () => {
    const { server, client } = await withMessages();
    expect(await client.command("b UID STORE 10 +FLAGS (\\Deleted kw)")).toEqual([
      "* 2 FETCH (UID 10 FLAGS (\\Deleted kw))",
      "b OK Store completed",
    ]);
    expect(await client.command("c EXPUNGE")).toEqual(["* 2 EXPUNGE", "c OK Expunge completed"]);
    expect(
      server
        .account("terry")
        .folder("INBOX")
        .messages.map(({ uid }) => uid),
    ).toEqual([3]);
  });

  it("gives messages other UIDs under another UIDVALIDITY", async () => {
    const { server } = await withMessages();
    const inbox = server.account("terry").folder("INBOX");
    inbox.setUidValidity(77, { renumber: true });
    const client = await imapFlow(server);
    const mailbox = await client.mailboxOpen("INBOX", { readOnly: true });
    expect(mailbox.uidValidity).toBe(77n);
    expect(inbox.messages.map(({ uid }) => uid)).toEqual([1, 2]);
  });

  it("is read by imapflow octet by octet", async () => {
    const { server } = await withMessages();
    const client = await imapFlow(server);
    await client.mailboxOpen("INBOX", { readOnly: true });
    const messages = await client.fetchAll("1:*", { source: true, flags: true, internalDate: true }, { uid: true });
    expect(messages.map(({ uid }) => uid)).toEqual([3, 10]);
    expect(messages[0]?.source?.toString("latin1")).toBe(MESSAGE);
    expect(messages[0]?.flags).toEqual(new Set(["\\Seen", "kw"]));
    expect(messages[0]?.internalDate).toEqual(new Date("2001-02-03T04:05:06Z"));
  });
});

describe("appending to a ScriptedImapServer", () => {
  it("stores octets, flags and date of imapflow's APPEND, with and without a continuation request", async () => {
    const server = await start();
    const client = await imapFlow(server);
    const large = Buffer.from("\r\n\0\xff8-bit\n".repeat(2000), "latin1");
    const date = new Date("1999-12-31T23:59:59Z");
    expect(await client.append("Sent", "tiny", ["\\Seen", "$kw"], date)).toMatchObject({ uid: 1 });
    expect(await client.append("Sent", large, [], date)).toMatchObject({ uid: 2 });
    const [first, second] = server.account("terry").folder("Sent").messages;
    expect(first).toMatchObject({ internalDate: date, flags: new Set(["\\Seen", "$kw"]) });
    expect(second?.octets.equals(large)).toBe(true);
    expect(server.commands("APPEND").map(({ folder, messageSizes }) => [folder, messageSizes])).toEqual([
      ["Sent", [4]],
      ["Sent", [large.length]],
    ]);
  });

  it("takes several messages in one command, one octet at a time, all or none", async () => {
    const server = await start({ appendLimit: 100 });
    const client = await signedIn(server);
    const sent = server.account("terry").folder("Sent");
    const command =
      'b APPEND Sent (\\Seen) " 5-May-2005 05:05:05 -0130" {3+}\r\none {3+}\r\ntwo (kw) {5+}\r\nthree\r\n';
    for (const octet of command) client.send(octet);
    expect(await client.until("\r\n")).toBe(`b OK [APPENDUID ${sent.uidValidity} 1:3] Append completed\r\n`);
    expect(sent.messages.map(({ octets, flags }) => [octets.toString(), [...flags]])).toEqual([
      ["one", ["\\Seen"]],
      ["two", []],
      ["three", ["kw"]],
    ]);
    expect(sent.messages[0]?.internalDate).toEqual(new Date("2005-05-05T06:35:05Z"));
    client.send(`c APPEND Sent {3+}\r\nfor {200+}\r\n${"x".repeat(200)}\r\n`);
    expect(await client.until("\r\n")).toMatch(/^c NO \[TOOBIG\]/);
    expect(sent.messages.length).toBe(3);
  });

  it("carries pipelined commands out in order", async () => {
    const server = await start();
    const client = await signedIn(server);
    client.send(
      "b APPEND {4+}\r\nSent {1+}\r\nx\r\nc STATUS Sent (MESSAGES)\r\nd APPEND Sent {1+}\r\ny\r\ne STATUS Sent (MESSAGES)\r\n",
    );
    const answers = await client.until("e OK Status completed\r\n");
    expect(answers.split("\r\n").map((line) => line.slice(0, 25))).toEqual([
      "b OK [APPENDUID 1002 1] A",
      '* STATUS "Sent" (MESSAGES',
      "c OK Status completed",
      "d OK [APPENDUID 1002 2] A",
      '* STATUS "Sent" (MESSAGES',
      "e OK Status completed",
      "",
    ]);
  });

  it("says no with TRYCREATE, TOOBIG and OVERQUOTA in place of the continuation request", async () => {
    const server = await start({ appendLimit: 1000, accounts: [{ ...ACCOUNT, quota: 500 }] });
    const client = await signedIn(server);
    expect(await client.command("b APPEND nowhere {3}")).toEqual([expect.stringMatching(/^b NO \[TRYCREATE\]/)]);
    expect(await client.command("c APPEND Sent {1001}")).toEqual([expect.stringMatching(/^c NO \[TOOBIG\]/)]);
    expect(await client.command("d APPEND Sent {501}")).toEqual([expect.stringMatching(/^d NO \[OVERQUOTA\]/)]);
    expect(await client.command("e NOOP")).toEqual(["e OK Nothing done"]);
    expect((await client.command("f CAPABILITY"))[0]).toContain("APPENDLIMIT=1000");
  });

  it.each([
    ["a missing space behind a literal", "b APPEND Sent {1+}\r\nx{1+}\r\ny\r\n"],
    ["the next command glued to a message", "b APPEND Sent {1+}\r\nxc NOOP\r\n"],
    ["a bad date", 'b APPEND Sent "32-Jan-2020 00:00:00 +0000" {1+}\r\nx\r\n'],
    ["\\Recent", "b APPEND Sent (\\Recent) {1+}\r\nx\r\n"],
    ["a message that is no literal", "b APPEND Sent (\\Seen) x\r\n"],
    ["literal8 without BINARY", "b APPEND Sent ~{1+}\r\nx\r\n"],
  ])("answers %s with BAD and stays in step", async (_, command) => {
    const server = await start();
    const client = await signedIn(server);
    client.send(command);
    expect(await client.until("\r\n")).toMatch(/^b BAD/);
    expect(await client.command("z NOOP")).toEqual(["z OK Nothing done"]);
    expect(server.account("terry").folder("Sent").messages).toEqual([]);
  });

  it("does without UIDPLUS, MULTIAPPEND and LITERAL+ where it does not announce them, and takes literal8 where it does", async () => {
    const server = await start({ capabilities: ["IMAP4rev1", "LITERAL-", "BINARY"] });
    const client = await signedIn(server);
    client.send("b APPEND Sent ~{2+}\r\n\0\0\r\n");
    expect(await client.until("\r\n")).toBe("b OK Append completed\r\n");
    expect(server.account("terry").folder("Sent").messages[0]?.octets).toEqual(Buffer.from([0, 0]));
    client.send("c APPEND Sent {1+}\r\nx {1+}\r\ny\r\n");
    expect(await client.until("\r\n")).toMatch(/^c BAD One message/);
    client.send(`d APPEND Sent {4097+}\r\n${"x".repeat(4097)}\r\n`);
    expect(await client.until("\r\n")).toMatch(/^d BAD Non-synchronizing/);
  });

  it("stores what the test's rule makes of a message, and drops flags that the folder does not keep", async () => {
    const server = await start();
    const sent = server.account("terry").folder("Sent");
    sent.permanentFlags = new Set(["\\Seen"]);
    const client = await signedIn(server);
    server.store = (octets) => Buffer.from(octets.toString().toUpperCase());
    await client.command("b APPEND Sent (\\Seen \\Flagged kw) {1+}\r\na");
    server.store = (octets) => [octets, octets];
    await client.command("c APPEND Sent {1+}\r\nb");
    server.store = () => undefined;
    expect(await client.command("d APPEND Sent {1+}\r\nc")).toEqual([expect.stringMatching(/^d OK/)]);
    server.store = () => ({ refuse: "NO Message contains bare newlines" });
    expect(await client.command("e APPEND Sent {1+}\r\nd")).toEqual(["e NO Message contains bare newlines"]);
    expect(sent.messages.map(({ octets, flags }) => `${octets} ${[...flags]}`)).toEqual(["A \\Seen", "b ", "b "]);
  });

  it("gives an error of the test's own function back on close", async () => {
    const server = await ScriptedImapServer.start({ accounts: [ACCOUNT] });
    server.store = () => {
      throw new RangeError("of the test");
    };
    const client = await signedIn(server);
    expect(await client.command("b APPEND Sent {1+}\r\nx")).toEqual([expect.stringMatching(/^b NO \[SERVERBUG\]/)]);
    await expect(server.close()).rejects.toThrow("of the test");
  });
});

describe("a folder of 20,000 messages", () => {
  const COUNT = 20_000;
  const octetsOf = (index: number): string => `Subject: ${index}\r\n\r\n${"x".repeat(index % 90)}\r\n`;

  it("is filled by pipelined APPENDs and read back in one FETCH, octet by octet", async () => {
    const server = await start();
    const client = await signedIn(server);
    await client.command("s SELECT Sent");
    let pipeline = "";
    for (let index = 0; index < COUNT; index++) {
      const octets = octetsOf(index);
      pipeline += `b${index} APPEND Sent {${octets.length}+}\r\n${octets}\r\n`;
    }
    client.send(pipeline);
    await server.until(() => server.account("terry").folder("Sent").messages.length === COUNT);
    const answered = await client.until(`b${COUNT - 1} OK [APPENDUID 1002 ${COUNT}] Append completed\r\n`);
    expect(answered.match(/ OK \[APPENDUID/g)?.length).toBe(COUNT);
    client.send("c UID FETCH 1:* (BODY.PEEK[])\r\n");
    const fetched = await client.until("c OK Fetch completed\r\n");
    let expected = "";
    for (let index = 0; index < COUNT; index++) {
      const octets = octetsOf(index);
      expected += `* ${index + 1} FETCH (UID ${index + 1} BODY[] {${octets.length}}\r\n${octets})\r\n`;
    }
    expect(fetched === `${expected}c OK Fetch completed\r\n`).toBe(true);
  });

  it("is filled by one MULTIAPPEND", async () => {
    const server = await start();
    const client = await signedIn(server);
    client.send(`b APPEND Sent${" {2+}\r\nab".repeat(COUNT)}\r\n`);
    expect(await client.until("\r\n")).toBe(`b OK [APPENDUID 1002 1:${COUNT}] Append completed\r\n`);
    expect(server.account("terry").usedOctets).toBe(2 * COUNT);
    expect(server.commands("APPEND")[0]?.messageSizes.length).toBe(COUNT);
  });

  it("finds every second UID of a long set", async () => {
    const server = await start();
    const inbox = server.account("terry").folder("INBOX");
    for (let index = 0; index < COUNT; index++) inbox.addMessage({ octets: "x" });
    const odd = UidSet.of(inbox.messages.map(({ uid }) => uid).filter((uid) => uid % 2 === 1));
    const client = await signedIn(server);
    await client.command("s SELECT INBOX");
    client.send(`b UID FETCH ${odd} (UID)\r\n`);
    const rows = (await client.until("b OK Fetch completed\r\n")).match(/ FETCH /g) ?? [];
    expect(rows.length).toBe(COUNT / 2);
  });

  it("holds a FETCH back while the client does not read", async () => {
    const server = await start();
    const inbox = server.account("terry").folder("INBOX");
    const octets = Buffer.alloc(100_000, "x");
    for (let index = 0; index < 2000; index++) inbox.addMessage({ octets });
    const client = await signedIn(server);
    await client.command("s SELECT INBOX");
    client.socket.pause();
    client.send("b UID FETCH 1:* BODY.PEEK[]\r\n");
    await server.until(() => server.commands("UID FETCH").length === 1);
    const other = await signedIn(server); // by its answers the first connection had time to write all it could
    for (let round = 0; round < 200; round++) await other.command(`n${round} NOOP`);
    const written = serverLines(server).filter((line) => line.includes("BODY[] {100000}")).length;
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(1000);
    client.socket.destroy();
  });
});

describe("a fault of a ScriptedImapServer", () => {
  const APPEND = "b APPEND Sent {3+}\r\nabc";

  it("is met by the folder, connection, message and count that it names", async () => {
    const no = (text: string): ServerFault["do"] => ({ answer: `NO ${text}` });
    const server = await start({
      faults: [
        { when: { verb: "STATUS", folder: "Sent", nth: 2 }, do: no("second Sent") },
        { when: { verb: "NOOP", every: 3 }, do: no("every third") },
        { when: { verb: "NOOP", connection: 2 }, do: no("second connection") },
        { when: { verb: "UID FETCH", uid: 2 }, do: no("asks for 2") },
        { when: { verb: "FETCH", uid: 3 }, do: no("asks for 3 by number") },
      ],
    });
    for (const uid of [2, 3]) server.account("terry").folder("INBOX").addMessage({ octets: "x", uid });
    const client = await signedIn(server);
    await client.command("s SELECT INBOX");
    const last = async (command: string): Promise<string> => (await client.command(command)).at(-1)?.slice(2, 9) ?? "";
    const ok = async (command: string): Promise<void> => expect(await last(command)).toMatch(/^OK/);
    await ok("b STATUS INBOX (MESSAGES)");
    await ok("b STATUS Sent (MESSAGES)");
    expect(await client.command("b STATUS Sent (MESSAGES)")).toEqual(["b NO second Sent"]);
    await ok("b STATUS Sent (MESSAGES)");
    await ok("b NOOP");
    await ok("b NOOP");
    expect(await client.command("b NOOP")).toEqual(["b NO every third"]);
    await ok("b UID FETCH 3:9 UID");
    expect(await client.command("b UID FETCH 1:* UID")).toEqual(["b NO asks for 2"]);
    await ok("b FETCH 1 UID");
    expect(await client.command("b FETCH 1:2 UID")).toEqual(["b NO asks for 3 by number"]);
    const second = await signedIn(server);
    expect(await second.command("b NOOP")).toEqual(["b NO second connection"]);
    server.clearFaults();
    expect(await second.command("c NOOP")).toEqual(["c OK Nothing done"]);
  });

  it("answers a command in place of its effect", async () => {
    const server = await start({ faults: [{ when: { verb: "APPEND" }, do: { answer: "NO [OVERQUOTA] full" } }] });
    const client = await signedIn(server);
    expect(await client.command(APPEND)).toEqual(["b NO [OVERQUOTA] full"]);
    expect(server.account("terry").folder("Sent").messages).toEqual([]);
  });

  it("answers before the literal where it is asked for, and reads over one that comes unasked", async () => {
    const server = await start();
    server.addFault({ when: { verb: "APPEND" }, do: { answer: "NO [LIMIT] slow down", beforeLiteral: true } });
    const client = await signedIn(server);
    expect(await client.command("c APPEND Sent {9}")).toEqual(["c NO [LIMIT] slow down"]);
    expect(await client.command(APPEND)).toEqual(["b NO [LIMIT] slow down"]);
    expect(await client.command("d NOOP")).toEqual(["d OK Nothing done"]);
  });

  it("says BYE and closes", async () => {
    const server = await start({ faults: [{ when: { verb: "NOOP" }, do: { bye: "Too busy" } }] });
    const client = await signedIn(server);
    client.send("b NOOP\r\n");
    await client.ended;
    expect(client.text).toMatch(/\r\n\* BYE Too busy\r\n$/);
  });

  it.each(["fin", "rst"] as const)("loses the acknowledgement of a stored message with %s", async (how) => {
    const server = await start({ faults: [knownFaults.lostAcknowledgement({ nth: 2 }, how)] });
    const client = await signedIn(server);
    client.send(`${APPEND}\r\nc APPEND Sent {3+}\r\ndef\r\nd APPEND Sent {3+}\r\nghi\r\n`);
    await client.ended;
    await server.until(() => server.connections === 0);
    expect(client.text).not.toContain("c OK");
    expect(
      server
        .account("terry")
        .folder("Sent")
        .messages.map(({ octets }) => octets.toString()),
    ).toEqual(["abc", "def"]);
  });

  it.each(["fin", "rst"] as const)("loses the acknowledgement under TLS with %s", async (how) => {
    const server = await start({
      tls: { ...certificate, mode: "both" },
      faults: [knownFaults.lostAcknowledgement({ folder: "Sent" }, how)],
    });
    const implicit = await imapFlow(server, { port: server.tlsPort, secure: true });
    const upgraded = await imapFlow(server, { doSTARTTLS: true });
    await expect(implicit.append("Sent", "abc")).rejects.toThrow();
    await expect(upgraded.append("Sent", "def")).rejects.toThrow();
    expect(server.account("terry").folder("Sent").messages.length).toBe(2);
  });

  it("loses the connection before the effect", async () => {
    const server = await start({ faults: [{ when: { verb: "APPEND" }, do: { cut: "rst", after: "before-effect" } }] });
    const client = await signedIn(server);
    client.send(`${APPEND}\r\n`);
    await client.ended;
    expect(server.account("terry").folder("Sent").messages).toEqual([]);
    expect(server.commands("APPEND").length).toBe(1);
  });

  it("stores a message only after the connection was lost and the test lets it", async () => {
    let commit: () => void = () => {};
    const committed = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const server = await start({ faults: [knownFaults.lateCommit(committed)] });
    const client = await signedIn(server);
    client.send(`${APPEND}\r\n`);
    await client.ended;
    const sent = server.account("terry").folder("Sent");
    expect(sent.messages.length).toBe(0);
    commit();
    await server.until(() => sent.messages.length === 1);
    expect(sent.messages[0]?.octets.toString()).toBe("abc");
  });

  it.each([
    [0, "b APPEND Sent {3}\r\n", ""],
    [2, "b APPEND Sent {3+}\r\nab", ""],
    [3, "b APPEND Sent {3+}\r\nabc", ""],
    [4, "b APPEND Sent {3+}\r\nabc {3}\r\nd", "+ OK\r\n"],
  ])("loses the connection after %d octets of literals", async (literalOctets, octets, answered) => {
    const server = await start({
      faults: [{ when: { verb: "APPEND" }, do: { cut: "fin", after: { literalOctets } } }],
    });
    const client = await signedIn(server);
    const before = client.text.length;
    client.send(octets);
    await client.ended;
    expect(client.text.slice(before)).toBe(answered);
    expect(server.account("terry").folder("Sent").messages).toEqual([]);
  });

  it("loses the connection after any number of octets of an answer", async () => {
    const server = await start();
    server
      .account("terry")
      .folder("INBOX")
      .addMessage({ octets: "x".repeat(20) });
    const whole = `* 1 FETCH (UID 1 BODY[] {20}\r\n${"x".repeat(20)})\r\nb OK Fetch completed\r\n`;
    for (let responseOctets = 0; responseOctets <= whole.length + 1; responseOctets++) {
      server.clearFaults();
      server.addFault({ when: { verb: "UID FETCH" }, do: { cut: "fin", after: { responseOctets } } });
      const client = await signedIn(server);
      await client.command("s EXAMINE INBOX");
      const before = client.text.length;
      client.send("b UID FETCH 1 BODY.PEEK[]\r\n");
      await client.ended;
      expect(client.text.slice(before)).toBe(whole.slice(0, responseOctets));
    }
  });

  it("leaves a command without answer, with and without effect, and goes on", async () => {
    const server = await start({
      faults: [
        { when: { verb: "APPEND", nth: 1 }, do: { dropAnswer: true, effect: true } },
        { when: { verb: "APPEND", nth: 2 }, do: { dropAnswer: true, effect: false } },
      ],
    });
    const client = await signedIn(server);
    const before = client.text.length;
    client.send(`${APPEND}\r\n${APPEND}\r\nc NOOP\r\n`);
    await client.until("c OK Nothing done\r\n");
    expect(client.text.slice(before)).toBe("c OK Nothing done\r\n");
    expect(server.account("terry").folder("Sent").messages.length).toBe(1);
  });

  it("answers twice", async () => {
    const server = await start({ faults: [{ when: { verb: "NOOP" }, do: { duplicateAnswer: true } }] });
    const client = await signedIn(server);
    client.send("b NOOP\r\n");
    await client.until("b OK Nothing done\r\nb OK Nothing done\r\n");
  });

  it("holds an answer back until the test releases it, the effect being done", async () => {
    const server = await start({ faults: [{ when: { verb: "APPEND" }, do: { delayUntil: "release" } }] });
    const client = await signedIn(server);
    const before = client.text.length;
    client.send(`${APPEND}\r\n`);
    await server.until(() => server.held === 1);
    expect(server.account("terry").folder("Sent").messages.length).toBe(1);
    expect(client.text.length).toBe(before);
    server.release();
    await client.until("b OK");
  });

  it("holds the effect back until a promise resolves", async () => {
    let letGo: () => void = () => {};
    const until = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const server = await start({ faults: [{ when: { verb: "APPEND" }, do: { delayUntil: until, holdEffect: true } }] });
    const client = await signedIn(server);
    client.send(`${APPEND}\r\n`);
    await server.until(() => server.held === 1);
    expect(server.account("terry").folder("Sent").messages.length).toBe(0);
    letGo();
    await client.until("b OK");
    expect(server.account("terry").folder("Sent").messages.length).toBe(1);
  });

  it("rewrites, leaves out and adds lines", async () => {
    const server = await start({
      faults: [
        {
          when: { verb: "EXAMINE" },
          do: { replaceLine: (line) => (line.includes("UIDVALIDITY") ? undefined : line.replace("EXISTS", "exists")) },
        },
        { when: { verb: "EXAMINE" }, do: { insertBefore: ["* OK [ALERT] früher"] } },
        { when: { verb: "EXAMINE" }, do: { insertAfter: ["* 9 EXPUNGE"] } },
      ],
    });
    const client = await signedIn(server);
    client.send("b EXAMINE Sent\r\n");
    const answer = await client.until("* 9 EXPUNGE\r\n");
    expect(answer).toMatch(/^\* OK \[ALERT\] fr\xc3\xbcher\r\n\* FLAGS/);
    expect(answer).toContain("* 0 exists\r\n");
    expect(answer).not.toContain("UIDVALIDITY");
  });

  describe("in FETCH rows", () => {
    const row = (uid: number, body: string): string => `* ${uid} FETCH (UID ${uid} RFC822.SIZE 3 BODY[] ${body})\r\n`;
    const good = (uid: number): string => row(uid, "{3}\r\nabc");

    async function fetchWith(...actions: ServerFault["do"][]): Promise<string> {
      const server = await start({
        faults: actions.map((action) => ({ when: { verb: "UID FETCH", uid: 2 }, do: action })),
      });
      for (let uid = 1; uid <= 3; uid++) server.account("terry").folder("INBOX").addMessage({ octets: "abc" });
      const client = await signedIn(server);
      await client.command("s EXAMINE INBOX");
      const before = client.text.length;
      client.send("b UID FETCH 1:3 (RFC822.SIZE BODY.PEEK[])\r\n");
      await Promise.race([client.until("b OK Fetch completed\r\n"), client.ended]).catch(() => {});
      return client.text.slice(before).replace("b OK Fetch completed\r\n", "");
    }

    it("leaves one out", async () => {
      expect(await fetchWith({ omitRow: true })).toBe(good(1) + good(3));
    });
    it("sends one twice", async () => {
      expect(await fetchWith({ repeatRow: true })).toBe(good(1) + good(2) + good(2) + good(3));
    });
    it("sends other octets in place of one", async () => {
      expect(await fetchWith({ rawRow: "* 2 FETCH (((" })).toBe(`${good(1)}* 2 FETCH (((\r\n${good(3)}`);
    });
    it("sends them in descending order", async () => {
      expect(await fetchWith({ reverseRows: true })).toBe(good(3) + good(2) + good(1));
    });
    it("sends NIL, an empty string or another content as body", async () => {
      expect(await fetchWith({ body: null })).toBe(good(1) + row(2, "NIL") + good(3));
      expect(await fetchWith({ body: "" })).toBe(good(1) + row(2, '""') + good(3));
      expect(await fetchWith({ body: Buffer.from("other") })).toBe(good(1) + row(2, "{5}\r\nother") + good(3));
    });
    it("lies about sizes", async () => {
      const claimed = await fetchWith({ claimedSize: 4_294_967_296 });
      expect(claimed).toBe(good(1) + good(2).replace("SIZE 3", "SIZE 4294967296") + good(3));
      expect(await fetchWith({ literalSize: "9".repeat(30) })).toBe(
        good(1) + row(2, `{${"9".repeat(30)}}\r\nabc`) + good(3),
      );
    });
    it("breaks off inside a body", async () => {
      expect(await fetchWith({ literalSize: 10, thenCut: "fin" })).toBe(good(1) + row(2, "{10}\r\nabc").slice(0, -3));
    });
  });

  it.each([
    ["no greeting", knownFaults.noGreeting(), ""],
    ["an SSH banner", knownFaults.sshBanner(), "SSH-2.0-OpenSSH_9.2p1\r\n"],
    ["BYE", knownFaults.byeGreeting("full"), "* BYE full\r\n"],
  ])("greets with %s", async (_, fault, greeting) => {
    const server = await start({ faults: [fault] });
    const client = new RawClient(server.port);
    client.send("a LOGOUT\r\n");
    await client.ended;
    expect(client.text.startsWith(greeting)).toBe(true);
    expect(client.text).not.toMatch(/^\* OK/);
  });

  it("greets as if somebody were signed in, in plain text and under TLS", async () => {
    const server = await start({
      tls: { ...certificate, mode: "both" },
      faults: [knownFaults.preauthGreeting("terry")],
    });
    const client = new RawClient(server.port);
    expect(await client.until("\r\n")).toMatch(/^\* PREAUTH/);
    expect((await client.command("a EXAMINE INBOX")).at(-1)).toMatch(/^a OK/);
    const secure = await imapFlow(server, { port: server.tlsPort, secure: true });
    expect((await secure.list()).map(({ path }) => path)).toEqual(["INBOX", "Sent"]);
    expect(server.commands("LOGIN").length + server.commands("AUTHENTICATE").length).toBe(0);
  });

  it("refuses STARTTLS, goes on in plain text, or injects a line behind its OK", async () => {
    const server = await start({ tls: { ...certificate, mode: "starttls" } });
    const answerTo = async (fault: ServerFault): Promise<[RawClient, string[]]> => {
      server.clearFaults();
      server.addFault(fault);
      const client = new RawClient(server.port);
      await client.until("\r\n");
      return [client, await client.command("a STARTTLS")];
    };
    expect((await answerTo(knownFaults.startTlsRefused()))[1]).toEqual(["a NO TLS not available"]);
    const [plain, followed] = await answerTo(knownFaults.startTlsNotFollowed());
    expect(followed).toEqual(["a OK Begin TLS negotiation now"]);
    expect(await plain.command("b NOOP")).toEqual(["b OK Nothing done"]);
    const [injected] = await answerTo(knownFaults.startTlsInjection("* INJECTED"));
    expect(await injected.until("\r\n")).toBe("* INJECTED\r\n");
    await expect(imapFlow(server, { doSTARTTLS: true })).rejects.toThrow();
    server.clearFaults();
    await imapFlow(server, { doSTARTTLS: true });
  });

  it("drips its answer octet by octet", async () => {
    const server = await start({ faults: [{ when: { verb: "NOOP" }, do: { drip: true } }] });
    const client = await signedIn(server);
    const pieces: number[] = [];
    client.socket.on("data", (chunk: Buffer) => pieces.push(chunk.length));
    expect(await client.command("b NOOP")).toEqual(["b OK Nothing done"]);
    expect(pieces.length).toBeGreaterThan(1);
  });

  it("floods until the client goes, no faster than it reads", async () => {
    for (const fault of [
      knownFaults.endlessLine({ verb: "NOOP" }),
      knownFaults.hugeLiteral("9".repeat(30), { verb: "NOOP" }),
    ]) {
      const server = await start({ faults: [fault] });
      const client = await signedIn(server);
      let octets = 0;
      client.socket.on("data", (chunk: Buffer) => {
        octets += chunk.length;
        if (octets > 3_000_000) client.socket.destroy();
      });
      client.send("b NOOP\r\n");
      await server.until(() => server.connections === 0);
      expect(octets).toBeGreaterThan(3_000_000);
      expect(client.text.slice(0, 1000).split("\r\n").length).toBeLessThan(5);
    }
  });

  it("sends a million LIST lines and deep nesting, made as they are read, and then answers", async () => {
    const server = await start();
    server.addFault(knownFaults.manyFolders(1_000_000));
    const client = new RawClient(server.port);
    let lines = 0;
    let last = "";
    client.socket.removeAllListeners("data").on("data", (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
      last = (last + chunk.toString("latin1")).slice(-100);
      if (last.includes("\nb OK List completed\r\n")) client.socket.end("c LOGOUT\r\n");
    });
    client.send('a LOGIN terry p4ssw0rd\r\nb LIST "" *\r\n');
    await client.ended;
    expect(lines).toBe(1_000_000 + 2 + 2 + 1 + 2); // greeting and login, two folders, the end of LIST, LOGOUT
    server.clearFaults();
    server.addFault(knownFaults.deepNesting(100_000));
    const next = await signedIn(server);
    const [nested] = await next.command('b LIST "" *');
    expect(nested).toBe(`* LIST ${"(".repeat(100_000)}`);
  });

  it("echoes secrets to the client and keeps them out of the transcript", async () => {
    const server = await start({
      faults: [{ when: { verb: "LOGIN" }, do: { answer: `NO [ALERT] p4ssw0rd is wrong, ${base64("p4ssw0rd")}` } }],
    });
    const client = new RawClient(server.port);
    await client.until("\r\n");
    expect(await client.command("a LOGIN terry p4ssw0rd")).toEqual([expect.stringContaining("p4ssw0rd is wrong")]);
    expect(serverLines(server).at(-1)).toBe("a NO [ALERT] ••• is wrong, •••");
  });
});

describe("what a ScriptedImapServer records", () => {
  it("tells which commands were sent, in order, with their folder and user", async () => {
    const server = await start();
    const client = await signedIn(server);
    await client.command("b EXAMINE inbox");
    await client.command("c UID FETCH 1:* (UID)");
    await client.command('d APPEND "Sent" (\\Seen) {3+}\r\nabc');
    await client.command("e BOGUS");
    const shown = server.commands().map(({ verb, arguments: text, folder, user }) => [verb, text, folder, user]);
    expect(shown).toEqual([
      ["LOGIN", "terry •••", undefined, undefined],
      ["EXAMINE", "inbox", "INBOX", "terry"],
      ["UID FETCH", "1:* (UID)", "INBOX", "terry"],
      ["APPEND", '"Sent" (\\Seen) {3+}', "Sent", "terry"],
      ["BOGUS", "", undefined, "terry"],
    ]);
    expect(server.transcript.slice(-2)).toEqual([
      { connection: 1, direction: "client", line: "e BOGUS" },
      { connection: 1, direction: "server", line: "e BAD Unknown command" },
    ]);
  });

  it("takes its time for each command where the test asks for it", async () => {
    const server = await start({ commandLatencyMs: 20 });
    const client = new RawClient(server.port);
    const before = performance.now();
    client.send("a NOOP\r\nb NOOP\r\n");
    await client.until("b OK");
    expect(performance.now() - before).toBeGreaterThanOrEqual(3 * 19); // the greeting waits as well
  });

  it("counts connections and loses them all when the test wants it", async () => {
    const server = await start();
    const clients = [await signedIn(server), await signedIn(server)];
    expect([server.connections, server.peakConnections]).toEqual([2, 2]);
    server.dropConnections();
    for (const client of clients) await client.ended;
    await server.until(() => server.connections === 0);
    await signedIn(server);
    expect([server.connections, server.peakConnections, server.acceptedConnections]).toEqual([1, 2, 3]);
  });

  it("closes with clients connected and a command held back", async () => {
    const server = await ScriptedImapServer.start({
      accounts: [ACCOUNT],
      faults: [{ when: { verb: "NOOP" }, do: { delayUntil: "release" } }],
    });
    const client = await signedIn(server);
    client.send("b NOOP\r\n");
    await server.until(() => server.held === 1);
    await server.close();
    await client.ended;
    expect(server.connections).toBe(0);
  });
});
