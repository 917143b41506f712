import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MigrationError } from "../../src/errors.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import { rawMessage, sampleMessage } from "../../src/testing/sample-message.js";
import { targetCases } from "../../src/testing/target-cases.js";
import { type MailServer, startCourier, startCyrus, startDovecot } from "../servers/mail-server.js";
import { caseAccounts, planFor, RealMailboxes } from "./real-mailboxes.js";
import { ScriptedMailboxes, scriptedVariants } from "./scripted-mailboxes.js";

const refused = rawMessage("Subject: virus\r\n\r\nX5O!P%@AP\r\n");

describe.each(scriptedVariants)("an IMAP target on a server $title", (variant) => {
  let mailboxes: ScriptedMailboxes;
  beforeAll(async () => {
    mailboxes = await ScriptedMailboxes.start(variant, {
      store: (octets) => (octets.includes("Subject: virus") ? { refuse: "NO We do not like this message" } : octets),
    });
  });
  afterAll(() => mailboxes.server.close());
  const lacks = (capability: string) => variant.without?.includes(capability) ?? false;
  // With MULTIAPPEND a group is refused as a whole, and each message has to be sent again: see append-lane.test.ts.
  const mailbox = { specialUse: !lacks("SPECIAL-USE"), ...(lacks("MULTIAPPEND") && { refused }) };
  for (const { title, run } of targetCases(() => mailboxes.openTarget(), mailbox)) it(title, run);
});

const beforeUnixTime = new Date("1969-12-31T23:59:59Z");
/** The case with names that these servers refuse; see the tests below. */
const oddNames = "makes folders whose names are not ASCII, hold an ampersand or look like modified UTF-7";

const realServers = [
  {
    name: "Dovecot",
    start: () => startDovecot({ users: caseAccounts }),
    mailbox: { nul: false, bareLineFeeds: false },
    takesOddNames: true,
    refusedOctets: Buffer.alloc(0),
  },
  {
    name: "Courier",
    start: () => startCourier({ users: caseAccounts }),
    mailbox: {
      ...{ missingFinalCrlf: false, bareLineFeeds: false, specialUse: false },
      refused: sampleMessage("too old", { internalDate: beforeUnixTime }),
    },
    takesOddNames: false,
    refusedOctets: Buffer.alloc(0),
  },
  {
    name: "Cyrus",
    start: () => startCyrus({ users: caseAccounts, extraConfig: "munge8bit: no" }),
    mailbox: { nul: false, bareLineFeeds: false, specialUse: false },
    takesOddNames: false,
    refusedOctets: Buffer.from("Subject: bare\n\nline\n"),
  },
] as const;

describe.each(realServers)("an IMAP target on $name", ({ start, mailbox, takesOddNames, refusedOctets }) => {
  let server: MailServer;
  let mailboxes: RealMailboxes;
  beforeAll(async () => {
    server = await start();
    mailboxes = new RealMailboxes(server);
  });
  afterAll(() => server.stop());
  for (const { title, run } of targetCases(() => mailboxes.openTarget(), mailbox)) {
    if (takesOddNames || title !== oddNames) it.concurrent(title, run);
  }

  it.skipIf(takesOddNames)(
    "says `folder-name` of a folder that the server does not take, and makes others",
    async () => {
      const { target, read } = await mailboxes.openTarget();
      const { prefix } = target.capabilities.names;
      await expect(target.ensureFolder(planFor([...prefix, "😀{9}"]))).rejects.toMatchObject({
        ...{ code: "folder-name", scope: "folder", retry: "never", folder: [...prefix, "😀{9}"].join("/") },
      });
      await target.ensureFolder(planFor([...prefix, "Entwürfe & Pläne"]));
      const paths = (await read()).map(({ levels }) => levels.slice(prefix.length).join("/"));
      expect(paths).toContain("Entwürfe & Pläne");
      await target.close();
    },
  );

  it("keeps all but the refused message when each of a refused group is sent again (R15)", async () => {
    const { target, read } = await mailboxes.openTarget();
    const folder = await target.ensureFolder(planFor([...target.capabilities.names.prefix, "Group"]));
    const [one, two, three] = ["one", "two", "three"].map((subject) => sampleMessage(subject));
    const messages = [one, rawMessage(refusedOctets), two, three];
    const refused: string[] = [];
    const append = async (again: number[], at: number) => {
      const message = messages[at];
      if (!message) return;
      const answer = target.append(folder, fakeMessage(at + 1, message));
      await answer.catch((error: MigrationError) => {
        if (error.code === "group-refused") again.push(at);
        else refused.push(`${at} ${error.scope}`);
      });
    };
    const again: number[] = [];
    await Promise.all(messages.map((_, at) => append(again, at)));
    for (const at of again) await append([], at);
    expect(refused).toEqual(["1 message"]);
    const held = (await read()).find(({ levels }) => levels.at(-1) === "Group")?.messages ?? [];
    expect(held).toHaveLength(3);
    await target.close();
  });
});
