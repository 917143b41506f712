import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MigrationBatch } from "../../../src/migration-batch.js";
import { MigrationEndpoint } from "../../../src/migration-endpoint.js";
import { isBalanced } from "../../../src/outcome.js";
import { planUsers } from "../../../src/prepare/plan.js";
import type { ProviderProfile } from "../../../src/providers/provider-profile.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import type { FakeFault } from "../../../src/testing/fake-faults.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { gmailBandwidthRefusal, gmailFolders, gmailProfile } from "../../../src/testing/imap-server/gmail-profile.js";
import { ScriptedImapServer } from "../../../src/testing/imap-server/scripted-imap-server.js";
import { ALL_MAIL, copyInEach, GmailAccount, oneCopy, USER } from "./gmail-account.js";

let server: ScriptedImapServer;

beforeAll(async () => {
  server = await ScriptedImapServer.start({ profile: gmailProfile() });
});

afterAll(() => server.close());

const LABELS = ["Family", "Work"];
const open = () => GmailAccount.on(server, LABELS);

/** A mailbox with a message of each kind. */
function filled(): GmailAccount {
  const account = open();
  account.add("in the inbox", ["INBOX"]);
  account.add("with two labels", ["Family", "Work"]);
  account.add("in the inbox and in a label", ["INBOX", "Work"]);
  account.add("archived");
  account.add("starred and archived", [], ["\\Flagged"]);
  account.add("important", ["[Gmail]/Important", "INBOX"]);
  account.add("sent", ["[Gmail]/Sent Mail"]);
  account.add("junk", ["[Gmail]/Spam"]);
  return account;
}

async function lastBooks(account: GmailAccount) {
  const folders = await account.folders();
  expect(folders.every(({ books }) => isBalanced(books))).toBe(true);
  return new Map(folders.map(({ source, books }) => [source, books]));
}

