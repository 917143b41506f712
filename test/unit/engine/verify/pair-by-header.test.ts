import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../../src/store/memory-store.js";
import { rawMessage, type StoredMessage, sampleMessage } from "../../../../src/testing/sample-message.js";
import { inShort, numbered, octetsOf, VerifyFixture } from "./verify-fixture.js";

const WITHOUT_IDS = { target: { tellsIds: false } };

function changed({ octets }: StoredMessage, from: string, to: string): Uint8Array {
  return octetsOf(Buffer.from(octets).toString("latin1").replace(from, to));
}

/** Messages that have their header block and date equal, and a body each. */
function twins(...bodies: string[]): StoredMessage[] {
  return bodies.map((body) => sampleMessage("twin", { body: `${body}\r\n` }));
}

describe("messages whose ids the target does not tell", () => {
  it("are recognised by their header blocks, and nothing of an honest target is missing or surplus", async () => {
    const fixture = await VerifyFixture.inbox(numbered(20), WITHOUT_IDS);
    for (const level of [1, 2, 3, 4] as const) {
      const { grade, counts, items } = await fixture.verify({ level });
      expect({ grade, items }).toEqual({ grade: "Perfect", items: [] });
      expect(counts).toMatchObject({ checked: 20, contentsChecked: level === 4 ? 20 : 0, unverified: 0 });
    }
  });

  it("R1 R2 are counted: of three equal ones two found is one missing, and four found is one surplus", async () => {
    const equal = twins("same", "same", "same");
    const fewer = await VerifyFixture.inbox(equal, {
      ...WITHOUT_IDS,
      faults: [{ on: "append", uid: 2, do: { storeTimes: 0 } }],
    });
    expect((await fewer.verify({ level: 1 })).counts).toMatchObject({ checked: 3, missing: 1, surplus: 0 });
    const more = await VerifyFixture.inbox(equal, {
      ...WITHOUT_IDS,
      faults: [{ on: "append", uid: 2, do: { storeTimes: 2 } }],
    });
    expect((await more.verify({ level: 1 })).counts).toMatchObject({ checked: 3, missing: 0, surplus: 1 });
  });

  it("are told apart by their octets where header block and date are equal", async () => {
    const fixture = await VerifyFixture.inbox(twins("one", "two", "six"), WITHOUT_IDS);
    // The same messages in another order.
    const held = [...fixture.targetInbox.messages].reverse();
    for (const { uid } of held) fixture.targetInbox.expunge(uid);
    for (const message of held) fixture.targetInbox.add(message);
    const { grade, items, counts } = await fixture.verify({ level: 4 });
    expect({ grade, items }).toEqual({ grade: "Perfect", items: [] });
    expect(counts.contentsChecked).toBe(3);
  });

  it("R3 show which twin was damaged", async () => {
    const fixture = await VerifyFixture.inbox(twins("one", "two", "six", "ten"), WITHOUT_IDS);
    fixture.replace(3, (message) => ({ octets: changed(message, "six", "sax") }));
    expect(inShort((await fixture.verify({ level: 4 })).items)).toEqual(["changed 3 content"]);
  });

  it("R3 show flags, date and octets that changed", async () => {
    const fixture = await VerifyFixture.inbox(numbered(4), WITHOUT_IDS);
    fixture.targetInbox.setFlags(1, ["\\Seen"]);
    fixture.replace(2, () => ({ internalDate: new Date(0) }));
    fixture.replace(3, (message) => ({ octets: changed(message, "lazy", "hazy") }));
    const { items } = await fixture.verify({ level: 4 });
    expect(inShort(items).sort()).toEqual(["changed 1 flags", "changed 2 internal-date", "changed 3 content"]);
  });

  it("are missing and surplus both where the header block was changed", async () => {
    const fixture = await VerifyFixture.inbox(numbered(3), WITHOUT_IDS);
    fixture.replace(2, (message) => ({ octets: changed(message, "Terry", "Jerry") }));
    expect(inShort((await fixture.verify({ level: 1 })).items)).toEqual(["missing 2", "surplus 2"]);
  });

  it("are not verified where the source no longer holds them, and somebody has to look", async () => {
    const fixture = await VerifyFixture.inbox(numbered(3), WITHOUT_IDS);
    fixture.sourceInbox.expunge(2);
    const { grade, counts } = await fixture.verify({ level: 1 });
    expect({ grade, counts }).toMatchObject({ grade: "Investigate", counts: { missing: 0, unverified: 1 } });
  });

  it("are found over more than one window, in the same order and in the opposite one", async () => {
    const messages = Array.from({ length: 4_500 }, (_, at) => rawMessage(`Subject: number ${at}\r\n\r\nx\r\n`));
    const fixture = await VerifyFixture.inbox(messages, WITHOUT_IDS);
    fixture.targetInbox.expunge(4_321);
    expect((await fixture.verify({ level: 1 })).counts).toMatchObject({ checked: 4_500, missing: 1, surplus: 0 });
    const held = [...fixture.targetInbox.messages].reverse();
    for (const { uid } of held) fixture.targetInbox.expunge(uid);
    for (const message of held) fixture.targetInbox.add(message);
    const { counts, items } = await fixture.verify({ level: 2 });
    expect(counts).toMatchObject({ missing: 1, surplus: 0, changed: 0 });
    expect(inShort(items)).toEqual(["missing 4321"]);
  });
});

