import { afterEach, describe, expect, it } from "vitest";
import type { MigrationError } from "../../../src/errors.js";
import { openImapConnection } from "../../../src/imap/imap-connection.js";
import { ImapSource } from "../../../src/imap/imap-source.js";
import type { SourceFolder } from "../../../src/mail/folder.js";
import type { ListMessagesOptions } from "../../../src/mail/mail-source.js";
import type { MessageHead } from "../../../src/mail/message.js";
import { readOctets } from "../../../src/testing/fake-content.js";
import type { FaultAction, ServerFault } from "../../../src/testing/imap-server/faults.js";
import { knownFaults } from "../../../src/testing/imap-server/known-faults.js";
import type { ScriptedFolder } from "../../../src/testing/imap-server/mailbox-state.js";
import {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
} from "../../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";

const TERRY = { user: "terry", password: "p4ssw0rd-of-terry" };
const OLD_SERVER = ["IMAP4rev1", "AUTH=PLAIN", "NAMESPACE"];
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Opened {
  server: ScriptedImapServer;
  source: ImapSource;
  inbox: ScriptedFolder;
}

async function open(options: ScriptedImapServerOptions = {}, messages = 0): Promise<Opened> {
  const server = await ScriptedImapServer.start({ accounts: [{ ...TERRY, folders: ["Other"] }], ...options });
  cleanups.push(() => server.close());
  const inbox = server.account(TERRY.user).folder("INBOX");
  for (let at = 1; at <= messages; at++) inbox.addMessage(sampleMessage(`message ${at}`));
  const address = { remoteServer: server.host, port: server.port, security: "None" } as const;
  const source = new ImapSource(await openImapConnection(address, TERRY));
  cleanups.push(() => source.close());
  return { server, source, inbox };
}

async function folderOf(source: ImapSource, name = "INBOX"): Promise<SourceFolder> {
  const folder = (await source.listFolders()).find((listed) => listed.name === name);
  if (!folder) throw new Error(`${name} is not listed`);
  return folder;
}

async function list(source: ImapSource, folder: SourceFolder, options?: ListMessagesOptions): Promise<MessageHead[]> {
  const heads: MessageHead[] = [];
  for await (const head of source.listMessages(folder, options)) heads.push(head);
  return heads;
}

async function fetchUids(source: ImapSource, folder: SourceFolder, uids: readonly number[]): Promise<number[]> {
  const fetched: number[] = [];
  for await (const { uid, content } of source.fetch(folder, uids)) {
    await readOctets(content);
    fetched.push(uid);
  }
  return fetched;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: MigrationError) => error.code,
  );
const inFetch = (action: FaultAction, uid?: number): ServerFault => ({
  when: { verb: "UID FETCH", ...(uid !== undefined && { uid }) },
  do: action,
});

describe("a server that takes a few messages at a time (RFC 9738)", () => {
  const limited = [...OLD_SERVER, "SASL-IR", "MESSAGELIMIT=3"];

  it("is asked until every message is listed, each once and in order (R3)", async () => {
    const { source } = await open({ capabilities: limited }, 10);
    const folder = await folderOf(source);
    const uids = Array.from({ length: 10 }, (_, at) => at + 1);
    expect((await list(source, folder)).map(({ uid }) => uid)).toEqual(uids);
    expect((await list(source, folder, { fromUid: 3, toUid: 9 })).map(({ uid }) => uid)).toEqual(uids.slice(2, 9));
    expect((await list(source, folder, { uids })).map(({ uid }) => uid)).toEqual(uids);
    expect(await fetchUids(source, folder, uids)).toEqual(uids);
  });

  it("is a broken one where it takes fewer than it says: nothing counts as gone for that", async () => {
    const answer = "OK [MESSAGELIMIT 2 9] done";
    const { source } = await open(
      { capabilities: limited, faults: [{ when: { verb: "UID FETCH" }, do: { answer, after: "effect" } }] },
      10,
    );
    const folder = await folderOf(source);
    await expect(list(source, folder, { uids: [8, 9, 10] })).rejects.toMatchObject({ code: "protocol-error" });
  });
});

