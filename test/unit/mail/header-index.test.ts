import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderIndex, type MatchCandidate, matchByHeader } from "../../../src/mail/header-index.js";
import type { MessageHead } from "../../../src/mail/message.js";

const DATE = new Date("2001-02-03T04:05:06Z");
const NO_DATE = new Date(Number.NaN);
const HEADER = "From: a@example\r\nSubject: one\r\n\r\n";

const octets = (text: string) => Buffer.from(text, "latin1");

function head(uid: number, header = HEADER, size = 100, internalDate = DATE): MessageHead {
  return { uid, size, internalDate, flags: new Set(), header: octets(header) };
}

function candidate(id: string, header = HEADER, size = 100, internalDate = DATE): MatchCandidate {
  return { id, size, internalDate, header: octets(header) };
}

type Asked = Parameters<typeof matchByHeader>;

/** Ids by UID: of those that are surely there, or of those that may be. */
const idsOf = (asked: Asked, isUnsure: boolean) =>
  Object.fromEntries(
    [...matchByHeader(...asked)].flatMap(([uid, { id, unsure = false }]) => (unsure === isUnsure ? [[uid, id]] : [])),
  );
const matched = (...asked: Asked) => idsOf(asked, false);
const alike = (...asked: Asked) => idsOf(asked, true);

describe("messages in doubt", () => {
  it("are found by header, date and size", () => {
    const candidates = [
      candidate("1", HEADER, 100, new Date("2001-02-03T04:05:07Z")),
      candidate("2", HEADER, 101),
      candidate("3", "Subject: two\r\n\r\n"),
      candidate("4"),
    ];
    expect(matched([head(7)], candidates)).toEqual({ 7: "4" });
    expect(matched([head(7)], candidates.slice(0, 3))).toEqual({});
  });

  it("without a header block are left out", () => {
    const { header: _, ...bare } = head(1);
    expect(matched([bare], [candidate("1")])).toEqual({});
  });

  it("are matched by count where they are equal, lower UID to lower id", () => {
    expect(matched([head(9), head(5), head(7)], [candidate("10"), candidate("9")])).toEqual({ 5: "9", 7: "10" });
  });

  it("are found two octets larger, where a server added the final CRLF, but never before an equal one", () => {
    expect(matched([head(1)], [candidate("1", HEADER, 102)])).toEqual({ 1: "1" });
    expect(matched([head(1)], [candidate("1", HEADER, 102), candidate("2")])).toEqual({ 1: "2" });
    expect(matched([head(1, HEADER, 102), head(2)], [candidate("1", HEADER, 102)])).toEqual({ 1: "1" });
  });

  it.each([98, 99, 101, 103, 104, 150])("are not found in another size that nothing explains: %i for 100", (size) => {
    expect(matched([head(1)], [candidate("1", HEADER, size)])).toEqual({});
  });

  it("are found larger where the header shows that line feeds became CRLF, within what that explains", () => {
    const bare = HEADER.replaceAll("\r", "");
    const found = (size: number) => matched([head(1, bare, 100)], [candidate("1", HEADER, size)]);
    expect(found(103)).toEqual({ 1: "1" });
    expect(found(120)).toEqual({ 1: "1" });
    expect(found(202)).toEqual({ 1: "1" });
    expect(found(101)).toEqual({});
    expect(found(203)).toEqual({});
    expect(matched([head(1, bare, 100)], [candidate("1", bare, 120)])).toEqual({});
  });

  it("whose octets were looked at are found in every size that their line ends explain, and in no other", () => {
    const looked = { ...head(1), changes: { fewer: 2, more: 3 } };
    for (const size of [98, 99, 101, 103])
      expect(matched([looked], [candidate("1", HEADER, size)])).toEqual({ 1: "1" });
    for (const size of [97, 104]) expect(matched([looked], [candidate("1", HEADER, size)])).toEqual({});
  });

  it("may be those that are alike in all but their size, or in Message-ID and date, which is told apart", () => {
    const withId = "Message-ID: <1@x>\r\nSubject: s\r\n\r\n";
    const [larger, rebuilt] = [candidate("1", HEADER, 150), candidate("2", `X-Rebuilt: 1\r\n${withId}`, 170)];
    expect(alike([head(1), head(2, withId)], [larger, rebuilt])).toEqual({ 1: "1", 2: "2" });
    const elsewhen = new Date("2002-01-01T00:00:00Z");
    expect(alike([head(1, HEADER, 100, elsewhen), head(2, withId, 100, elsewhen)], [larger, rebuilt])).toEqual({});
  });

  it("are not those that belong to others", () => {
    const taken = new Set(["1"]);
    expect(matched([head(1), head(2)], [candidate("1"), candidate("2")], { taken })).toEqual({ 1: "2" });
  });

  it("are found in an index that is asked again and again, as long as the caller says what is taken", () => {
    const index = HeaderIndex.of([candidate("1"), candidate("2")]);
    const taken = new Set<string>();
    for (const [uid, id] of [
      [5, "1"],
      [6, "2"],
    ] as const) {
      expect(index.match([head(uid)], { taken }).get(uid)).toEqual({ id });
      taken.add(id);
    }
    expect(index.match([head(7)], { taken }).size).toBe(0);
  });

  it("without a date that can be read are compared without dates", () => {
    const candidates = [candidate("1", HEADER, 100, new Date()), candidate("2", "Subject: two\r\n\r\n")];
    expect(matched([head(1, HEADER, 100, NO_DATE)], candidates)).toEqual({ 1: "1" });
  });

  it("with a date come before those without", () => {
    const heads = [head(1, HEADER, 100, NO_DATE), head(2)];
    expect(matched(heads, [candidate("1")])).toEqual({ 2: "1" });
  });
});

