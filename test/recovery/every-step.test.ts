import { afterAll, afterEach, describe, expect, it } from "vitest";
import { memoryStore } from "../../src/store/memory-store.js";
import type { MigrationStore } from "../../src/store/migration-store.js";
import { sqliteStore } from "../../src/store/sqlite.js";
import { migrate, type Verdict } from "./interrupted-runs.js";
import { type Interruption, interruptions } from "./interruption.js";
import { type Scenario, scenarios } from "./scenarios.js";

/** `RECOVERY=full` interrupts at every step; for each commit some of them are enough. */
const full = process.env["RECOVERY"] === "full";
/** Where the steps begin that a short form takes, so that every day others are tried. */
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1_000_000));

const crashes: readonly Interruption[] = ["crash"];
/** The stores with how many steps lie between two interruptions. */
const stores = [
  { name: "memory", open: memoryStore, stride: full ? 1 : 23, kinds: interruptions },
  {
    name: "SQLite",
    open: () => sqliteStore(":memory:"),
    stride: full ? 17 : 47,
    kinds: full ? interruptions : crashes,
  },
];

let interrupted = 0;
let opened: MigrationStore | undefined;

afterEach(async () => {
  await opened?.close();
});

afterAll(() => {
  console.info(`recovery: ${scenarios.length} scenarios, ${interrupted} interruptions, SEED=${seed}`);
});

for (const { name, open, stride, kinds } of stores) {
  describe(`R7 with the ledger in ${name}, a migration comes to the same end`, () => {
    for (const scenario of scenarios) {
      it(`${scenario.title}: not interrupted at all`, async () => {
        opened = open();
        const { faults } = await migrate(scenario, opened, { interruption: "crash", at: [Number.POSITIVE_INFINITY] });
        expect(faults).toEqual([]);
      });

      for (const interruption of kinds) {
        it(`${scenario.title}: ${sentence[interruption]}`, async () => {
          opened = open();
          const step = stride * (scenario.every ?? 1);
          expect(await failures(scenario, opened, interruption, step)).toEqual([]);
        });
      }

      if (!scenario.twice) continue;
      it(`${scenario.title}: the process dies at any step, and the next one too`, async () => {
        opened = open();
        expect(await failuresOfPairs(scenario, opened, stride * 6)).toEqual([]);
      });
    }
  });
}

it("has interrupted something: a loop that goes round nowhere would be quiet, too", () => {
  expect(interrupted).toBeGreaterThan(100);
});

const sentence: Readonly<Record<Interruption, string>> = {
  crash: "the process dies at any step",
  "source-lost": "the connection to the source is lost at any step",
  "target-lost": "the connection to the target is lost at any step",
  stop: "the host stops it at any step",
};

interface Failure {
  readonly at: readonly number[];
  readonly step: string | undefined;
  readonly faults: readonly string[];
}

/** Interrupts a scenario once, at every step from one on that the seed says. */
async function failures(scenario: Scenario, store: MigrationStore, interruption: Interruption, stride: number) {
  const failed: Failure[] = [];
  for (let at = 1 + (seed % stride); ; at += stride) {
    const verdict = await migrate(scenario, store, { interruption, at: [at] });
    if (!verdict.struck[0]) return failed;
    note(failed, [at], verdict);
  }
}

async function failuresOfPairs(scenario: Scenario, store: MigrationStore, stride: number) {
  const failed: Failure[] = [];
  for (let first = 1 + (seed % stride); ; first += stride) {
    for (let second = 1 + (seed % stride); ; second += stride) {
      const at = [first, second];
      const verdict = await migrate(scenario, store, { interruption: "crash", at });
      if (!verdict.struck[0]) return failed;
      note(failed, at, verdict);
      if (!verdict.struck[1]) break;
    }
  }
}

/** A few failures tell as much as all of them. */
function note(failed: Failure[], at: readonly number[], { faults, struck, trace }: Verdict): void {
  interrupted += struck.filter(Boolean).length;
  if (faults.length > 0 && failed.length < 3) failed.push({ at, step: trace[(at[0] ?? 0) - 1], faults });
}
