import { describe, expect, it } from "vitest";
import type { MessageHead } from "../../../src/mail/message.js";
import { checkMessageFilter, type MessageFilter, ruleAgainst } from "../../../src/mail/message-filter.js";

const head = (more: Partial<MessageHead> = {}): MessageHead => ({
  ...{ uid: 1, size: 1_000, internalDate: new Date("2020-01-01T00:00:00Z"), flags: new Set(["\\Seen", "Work"]) },
  ...more,
});

describe("A message filter", () => {
  it.each<[string, MessageFilter, string | undefined]>([
    ["keeps everything when it says nothing", {}, undefined],
    ["keeps the first instant of its time", { receivedAfter: new Date("2020-01-01T00:00:00Z") }, undefined],
    ["leaves out what was received before", { receivedAfter: new Date("2020-01-01T00:00:00.001Z") }, "filter-received"],
    [
      "leaves out the first instant after its time",
      { receivedBefore: new Date("2020-01-01T00:00:00Z") },
      "filter-received",
    ],
    ["keeps the last instant of its time", { receivedBefore: new Date("2020-01-01T00:00:00.001Z") }, undefined],
    ["keeps a message of the largest size", { maxSize: 1_000 }, undefined],
    ["leaves a larger one out", { maxSize: 999 }, "filter-size"],
    ["keeps what has all flags, in whatever case", { withFlags: ["\\SEEN", "work"] }, undefined],
    ["leaves out what lacks one", { withFlags: ["\\Seen", "\\Flagged"] }, "filter-flags"],
    ["leaves out what has an unwanted one", { withoutFlags: ["\\Deleted", "\\seen"] }, "filter-flags"],
    ["keeps what has none of the unwanted", { withoutFlags: ["\\Deleted"] }, undefined],
  ])("%s", (_, filter, rule) => {
    expect(ruleAgainst(checkMessageFilter(filter), head())).toBe(rule);
  });

  it("keeps a message whose date nobody can read", () => {
    const filter = { receivedAfter: new Date("2020-01-01"), receivedBefore: new Date("2021-01-01") };
    expect(ruleAgainst(filter, head({ internalDate: new Date(Number.NaN) }))).toBeUndefined();
  });

  it.each<[MessageFilter, RegExp]>([
    [{ receivedAfter: new Date(Number.NaN) }, /receivedAfter/],
    [{ receivedBefore: "2020-01-01" as unknown as Date }, /receivedBefore/],
    [{ receivedAfter: new Date(5), receivedBefore: new Date(5) }, /no message/],
    [{ maxSize: 0 }, /maxSize/],
    [{ maxSize: Number.NaN }, /maxSize/],
    [{ withFlags: ["\\Seen"], withoutFlags: ["\\seen"] }, /\\\\Seen.*withoutFlags/],
  ])("is refused where it could never be meant: %j", (filter, text) => {
    expect(() => checkMessageFilter(filter)).toThrow(expect.objectContaining({ code: "option-invalid" }));
    expect(() => checkMessageFilter(filter)).toThrow(text);
  });
});
