import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { DigestedContent } from "../../../src/engine/digested-content.js";
import { LeaseHold } from "../../../src/engine/lease-hold.js";
import { MigrationError } from "../../../src/errors.js";
import { FakeContent, readOctets } from "../../../src/testing/fake-content.js";

function sha256(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("hex");
}

describe("a content that is digested on its way", () => {
  for (const [octets, chunkOctets] of [
    [1, 1],
    [2, 1],
    [1_000, 1_000],
    [1_000, 7],
    [70_001, 16_384],
  ] as const) {
    it(`R3 passes ${octets} octets in chunks of ${chunkOctets} unchanged, and digests what passed`, async () => {
      const data = randomBytes(octets);
      const content = new DigestedContent(new FakeContent(data, { chunkOctets }));
      expect(content.size).toBe(octets);
      const passed = await readOctets(content);
      expect(Buffer.compare(passed, data)).toBe(0);
      expect(Buffer.from(content.digest()).toString("hex")).toBe(sha256(data));
    });
  }

  it("R3 passes a content that is there whole at once, with the digests it has chunk by chunk", async () => {
    const data = Buffer.from(`Subject: whole\r\n\r\n${"x".repeat(3_000)}`);
    const chunks = [data.subarray(0, 5), data.subarray(5, 700), data.subarray(700)];
    const inner = Object.assign(new FakeContent(data), { whole: () => chunks });
    const content = new DigestedContent(inner);
    expect(content.whole()).toEqual(chunks);
    const read = new DigestedContent(new FakeContent(data));
    await readOctets(read);
    expect(Buffer.from(content.digest()).toString("hex")).toBe(sha256(data));
    expect(content.headerDigest).toBe(read.headerDigest);
    expect(content.headerDigest).toBeDefined();
    expect(await readOctets(content)).toHaveLength(0);
  });

  it("has nothing at once where the content has not arrived, or the lease is in doubt", async () => {
    const data = randomBytes(10);
    expect(new DigestedContent(new FakeContent(data)).whole()).toBeUndefined();
    const doubtful = Object.create(LeaseHold.prototype, { isDoubtful: { value: true } });
    const inner = Object.assign(new FakeContent(data), { whole: () => [data] });
    expect(new DigestedContent(inner, doubtful).whole()).toBeUndefined();
  });

  it("has the digest of nothing where nothing came", async () => {
    const content = new DigestedContent(new FakeContent(new Uint8Array()));
    await readOctets(content);
    expect(Buffer.from(content.digest()).toString("hex")).toBe(sha256(new Uint8Array()));
  });

  it("gives the digest also when its reader stopped at the last octet", async () => {
    const data = randomBytes(30);
    const content = new DigestedContent(new FakeContent(data, { chunkOctets: 10 }));
    for (let chunk = 0; chunk < 3; chunk++) await content.next();
    expect(Buffer.from(content.digest()).toString("hex")).toBe(sha256(data));
  });

  it("gives the rest up when its reader leaves early", async () => {
    const inner = new FakeContent(randomBytes(30), { chunkOctets: 10 });
    for await (const _ of new DigestedContent(inner)) break;
    await inner.consumed;
  });

  it("tells a message that broke off from a connection that was lost", async () => {
    for (const [code, brokeOff] of [
      ["message-truncated", true],
      ["connection-lost", false],
    ] as const) {
      const beforeChunk = () => {
        throw new MigrationError(code, "…");
      };
      const content = new DigestedContent(new FakeContent(randomBytes(9), { beforeChunk }));
      expect(content.brokeOff).toBe(false);
      await expect(readOctets(content)).rejects.toMatchObject({ code });
      expect(content.brokeOff).toBe(brokeOff);
    }
  });
});