describe("A Gmail mailbox", () => {
  it("gives a copy in each label, and one of what was archived, with every message of All Mail in the books", async () => {
    const account = filled();
    await account.migrate(copyInEach);
    expect(account.copies()).toEqual(
      new Map([
        ["in the inbox", ["INBOX"]],
        ["in the inbox and in a label", ["INBOX", "Work"]],
        ["important", ["INBOX"]],
        ["with two labels", ["Family", "Work"]],
        ["sent", ["[Gmail]/Sent Mail"]],
        ["junk", ["[Gmail]/Spam"]],
        ["archived", [ALL_MAIL]],
        ["starred and archived", [ALL_MAIL]],
      ]),
    );
    expect((await lastBooks(account)).get(ALL_MAIL)).toMatchObject({ found: 7, copied: 2, skipped: 5 });
    expect(new Set((await account.skipped()).map(({ folder, reason }) => `${folder} ${reason}`))).toEqual(
      new Set([`${ALL_MAIL} held-elsewhere`]),
    );
  });

  it("gives one copy of each message, in the first folder of the order, where one is asked for", async () => {
    const account = filled();
    await account.migrate(oneCopy);
    const copies = account.copies();
    expect([...copies.values()].filter(({ length }) => length !== 1)).toEqual([]);
    expect(copies.get("in the inbox and in a label")).toEqual(["INBOX"]);
    expect(copies.get("with two labels")).toEqual(["Family"]);
    expect(copies.size).toBe(8);
    await lastBooks(account);
  });

  it("tells of the views that are left out, once, and the report has their counts", async () => {
    const account = filled();
    await account.migrate(copyInEach);
    expect(account.told).toEqual([
      expect.stringMatching(/^\[Gmail\]\/Important: Gmail's importance marker is lost/),
      expect.stringMatching(/^\[Gmail\]\/Starred: Nothing is lost/),
    ]);
    const views = (await account.folders()).filter(({ syncPoint }) => syncPoint?.uidNext === 0);
    expect(views.map(({ source, syncPoint }) => [source, syncPoint?.messages])).toEqual([
      ["[Gmail]/Important", 1],
      ["[Gmail]/Starred", 1],
    ]);
  });

  it("warns where All Mail is hidden from IMAP, and copies from the views what no label shows", async () => {
    const own = gmailFolders.filter(({ specialUse }) => specialUse !== "\\All");
    const account = GmailAccount.on(server, LABELS, own);
    account.add("starred and archived", [], ["\\Flagged"]);
    account.add("starred in the inbox", ["INBOX"], ["\\Flagged"]);
    await account.migrate(copyInEach);
    expect(account.told).toEqual([expect.stringMatching(/archived messages without a label cannot be seen/)]);
    expect(account.copies()).toEqual(
      new Map([
        ["starred in the inbox", ["INBOX"]],
        ["starred and archived", ["[Gmail]/Starred"]],
      ]),
    );
  });

  it("is verified without fault, though All Mail shows what its folders gave", async () => {
    const account = filled();
    await account.migrate(copyInEach);
    const { counts, grade } = await account.verify();
    expect({ grade, found: counts.found, notCopied: counts.notCopied }).toEqual({
      ...{ grade: "Perfect", found: 15, notCopied: 0 },
    });
  });

  it("is moved by a batch whose endpoint has the profile, which tells what is left out", async () => {
    const account = filled();
    const { host, port } = server;
    const told: unknown[] = [];
    const batch = new MigrationBatch({
      ...{ name: "Gmail", store: memoryStore(), syncIntervalMs: 0 },
      sourceEndpoint: new MigrationEndpoint({
        ...{ name: "Gmail", provider: oneCopy, remoteServer: host, port, security: "None" },
      }),
      target: { name: "fake", openMailbox: (_, { signal }) => openFakeTarget(account.target, {}, { signal }) },
      users: [account.row],
    });
    batch.on("folder:left-out", ({ user, folder, messages }) => told.push([user, folder, messages]));
    const { books } = await batch.start();
    expect(books).toMatchObject({ found: 15, copied: 8, skipped: 7 });
    expect(told).toEqual([
      [USER, "[Gmail]/Important", 1],
      [USER, "[Gmail]/Starred", 1],
    ]);
    expect([...account.copies().values()].every(({ length }) => length === 1)).toBe(true);
  });

  it("is planned as it is migrated", async () => {
    const account = filled();
    const planned = async (provider: ProviderProfile) => {
      const plans = planUsers({
        ...{ rows: [account.row], provider },
        openSource: (_, signal) => account.openSource(signal),
        openTarget: (_, signal) => openFakeTarget(account.target, {}, { signal }),
      });
      for await (const plan of plans) return plan;
      throw new Error("there is no plan");
    };
    const { messages, folders, leftOut } = await planned(copyInEach);
    expect(messages).toBe(10);
    expect(folders.at(-1)).toMatchObject({ source: ALL_MAIL, messages: 7 });
    expect(leftOut).toEqual([
      { source: "[Gmail]/Important", messages: 1, by: "provider", reason: expect.stringMatching(/marker is lost/) },
      { source: "[Gmail]/Starred", messages: 1, by: "provider", reason: expect.stringMatching(/Nothing is lost/) },
    ]);
    expect((await planned(oneCopy)).messages).toBe(8);
    await account.migrate(copyInEach);
    expect(account.appends).toBe(messages);
  });

  it("asks for X-GM-MSGID where a plan needs it, and nowhere else", async () => {
    const asked = () =>
      server.commands("UID FETCH").filter(({ arguments: text }) => text.includes("X-GM-MSGID")).length;
    const account = filled();
    const before = asked();
    await account.migrate({ ...copyInEach, folders: { views: {}, rest: [] } });
    expect(asked()).toBe(before);
    await filled().migrate(copyInEach);
    expect(asked()).toBeGreaterThan(before);
  });

  it("lists nothing and sends nothing in a second pass over a mailbox that has not changed", async () => {
    const account = filled();
    await account.migrate(copyInEach);
    const [sent, fetched] = [account.appends, server.commands("UID FETCH").length];
    await account.migrate(copyInEach);
    expect([account.appends, server.commands("UID FETCH").length]).toEqual([sent, fetched]);
  });

  it("leaves what arrives during a pass to the next one, so that All Mail does not give it before its folder", async () => {
    const account = filled();
    // It comes while the inbox is read already: All Mail alone could still give it in this pass.
    const arrival = server.until(() => account.appends > 0).then(() => account.add("late", ["INBOX"]));
    await account.migrate(copyInEach);
    await arrival;
    await account.migrate(copyInEach);
    expect(account.copies().get("late")).toEqual(["INBOX"]);
  });

  it("keeps All Mail back while a folder before it can still give its messages", async () => {
    const account = filled();
    const busy: FakeFault = {
      on: "ensureFolder",
      folder: "Family",
      do: { throw: "server-unavailable", scope: "folder" },
    };
    await expect(account.migrate(copyInEach, [busy])).rejects.toMatchObject({ code: "server-unavailable" });
    expect(account.copies().get("archived")).toBeUndefined();
    await account.migrate(copyInEach);
    expect(account.copies().get("with two labels")).toEqual(["Family", "Work"]);
    expect(account.copies().get("archived")).toEqual([ALL_MAIL]);
  });

  it("gives from All Mail what stands in a folder that can never be copied", async () => {
    const account = filled();
    account.add("in the label alone", ["Family"]);
    const denied: FakeFault = { on: "ensureFolder", folder: "Family", do: { throw: "access-denied", scope: "folder" } };
    await expect(account.migrate(copyInEach, [denied])).rejects.toMatchObject({ code: "access-denied" });
    expect(account.copies().get("in the label alone")).toEqual([ALL_MAIL]);
    expect(account.copies().get("with two labels")).toEqual(["Work"]);
  });

  it("that has moved too much ends the pass with what Gmail said, and the next one goes on", async () => {
    const account = filled();
    server.addFault({ when: { verb: "UID FETCH", nth: 1 }, do: { answer: gmailBandwidthRefusal } });
    await expect(account.migrate(copyInEach)).rejects.toMatchObject({ code: "throttled" });
    server.clearFaults();
    await account.migrate(copyInEach);
    expect(account.copies().size).toBe(8);
  });

  it("that takes no further connection is told as an endpoint with too many", async () => {
    const own = await ScriptedImapServer.start({ profile: gmailProfile({ mostConnections: 0 }) });
    try {
      const refused = GmailAccount.on(own, LABELS).migrate(copyInEach);
      await expect(refused).rejects.toMatchObject({ code: "too-many-connections", scope: "endpoint" });
    } finally {
      await own.close();
    }
  });
});

/** What happens to a mailbox before a pass, and in it. */
const step = fc.record({
  arriving: fc.array(
    fc.uniqueArray(fc.constantFrom("INBOX", "Family", "Work", "[Gmail]/Sent Mail", "[Gmail]/Important"), {
      maxLength: 3,
    }),
    { maxLength: 4 },
  ),
  archived: fc.array(fc.nat(20), { maxLength: 2 }),
  moved: fc.array(fc.tuple(fc.nat(20), fc.constantFrom("INBOX", ...LABELS)), { maxLength: 2 }),
  /** The process ends at this append; its message may have arrived. */
  crash: fc.option(
    fc.record({ nth: fc.integer({ min: 1, max: 12 }), arrives: fc.boolean(), atOnce: fc.constantFrom(1, 10) }),
  ),
});

const isView = (label: string) => label === "[Gmail]/Important";

/** What the target should hold of a message in the end. */
interface Expected {
  readonly emailId: string;
  readonly labels: Set<string>;
  /** Every folder that showed it in a pass. */
  readonly shown: Set<string>;
  seen: boolean;
  /** It has lost a label and got another: the copy that it has stays the one for both. */
  hasMoved: boolean;
}

/** Changes the mailbox as the step says, and notes what the next pass finds. */
function change(account: GmailAccount, expected: Map<string, Expected>, { arriving, archived, moved }: Step): void {
  for (const labels of arriving) {
    const subject = `message ${expected.size}`;
    const emailId = account.add(subject, labels);
    const folders = labels.filter((label) => !isView(label));
    expected.set(subject, { emailId, labels: new Set(folders), shown: new Set(), seen: false, hasMoved: false });
  }
  const messages = [...expected.values()];
  for (const [at, label] of moved) {
    const message = messages[at];
    const [from] = message?.labels ?? [];
    if (!message || from === undefined || message.labels.has(label)) continue;
    account.mailbox.unlabel(message.emailId, from);
    account.mailbox.label(message.emailId, label);
    message.labels.delete(from);
    message.labels.add(label);
    message.hasMoved = true;
  }
  for (const at of archived) {
    for (const label of messages[at]?.labels ?? []) account.mailbox.unlabel(messages[at]?.emailId ?? "", label);
    messages[at]?.labels.clear();
  }
  for (const message of messages) {
    for (const label of message.labels) message.shown.add(label);
    if (!message.seen && message.labels.size === 0) message.shown.add(ALL_MAIL);
    message.seen = true;
  }
}

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

async function live(account: GmailAccount, profile: ProviderProfile, steps: readonly Step[]) {
  const expected = new Map<string, Expected>();
  for (const each of steps) {
    change(account, expected, each);
    const { nth, arrives, atOnce } = each.crash ?? {};
    const end: FakeFault["do"] = arrives ? { storeThenLose: true } : { throw: "connection-lost" };
    if (nth !== undefined) await account.migrate(profile, [{ on: "append", nth, do: end }], atOnce).catch(() => {});
    await account.migrate(profile);
    await lastBooks(account);
  }
  const sent = account.appends;
  await account.migrate(profile);
  expect(account.appends).toBe(sent);
  return expected;
}

describe("A Gmail mailbox that lives on while it is migrated, by a process that ends in the middle", () => {
  it("has every message once in each folder that showed it, and once in All Mail where none did, and moves double none", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        const account = open();
        const expected = await live(account, copyInEach, steps);
        const copies = account.copies();
        expect([...copies.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [subject, { shown, hasMoved }] of expected) {
          const folders = copies.get(subject) ?? [];
          if (!hasMoved) expect(folders).toEqual([...shown].sort());
          expect(new Set(folders).size).toBe(folders.length);
          expect(folders.filter((folder) => !shown.has(folder))).toEqual([]);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("has every message exactly once where one copy is asked for", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        const account = open();
        const expected = await live(account, oneCopy, steps);
        const copies = account.copies();
        expect([...copies.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [subject, folders] of copies) {
          expect(folders).toHaveLength(1);
          expect([...(expected.get(subject)?.shown ?? [])]).toContain(folders[0]);
        }
      }),
      { numRuns: 40 },
    );
  });
});
