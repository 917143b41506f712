import { afterEach, describe, expect, it } from "vitest";
import type { MigrationError } from "../../../src/errors.js";
import { ExchangeStanding } from "../../../src/imap/exchange-standing.js";
import { ExchangeTarget } from "../../../src/imap/exchange-target.js";
import { openImapConnection } from "../../../src/imap/imap-connection.js";
import type { FolderPlan } from "../../../src/mail/folder.js";
import { headerBlock } from "../../../src/mail/header-key.js";
import { fakeMessage } from "../../../src/testing/fake-content.js";
import { exchangeFaults } from "../../../src/testing/imap-server/exchange-faults.js";
import { exchangeOnlineProfile } from "../../../src/testing/imap-server/exchange-online-profile.js";
import type { ServerFault } from "../../../src/testing/imap-server/faults.js";
import { ScriptedImapServer } from "../../../src/testing/imap-server/scripted-imap-server.js";
import { type StoredMessage, sampleMessage } from "../../../src/testing/sample-message.js";
import { rebuiltHarshly } from "../../suites/exchange-mailboxes.js";

const ANN = { user: "ann@contoso.example", accessToken: "token-of-ann" };
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: { faults?: readonly ServerFault[]; rebuilds?: boolean } = {}) {
  const folders = [{ name: "INBOX" }, { name: "Gesendete Elemente", specialUse: "\\Sent" }] as const;
  const server = await ScriptedImapServer.start({
    accounts: [{ ...ANN, folders }],
    profile: exchangeOnlineProfile(),
    faults: options.faults ?? [],
    store: options.rebuilds ? rebuiltHarshly : (octets) => octets,
  });
  cleanups.push(() => server.close());
  return { server, account: server.account(ANN.user), target: await reopen(server) };
}

async function reopen(server: ScriptedImapServer): Promise<ExchangeTarget> {
  const address = { remoteServer: server.host, port: server.port, security: "None" } as const;
  const limits = { maxMessageSize: 45_000_000, maxConcurrentAppends: 16, goodUntil: new Date(Date.now() + 3_600_000) };
  const connection = await openImapConnection(address, { user: ANN.user, accessToken: ANN.accessToken });
  const target = new ExchangeTarget(connection, { ...limits, standing: new ExchangeStanding() });
  cleanups.push(() => target.close());
  return target;
}

function planFor(...levels: string[]): FolderPlan {
  const source = { name: "", levels, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 };
  return { source, target: levels, changes: [] };
}

const message = (subject: string, ...flags: string[]) => sampleMessage(subject, { flags });
const headOf = (uid: number, { octets, internalDate, flags }: StoredMessage) => ({
  ...{ uid, size: octets.length, internalDate, flags, header: headerBlock(octets) },
});
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: MigrationError) => `${error.code} ${error.scope}`,
  );

describe("ExchangeTarget.listFolders", () => {
  it("reads special uses from the attributes, although SPECIAL-USE is not announced", async () => {
    const { target, server } = await open();
    const folders = await target.listFolders();
    expect(folders.find(({ specialUse }) => specialUse === "\\Sent")?.levels).toEqual(["Gesendete Elemente"]);
    expect(server.commands("LIST").some(({ arguments: text }) => text.includes("SPECIAL-USE"))).toBe(false);
  });
});

