import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UidSet } from "../../../src/mail/uid-set.js";

const uid = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 0xffff_ffff }));

describe("a set of UIDs", () => {
  it("is written as an IMAP sequence-set", () => {
    expect(UidSet.of([7, 1, 3, 2, 4, 12, 10, 9, 11]).toString()).toBe("1:4,7,9:12");
    expect(UidSet.of([5]).toString()).toBe("5");
    expect(UidSet.of([]).toString()).toBe("");
  });

  it("is one range for a mailbox of 500,000 messages, in whatever order they come", () => {
    const set = new UidSet();
    for (let at = 1; at <= 500_000; at += 2) set.add(at);
    for (let at = 500_000; at >= 2; at -= 2) set.add(at);
    expect(set.toString()).toBe("1:500000");
    expect(set.size).toBe(500_000);
  }, 20_000);

  it("grows at both ends of a range, and joins two", () => {
    const set = UidSet.of([5]);
    set.add(4);
    expect(set.toString()).toBe("4:5");
    set.add(6);
    expect(set.toString()).toBe("4:6");
    set.add(8);
    set.add(7);
    expect(set.toString()).toBe("4:8");
    expect(set.size).toBe(5);
  });

  it("holds the largest UID there is", () => {
    const set = UidSet.of([0xffff_fffe, 0xffff_ffff]);
    expect(set.has(0xffff_ffff)).toBe(true);
    expect(set.toString()).toBe("4294967294:4294967295");
  });

  it("holds exactly what was added, once, ascending", () => {
    fc.assert(
      fc.property(fc.array(uid), fc.array(uid), (added, others) => {
        const set = UidSet.of(added);
        const expected = new Set(added);
        expect([...set]).toEqual([...expected].sort((one, other) => one - other));
        expect(set.size).toBe(expected.size);
        for (const each of [...added, ...others]) expect(set.has(each)).toBe(expected.has(each));
        for (const each of added) expect(set.has(each + 1)).toBe(expected.has(each + 1));
      }),
    );
  });

  it("has ranges that neither meet nor touch, and one text whatever the order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), (added) => {
        const text = UidSet.of(added).toString();
        expect(UidSet.of([...added].reverse()).toString()).toBe(text);
        const ranges = text === "" ? [] : text.split(",").map((range) => range.split(":").map(Number));
        for (let at = 1; at < ranges.length; at++) {
          expect(ranges[at]?.[0]).toBeGreaterThan((ranges[at - 1]?.at(-1) ?? 0) + 1);
        }
      }),
    );
  });
});
