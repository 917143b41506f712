import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/store/memory-store.js";
import type { FolderJournal, MigrationStore } from "../../src/store/migration-store.js";
import { migrate } from "./interrupted-runs.js";
import { type Interruption, interruptions } from "./interruption.js";
import { type Sabotage, type Scenario, scenarios } from "./scenarios.js";
import { intercepting } from "./world.js";

/** The first fault of this kind that the loop finds when one of the things that keep the promises is taken away. */
async function faultOf(
  title: string,
  sabotage: Sabotage,
  kind: RegExp,
  kinds: readonly Interruption[] = interruptions,
): Promise<string | undefined> {
  const scenario = scenarioOf(title);
  for (const interruption of kinds) {
    for (let at = 1; ; at++) {
      const { faults, struck } = await migrate(scenario, memoryStore(), { interruption, at: [at] }, sabotage);
      if (!struck[0]) break;
      const fault = faults.find((text) => kind.test(text));
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function scenarioOf(title: string): Scenario {
  const found = scenarios.find((scenario) => scenario.title === title);
  if (!found) throw new Error(`there is no scenario ${title}`);
  return found;
}

function withJournal(change: (journal: FolderJournal) => Partial<FolderJournal>): Sabotage {
  const wrongStore = (store: MigrationStore) =>
    intercepting(store, {
      openJournal: async (lease, folder) => {
        const journal = await store.openJournal(lease, folder);
        return intercepting(journal, change(journal));
      },
    });
  return { wrongStore };
}

describe("an engine that is wrong on purpose is found out", () => {
  it("R2 when nothing is noted before a message is appended", async () => {
    const wrong = withJournal(() => ({ begin: async () => {} }));
    expect(await faultOf("new mail after a complete pass", wrong, /^doubled:/)).toBeDefined();
  });

  it("R2 when nobody looks for messages in doubt", async () => {
    const wrong: Sabotage = { wrongTarget: (target) => intercepting(target, { find: async () => new Map() }) };
    expect(await faultOf("new mail after a complete pass", wrong, /^doubled:/)).toBeDefined();
    expect(await faultOf("a new mailbox", wrong, /^doubled:/)).toBeDefined();
  });

  it("R2 when the look comes before the settle delay is over", async () => {
    const title = "a message that is stored 29 seconds after its connection was lost";
    expect(await faultOf(title, { settleDelayMs: 0 }, /^doubled:/, ["crash"])).toBeDefined();
    expect(await faultOf(title, { settleDelayMs: 30_000 }, /./, ["crash"])).toBeUndefined();
  });

  it("R1 when a message that is there already is taken for its twin in doubt", async () => {
    const wrong = withJournal(() => ({ idsAtTarget: async () => new Map() }));
    expect(await faultOf("twins", wrong, /^lost:/)).toBeDefined();
  });

  it("R1 when nobody compares the UIDVALIDITY under which a message was settled", async () => {
    const wrongStore = (store: MigrationStore) =>
      intercepting(store, {
        openJournal: (lease, folder) => store.openJournal(lease, { ...folder, uidValidity: 1 }),
      });
    const title = "another UIDVALIDITY that gives old UIDs to other messages";
    expect(await faultOf(title, { wrongStore }, /^lost:/)).toBeDefined();
  });

  it("R1 when nobody notices that UIDs are given out again", async () => {
    const wrongStore = (store: MigrationStore) => intercepting(store, { setAside: async () => {} });
    const title = "UIDs that are given out again after a complete pass";
    expect(await faultOf(title, { wrongStore }, /^lost:/)).toBeDefined();
  });

  it("R2 when the ledger forgets what was settled", async () => {
    const wrong = withJournal(() => ({ isSettled: () => false }));
    expect(await faultOf("twins", wrong, /^doubled:/)).toBeDefined();
  });

  it("R6 when outcomes are told before they are durable", async () => {
    const wrong = withJournal((journal) => {
      let early = 0;
      return {
        settle: async (outcomes) => {
          early += outcomes.length;
          setImmediate(() => void journal.settle(outcomes).catch(() => {}));
        },
        books: () => ({ ...journal.books(), copied: early }),
      };
    });
    expect(await faultOf("a new mailbox", wrong, /^told \d+ messages/, ["crash"])).toBeDefined();
  });

  it("R1 when a pass says that it found less than it did", async () => {
    const wrong = withJournal((journal) => ({
      finish: (found, syncPoint) => journal.finish(Math.max(0, found - 1), syncPoint),
    }));
    expect(await faultOf("a new mailbox", wrong, /^the books do not balance:/, ["crash"])).toBeDefined();
  });

  it("R3 when the target is given other octets than the source has", async () => {
    const wrong: Sabotage = {
      wrongTarget: (target) =>
        intercepting(target, {
          append: (folder, message, options) =>
            target.append(folder, { ...message, internalDate: new Date(0) }, options),
        }),
    };
    expect(await faultOf("a new mailbox", wrong, /^altered:/)).toBeDefined();
    expect(await faultOf("a new mailbox", wrong, /^lost:/)).toBeDefined();
  });

  it("R17 when a pass does not note how far it read", async () => {
    const wrong = withJournal((journal) => ({
      isSettled: () => false,
      finish: (found) => journal.finish(found, { uidNext: 1, messages: 0 }),
    }));
    expect(await faultOf("a new mailbox", wrong, /^the second run appended/)).toBeDefined();
  });
});