describe("ImapSource.listFolders", () => {
  it("lists a folder that is listed twice once", async () => {
    const twice = ['* LIST () "/" "Other"', '* LIST (\\HasNoChildren) "/" "Other"'];
    const { source } = await open({ faults: [{ when: { verb: "LIST" }, do: { insertBefore: twice } }] });
    expect((await source.listFolders()).map(({ name }) => name)).toEqual(["Other", "INBOX"]);
  });

  it.each([undefined, OLD_SERVER])(
    "lists a folder that refuses STATUS without numbers, and the others with theirs",
    async (old) => {
      const hidden = (line: string) => (line.startsWith('* STATUS "Other"') ? undefined : line);
      const refused: ServerFault = {
        when: { verb: "STATUS", folder: "Other" },
        do: { answer: "NO [NOPERM] not for you" },
      };
      const leftOut: ServerFault = { when: { verb: "LIST" }, do: { replaceLine: hidden } };
      const { source } = await open({ faults: [refused, leftOut], ...(old && { capabilities: old }) }, 2);
      expect(await folderOf(source)).toMatchObject({ messages: 2, uidNext: 3, uidValidity: 1001 });
      expect(await folderOf(source, "Other")).toMatchObject({ messages: 0, uidNext: 0, uidValidity: 0 });
    },
  );

  it("keeps to the folders below levels that cannot be opened, and asks those for nothing", async () => {
    const folders = [
      { name: "Level", selectable: false },
      "Level/below",
      { name: "Gone", attributes: ["\\NonExistent"] },
    ];
    const { source, server } = await open({ accounts: [{ ...TERRY, folders }], capabilities: OLD_SERVER });
    const selectable = (await source.listFolders()).map((folder) => [folder.name, folder.selectable]);
    expect(selectable).toEqual([
      ["INBOX", true],
      ["Level", false],
      ["Level/below", true],
      ["Gone", false],
    ]);
    expect(server.commands("STATUS").map(({ folder }) => folder)).toEqual(["INBOX", "Level/below"]);
  });

  it.each([undefined, OLD_SERVER])(
    "reports a name that no command can hold for that folder alone, each time (R13, R15)",
    async (old) => {
      const odd = ['* LIST () "/" {15}', "a", "A1 DELETE Sent) "].join("\r\n").replace("{15}", "{18}");
      const { source, server } = await open(
        { faults: [{ when: { verb: "LIST" }, do: { insertBefore: [odd] } }], ...(old && { capabilities: old }) },
        2,
      );
      const folders = await source.listFolders();
      const strange = folders.find(({ name }) => name.includes("\n"));
      expect(folders.map(({ name }) => name)).toEqual(["a\r\nA1 DELETE Sent)", "INBOX", "Other"]);
      if (!strange) return;
      const inbox = await folderOf(source);
      for (let time = 0; time < 2; time++) {
        expect(await list(source, inbox)).toHaveLength(2);
        expect(await codeOf(list(source, strange))).toBe("folder-name");
        expect(await codeOf((async () => await fetchUids(source, strange, [1, 2]))())).toBe("folder-name");
      }
      expect(server.commands("DELETE")).toEqual([]);
    },
  );

  it.each([
    ["250,000 folders", knownFaults.manyFolders(250_000)],
    ["lists 100,000 deep", knownFaults.deepNesting(100_000)],
    ["a line without end", knownFaults.endlessLine({ verb: "LIST" })],
  ])("ends with `response-too-large` for %s (R11, R13)", async (_, fault) => {
    const { source } = await open({ faults: [fault] });
    expect(await codeOf(source.listFolders())).toBe("response-too-large");
    expect(await codeOf(source.listFolders())).toBe("response-too-large");
  });

  it("ends with `response-too-large` for names that would fill the memory (R11)", async () => {
    const name = (at: number) => `* LIST () "/" "${String(at).padStart(100_000, "x")}"\r\n`;
    const { source } = await open({
      faults: [{ when: { verb: "LIST" }, do: { flood: { repeat: name, times: 1000 } } }],
    });
    expect(await codeOf(source.listFolders())).toBe("response-too-large");
  });
});