describe("messages in doubt at a target that rebuilds them", () => {
  const rewrites = { rewrites: true };
  const withId = "Message-ID: <1@x>\r\nFrom: A <a@x>\r\nSubject: s\r\n\r\n";
  const rebuilt = 'X-Exchange: 1\r\nsubject: s\r\nFrom: "A" <A@x>\r\nMessage-Id:\r\n <1@x>\r\n\r\n';

  it("are found by Message-ID and date, whatever their size", () => {
    expect(matched([head(1, withId)], [candidate("1", rebuilt, 4711)], rewrites)).toEqual({ 1: "1" });
    expect(matched([head(1, withId)], [candidate("1", rebuilt, 4711)])).toEqual({});
  });

  it("are never found by Message-ID alone", () => {
    const elsewhen = candidate("1", rebuilt, 100, new Date("2002-01-01T00:00:00Z"));
    expect(matched([head(1, withId)], [elsewhen], rewrites)).toEqual({});
    expect(matched([head(1, withId, 100, NO_DATE)], [elsewhen], rewrites)).toEqual({});
  });

  it("are found by date, subject and sender where they have no Message-ID, though the target gave them one", () => {
    const without = "From: A <a@x>\r\nSubject:  s\r\n\r\n";
    expect(matched([head(1, without)], [candidate("1", rebuilt)], rewrites)).toEqual({ 1: "1" });
    expect(matched([head(1, "From: b@x\r\nSubject: s\r\n\r\n")], [candidate("1", rebuilt)], rewrites)).toEqual({});
    expect(matched([head(1, "To: b@x\r\n\r\n")], [candidate("1", "To: c@x\r\n\r\n")], rewrites)).toEqual({});
  });

  it("are not found by subject and sender where they have another Message-ID", () => {
    const other = withId.replace("1@x", "2@x");
    expect(matched([head(1, other)], [candidate("1", rebuilt)], rewrites)).toEqual({});
  });

  it("are found as they are first, and matched by count", () => {
    const candidates = [candidate("1", rebuilt, 90), candidate("2", withId)];
    expect(matched([head(1, withId), head(2, withId), head(3, withId)], candidates, rewrites)).toEqual({
      1: "2",
      2: "1",
    });
  });
});

describe("any messages in doubt", () => {
  const kinds = [
    "Message-ID: <1@x>\r\nSubject: a\r\n\r\n",
    "Message-ID: <1@x>\nSubject: a\n\n",
    "Subject: b\r\n\r\n",
    "",
  ];
  const told = fc.record({
    header: fc.constantFrom(...kinds),
    size: fc.constantFrom(100, 102, 104, 110),
    internalDate: fc.constantFrom(DATE, new Date(0), NO_DATE),
  });
  const heads = fc
    .array(told, { maxLength: 12 })
    .map((all) => all.map(({ header, size, internalDate }, at) => head(at + 1, header, size, internalDate)));
  const candidates = fc
    .array(told, { maxLength: 12 })
    .map((all) => all.map(({ header, size, internalDate }, at) => candidate(`${at + 1}`, header, size, internalDate)));
  const options = fc.record({ rewrites: fc.boolean() });
  const shuffled = <T>(items: readonly T[]) =>
    fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });

  it("are matched alike in whatever order they and the candidates come", () => {
    const permuted = fc
      .tuple(heads, candidates, options)
      .chain(([some, others, how]) =>
        fc.tuple(fc.constant([some, others, how] as const), shuffled(some), shuffled(others)),
      );
    fc.assert(
      fc.property(permuted, ([[some, others, how], shuffledHeads, shuffledCandidates]) => {
        expect(matched(shuffledHeads, shuffledCandidates, how)).toEqual(matched(some, others, how));
        expect(alike(shuffledHeads, shuffledCandidates, how)).toEqual(alike(some, others, how));
      }),
      { numRuns: 500 },
    );
  });

  it("are given each candidate at most once", () => {
    fc.assert(
      fc.property(heads, candidates, options, (some, others, how) => {
        const ids = [...matchByHeader(some, others, how).values()].map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(others.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
      }),
      { numRuns: 500 },
    );
  });

  it("that are equal are found exactly as often as there are equal candidates", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.boolean(), (inDoubt, there, rewrites) => {
        const some = Array.from({ length: inDoubt }, (_, at) => head(at + 1));
        const others = Array.from({ length: there }, (_, at) => candidate(`${at + 1}`));
        expect(matchByHeader(some, others, { rewrites }).size).toBe(Math.min(inDoubt, there));
      }),
    );
  });
});
