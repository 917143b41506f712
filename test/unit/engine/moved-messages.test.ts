import { describe, expect, it } from "vitest";
import { ItemRoom } from "../../../src/engine/verify/verification-tally.js";
import { verifyUser } from "../../../src/engine/verify/verify-user.js";
import type { ItemRecord } from "../../../src/store/migration-store.js";
import type { FakeFolder, FolderContent } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH, collect } from "../../../src/testing/store-fixtures.js";
import { defaultGradeThresholds } from "../../../src/verification.js";
import { Mailbox, messages } from "./mailbox-fixture.js";

const USER = "terry.adams@contoso.com";

function mailbox(...content: FolderContent[]): Mailbox {
  return new Mailbox([{ levels: ["INBOX"], messages }, { levels: ["Archive"] }, ...content]);
}

function move(from: FakeFolder, uid: number, to: FakeFolder): number {
  const message = from.message(uid);
  if (!message) throw new Error(`${from.name} holds no message ${uid}`);
  from.expunge(uid);
  return to.add(message);
}

function appends(of: Mailbox): number {
  return of.targetCalls.filter(({ call }) => call === "append").length;
}

/** Calls of the source in one pass, but for opening, the folder list and closing. */
async function callsOf(of: Mailbox, pass: () => Promise<unknown>): Promise<string[]> {
  of.sourceCalls.length = 0;
  await pass();
  const always = new Set(["open", "listFolders", "close"]);
  return of.sourceCalls.flatMap(({ call, folder }) => (always.has(call) ? [] : [`${call} ${folder}`]));
}

async function moved(of: Mailbox): Promise<ItemRecord[]> {
  const items = await collect(of.store.listItems(BATCH, USER, ["alreadyThere"]));
  return items.filter(({ movedFrom }) => movedFrom);
}

async function verified(of: Mailbox) {
  const record = await of.store.getUser(BATCH, USER);
  return await verifyUser({
    ...{ batch: BATCH, user: USER, store: of.store, level: 3, sample: 1, seed: 1 },
    ...(record && { record }),
    openSource: (signal) => openFakeSource(of.source, {}, { signal }),
    openTarget: (signal) => openFakeTarget(of.target, {}, { signal }),
    thresholds: defaultGradeThresholds,
    room: new ItemRoom(),
    retry: { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 },
    clock: of.clock,
    signal: new AbortController().signal,
  });
}

describe("a message that the source has moved since it was copied", () => {
  it("R2 is not copied again; its copy stays, and the ledger says where", async () => {
    const pair = mailbox();
    await pair.migrate();
    move(pair.source.folder("INBOX"), 2, pair.source.folder("Archive"));
    expect(await pair.migrate()).toMatchObject({ found: 4, copied: 3, alreadyThere: 1 });
    expect(appends(pair)).toBe(3);
    expect(pair.target.folder("INBOX").messages).toHaveLength(3);
    expect(pair.target.folder("Archive").messages).toEqual([]);
    const target = { name: "INBOX", path: "INBOX", uidValidity: pair.target.folder("INBOX").uidValidity };
    expect(await moved(pair)).toMatchObject([
      { folder: "Archive", uid: 1, kind: "alreadyThere", movedFrom: { name: "INBOX", uid: 2, target } },
    ]);
  });

  it("is neither missing nor surplus in a verification", async () => {
    const pair = mailbox();
    await pair.migrate();
    move(pair.source.folder("INBOX"), 1, pair.source.folder("Archive"));
    await pair.migrate();
    const { grade, counts, items } = await verified(pair);
    expect({ grade, items }).toEqual({ grade: "Perfect", items: [] });
    expect(counts).toMatchObject({ checked: 3, missing: 0, surplus: 0 });
    expect((await verified(mailbox())).grade).toBe("Poor");
  });

  it("is recognised each time that it is moved on, and when it comes back", async () => {
    const pair = mailbox({ levels: ["Later"] });
    await pair.migrate();
    const [inbox, archive, later] = ["INBOX", "Archive", "Later"].map((path) => pair.source.folder(path));
    if (!inbox || !archive || !later) throw new Error("there are three folders");
    let uid = move(inbox, 3, archive);
    await pair.migrate();
    uid = move(archive, uid, later);
    await pair.migrate();
    move(later, uid, inbox);
    expect(await pair.migrate()).toMatchObject({ copied: 3, alreadyThere: 3 });
    expect((await verified(pair)).items).toEqual([]);
  });

  it("is recognised although somebody has moved or deleted its copy at the target", async () => {
    const pair = mailbox();
    await pair.migrate();
    pair.target.folder("INBOX").expunge(2);
    move(pair.source.folder("INBOX"), 2, pair.source.folder("Archive"));
    await pair.migrate();
    expect(appends(pair)).toBe(3);
  });

  it("is found by one listing of header blocks and one of the UIDs that it had", async () => {
    const pair = mailbox();
    await pair.migrate();
    move(pair.source.folder("INBOX"), 2, pair.source.folder("Archive"));
    const calls = await callsOf(pair, () => pair.migrate());
    expect(calls).toEqual(["listMessages Archive", "listMessages Archive", "listMessages INBOX"]);
  });

  it("is copied where the source has no date for it: nothing sure can be said then", async () => {
    const undated = { ...sampleMessage("undated"), internalDate: new Date(Number.NaN) };
    const pair = new Mailbox([{ levels: ["INBOX"], messages: [undated] }, { levels: ["Archive"] }]);
    await pair.migrate();
    move(pair.source.folder("INBOX"), 1, pair.source.folder("Archive"));
    expect(await pair.migrate()).toMatchObject({ copied: 2, alreadyThere: 0 });
  });
});