describe("ExchangeTarget.append", () => {
  it("sends the system flags but \\Flagged, and tells keywords as lost, $MDNSent too (R3)", async () => {
    const { target, server, account } = await open();
    const inbox = await target.ensureFolder(planFor("INBOX"));
    const flags = ["\\Seen", "\\Answered", "\\Draft", "$MDNSent", "$Forwarded", "\\Recent"];
    expect(await target.append(inbox, fakeMessage(1, message("one", ...flags)))).toEqual({
      id: "1",
      lost: ["keyword"],
    });
    expect(await target.append(inbox, fakeMessage(2, message("two", "\\Recent")))).toEqual({ id: "2" });
    expect(account.folder("INBOX").messages.map((stored) => [...stored.flags])).toEqual([
      ["\\Seen", "\\Answered", "\\Draft"],
      [],
    ]);
    expect(server.commands("UID STORE")).toEqual([]);
  });

  it("sets \\Flagged afterwards, in one UID STORE for a run of appends, and keeps the other flags", async () => {
    const { target, server, account } = await open();
    const inbox = await target.ensureFolder(planFor("INBOX"));
    const flags = [["\\Flagged", "\\Answered"], [], ["\\flagged"], ["\\Seen", "\\Flagged"]];
    const answers = flags.map((each, at) => target.append(inbox, fakeMessage(at + 1, message(`${at}`, ...each))));
    expect(await Promise.all(answers)).toEqual(["1", "2", "3", "4"].map((id) => ({ id })));
    const appends = server.commands("APPEND").map(({ arguments: text }) => text);
    expect(appends.some((text) => /\\flagged/i.test(text))).toBe(false);
    expect(server.commands("UID STORE").map(({ arguments: text }) => text.trim())).toEqual([
      "1,3:4 +FLAGS (\\Flagged)",
    ]);
    expect(account.folder("INBOX").messages.map((stored) => [...stored.flags].sort())).toEqual([
      ["\\Answered", "\\Flagged"],
      [],
      ["\\Flagged"],
      ["\\Flagged", "\\Seen"],
    ]);
  });

  it("sets it in each folder by itself, and while appends go on", async () => {
    const { target, server, account } = await open();
    const folders = [
      await target.ensureFolder(planFor("INBOX")),
      await target.ensureFolder(planFor("Gesendete Elemente")),
    ];
    const answers = Array.from({ length: 60 }, (_, at) => {
      const folder = folders[at % 2];
      if (!folder) throw new Error("there are two folders");
      return target.append(folder, fakeMessage(at + 1, message(`${at}`, ...(at % 3 === 0 ? ["\\Flagged"] : []))));
    });
    expect((await Promise.all(answers)).filter(({ lost }) => lost)).toEqual([]);
    const flagged = account.folders.flatMap(({ messages }) => messages.filter(({ flags }) => flags.has("\\Flagged")));
    expect(flagged).toHaveLength(20);
    expect(server.commands("UID STORE").length).toBeLessThan(20);
  });

  it("tells the flag as lost where STORE is refused, and where the server says that it is not there", async () => {
    const answers: ServerFault["do"][] = [
      { answer: "NO not here" },
      { replaceLine: (line) => line.replace("\\Flagged", "") },
    ];
    for (const action of answers) {
      const { target } = await open({ faults: [{ when: { verb: "UID STORE" }, do: action }] });
      const inbox = await target.ensureFolder(planFor("INBOX"));
      const flagged = message("x", "\\Flagged", "$Work");
      expect(await target.append(inbox, fakeMessage(1, flagged))).toEqual({ id: "1", lost: ["keyword", "flag"] });
    }
  });

  it("changes no flag in another folder where the folder cannot be opened any more", async () => {
    const { target, server, account } = await open();
    const inbox = await target.ensureFolder(planFor("INBOX"));
    account.folder("Gesendete Elemente").addMessage(message("theirs"));
    const faults: ServerFault = { when: { verb: "SELECT", folder: "INBOX" }, do: { answer: "NO [NONEXISTENT] gone" } };
    server.addFault(faults);
    expect(await codeOf(target.append(inbox, fakeMessage(1, message("x", "\\Flagged"))))).toBe("folder-missing folder");
    expect(server.commands("UID STORE")).toEqual([]);
  });

  it.each<[string, ServerFault["do"], string]>([
    ["the connection is lost", { cut: "rst", after: "before-effect" }, "connection-lost user"],
    ["the token expires", { answer: "NO Session invalidated - AccessTokenExpired" }, "token-expired user"],
    [
      "the server throttles",
      { answer: "BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds" },
      "throttled user",
    ],
  ])(
    "leaves a message in doubt where %s between APPEND and STORE, and its look sets the flag (R2)",
    async (_, fault, code) => {
      const { target, server, account } = await open({
        faults: [{ when: { verb: "UID STORE", nth: 1 }, do: fault }],
        rebuilds: true,
      });
      const inbox = await target.ensureFolder(planFor("INBOX"));
      const flagged = message("x", "\\Flagged", "$Work");
      expect(await codeOf(target.append(inbox, fakeMessage(1, flagged)))).toBe(code);
      const again = await reopen(server);
      const heads = [headOf(1, flagged), headOf(2, message("y"))];
      const found = await again.find(await again.ensureFolder(planFor("INBOX")), heads, { fromUid: 1, begun: true });
      expect([...found]).toEqual([[1, { id: "1", lost: ["keyword"] }]]);
      expect(account.folder("INBOX").messages.map(({ flags }) => [...flags])).toEqual([["\\Flagged"]]);
    },
  );

  it("changes no flags of messages that somebody else made: adoption looks and leaves", async () => {
    const { target, server, account } = await open();
    const inbox = await target.ensureFolder(planFor("INBOX"));
    account.folder("INBOX").addMessage(message("x"));
    const found = await target.find(inbox, [headOf(1, message("x", "\\Flagged"))]);
    expect([...found]).toEqual([[1, { id: "1" }]]);
    expect(server.commands("UID STORE")).toEqual([]);
  });
});

