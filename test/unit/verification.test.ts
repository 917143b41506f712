import { describe, expect, it } from "vitest";
import {
  checkVerifyOptions,
  defaultGradeThresholds,
  gradeOf,
  noVerificationCounts,
  type VerificationCounts,
  worstGrade,
} from "../../src/verification.js";

function grade(counts: Partial<VerificationCounts>, thresholds = defaultGradeThresholds) {
  return gradeOf({ ...noVerificationCounts, found: 1000, checked: 1000, ...counts }, thresholds);
}

describe("the grade of a mailbox", () => {
  it("is Perfect where nothing is missing, changed or lost, whatever else stands at the target", () => {
    expect(grade({})).toBe("Perfect");
    expect(grade({ surplus: 500, withoutSource: 500 })).toBe("Perfect");
    expect(grade({ found: 0, checked: 0 })).toBe("Perfect");
  });

  it("is Good where only what servers are known to change differs, or flags, keywords and dates were lost", () => {
    expect(grade({ changed: 1000 })).toBe("Good");
    expect(grade({ lost: 1 })).toBe("Good");
  });

  it.each(["missing", "damaged", "notCopied", "unaccounted"] as const)(
    "is Investigate up to 10 messages %s",
    (what) => {
      expect(grade({ [what]: 1 })).toBe("Investigate");
      expect(grade({ [what]: 10 })).toBe("Investigate");
      expect(grade({ [what]: 11 })).toBe("Poor");
    },
  );

  it("adds up what is wrong in different ways", () => {
    expect(grade({ missing: 5, damaged: 5 })).toBe("Investigate");
    expect(grade({ missing: 5, damaged: 5, notCopied: 1 })).toBe("Poor");
  });

  it("is Investigate up to 0.1 % of a large mailbox", () => {
    expect(grade({ found: 100_000, missing: 100 })).toBe("Investigate");
    expect(grade({ found: 100_000, missing: 101 })).toBe("Poor");
  });

  it("is Investigate up to a tenth of a small mailbox, and for one message always", () => {
    expect(grade({ found: 50, missing: 5 })).toBe("Investigate");
    expect(grade({ found: 50, missing: 6 })).toBe("Poor");
    expect(grade({ found: 2, missing: 1 })).toBe("Investigate");
    expect(grade({ found: 2, missing: 2 })).toBe("Poor");
  });

  it("is Investigate where something could not be verified", () => {
    expect(grade({ unverified: 900 })).toBe("Investigate");
  });

  it("follows the thresholds that are given", () => {
    const strict = { share: 0, messages: 0, mostShare: 0 };
    expect(grade({ missing: 1 }, strict)).toBe("Investigate");
    expect(grade({ missing: 2 }, strict)).toBe("Poor");
    expect(grade({ missing: 500 }, { share: 0.5, messages: 0, mostShare: 1 })).toBe("Investigate");
  });

  it("of several mailboxes is the worst", () => {
    expect(worstGrade(["Good", "Perfect"])).toBe("Good");
    expect(worstGrade(["Investigate", "Poor", "Perfect"])).toBe("Poor");
    expect(worstGrade([])).toBe("Perfect");
  });
});

describe("the options of a verification", () => {
  it("are all of the messages, seed 0 and the published thresholds unless said otherwise", () => {
    expect(checkVerifyOptions({ level: 4 })).toEqual({
      ...{ level: 4, sample: 1, seed: 0 },
      thresholds: { share: 0.001, messages: 10, mostShare: 0.1 },
    });
  });

  it.each([
    ["a sample of nothing", { sample: 0 }],
    ["a sample of more than all", { sample: 1.1 }],
    ["a sample that is no number", { sample: Number.NaN }],
    ["a seed that is no number", { seed: Number.NaN }],
    ["a threshold below 0", { thresholds: { ...defaultGradeThresholds, share: -1 } }],
    ["a threshold that is no number", { thresholds: { ...defaultGradeThresholds, messages: Number.NaN } }],
  ])("are refused: %s", (_what, options) => {
    expect(() => checkVerifyOptions({ level: 4, ...options })).toThrowError(
      expect.objectContaining({ code: "option-invalid" }),
    );
  });
});
