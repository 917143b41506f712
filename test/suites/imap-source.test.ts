import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MigrationError } from "../../src/errors.js";
import { ImapSource } from "../../src/imap/imap-source.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import type { OpenSource } from "../../src/testing/source-cases.js";
import { sourceCases } from "../../src/testing/source-cases.js";
import { type MailServer, startCourier, startCyrus, startDovecot, TERRY } from "../servers/mail-server.js";
import { caseAccounts, connect, loginOf, RealMailboxes } from "./real-mailboxes.js";
import { ScriptedMailboxes, scriptedVariants } from "./scripted-mailboxes.js";

describe.each(scriptedVariants)("an IMAP source on a server $title", (variant) => {
  let mailboxes: ScriptedMailboxes;
  beforeAll(async () => {
    mailboxes = await ScriptedMailboxes.start(variant);
  });
  afterAll(() => mailboxes.server.close());
  const specialUse = !variant.without?.includes("SPECIAL-USE");
  for (const { title, run } of sourceCases((content) => mailboxes.openSource(content), { specialUse })) it(title, run);
});

const always = () => true;
const never = () => false;

const realServers = [
  {
    name: "Dovecot",
    start: () => startDovecot({ users: caseAccounts }),
    viaMaildir: always,
    keeps: { nul: false, bareLineFeeds: false },
    leavesOut: undefined,
  },
  {
    name: "Courier",
    start: () => startCourier({ users: caseAccounts }),
    viaMaildir: never,
    keeps: { missingFinalCrlf: false, bareLineFeeds: false, specialUse: false },
    // A folder with an emoji in its name ends a Courier's session.
    leavesOut: /^lists every folder|^lists with each folder/,
  },
  {
    name: "Cyrus",
    start: () => startCyrus({ users: caseAccounts, extraConfig: "munge8bit: no" }),
    viaMaildir: never,
    keeps: { nul: false, bareLineFeeds: false, missingFinalCrlf: false, specialUse: false },
    leavesOut: undefined,
  },
] as const;

describe.each(realServers)("an IMAP source on $name", ({ start, viaMaildir, keeps, leavesOut }) => {
  let server: MailServer;
  let mailboxes: RealMailboxes;
  beforeAll(async () => {
    server = await start();
    mailboxes = new RealMailboxes(server);
  });
  afterAll(() => server.stop());
  const open: OpenSource = (content) => mailboxes.openSource(content, viaMaildir);
  for (const { title, run } of sourceCases(open, keeps)) if (!leavesOut?.test(title)) it.concurrent(title, run);

  it("lists its folders with their decoded levels and numbers", async () => {
    const messages = ["one", "two"].map((subject) => sampleMessage(subject));
    const folders = [
      { levels: ["Entwürfe & Pläne"], messages },
      { levels: ["Projects"] },
      { levels: ["Projects", "x"] },
    ];
    const { source } = await open(folders);
    const listed = new Map((await source.listFolders()).map((folder) => [folder.levels.join("/"), folder]));
    expect(listed.get("Entwürfe & Pläne")).toMatchObject({ messages: 2, uidNext: 3, selectable: true });
    expect(listed.get("Projects/x")).toMatchObject({ messages: 0, uidNext: 1 });
    expect([...listed.values()].filter(({ uidValidity }) => uidValidity === 0)).toEqual([]);
    await source.close();
  });
});

describe("an IMAP source on a Cyrus that denies a folder", () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await startCyrus();
  });
  afterAll(() => server.stop());

  it("rejects for that folder only, with `access-denied` (R15)", async () => {
    const mailboxes = new RealMailboxes(server);
    const holding = (...levels: string[]) => ({ levels, messages: [sampleMessage(levels.join("/"))] });
    await mailboxes.fill(TERRY, [holding("INBOX"), holding("Denied"), holding("Open")]);
    const owner = await connect(server, loginOf(TERRY));
    // Seen in a LIST, but not to be read.
    expect(await owner.wire.run(`SETACL Denied ${TERRY.name} la`)).toMatchObject({ status: "OK" });
    const source = new ImapSource(owner);
    const outcomes: Record<string, string> = {};
    for (const folder of await source.listFolders()) {
      const uids: number[] = [];
      const read = async () => {
        for await (const { uid } of source.listMessages(folder)) uids.push(uid);
        for await (const { content } of source.fetch(folder, uids)) content.cancel();
        return `${uids.length} messages`;
      };
      outcomes[folder.levels.join("/")] = await read().catch((error: MigrationError) => `${error.code} ${error.scope}`);
    }
    expect(outcomes).toMatchObject({ INBOX: "1 messages", Denied: "access-denied folder", Open: "1 messages" });
    await source.close();
  });

  it("shows an administrator whom nothing was granted mailboxes of others as none of its own", async () => {
    const source = new ImapSource(await connect(server, loginOf(server.admin)));
    expect((await source.listFolders()).map(({ name }) => name)).not.toContain(`user/${TERRY.name}`);
    await source.close();
  });
});
