import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatInternalDate, parseFetchRow, parseInternalDate } from "../../../../src/imap/wire/fetch-row.js";
import { LITERAL } from "../../../../src/imap/wire/response-reader.js";

const row = (text: string, ...literals: Buffer[]) => parseFetchRow(text, literals, text.indexOf("("));

describe("parseFetchRow", () => {
  it("reads the items in any order and any case, and overlooks others", () => {
    const body = Buffer.from("body");
    expect(
      row(`1 FETCH (body[] ${LITERAL} X-GM-LABELS (a "b c") Flags (\\Seen x) rfc822.size 4 UID 7 MODSEQ (9))`, body),
    ).toEqual({ body, flags: new Set(["\\Seen", "x"]), size: 4, uid: 7 });
  });

  it("reads NIL, quoted and empty bodies and header blocks", () => {
    expect(row("1 FETCH (BODY[] NIL BODY[HEADER] NIL)")).toEqual({ body: null, header: null });
    expect(row('1 FETCH (BODY[] "" BODY[HEADER.FIELDS (DATE)] "x\xff")')).toEqual({
      body: Buffer.alloc(0),
      header: Buffer.from("x\xff", "latin1"),
    });
  });

  it("overlooks numbers that are none: what they name is missing then", () => {
    for (const text of ["NIL", "0x10", "1e3", "-1", "1.5", '"x"', "(1)", "9".repeat(30)]) {
      expect(row(`1 FETCH (UID ${text} RFC822.SIZE ${text})`), text).toEqual({});
    }
    expect(row("1 FETCH (RFC822.SIZE 4294967296)")).toEqual({ size: 4_294_967_296 });
    expect(row("1 FETCH (MODSEQ (abc) UID 3)")).toEqual({ uid: 3 });
  });

  it("takes an INTERNALDATE that is no date for an invalid one, not for a missing one", () => {
    for (const text of ["NIL", '""', '"yesterday"', "(x)"]) {
      const { internalDate } = row(`1 FETCH (INTERNALDATE ${text})`);
      expect(internalDate?.getTime(), text).toBeNaN();
    }
    expect(row("1 FETCH (UID 1)").internalDate).toBeUndefined();
  });

  it("gives equal lists of flags one set, and unequal ones their own", () => {
    const flags = (text: string) => row(`1 FETCH (FLAGS (${text}))`).flags;
    expect(flags("\\Seen a")).toBe(flags("\\Seen a"));
    expect(flags("a b")).not.toBe(flags("ab"));
    expect([...(flags('"a b"') ?? [])]).toEqual(["a b"]);
    expect([...(flags("a b") ?? [])]).toEqual(["a", "b"]);
    expect(row("1 FETCH (FLAGS NIL)").flags).toEqual(new Set());
  });

  it("pollutes no prototype by its names (R13)", () => {
    expect(row("1 FETCH (__proto__ (polluted x) constructor x UID 1)")).toEqual({ uid: 1 });
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});

describe("INTERNALDATE", () => {
  it.each([
    ["17-Jul-1996 02:44:25 -0700", "1996-07-17T09:44:25.000Z"],
    [" 7-Feb-1994 21:52:25 +0000", "1994-02-07T21:52:25.000Z"],
    ["7-feb-1994 21:52:25 +0530", "1994-02-07T16:22:25.000Z"],
    ["07-FEB-1994 00:00:00 -1200", "1994-02-07T12:00:00.000Z"],
    ["01-Jan-1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z"],
    ["31-Dec-1969 23:59:59 +0000", "1969-12-31T23:59:59.000Z"],
    ["01-Jan-0099 00:00:00 +0000", "0099-01-01T00:00:00.000Z"],
    ["30-Jun-1997 23:59:60 +0000", "1997-07-01T00:00:00.000Z"],
    ["29-Feb-2024 23:30:00 -0100", "2024-03-01T00:30:00.000Z"],
  ])("is read from %j", (text, instant) => {
    expect(parseInternalDate(text).toISOString()).toBe(instant);
  });

  it.each([
    "",
    "NIL",
    "2001-02-03T04:05:06Z",
    "00-Jan-2001 00:00:00 +0000",
    "32-Jan-2001 00:00:00 +0000",
    "01-Foo-2001 00:00:00 +0000",
    "01-Jan-01 00:00:00 +0000",
    "01-Jan-2001 24:00:00 +0000",
    "01-Jan-2001 00:60:00 +0000",
    "01-Jan-2001 00:00:61 +0000",
    "01-Jan-2001 00:00:00 UTC",
    "01-Jan-2001 00:00:00 +9999",
    "01-Jan-2001 00:00:00 +0000 ",
    "01-Jan-0000 00:00:00 +0100",
    "31-Dec-9999 23:59:59 -0100",
  ])("is invalid for %j", (text) => {
    expect(parseInternalDate(text).getTime()).toBeNaN();
  });

  it("is written as the same instant to the second, in the 26 characters that APPEND wants", () => {
    const instant = fc.date({
      min: new Date("0000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instant, (date) => {
        const text = formatInternalDate(date);
        expect(text).toMatch(/^[ \d]\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d \+0000$/);
        expect(parseInternalDate(text).getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });
});