describe("ids that name other messages now", () => {
  it("are not believed once the target folder has another UIDVALIDITY", async () => {
    const fixture = await VerifyFixture.inbox(numbered(5));
    fixture.targetInbox.expunge(2);
    fixture.targetInbox.renumber();
    const { counts, items } = await fixture.verify({ level: 4 });
    expect(inShort(items)).toEqual(["missing 2"]);
    expect(counts).toMatchObject({ checked: 5, contentsChecked: 4, surplus: 0 });
  });
});

describe("messages that were there already", () => {
  it("are compared with the source, for the ledger has no digest of them", async () => {
    const before = [{ levels: ["INBOX"], messages: numbered(4) }];
    const fixture = await VerifyFixture.inbox(numbered(4), { before, store: memoryStore() });
    expect((await fixture.batch.report()).books.alreadyThere).toBe(4);
    expect(await fixture.verify({ level: 4 })).toMatchObject({ grade: "Perfect", counts: { contentsChecked: 4 } });
    fixture.replace(2, (message) => ({ octets: changed(message, "lazy", "hazy") }));
    fixture.targetInbox.expunge(3);
    const { items } = await fixture.verify({ level: 4 });
    expect(inShort(items).sort()).toEqual(["changed 2 content", "missing 3"]);
  });

  it("are found in the folder that the plan names, when the ledger names none", async () => {
    const content = [{ levels: ["Work"], messages: numbered(3) }];
    const fixture = await VerifyFixture.migrated(content, { before: [{ levels: ["INBOX"] }, ...content] });
    expect((await fixture.batch.report()).books).toMatchObject({ copied: 0, alreadyThere: 3 });
    expect(await fixture.verify({ level: 1 })).toMatchObject({ grade: "Perfect", counts: { checked: 3 } });
    fixture.target.removeFolder("Work");
    expect(await fixture.verify({ level: 1 })).toMatchObject({ grade: "Poor", counts: { missing: 3 } });
  });

  it("stay known when the source gives its messages other UIDs", async () => {
    const fixture = await VerifyFixture.inbox(numbered(3));
    fixture.sourceInbox.renumber(50);
    await fixture.migrate();
    const { counts, items } = await fixture.verify({ level: 4 });
    expect(items).toEqual([]);
    // Each stands on two pages of the ledger; of the older one, the source has nothing any more.
    expect(counts).toMatchObject({ checked: 6, missing: 0, surplus: 0, withoutSource: 3 });
  });
});
