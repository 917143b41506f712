import fc from "fast-check";
import { expect, it } from "vitest";
import { MeasuredContent } from "../../../src/imap/exchange-lines.js";
import { FakeContent, readOctets } from "../../../src/testing/fake-content.js";

it("R3 a content that is measured keeps its octets, and tells its longest line whatever the chunks", async () => {
  const lines = fc.array(
    fc.string({ maxLength: 40 }).map((text) => text.replaceAll("\n", "")),
    { minLength: 1 },
  );
  await fc.assert(
    fc.asyncProperty(lines, fc.integer({ min: 1, max: 50 }), async (texts, chunkOctets) => {
      const octets = Buffer.from(texts.join("\n"));
      const content = new MeasuredContent(new FakeContent(octets, { chunkOctets }));
      expect(content.size).toBe(octets.length);
      expect(Buffer.from(await readOctets(content))).toEqual(octets);
      const lengths = texts.map((text, at) => Buffer.byteLength(text) + (at < texts.length - 1 ? 1 : 0));
      expect(content.longestLine).toBe(Math.max(...lengths));
    }),
  );
});
