import { describe, expect, it } from "vitest";
import { rawMessage, type StoredMessage, sampleMessage } from "../../../../src/testing/sample-message.js";
import type { VerificationLevel } from "../../../../src/verification.js";
import { inShort, numbered, octetsOf, VerifyFixture } from "./verify-fixture.js";

const LEVELS: readonly VerificationLevel[] = [0, 1, 2, 3, 4];

/** What each level finds, by its number. */
async function foundByLevel(fixture: VerifyFixture): Promise<string[][]> {
  const found: string[][] = [];
  for (const level of LEVELS) found.push(inShort((await fixture.verify({ level })).items));
  return found;
}

function text({ octets }: StoredMessage): string {
  return Buffer.from(octets).toString("latin1");
}

describe("verification of a target that keeps everything", () => {
  it("is Perfect at every level, and looks at every message", async () => {
    const content = [
      { levels: ["INBOX"], messages: numbered(5) },
      { levels: ["Work", "2024"], messages: numbered(3, 20) },
      { levels: ["Empty"] },
    ];
    const fixture = await VerifyFixture.migrated(content);
    for (const level of LEVELS) {
      const { grade, counts, items, errors } = await fixture.verify({ level });
      expect({ grade, items, errors }).toEqual({ grade: "Perfect", items: [], errors: [] });
      expect(counts).toMatchObject({ found: 8, checked: 8, contentsChecked: level === 4 ? 8 : 0 });
    }
  });

  it("R4 R5 reads both ends and calls nothing that could change them", async () => {
    const fixture = await VerifyFixture.inbox(numbered(3));
    for (const level of LEVELS) await fixture.verify({ level });
    const calls = new Set(fixture.targetCalls.map(({ call }) => call));
    expect([...calls].sort()).toEqual(["close", "examineFolder", "fetch", "listMessages", "open"]);
  });

  it("asks nobody at level 0, and the target alone at level 1", async () => {
    const fixture = await VerifyFixture.inbox(numbered(3));
    await fixture.verify({ level: 0 });
    expect(fixture.targetCalls).toEqual([]);
    await fixture.verify({ level: 1 });
    expect(fixture.targetCalls).not.toEqual([]);
    expect(fixture.sourceCalls).toEqual([]);
  });
});

