import { afterEach, describe, expect, it } from "vitest";
import type { MigrationError } from "../../../src/errors.js";
import { openImapConnection } from "../../../src/imap/imap-connection.js";
import { ImapTarget } from "../../../src/imap/imap-target.js";
import type { FolderPlan } from "../../../src/mail/folder.js";
import { headerBlock } from "../../../src/mail/header-key.js";
import { fakeMessage } from "../../../src/testing/fake-content.js";
import { defaultCapabilities } from "../../../src/testing/imap-server/capabilities.js";
import type { ServerFault } from "../../../src/testing/imap-server/faults.js";
import {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
} from "../../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";

const TERRY = { user: "terry", password: "p4ssw0rd-of-terry" };
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: ScriptedImapServerOptions = {}) {
  const server = await ScriptedImapServer.start({ accounts: [{ ...TERRY, folders: ["Sent"] }], ...options });
  cleanups.push(() => server.close());
  const address = { remoteServer: server.host, port: server.port, security: "None" } as const;
  const target = new ImapTarget(await openImapConnection(address, TERRY));
  cleanups.push(() => target.close());
  return { server, target, account: server.account(TERRY.user) };
}

function planFor(...levels: string[]): FolderPlan {
  const source = { name: "", levels, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 };
  return { source, target: levels, changes: [] };
}

function headOf(uid: number, subject: string) {
  const { octets, internalDate, flags } = sampleMessage(subject);
  return { uid, size: octets.length, internalDate, flags, header: headerBlock(octets) };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: MigrationError) => `${error.code} ${error.scope}`,
  );

describe("ImapTarget.ensureFolder", () => {
  it("makes the levels above first where a server wants them", async () => {
    const missing: ServerFault = {
      when: { verb: "CREATE", folder: "One/Two/Three", nth: 1 },
      do: { answer: "NO no parent" },
    };
    const { target, server } = await open({ faults: [missing] });
    await target.ensureFolder(planFor("One", "Two", "Three"));
    expect(server.commands("CREATE").map(({ folder }) => folder)).toEqual([
      ...["One/Two/Three", "One", "One/Two", "One/Two/Three"],
    ]);
  });

  it("takes a folder that somebody else made meanwhile", async () => {
    const { target, account } = await open();
    await target.listFolders();
    account.addFolder("New").addMessage(sampleMessage("theirs"));
    expect(await target.ensureFolder(planFor("New"))).toMatchObject({ name: "New", messages: 1, uidNext: 2 });
  });

  it.each([
    ["SELECT", "NO [NOPERM] no", "access-denied folder"],
    ["SELECT", "OK [READ-ONLY] opened", "access-denied folder"],
    ["SELECT", "NO [NONEXISTENT] gone", "folder-missing folder"],
  ])("says of a folder that is there and whose %s is answered with %s: %s", async (verb, answer, expected) => {
    const { target } = await open({ faults: [{ when: { verb, folder: "Sent" }, do: { answer } }] });
    expect(await codeOf(target.ensureFolder(planFor("Sent")))).toBe(expected);
    expect(await codeOf(target.ensureFolder(planFor("INBOX")))).toBe("resolved");
  });

  it("tells why SELECT is refused, not that CREATE found the folder there", async () => {
    const faults: ServerFault[] = [{ when: { verb: "SELECT", folder: "New" }, do: { answer: "NO [NOPERM] no" } }];
    const { target, account } = await open({ faults });
    await target.listFolders();
    account.addFolder("New");
    expect(await codeOf(target.ensureFolder(planFor("New")))).toBe("access-denied folder");
  });

  it("asks for UIDNEXT where SELECT does not tell it", async () => {
    const silent: ServerFault = {
      when: { verb: "SELECT" },
      do: { replaceLine: (line) => (line.includes("UIDNEXT") ? undefined : line) },
    };
    const { target, account } = await open({ faults: [silent] });
    account.folder("Sent").addMessage({ octets: "x", uid: 41 });
    expect((await target.ensureFolder(planFor("Sent"))).uidNext).toBe(42);
  });

  it("lists again after a listing that failed", async () => {
    const { target } = await open({
      faults: [{ when: { verb: "LIST", nth: 1 }, do: { answer: "NO [UNAVAILABLE] later" } }],
    });
    expect(await codeOf(target.listFolders())).toBe("server-unavailable user");
    expect((await target.listFolders()).map(({ name }) => name)).toEqual(["INBOX", "Sent"]);
  });
});

