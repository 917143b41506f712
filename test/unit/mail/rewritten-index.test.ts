import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MessageHead } from "../../../src/mail/message.js";
import { isPlausibleSize, RewrittenIndex } from "../../../src/mail/rewritten-index.js";

const DATE = new Date("2001-02-03T04:05:06Z");
const SENT = "Message-ID: <1@x>\r\nFrom: A <a@x>\r\nTo: b@x\r\nSubject: s\r\n\r\n";
const REBUILT = 'X-Exchange: 1\r\nto: B@x\r\nsubject: s\r\nFrom: "A" <A@x>\r\nMessage-Id:\r\n <1@x>\r\n\r\n';

function head(uid: number, header = SENT, size = 1_000, internalDate = DATE): MessageHead {
  return { uid, size, internalDate, flags: new Set(), header: Buffer.from(header) };
}

interface There {
  readonly header?: string;
  readonly size?: number;
  readonly internalDate?: Date;
}

function indexOf(...messages: There[]): RewrittenIndex {
  const index = new RewrittenIndex();
  messages.forEach(({ header = REBUILT, size = 9_000, internalDate = DATE }, at) => {
    index.add({ id: String(at + 1), size, internalDate, header: Buffer.from(header) });
  });
  return index;
}

const matched = (heads: readonly MessageHead[], ...there: There[]) =>
  Object.fromEntries(
    [...indexOf(...there).match(heads)].map(([uid, { id, unsure }]) => [uid, `${id}${unsure ? "?" : ""}`]),
  );

describe("messages in doubt at a target that rebuilds them", () => {
  it("are found by what stays, whatever their size", () => {
    expect(matched([head(7)], {})).toEqual({ 7: "1" });
  });

  it("are never found at another second, or without a date", () => {
    expect(matched([head(7)], { internalDate: new Date("2001-02-03T04:05:07Z") })).toEqual({});
    expect(matched([head(7, SENT, 1_000, new Date(Number.NaN))], {})).toEqual({});
  });

  it("are told from others with the same Message-ID and second by their fields", () => {
    const other = SENT.replace("Subject: s", "Subject: [list] s");
    const both = [head(1), head(2, other)];
    expect(matched(both, { header: other })).toEqual({ 2: "1" });
    expect(matched(both, { header: other }, {})).toEqual({ 1: "2", 2: "1" });
  });

  it("are found by Message-ID and second where the target writes a field in a way that nobody knows", () => {
    expect(matched([head(1)], { header: "Message-ID: <1@x>\r\nFrom: nobody@x\r\n\r\n" })).toEqual({ 1: "1" });
  });

  it("are found without Message-ID, though the target gave them one; but not with another one", () => {
    const without = SENT.replace("Message-ID: <1@x>\r\n", "");
    expect(matched([head(1, without)], {})).toEqual({ 1: "1" });
    expect(matched([head(1, SENT.replace("1@x", "2@x"))], {})).toEqual({});
    expect(matched([head(1, "X-Nothing: 1\r\n\r\n")], { header: "X-Other: 1\r\n\r\n" })).toEqual({});
  });

  it("that are equal are matched by count", () => {
    expect(matched([head(9), head(5), head(7)], {}, {})).toEqual({ 5: "1", 7: "2" });
  });

  it("that are alike but for their bodies are told apart by a size that only one of them can have", () => {
    const both = [head(1, SENT, 1_000), head(2, SENT, 200_000)];
    expect(matched(both, { size: 210_000 })).toEqual({ 2: "1" });
    expect(matched(both, { size: 2_500 })).toEqual({ 1: "1" });
  });

  it("are unsure where it cannot be told which of them is there", () => {
    const both = [head(1, SENT, 100_000), head(2, SENT, 101_000)];
    expect(matched(both, { size: 100_500 })).toEqual({ 1: "1?" });
    expect(matched(both, { size: 900_000 })).toEqual({ 1: "1?" });
    expect(matched(both, { size: 100_500 }, { size: 101_500 })).toEqual({ 1: "1", 2: "2" });
  });

  it("are not found in what other messages have", () => {
    expect([
      ...indexOf({}, {})
        .match([head(1)], { taken: new Set(["1"]) })
        .values(),
    ]).toEqual([{ id: "2" }]);
  });

  it("are matched alike whatever the order, each candidate at most once", () => {
    const kinds = fc.constantFrom(SENT, SENT.replace("Subject: s", "Subject: t"), SENT.replace(/^.*\r\n/, ""), "\r\n");
    const told = fc.record({
      header: kinds,
      size: fc.constantFrom(100, 5_000, 80_000, 90_000),
      internalDate: fc.constantFrom(DATE, new Date(0)),
    });
    const lists = fc.tuple(
      fc.array(told, { maxLength: 8 }),
      fc.array(told, { maxLength: 8 }),
      fc.infiniteStream(fc.nat()),
    );
    const match = (heads: readonly MessageHead[], there: readonly (Required<There> & { id: string })[]) => {
      const index = new RewrittenIndex();
      for (const { id, size, internalDate, header } of there) {
        index.add({ id, size, internalDate, header: Buffer.from(header) });
      }
      return index.match(heads);
    };
    fc.assert(
      fc.property(lists, ([some, others, order]) => {
        const heads = some.map(({ header, size, internalDate }, at) => head(at + 1, header, size, internalDate));
        const there = others.map((one, at) => ({ ...one, id: `${at + 1}` }));
        const found = match(heads, there);
        const ids = [...found.values()].map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        const shuffled = <Item>(items: readonly Item[]) =>
          items
            .map((item) => ({ item, rank: order.next().value ?? 0 }))
            .sort((one, other) => one.rank - other.rank)
            .map(({ item }) => item);
        expect(Object.fromEntries(match(shuffled(heads), shuffled(there)))).toEqual(Object.fromEntries(found));
      }),
      { numRuns: 500 },
    );
  });
});

describe("a size that a rebuilt message may have", () => {
  it.each([
    [1_000, 4_900, true],
    [1_000, 6_000, false],
    [1_000_000, 1_200_000, true],
    [1_000_000, 800_000, true],
    [1_000_000, 1_300_000, false],
    [1_000_000, 700_000, false],
  ])("%i and %i: %s", (one, other, plausible) => {
    expect(isPlausibleSize(one, other)).toBe(plausible);
    expect(isPlausibleSize(other, one)).toBe(plausible);
  });
});