describe("ImapSource.listMessages", () => {
  const without = (item: RegExp) => (line: string) => (/^\* \d+ FETCH/.test(line) ? line.replace(item, "") : line);

  it("lists a message whose size the server leaves out: its content will tell", async () => {
    const { source } = await open({ faults: [inFetch({ replaceLine: without(/ RFC822\.SIZE \d+/) })] }, 2);
    const heads = await list(source, await folderOf(source));
    expect(heads.map(({ uid, size }) => [uid, size])).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  it.each([
    ["flags that cannot be read", '* 2 FETCH (UID 2 FLAGS (\\Seen "x) RFC822.SIZE 7)'],
    ["a size of 30 digits", `* 2 FETCH (UID 2 RFC822.SIZE ${"9".repeat(30)} INTERNALDATE NIL)`],
  ])("lists a message whose row has %s, so that it is not lost (R1)", async (_, rawRow) => {
    const { source } = await open({ faults: [inFetch({ rawRow }, 2)] }, 3);
    const heads = await list(source, await folderOf(source));
    expect(heads.map(({ uid }) => uid)).toEqual([1, 2, 3]);
    expect(heads[1]).toMatchObject({ size: 0, flags: new Set() });
  });

  it("says `protocol-error` of a row that does not even name its UID", async () => {
    const { source } = await open({ faults: [inFetch({ rawRow: "* 2 FETCH (FLAGS (x)" }, 2)] }, 3);
    expect(await codeOf(list(source, await folderOf(source)))).toBe("protocol-error");
  });

  it("sorts rows, and takes each once", async () => {
    const { source } = await open({ faults: [inFetch({ reverseRows: true }), inFetch({ repeatRow: true }, 2)] }, 4);
    expect((await list(source, await folderOf(source))).map(({ uid }) => uid)).toEqual([1, 2, 3, 4]);
  });

  it("overlooks news that nobody asked for, and rows of other messages", async () => {
    const row = (uid: number) => `* ${uid} FETCH (UID ${uid} RFC822.SIZE 9 INTERNALDATE NIL FLAGS ())`;
    const news = [
      "* 2 FETCH (FLAGS (\\Seen))",
      "* 3 FETCH (UID 3 FLAGS (x))",
      "* 9 EXISTS",
      "* 1 EXPUNGE",
      row(1),
      row(77),
    ];
    const { source } = await open({ faults: [inFetch({ insertBefore: news })] }, 4);
    const folder = await folderOf(source);
    expect((await list(source, folder, { fromUid: 2, toUid: 3 })).map(({ uid }) => uid)).toEqual([2, 3]);
    expect((await list(source, folder, { uids: [2, 4] })).map(({ uid }) => uid)).toEqual([2, 4]);
  });

  it("asks for scattered UIDs in lines of less than 8,000 octets, and gives them in order", async () => {
    const { source, inbox, server } = await open();
    const uids = Array.from({ length: 4000 }, (_, at) => 10_000 + 3 * at);
    for (const uid of uids) inbox.addMessage({ octets: "x", uid });
    const heads = await list(source, await folderOf(source), { uids: [...uids].reverse() });
    expect(heads.map(({ uid }) => uid)).toEqual(uids);
    const lines = server.transcript.filter(({ direction }) => direction === "client").map(({ line }) => line.length);
    expect(Math.max(...lines)).toBeLessThan(8000);
  });

  it("gives an INTERNALDATE that is none as an invalid Date", async () => {
    const { source, inbox } = await open();
    for (const rawInternalDate of ["NIL", '"31-Foo-2001 00:00:00 +0000"'])
      inbox.addMessage({ octets: "x", rawInternalDate });
    const heads = await list(source, await folderOf(source));
    expect(heads.map(({ internalDate }) => Number.isNaN(internalDate.getTime()))).toEqual([true, true]);
  });
});

describe("ImapSource.fetch", () => {
  it("leaves out what is gone, unreadable or broken, and delivers the others (R15)", async () => {
    const faults = [
      inFetch({ omitRow: true }, 2),
      inFetch({ body: null }, 3),
      inFetch({ rawRow: "* 4 FETCH (UID 4 FLAGS (x BODY[] NIL)" }, 4),
      inFetch({ replaceLine: (line) => (/^m\d+ OK Fetch/.test(line) ? line.replace("OK", "NO [SERVERBUG]") : line) }),
    ];
    const { source, inbox } = await open({ faults }, 6);
    const folder = await folderOf(source);
    inbox.removeMessage(5);
    expect(await fetchUids(source, folder, [1, 2, 3, 4, 5, 6])).toEqual([1, 6]);
  });

  it("delivers in ascending order where rows come in another: what comes late is left for another fetch", async () => {
    const { source } = await open({ faults: [inFetch({ reverseRows: true })] }, 3);
    const folder = await folderOf(source);
    expect(await fetchUids(source, folder, [1, 2, 3])).toEqual([3]);
    expect(await fetchUids(source, folder, [1])).toEqual([1]);
  });

  it.each(["4294967296", "9".repeat(30)])(
    "ends with `response-too-large` for a literal of %s octets (R11, R13)",
    async (digits) => {
      const { source } = await open({ faults: [knownFaults.hugeLiteral(digits)] }, 1);
      const folder = await folderOf(source);
      expect(await codeOf(fetchUids(source, folder, [1]))).toBe("response-too-large");
    },
  );

  it("breaks a content off where the connection does, and never ends it short (R3)", async () => {
    for (const thenCut of ["fin", "rst"] as const) {
      const { source } = await open({ faults: [inFetch({ literalSize: 5000, thenCut }, 2)] }, 3);
      const folder = await folderOf(source);
      expect(await codeOf(fetchUids(source, folder, [1, 2, 3]))).toBe("connection-lost");
    }
  });

  it("opens folders in turn for fetches that overlap, and reads each message from its own", async () => {
    const { source, server, inbox } = await open({}, 3);
    const other = server.account(TERRY.user).folder("Other");
    for (const uid of [1, 2, 3]) other.addMessage({ octets: `other ${uid}` });
    const [one, two] = [await folderOf(source), await folderOf(source, "Other")];
    const read = async (folder: SourceFolder, uids: number[]) => {
      const texts: string[] = [];
      for await (const { content } of source.fetch(folder, uids))
        texts.push(Buffer.from(await readOctets(content)).toString());
      return texts;
    };
    const results = await Promise.all([read(one, [1, 3]), read(two, [1, 2, 3]), read(one, [2]), read(two, [2])]);
    expect(results).toEqual([
      [1, 3].map((uid) => String(inbox.message(uid)?.octets)),
      ["other 1", "other 2", "other 3"],
      [String(inbox.message(2)?.octets)],
      ["other 2"],
    ]);
  });

  it("delivers nothing of a folder that was renumbered since it was listed", async () => {
    const { source, inbox } = await open({}, 2);
    const folder = await folderOf(source);
    inbox.setUidValidity(77, { renumber: true });
    await expect(fetchUids(source, folder, [1, 2])).rejects.toMatchObject({
      ...{ code: "uidvalidity-changed", scope: "folder", retry: "now", folder: "INBOX" },
    });
    expect(await codeOf(list(source, folder))).toBe("uidvalidity-changed");
    expect(await fetchUids(source, await folderOf(source), [1, 2])).toEqual([1, 2]);
  });
});
