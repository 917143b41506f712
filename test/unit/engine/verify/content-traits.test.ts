import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentTraits, knownChanges } from "../../../../src/engine/verify/content-traits.js";

async function changes(there: string, here: string, chunk = 3) {
  const [one, other] = await Promise.all([contentTraits(chunks(there, chunk)), contentTraits(chunks(here, chunk))]);
  return knownChanges(one, other);
}

async function* chunks(text: string, length: number): AsyncGenerator<Uint8Array> {
  const octets = Buffer.from(text, "latin1");
  for (let at = 0; at < octets.length; at += length) yield octets.subarray(at, at + length);
}

/** What the test servers were measured to do. */
const asDovecot = (text: string) =>
  text
    .replace(/\r\r\n|\r?\n/g, "\r\n")
    .replace(/\r$/, "")
    .replaceAll("\0", "\x80");
const asCourier = (text: string) =>
  text.replace(/\r?\n/g, "\n").replaceAll("\r", "").replace(/\n?$/, "\n").replaceAll("\n", "\r\n");

describe("what servers are known to change", () => {
  it.each([
    ["bare LF served as CRLF", "a\nb\r\nc\n", "a\r\nb\r\nc\r\n", ["line-ends"]],
    ["NUL kept as 0x80", "a\0b\x80\r\n", "a\x80b\x80\r\n", ["nul"]],
    ["a CRLF added at the end", "a", "a\r\n", ["final-line-end"]],
    ["a CRLF added to a CR", "a\r", "a\r\r\n", ["final-line-end"]],
    ["a CR completed", "a\r", "a\r\n", ["bare-cr", "final-line-end"]],
    ["a CR dropped", "a\rb\r\n", "ab\r\n", ["bare-cr"]],
    ["a CR dropped in front of CRLF", "a\rb\r\r\n", "a\rb\r\n", ["bare-cr"]],
    ["all of that", "\0\n\rb", "\x80\r\nb\r\n", ["line-ends", "bare-cr", "nul", "final-line-end"]],
  ])("is named: %s", async (_what, there, here, expected) => {
    expect(await changes(there, here)).toEqual(expected);
  });

  it.each([
    ["another octet", "a\nb", "a\nc"],
    ["an octet less", "a\r\nb\r\n", "a\r\n\r\n"],
    ["CRLF turned into LF", "a\r\nb\r\n", "a\nb\n"],
    ["0x80 turned into NUL", "a\x80b\r\n", "a\0b\r\n"],
    ["only some of the bare LFs", "a\nb\nc\r\n", "a\r\nb\nc\r\n"],
    ["only some of the NULs", "a\0b\0c\r\n", "a\0b\x80c\r\n"],
    ["a final line end taken away", "a\r\n", "a"],
    ["two line ends added", "a", "a\r\n\r\n"],
    ["a CR added", "a\r\n", "a\r\r\n"],
    ["CR turned into CRLF in the middle", "a\rb\r\n", "a\r\nb\r\n"],
    ["NUL and 0x80 changed over", "\0\x80\r\n", "\x80\0\r\n"],
    ["a line end that moved", "ab\nc\r\n", "a\nbc\r\n"],
  ])("does not explain %s", async (_what, there, here) => {
    expect(await changes(there, here)).toBeUndefined();
  });

  it("explains whatever Dovecot and Courier make of any text, however it is cut", async () => {
    const texts = fc.string({ unit: fc.constantFrom("\r", "\n", "\r\n", "\0", "\x80", "a", "b"), maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 9 }), async (text, length) => {
        for (const served of [asDovecot(text), asCourier(text)]) {
          if (served !== text) expect(await changes(text, served, length)).toBeDefined();
        }
      }),
    );
  });

  it("never explains one octet of a text that was changed into a letter", async () => {
    const texts = fc.string({
      unit: fc.constantFrom("\r", "\n", "\r\n", "\0", "\x80", "a", "b"),
      minLength: 1,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(texts, fc.nat(), async (text, at) => {
        const position = at % text.length;
        const damaged = `${text.slice(0, position)}z${text.slice(position + 1)}`;
        expect(await changes(text, asCourier(asDovecot(damaged)))).toBeUndefined();
      }),
    );
  });

  it("says nothing of contents that are the same", async () => {
    expect(await changes("a\r\nb\0\n", "a\r\nb\0\n")).toBeUndefined();
  });
});