describe("verification of a target that lies", () => {
  it("R1 finds what it said OK to and did not store, from level 1 on", async () => {
    const fixture = await VerifyFixture.inbox(numbered(6), {
      faults: [{ on: "append", uid: 4, do: { storeTimes: 0 } }],
    });
    expect(await foundByLevel(fixture)).toEqual([[], ...Array(4).fill(["missing 4"])]);
    const { grade, items } = await fixture.verify({ level: 1 });
    expect(grade).toBe("Investigate");
    expect(items).toEqual([{ kind: "missing", folder: "INBOX", target: "INBOX", uid: 4, id: "4" }]);
  });

  it("R2 finds what it stored twice as surplus, which is no error by itself", async () => {
    const fixture = await VerifyFixture.inbox(numbered(3), {
      faults: [{ on: "append", uid: 2, do: { storeTimes: 2 } }],
    });
    expect(await foundByLevel(fixture)).toEqual([[], ...Array(4).fill(["surplus 3"])]);
    const { grade, counts, items } = await fixture.verify({ level: 4 });
    expect({ grade, surplus: counts.surplus, items }).toEqual({
      ...{ grade: "Perfect", surplus: 1 },
      items: [{ kind: "surplus", target: "INBOX", id: "3" }],
    });
  });

  it("R3 finds a changed octet in the body at level 4 and not before", async () => {
    const rewrite = (octets: Uint8Array) => octetsOf(Buffer.from(octets).toString("latin1").replace("quick", "quack"));
    const fixture = await VerifyFixture.inbox(numbered(3), { faults: [{ on: "append", uid: 2, do: { rewrite } }] });
    expect(await foundByLevel(fixture)).toEqual([[], [], [], [], ["changed 2 content"]]);
    const { grade, counts } = await fixture.verify({ level: 4 });
    expect({ grade, damaged: counts.damaged }).toEqual({ grade: "Investigate", damaged: 1 });
  });

  it("R3 finds a changed header of the same size from level 3 on", async () => {
    const rewrite = (octets: Uint8Array) => octetsOf(Buffer.from(octets).toString("latin1").replace("Terry", "Jerry"));
    const fixture = await VerifyFixture.inbox(numbered(3), { faults: [{ on: "append", uid: 2, do: { rewrite } }] });
    const damage = ["changed 2 header content"];
    expect(await foundByLevel(fixture)).toEqual([[], [], [], damage, damage]);
  });

  it("R3 finds a message that was cut short from level 2 on", async () => {
    const rewrite = (octets: Uint8Array) => octets.subarray(0, -7);
    const fixture = await VerifyFixture.inbox(numbered(3), { faults: [{ on: "append", uid: 2, do: { rewrite } }] });
    const damage = ["changed 2 size content"];
    expect(await foundByLevel(fixture)).toEqual([[], [], damage, damage, damage]);
  });

  it("tells flags, keywords and dates that were lost in silence from level 2 on, and calls that Good", async () => {
    const flags = ["\\Seen", "$Forwarded"];
    const messages = [1, 2, 3, 4].map((at) => sampleMessage(`number ${at}`, { flags }));
    const fixture = await VerifyFixture.inbox(messages, {
      faults: [
        { on: "append", uid: 1, do: { alter: (message) => ({ ...message, flags: new Set(["$Forwarded"]) }) } },
        { on: "append", uid: 2, do: { alter: (message) => ({ ...message, flags: new Set(["\\SEEN", "\\Recent"]) }) } },
        { on: "append", uid: 3, do: { alter: (message) => ({ ...message, internalDate: new Date(0) }) } },
      ],
    });
    const lost = ["changed 1 flags", "changed 2 keywords", "changed 3 internal-date"];
    expect(await foundByLevel(fixture)).toEqual([[], [], lost, lost, lost]);
    const { grade, counts } = await fixture.verify({ level: 4 });
    expect({ grade, damaged: counts.damaged }).toEqual({ grade: "Good", damaged: 0 });
  });

  it("finds a folder that is gone, and one that holds other messages now", async () => {
    const content = [
      { levels: ["INBOX"], messages: numbered(2) },
      { levels: ["Gone"], messages: numbered(2, 10) },
      { levels: ["New"], messages: numbered(2, 20) },
    ];
    const fixture = await VerifyFixture.migrated(content);
    fixture.target.removeFolder("Gone");
    fixture.target.removeFolder("New");
    fixture.target.addFolder({ levels: ["New"], messages: numbered(2, 30) });
    const { grade, counts } = await fixture.verify({ level: 1 });
    expect({ grade, counts }).toMatchObject({ grade: "Poor", counts: { checked: 6, missing: 4, surplus: 2 } });
  });

  it("tells a message that the target lists and does not deliver", async () => {
    const fixture = await VerifyFixture.inbox(numbered(3));
    const { FaultScript } = await import("../../../../src/testing/fake-faults.js");
    fixture.verifyFaults = { target: new FaultScript([{ on: "fetch", uid: 2, do: { unreadable: true } }]) };
    const { items, counts } = await fixture.verify({ level: 4 });
    expect(inShort(items)).toEqual(["changed 2 unreadable"]);
    expect(counts).toMatchObject({ contentsChecked: 2, damaged: 1 });
  });
});

