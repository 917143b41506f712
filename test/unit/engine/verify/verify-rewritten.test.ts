import { describe, expect, it } from "vitest";
import { type StoredMessage, sampleMessage } from "../../../../src/testing/sample-message.js";
import { inShort, numbered, VerifyFixture } from "./verify-fixture.js";

/** Another order and folding, a field more, another size: what stays is who, to whom, what and when. */
function rebuilt({ octets }: StoredMessage): Partial<StoredMessage> {
  const [header = "", body = ""] = Buffer.from(octets).toString("latin1").split("\r\n\r\n");
  const fields = header
    .split("\r\n")
    .sort()
    .map((field) => field.replace(": ", ":\r\n\t"));
  return { octets: Buffer.from(`X-Exchange: 1\r\n${fields.join("\r\n")}\r\n\r\n${body}\r\n`) };
}

async function rebuiltInbox(messages: readonly StoredMessage[]): Promise<VerifyFixture> {
  const capabilities = { rewrites: true };
  const fixture = await VerifyFixture.inbox(messages, { target: { capabilities, rewrites: true } });
  for (const { uid } of fixture.targetInbox.messages) fixture.replace(uid, rebuilt);
  return fixture;
}

describe("verification of a target that rebuilds messages", () => {
  it.each([1, 2, 3] as const)("calls none changed that says the same in another way: level %i", async (level) => {
    const fixture = await rebuiltInbox(numbered(5));
    const { grade, items, counts } = await fixture.verify({ level });
    expect({ grade, items }).toEqual({ grade: "Perfect", items: [] });
    expect(counts).toMatchObject({ checked: 5, contentsChecked: 0 });
  });

  it("finds other flags and dates, and damages only what its size or its header give away", async () => {
    const fixture = await rebuiltInbox(numbered(6));
    fixture.replace(1, () => ({ flags: new Set(["\\Seen"]) }));
    fixture.replace(2, () => ({ internalDate: new Date(0) }));
    fixture.replace(3, ({ octets }) => ({ octets: Buffer.concat([octets, Buffer.alloc(100_000, "x")]) }));
    fixture.replace(4, ({ octets }) => ({
      octets: Buffer.from(Buffer.from(octets).toString("latin1").replace("number 4", "number 5")),
    }));
    expect(inShort((await fixture.verify({ level: 2 })).items)).toEqual([
      ...["changed 1 flags", "changed 2 internal-date", "changed 3 size"],
    ]);
    const { items, counts } = await fixture.verify({ level: 3 });
    expect(inShort(items)).toEqual([
      ...["changed 1 flags", "changed 2 internal-date", "changed 3 size", "changed 4 header"],
    ]);
    expect(counts).toMatchObject({ changed: 4, damaged: 2, contentsChecked: 0 });
  });

  it("pairs what it has no ids for by what stays", async () => {
    const fixture = await rebuiltInbox([...numbered(3), sampleMessage("twin"), sampleMessage("twin")]);
    fixture.targetInbox.renumber(4711);
    const { grade, counts } = await fixture.verify({ level: 3 });
    expect({ grade, missing: counts.missing, surplus: counts.surplus }).toEqual({
      ...{ grade: "Perfect", missing: 0, surplus: 0 },
    });
  });

  it("refuses level 4, which could prove nothing", async () => {
    const fixture = await rebuiltInbox(numbered(1));
    await expect(fixture.verify({ level: 4 })).rejects.toMatchObject({ code: "option-invalid" });
  });
});
