import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, firstIncrementalPass } from "../../../src/engine/schedule.js";

describe("the first incremental pass of a user", () => {
  const of = (user: string, syncedAt = 0, intervalMs = DAY_MS) =>
    firstIncrementalPass("IMAPBatch1", user, { syncedAt, intervalMs });

  it("is due between half an interval and an interval after the first sync", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat(),
        fc.integer({ min: 1_000, max: 366 * DAY_MS }),
        (user, syncedAt, intervalMs) => {
          const due = of(user, syncedAt, intervalMs);
          expect(due).toBeGreaterThanOrEqual(syncedAt + Math.floor(intervalMs / 2));
          expect(due).toBeLessThanOrEqual(syncedAt + intervalMs);
        },
      ),
    );
  });

  it("stands at the same place each time, whatever the case of the address", () => {
    expect(of("Terry@contoso.com", 5)).toBe(of("terry@CONTOSO.com", 5));
  });

  it("is spread: of 1,200 users that were synced together, each of the 24 half hours gets 20 to 80", () => {
    const halfHours = new Map<number, number>();
    for (let user = 0; user < 1_200; user++) {
      const slot = Math.floor(of(`user${user}@contoso.com`) / (DAY_MS / 48));
      halfHours.set(slot, (halfHours.get(slot) ?? 0) + 1);
    }
    expect(halfHours.size).toBe(24);
    expect(Math.min(...halfHours.values())).toBeGreaterThanOrEqual(20);
    expect(Math.max(...halfHours.values())).toBeLessThanOrEqual(80);
  });
});