describe("what servers are known to change", () => {
  const odd = [
    rawMessage("Subject: lf\n\none\ntwo\r\n"),
    rawMessage("Subject: nul\r\n\r\na\0b\0\r\n"),
    rawMessage("Subject: end\r\n\r\nno end"),
    rawMessage("Subject: all\n\na\0b\nno end"),
    rawMessage("Subject: usual\r\n\r\ntext\r\n"),
  ];
  const asDovecot = (octets: Uint8Array) =>
    octetsOf(Buffer.from(octets).toString("latin1").replace(/\r?\n/g, "\r\n").replaceAll("\0", "\x80"));
  const asCourier = (octets: Uint8Array) =>
    octets.at(-1) === 0x0a ? octets : Buffer.concat([octets, Buffer.from("\r\n")]);
  const served = (rewrite: (octets: Uint8Array) => Uint8Array) =>
    VerifyFixture.inbox(odd, { faults: [{ on: "append", do: { rewrite } }] });

  it("R3 is told apart from damage for bare LF and NUL, and is Good", async () => {
    const { grade, items, counts } = await (await served(asDovecot)).verify({ level: 4 });
    expect(inShort(items)).toEqual([
      "changed 1 size content (line-ends)",
      "changed 2 content (nul)",
      "changed 4 size content (line-ends, nul)",
    ]);
    expect({ grade, damaged: counts.damaged }).toEqual({ grade: "Good", damaged: 0 });
  });

  it("R3 is told apart from damage for a final line end that was added", async () => {
    const { grade, items } = await (await served(asCourier)).verify({ level: 4 });
    expect(inShort(items)).toEqual([
      "changed 3 size content (final-line-end)",
      "changed 4 size content (final-line-end)",
    ]);
    expect(grade).toBe("Good");
  });

  it("is explained at level 2 already, where the size shows it", async () => {
    const { grade, items } = await (await served(asDovecot)).verify({ level: 2 });
    expect(inShort(items)).toEqual(["changed 1 size content (line-ends)", "changed 4 size content (line-ends, nul)"]);
    expect(grade).toBe("Good");
  });

  it("R3 does not hide damage in the same message", async () => {
    const damaging = (octets: Uint8Array) =>
      octetsOf(text({ ...sampleMessage(""), octets: asDovecot(octets) }).replace("two", "tow"));
    const { grade, items } = await (await served(damaging)).verify({ level: 4 });
    expect(inShort(items)[0]).toBe("changed 1 size content");
    expect(grade).toBe("Investigate");
  });
});

describe("verification beside a life that goes on", () => {
  it("leaves out what it cannot compare when a message has gone from the source, and says how many", async () => {
    const fixture = await VerifyFixture.inbox(numbered(4));
    fixture.sourceInbox.expunge(2);
    fixture.targetInbox.setFlags(2, ["\\Seen"]);
    const { grade, counts } = await fixture.verify({ level: 4 });
    expect(counts).toMatchObject({ checked: 4, contentsChecked: 4, withoutSource: 1, changed: 0 });
    expect(grade).toBe("Perfect");
  });

  it("still finds damage in a message that the source no longer holds, by the ledger's digest", async () => {
    const fixture = await VerifyFixture.inbox(numbered(4));
    fixture.sourceInbox.expunge(2);
    fixture.replace(2, (message) => ({ octets: octetsOf(text(message).replace("lazy", "hazy")) }));
    expect(inShort((await fixture.verify({ level: 3 })).items)).toEqual([]);
    expect(inShort((await fixture.verify({ level: 4 })).items)).toEqual(["changed 2 content"]);
  });

  it("counts what stood at the target before, and what came since, as surplus", async () => {
    const before = [{ levels: ["INBOX"], messages: [sampleMessage("Welcome")] }];
    const fixture = await VerifyFixture.inbox(numbered(2), { before });
    fixture.targetInbox.add(sampleMessage("since"));
    expect(inShort((await fixture.verify({ level: 4 })).items)).toEqual(["surplus 1", "surplus 4"]);
  });

  it("takes no other size that the target claims for a change, once the octets are read", async () => {
    const fixture = await VerifyFixture.inbox(numbered(2));
    const [first] = fixture.targetInbox.messages;
    fixture.targetInbox.expunge(1);
    fixture.targetInbox.uidNext = 1;
    if (first) fixture.targetInbox.add({ ...first, claimedSize: 9999 });
    fixture.targetInbox.uidNext = 3;
    const { grade, items } = await fixture.verify({ level: 2 });
    expect({ grade, items }).toEqual({ grade: "Perfect", items: [] });
  });
});
