import { describe, expect, it } from "vitest";
import { type Cut, cutMigration } from "./cut-migration.js";
import { isFull, seededRandom, tell } from "./recovery-run.js";

/** The long form cuts behind every octet, the short one behind every so many. */
const stride = isFull ? 1 : 211;
const firstOffset = seededRandom().below(stride);

const lines = [
  { side: "source", oneByOne: false, connections: 1 },
  { side: "target", oneByOne: false, connections: 1 },
  { side: "target", oneByOne: true, connections: 1 },
  { side: "target", oneByOne: true, connections: 3, connection: 1 },
  { side: "target", oneByOne: true, connections: 3, connection: 3 },
] as const;
const directions = ["toServer", "toClient"] as const;
const kinds = ["fin", "rst"] as const;
const cases: Omit<Cut, "afterOctets">[] = lines.flatMap((line) =>
  directions.flatMap((direction) => kinds.map((kind) => ({ ...line, direction, kind }))),
);

describe("a copy of three messages whose line is cut behind any octet", () => {
  const title = "R2 R7 comes to the same end: $side line, $direction, $kind, one by one $oneByOne, over $connections";
  it.each(cases)(title, { timeout: 1_800_000 }, async (cut) => {
    const failures: object[] = [];
    const codes: Record<string, number> = {};
    let cuts = 0;
    let secondStarts = 0;
    for (let afterOctets = firstOffset; ; afterOctets += stride) {
      const { faults, isCut, code = "none", starts } = await cutMigration({ ...cut, afterOctets });
      if (faults.length > 0) failures.push({ afterOctets, code, faults });
      if (!isCut) break;
      cuts += 1;
      secondStarts += starts - 1;
      codes[code] = (codes[code] ?? 0) + 1;
    }
    tell("cuts", { ...cut, cuts, secondStarts, codes });
    expect(failures.slice(0, 3)).toEqual([]);
    expect(cuts).toBeGreaterThan(0);
  });

  it("shows the doubles of an engine that never looks", async () => {
    const cut = { side: "target", direction: "toClient", kind: "rst", oneByOne: true, isBlind: true } as const;
    const faults: string[] = [];
    for (let afterOctets = 0; ; afterOctets += 40) {
      const verdict = await cutMigration({ ...cut, afterOctets });
      faults.push(...verdict.faults);
      if (faults.length > 0 || !verdict.isCut) break;
    }
    expect(faults).toContainEqual(expect.stringMatching(/^doubled: /));
  });
});
