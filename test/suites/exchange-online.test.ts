import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planFolders } from "../../src/engine/folders/plan-folders.js";
import type { SourceFolder } from "../../src/mail/folder.js";
import { headerBlock } from "../../src/mail/header-key.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import { rawMessage, type StoredMessage, sampleMessage } from "../../src/testing/sample-message.js";
import { targetCases } from "../../src/testing/target-cases.js";
import { ExchangeMailboxes, rebuiltHarshly } from "./exchange-mailboxes.js";

const tooLongLine = rawMessage(`Subject: long\r\n\r\n${"x".repeat(10_300)}\r\n`);

describe("Exchange Online over IMAP, as far as it keeps octets", () => {
  let mailboxes: ExchangeMailboxes;
  beforeAll(async () => {
    mailboxes = await ExchangeMailboxes.start({ store: (octets) => octets });
  });
  afterAll(() => mailboxes.server.close());
  const mailbox = { keywords: false, refused: tooLongLine };
  for (const { title, run } of targetCases(() => mailboxes.openTarget(), mailbox)) it(title, run);
});

describe.each([
  ["as it does", undefined],
  ["as harshly as it can be thought of", rebuiltHarshly],
])("Exchange Online over IMAP, which rebuilds messages %s", (_, store) => {
  let mailboxes: ExchangeMailboxes;
  beforeAll(async () => {
    mailboxes = await ExchangeMailboxes.start(store ? { store } : {});
  });
  afterAll(() => mailboxes.server.close());

  it("finds what it holds again, equal messages by count, and nothing else (R2)", async () => {
    const { target } = await mailboxes.openTarget();
    const [plan] = planFolders([sourceFolder("INBOX")], { folders: [], names: target.capabilities.names });
    if (!plan) throw new Error("INBOX has a plan");
    const inbox = await target.ensureFolder(plan);
    const eightBit = rawMessage(Buffer.from("Subject: gr\xfc\xdfe\r\nFrom: a@x\r\n\r\nx\r\n", "latin1"));
    const sent = [sampleMessage("one"), sampleMessage("twin"), sampleMessage("twin"), eightBit, mimeMessage()];
    for (const [at, message] of sent.entries()) await target.append(inbox, fakeMessage(at + 1, message));
    const others = [sampleMessage("twin"), sampleMessage("one", { internalDate: new Date("2011-11-11T11:11:11Z") })];
    const found = await target.find(
      inbox,
      [...sent, ...others].map((message, at) => headOf(at + 1, message)),
    );
    expect([...found.keys()].sort()).toEqual([1, 2, 3, 4, 5]);
    expect([...found.values()].map(({ id }) => id).sort()).toEqual(["1", "2", "3", "4", "5"]);
    await target.close();
  });
});

describe("the folders of Exchange Online", () => {
  let mailboxes: ExchangeMailboxes;
  beforeAll(async () => {
    mailboxes = await ExchangeMailboxes.start();
  });
  afterAll(() => mailboxes.server.close());

  it("take every folder of a source: reserved names, slashes, blanks, case twins, 310 levels", async () => {
    const { target, read } = await mailboxes.openTarget();
    const sources = [
      ...["INBOX", "Files", "calendar", "a/b", " blanks ", "Twin", "twin", "TWIN (2)"].map((name) =>
        sourceFolder(name),
      ),
      sourceFolder("Projects", "Files"),
      sourceFolder("Verschickt"),
      sourceFolder(...Array.from({ length: 310 }, (_, at) => `l${at}`)),
    ];
    const own = { ...sourceFolder("Outgoing"), specialUse: "\\Sent" as const };
    const folders = await target.listFolders();
    const plans = planFolders([...sources, own], { folders, names: target.capabilities.names });
    expect(plans.map(({ refusal }) => refusal)).toEqual(plans.map(() => undefined));
    const made: string[] = [];
    for (const plan of plans) made.push((await target.ensureFolder(plan)).path);
    expect(new Set(made.map((path) => path.toLowerCase())).size).toBe(plans.length);
    expect(made.slice(0, 10)).toEqual([
      ...["INBOX", "Files_", "calendar_", "a_b", "blanks", "Twin", "twin (2)", "TWIN (2) (2)", "Projects/Files"],
      "Verschickt",
    ]);
    expect(made.at(-1)).toBe("Sent Items");
    const deepest = Math.max(...(await read()).map(({ levels }) => levels.length));
    expect(deepest).toBe(300);
    for (const [at, plan] of plans.entries()) {
      expect(plan.changes.length > 0).toBe(made[at] !== sourceFolder(...plan.source.levels).name);
    }
    await target.close();
  });
});

function sourceFolder(...levels: string[]): SourceFolder {
  return { name: levels.join("/"), levels, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 };
}

function headOf(uid: number, { octets, internalDate, flags }: StoredMessage) {
  return { uid, size: octets.length, internalDate, flags, header: headerBlock(octets) };
}

function mimeMessage(): StoredMessage {
  const text = [
    "From: =?iso-8859-1?Q?J=F6rg?= <joerg@contoso.example>",
    `To: ${Array.from({ length: 30 }, (_, at) => `"Person ${at}" <person${at}@contoso.example>`).join(",\r\n ")}`,
    "Subject: =?utf-8?B?R3LDvMOfZQ==?= aus Berlin",
    "Content-Type: multipart/mixed; boundary=frontier",
    "",
    "--frontier\r\n\r\ntext\r\n--frontier--\r\n",
  ];
  return rawMessage(text.join("\r\n"));
}