describe("Command Argument Error. 11", () => {
  const refusing = (...nths: number[]) => nths.map((nth) => exchangeFaults.commandArgumentError({ nth }));

  async function appendAll(messages: readonly StoredMessage[], faults: readonly ServerFault[]) {
    const { target } = await open({ faults });
    const inbox = await target.ensureFolder(planFor("INBOX"));
    return Promise.all(messages.map((each, at) => codeOf(target.append(inbox, fakeMessage(at + 1, each)))));
  }

  it("refuses the messages alone where others are taken around them", async () => {
    const messages = Array.from({ length: 8 }, (_, at) => message(`${at}`));
    const refused = "message-refused message";
    expect(await appendAll(messages, refusing(1, 2, 3, 4, 6))).toEqual([
      ...[refused, refused, refused, refused, "resolved", refused, "resolved", "resolved"],
    ]);
  });

  it("refuses them where nothing comes behind them", async () => {
    expect(await appendAll([message("only")], refusing(1))).toEqual(["message-refused message"]);
  });

  it("refuses none of them where it is the mailbox: five in a row are all in doubt", async () => {
    const messages = Array.from({ length: 6 }, (_, at) => message(`${at}`));
    const answers = await appendAll(messages, refusing(1, 2, 3, 4, 5, 6));
    expect(answers).toEqual(messages.map(() => "server-unavailable user"));
  });

  it("refuses each message with a line that is too long, however many there are", async () => {
    const tooLong = sampleMessage("long", { body: `${"x".repeat(10_300)}\r\n` });
    const answers = await appendAll(Array(9).fill(tooLong), []);
    expect(answers).toEqual(Array(9).fill("message-refused message"));
  });
});

describe("ExchangeTarget.find", () => {
  it("finds messages that were rebuilt, twins by count, and those without Message-ID (R2)", async () => {
    const { target } = await open({ rebuilds: true });
    const inbox = await target.ensureFolder(planFor("INBOX"));
    const octets = Buffer.from("From: a@x\r\nTo: b@x\r\nSubject: no id\r\n\r\nbody\r\n");
    const sent = [message("twin"), message("other"), message("twin"), { ...message("no id"), octets }];
    for (const [at, each] of sent.entries()) await target.append(inbox, fakeMessage(at + 1, each));
    const heads = [...sent, message("twin"), message("never sent")].map((each, at) => headOf(at + 1, each));
    const found = await target.find(inbox, heads);
    expect([...found].map(([uid, { id }]) => [uid, id]).sort()).toEqual([
      [1, "1"],
      [2, "2"],
      [3, "3"],
      [4, "4"],
    ]);
  });
});
