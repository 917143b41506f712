import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerBlock, headerDigest, headerKey } from "../../../src/mail/header-key.js";

const DATE = new Date("2001-02-03T04:05:06Z");
const NO_DATE = new Date(Number.NaN);
const HEADER = "From: a@example\r\nSubject: one\r\n\r\n";

const octets = (text: string) => Buffer.from(text, "latin1");
const key = (text: string, date = DATE) => headerKey(octets(text), date);

describe("the header block of a message", () => {
  it.each([
    ["A: b\r\nC: d\r\n\r\nbody\r\n\r\n", "A: b\r\nC: d\r\n\r\n"],
    ["A: b\n\nbody", "A: b\n\n"],
    ["A: b\n\r\nbody", "A: b\n\r\n"],
    ["\r\nbody", "\r\n"],
    ["\nbody", "\n"],
    ["A: b\r\nC: d", "A: b\r\nC: d"],
    ["", ""],
  ])("of %j is %j", (message, block) => {
    expect(Buffer.from(headerBlock(octets(message))).toString("latin1")).toBe(block);
  });
});

describe("the key of a header", () => {
  it("is the same for what real servers change", () => {
    expect(key("A: b\nC: d\n\n")).toBe(key("A: b\r\nC: d\r\n\r\n"));
    expect(key("A: b\r\r\nC:\r d\r\n\r")).toBe(key("A: b\r\nC: d\r\n"));
    expect(key("A: \0x\r\n\r\n")).toBe(key("A: \x80x\r\n\r\n"));
    expect(key("A: b")).toBe(key("A: b \t\r\n\r\n\r\n"));
  });

  it("is another for any other octet, and for another line", () => {
    expect(key("A: b\r\n\r\n")).not.toBe(key("A: c\r\n\r\n"));
    expect(key("A: b\r\nC: d\r\n")).not.toBe(key("A: bC: d\r\n"));
    expect(key("A: b\r\n\r\nC: d")).not.toBe(key("A: b\r\nC: d"));
    expect(key("A: b")).not.toBe(key(" A: b"));
  });

  it("holds INTERNALDATE to the second, and nothing of one that is invalid", () => {
    expect(key(HEADER, new Date("2001-02-03T04:05:06.999Z"))).toBe(key(HEADER));
    expect(key(HEADER, new Date("2001-02-03T04:05:07Z"))).not.toBe(key(HEADER));
    expect(key(HEADER, NO_DATE)).not.toBe(key(HEADER));
    expect(key(HEADER, new Date("1960-01-01T00:00:00Z"))).not.toBe(key(HEADER, NO_DATE));
  });

  it("does not change with line ends, whatever the lines", () => {
    const line = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)) });
    const lines = fc.array(line.map((text) => text.replace(/[\r\n]/g, "")));
    fc.assert(
      fc.property(lines, (texts) => {
        expect(key(texts.join("\n"))).toBe(key(texts.join("\r\n")));
      }),
    );
  });

  it("is as short as it can be where many are kept, and as strict", () => {
    const digest = (text: string) => headerDigest(octets(text));
    expect(digest("A: b\n")).toHaveLength(16);
    expect(digest("A: b\n")).toBe(digest("A: b\r\n"));
    expect(digest("A: b\n")).not.toBe(digest("A: c\n"));
  });
});
