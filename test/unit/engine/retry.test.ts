import { describe, expect, it } from "vitest";
import { defaultRetryPolicy, graver, pauseBeforeRetry, type RetryPolicy } from "../../../src/engine/retry.js";
import { MigrationError, type MigrationErrorCode, migrationErrorCodes } from "../../../src/errors.js";

const policy: RetryPolicy = { attempts: 4, firstPauseMs: 100, maxPauseMs: 300 };

function pause(code: MigrationErrorCode, attempt: number, retryAfterMs?: number): number | undefined {
  const error = new MigrationError(code, "…", retryAfterMs === undefined ? {} : { retryAfterMs });
  return pauseBeforeRetry(error, attempt, policy);
}

describe("the pause before another attempt", () => {
  it("doubles up to the longest, and is spread over its upper half", () => {
    for (const [attempt, longest] of [
      [1, 100],
      [2, 200],
      [3, 300],
    ] as const) {
      const pauses = Array.from({ length: 200 }, () => pause("connection-lost", attempt) ?? Number.NaN);
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(longest / 2);
      expect(Math.max(...pauses)).toBeLessThanOrEqual(longest);
      expect(new Set(pauses).size).toBeGreaterThan(100);
    }
  });

  it("ends after so many attempts", () => {
    expect(pause("connection-lost", 3)).toBeDefined();
    expect(pause("connection-lost", 4)).toBeUndefined();
  });

  it("R16 is as long as the server asked for, however long that is", () => {
    expect(pause("throttled", 1, 864_000_000)).toBe(864_000_000);
    expect(pause("throttled", 1, 1)).toBeGreaterThanOrEqual(50);
  });

  it("is none where trying again cannot help, for every code of the table", () => {
    for (const code of migrationErrorCodes) {
      const { retry } = new MigrationError(code, "…");
      expect(pause(code, 1) === undefined, code).toBe(retry === "never");
    }
  });

  it("gives up after five attempts within a minute by default", () => {
    expect(defaultRetryPolicy.attempts).toBe(5);
    expect(pauseBeforeRetry(new MigrationError("connection-lost", "…"), 4, defaultRetryPolicy)).toBeLessThan(60_000);
    expect(pauseBeforeRetry(new MigrationError("connection-lost", "…"), 5, defaultRetryPolicy)).toBeUndefined();
  });
});

describe("of two errors, a pass ends with", () => {
  const lost = new MigrationError("connection-lost", "…");
  const asked = (retryAfterMs: number) => new MigrationError("throttled", "…", { retryAfterMs });
  const full = new MigrationError("quota-exceeded", "…");

  it("R16 the one that asks for the longer pause, whichever came first", () => {
    const [short, long] = [asked(1_000), asked(300_000)];
    for (const [one, other] of [
      [lost, long],
      [short, long],
    ] as const) {
      expect(graver(one, other)).toBe(long);
      expect(graver(long, one)).toBe(long);
      expect(graver(long, other)).toBe(long);
    }
  });

  it("else the first, and the first that somebody has to do something about", () => {
    const again = new MigrationError("connection-lost", "…");
    expect(graver(undefined, lost)).toBe(lost);
    expect(graver(lost, again)).toBe(lost);
    expect(graver(full, asked(300_000))).toBe(full);
  });
});