describe("a folder that the source has given another name", () => {
  it("R2 costs no message, under the UIDs that it had and under new ones", async () => {
    for (const isRenumbered of [false, true]) {
      const pair = mailbox({ levels: ["Projects"], messages: [4, 5, 6].map((n) => sampleMessage(`Message ${n}`)) });
      await pair.migrate();
      pair.source.renameFolder("Projects", ["Projects 2019"]);
      if (isRenumbered) pair.source.folder("Projects 2019").renumber(100);
      const calls = await callsOf(pair, () => pair.migrate());
      expect(calls).toEqual(["listMessages Projects 2019", "listMessages Projects 2019"]);
      expect(appends(pair)).toBe(6);
      expect(pair.target.folder("Projects").messages).toHaveLength(3);
      expect(pair.target.folder("Projects 2019").messages).toEqual([]);
      const { grade, items } = await verified(pair);
      expect({ grade, items }).toEqual({ grade: "Perfect", items: [] });
    }
  });

  it("R1 keeps what was moved into it apart from a new folder of the old name", async () => {
    const pair = mailbox({ levels: ["Projects"], messages: [sampleMessage("Plan")] });
    await pair.migrate();
    pair.source.renameFolder("Projects", ["Old"]);
    await pair.migrate();
    const plan = pair.source.folder("Old").message(1);
    if (!plan) throw new Error("the plan is there");
    pair.source.addFolder({ levels: ["Projects"], messages: [plan] });
    expect(await pair.migrate()).toMatchObject({ copied: 5 });
    expect(pair.target.folder("Projects").messages).toHaveLength(2);
  });
});

describe("what only looks as if it was moved", () => {
  it("R1 is copied while the source still lists it where it was", async () => {
    const pair = mailbox();
    await pair.migrate();
    const copy = pair.source.folder("INBOX").message(2);
    if (copy) pair.source.folder("Archive").add(copy);
    expect(await pair.migrate()).toMatchObject({ copied: 4, alreadyThere: 0 });
    expect(pair.target.folder("Archive").messages).toHaveLength(1);
  });

  it("R1 is told apart by count, where equal messages were moved and copied", async () => {
    const pair = mailbox();
    await pair.migrate();
    const [inbox, archive] = [pair.source.folder("INBOX"), pair.source.folder("Archive")];
    const message = inbox.message(2);
    if (!message) throw new Error("the message is there");
    for (let copies = 0; copies < 2; copies++) archive.add(message);
    move(inbox, 2, archive);
    expect(await pair.migrate()).toMatchObject({ copied: 5, alreadyThere: 1 });
  });

  it("R1 is copied where it differs in its date, its header or its size", async () => {
    const message = sampleMessage("Message 2");
    const text = Buffer.from(message.octets).toString("latin1");
    for (const other of [
      { ...message, internalDate: new Date(message.internalDate.getTime() + 1_000) },
      { ...message, octets: Buffer.from(text.replace("Message 2", "Massage 2"), "latin1") },
      { ...message, octets: Buffer.from(`${text}.\r\n`, "latin1") },
    ]) {
      const pair = mailbox();
      await pair.migrate();
      pair.source.folder("INBOX").expunge(2);
      pair.source.folder("Archive").add(other);
      expect(await pair.migrate()).toMatchObject({ copied: 4, alreadyThere: 0 });
    }
  });

  it("costs new mail no look where no copy has its size and date", async () => {
    const pair = mailbox();
    await pair.migrate();
    const received = new Date("2020-02-02T20:20:20Z");
    pair.source.folder("Archive").add(sampleMessage("Message 9", { internalDate: received }));
    const calls = await callsOf(pair, () => pair.migrate());
    expect(calls).toEqual(["listMessages Archive", "fetch Archive"]);
  });
});

it("R2 a folder of thousands of messages under a new name is recognised, and its header blocks alone are read", async () => {
  const many = Array.from({ length: 2_500 }, (_, at) =>
    sampleMessage(`Many ${at}`, { octets: 500 + (at % 7), internalDate: new Date(1_000_000_000_000 + 1_000 * at) }),
  );
  const pair = mailbox({ levels: ["Many"], messages: many });
  await pair.migrate();
  pair.source.renameFolder("Many", ["Renamed"]);
  pair.source.folder("Renamed").add(sampleMessage("New", { internalDate: new Date("2020-02-02T20:20:20Z") }));
  expect(await pair.migrate()).toMatchObject({ copied: 2_504, alreadyThere: 2_500 });
  expect(pair.sourceCalls.filter(({ call, uids }) => call === "fetch" && (uids?.length ?? 0) > 1)).toHaveLength(2);
});
