import { describe, expect, it } from "vitest";
import { readRetryAfter } from "../../src/retry-after.js";

describe("Retry-After", () => {
  const read = (value: string, date?: string) =>
    readRetryAfter(new Headers({ "Retry-After": value, ...(date && { Date: date }) }), Date.UTC(2026, 10, 22, 12));

  it.each([
    ["120", 120_000],
    ["2.128", 2_128],
    ["0", 0],
    ["Sun, 22 Nov 2026 12:00:30 GMT", 30_000],
    ["Sun, 22 Nov 2026 11:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
  ])("%j means %s ms", (value, ms) => {
    expect(read(value)).toBe(ms);
  });

  it("as a date is told by the server's clock, where that is known", () => {
    expect(read("Sun, 22 Nov 2026 12:00:30 GMT", "Sun, 22 Nov 2026 12:00:20 GMT")).toBe(10_000);
  });
});
