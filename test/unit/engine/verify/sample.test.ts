import { describe, expect, it } from "vitest";
import { isSampled } from "../../../../src/engine/verify/sample.js";
import { inShort, numbered, octetsOf, VerifyFixture } from "./verify-fixture.js";

const names = Array.from({ length: 20_000 }, (_, at) => `message ${at}`);

function drawn(sample: number, seed: number): Set<string> {
  return new Set(names.filter((name) => isSampled(name, { sample, seed })));
}

describe("a sample", () => {
  it("has about the share that was asked for", () => {
    // 20,000 draws of 5 %: six standard deviations are 185.
    expect(Math.abs(drawn(0.05, 1).size - 1_000)).toBeLessThan(185);
    expect(drawn(1, 1).size).toBe(names.length);
  });

  it("is the same for the same seed, and another for another", () => {
    expect(drawn(0.05, 7)).toEqual(drawn(0.05, 7));
    expect(drawn(0.05, 7)).not.toEqual(drawn(0.05, 8));
  });

  it("holds every smaller sample of the same seed", () => {
    const larger = drawn(0.2, 3);
    expect([...drawn(0.05, 3)].filter((name) => !larger.has(name))).toEqual([]);
  });

  it("decides whose octets are read at level 4, and the report says how many", async () => {
    const fixture = await VerifyFixture.inbox(numbered(200));
    const half = await fixture.verify({ level: 4, sample: 0.5, seed: 4 });
    expect(half.counts.checked).toBe(200);
    expect(Math.abs(half.counts.contentsChecked - 100)).toBeLessThan(45);
    expect((await fixture.verify({ level: 4, sample: 0.5, seed: 4 })).counts).toEqual(half.counts);
    for (let uid = 1; uid <= 200; uid++) {
      fixture.replace(uid, ({ octets }) => ({
        octets: octetsOf(`${Buffer.from(octets).toString("latin1").slice(0, -3)}#\r\n`),
      }));
    }
    const { counts } = await fixture.verify({ level: 4, sample: 0.5, seed: 4 });
    expect(counts.damaged).toBe(half.counts.contentsChecked);
  });

  it("takes twins together, so that those whose ids nobody told are not mistaken for one another", async () => {
    const bodies = ["one", "two", "six"];
    const { sampleMessage } = await import("../../../../src/testing/sample-message.js");
    const twins = Array.from({ length: 60 }, (_, at) =>
      sampleMessage(`twin ${at % 20}`, { body: `${bodies[Math.floor(at / 20)]}\r\n` }),
    );
    const fixture = await VerifyFixture.inbox(twins, { target: { tellsIds: false } });
    const held = [...fixture.targetInbox.messages].reverse();
    for (const { uid } of held) fixture.targetInbox.expunge(uid);
    for (const message of held) fixture.targetInbox.add(message);
    const { items, counts } = await fixture.verify({ level: 4, sample: 0.5 });
    expect(inShort(items)).toEqual([]);
    expect(counts.contentsChecked % 3).toBe(0);
    expect(counts.contentsChecked).toBeGreaterThan(0);
    expect(counts.contentsChecked).toBeLessThan(60);
  });
});
