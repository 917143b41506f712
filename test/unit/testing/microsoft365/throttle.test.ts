import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentedLimits, Throttle } from "../../../../src/testing/microsoft365/throttle.js";

const lifted = { concurrent: Number.POSITIVE_INFINITY, requests: Number.POSITIVE_INFINITY };
const KEY = "app terry@contoso.com";

describe("The simulated limits of one application on one mailbox", () => {
  it("are those that Microsoft documents", () => {
    let now = 0;
    const throttle = new Throttle(documentedLimits, () => now);
    const ask = (octets = 0) => {
      const refused = throttle.enter(KEY, octets);
      throttle.leave(KEY);
      return refused;
    };
    for (let each = 0; each < 10_000; each++) expect(ask()).toBeUndefined();
    expect(ask()).toEqual({ limit: "requests", retryAfterSeconds: 600 });
    now = 600_000;
    for (let each = 0; each < 50; each++) expect(ask(3_000_000)).toBeUndefined();
    expect(ask(1)).toEqual({ limit: "uploadedOctets", retryAfterSeconds: 300 });
    expect([1, 2, 3, 4, 5].map(() => throttle.enter("app ann@contoso.com", 0)?.limit)).toEqual([
      ...[undefined, undefined, undefined, undefined],
      "concurrent",
    ]);
    expect(throttle.peak).toBe(5);
  });

  it("refuse exactly the requests that a look at every earlier one would", () => {
    const arrivals = fc.array(fc.record({ pause: fc.nat(400), octets: fc.nat(60) }), { maxLength: 60 });
    const property = fc.property(arrivals, fc.integer({ min: 1, max: 200 }), (given, uploadedOctets) => {
      let now = 0;
      const throttle = new Throttle(
        { ...documentedLimits, ...lifted, uploadedOctets, uploadWindowMs: 1000 },
        () => now,
      );
      const seen: { at: number; octets: number }[] = [];
      for (const { pause, octets } of given) {
        now += pause;
        seen.push({ at: now, octets });
        const used = seen.filter(({ at }) => at > now - 1000).reduce((sum, each) => sum + each.octets, 0);
        expect(throttle.enter(KEY, octets) !== undefined).toBe(octets > 0 && used > uploadedOctets);
      }
    });
    fc.assert(property, { seed: 20261122 });
  });

  it("let a request in that waits as long as it was asked to", () => {
    const arrivals = fc.array(fc.record({ pause: fc.nat(3000), octets: fc.integer({ min: 1, max: 60 }) }));
    const property = fc.property(arrivals, fc.integer({ min: 60, max: 200 }), (given, uploadedOctets) => {
      let now = 0;
      const throttle = new Throttle(
        { ...documentedLimits, ...lifted, uploadedOctets, uploadWindowMs: 9000 },
        () => now,
      );
      for (const { pause, octets } of given) {
        now += pause;
        const refused = throttle.enter(KEY, octets);
        if (!refused) continue;
        now += refused.retryAfterSeconds * 1000;
        expect(throttle.enter(KEY, octets)).toBeUndefined();
      }
    });
    fc.assert(property, { seed: 20261122 });
  });
});