describe("ImapTarget.append", () => {
  it("limits flags to PERMANENTFLAGS and tells what is lost, flags and keywords each (R3)", async () => {
    const permanentFlags = ["\\Seen", "\\Answered", "$Forwarded"];
    const { target, account, server } = await open({
      accounts: [{ ...TERRY, folders: [{ name: "Few", permanentFlags }] }],
    });
    const folder = await target.ensureFolder(planFor("Few"));
    const append = (...flags: string[]) => target.append(folder, fakeMessage(1, sampleMessage("x", { flags })));
    expect((await append("\\Seen", "$forwarded", "\\Recent")).lost).toBeUndefined();
    expect((await append("\\Seen", "\\Flagged")).lost).toEqual(["flag"]);
    expect((await append("projekt-x", "\\Draft", "\\Deleted", "y")).lost?.slice().sort()).toEqual(["flag", "keyword"]);
    expect(account.folder("Few").messages.map(({ flags }) => [...flags])).toEqual([
      ["\\Seen", "$forwarded"],
      ["\\Seen"],
      [],
    ]);
    expect(server.commands("APPEND").some(({ arguments: text }) => /Recent|projekt|Flagged/.test(text))).toBe(false);
    expect(target.capabilities.loses).toEqual(expect.arrayContaining(["flag", "keyword"]));
  });

  it("takes PERMANENTFLAGS with a bracket in a keyword, and without any flag", async () => {
    const folders = [
      { name: "Bracket", permanentFlags: ["\\Seen", "odd]one", "\\*"] },
      { name: "None", permanentFlags: [] },
    ];
    const { target } = await open({ accounts: [{ ...TERRY, folders }] });
    const append = async (name: string) =>
      target.append(
        await target.ensureFolder(planFor(name)),
        fakeMessage(1, sampleMessage("x", { flags: ["\\Seen", "y"] })),
      );
    expect((await append("Bracket")).lost).toBeUndefined();
    expect((await append("None")).lost?.slice().sort()).toEqual(["flag", "keyword"]);
  });

  it("sends no flag that is none: a source cannot write into the target's commands (R13)", async () => {
    const { target, account } = await open();
    const folder = await target.ensureFolder(planFor("Sent"));
    const flags = ["\\Seen", "x) {3+}", "a b", "y\r\nA1 DELETE Sent", 'q"', "gr\xfcn", "\\", "", "foo[1"];
    const { lost } = await target.append(folder, fakeMessage(1, sampleMessage("x", { flags })));
    expect(lost).toEqual(["keyword"]);
    expect(account.folder("Sent").messages.map((message) => [...message.flags])).toEqual([["\\Seen", "foo[1"]]);
  });

  it("tells no UID under another UIDVALIDITY, and none where the server gives none", async () => {
    const { target, account } = await open();
    const folder = await target.ensureFolder(planFor("Sent"));
    const append = () => target.append(folder, fakeMessage(1, sampleMessage("x")));
    expect(await append()).toEqual({ id: "1" });
    account.folder("Sent").setUidValidity(4711);
    expect(await append()).toEqual({});
    expect(account.folder("Sent").messages).toHaveLength(2);
  });

  it.each<[string, ServerFault["do"], string]>([
    ["NO", { answer: "NO we do not like it" }, "message-refused message"],
    ["BAD", { answer: "BAD what" }, "message-refused message"],
    ["NO [TOOBIG]", { answer: "NO [TOOBIG] too big" }, "message-too-large message"],
    ["NO [OVERQUOTA]", { answer: "NO [OVERQUOTA] full" }, "quota-exceeded user"],
    ["NO [TRYCREATE]", { answer: "NO [TRYCREATE] gone" }, "folder-missing folder"],
    ["BYE", { bye: "shutting down" }, "server-unavailable user"],
    ["a cut before the effect", { cut: "rst", after: "before-effect" }, "connection-lost user"],
    ["a cut in the literal", { cut: "rst", after: { literalOctets: 100 } }, "connection-lost user"],
    ["a cut before the answer", { cut: "fin", after: "effect" }, "connection-lost user"],
  ])("answered with %s ends in a code that tells whether it is in doubt", async (_, action, expected) => {
    const { target } = await open({ faults: [{ when: { verb: "APPEND" }, do: action }] });
    const folder = await target.ensureFolder(planFor("Sent"));
    expect(await codeOf(target.append(folder, fakeMessage(1, sampleMessage("x", { octets: 1000 }))))).toBe(expected);
  });

  it("reads APPENDLIMIT, for all folders alike", async () => {
    expect((await open({ appendLimit: 35_000_000 })).target.capabilities.maxMessageSize).toBe(35_000_000);
    expect((await open()).target.capabilities.maxMessageSize).toBe(Number.POSITIVE_INFINITY);
    const capabilities = (state: Parameters<typeof defaultCapabilities>[0]) => [
      ...defaultCapabilities(state),
      "APPENDLIMIT",
    ];
    expect((await open({ capabilities })).target.capabilities.maxMessageSize).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("ImapTarget.find", () => {
  it("says so where the folder cannot be opened, instead of looking into another one (R2)", async () => {
    const { target, account, server } = await open();
    const [sent, inbox] = [await target.ensureFolder(planFor("Sent")), await target.ensureFolder(planFor("INBOX"))];
    account.folder("INBOX").addMessage(sampleMessage("x"));
    expect([...(await target.find(inbox, [headOf(7, "x")])).keys()]).toEqual([7]);
    // A server that keeps the folder open whose successor it refused.
    server.addFault({ when: { verb: "SELECT", folder: "Sent" }, do: { answer: "NO [NONEXISTENT] gone" } });
    expect(await codeOf(target.find(sent, [headOf(7, "x")]))).toBe("folder-missing folder");
  });

  it("looks from the first message on where no UIDNEXT is known", async () => {
    const { target, account, server } = await open();
    const sent = await target.ensureFolder(planFor("Sent"));
    account.folder("Sent").addMessage(sampleMessage("x"));
    expect([...(await target.find(sent, [headOf(7, "x")], { fromUid: 0 })).keys()]).toEqual([7]);
    expect(server.commands("UID FETCH").map(({ arguments: text }) => text.trim().split(" ")[0])).toEqual(["1:*"]);
  });
});
