import { afterEach, describe, expect, it } from "vitest";
import { LEASE_MS } from "../../src/engine/lease-hold.js";
import { memoryStore } from "../../src/store/memory-store.js";
import type { MigrationStore } from "../../src/store/migration-store.js";
import { sqliteStore } from "../../src/store/sqlite.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { everything, lostOrDoubled, multiset } from "./invariants.js";
import { intercepting, World } from "./world.js";

let opened: MigrationStore | undefined;

afterEach(() => opened?.close());

/**
 * One process stands still inside a group that it began (SIGSTOP, a suspended machine), its lease runs out, and another
 * process takes the mailbox over and ends. Then the first one goes on.
 */
async function overtaken(
  store: MigrationStore,
  wrongStore?: (store: MigrationStore) => MigrationStore,
): Promise<string[]> {
  opened = store;
  let goOn = () => {};
  const paused = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let stand = () => {};
  const stands = new Promise<void>((resolve) => {
    stand = resolve;
  });
  const messages = [1, 2, 3, 4, 5, 6].map((number) => sampleMessage(`Message ${number}`));
  const world = new World(store, {
    sources: [[{ levels: ["INBOX"], messages }]],
    ...(wrongStore && { wrongStore }),
    faults: () => [
      {
        on: "fetch",
        uid: 3,
        nth: 1,
        do: {
          get hold() {
            stand();
            return paused;
          },
        },
      },
    ],
  });
  const first = world.run();
  await stands;
  await world.clock.sleep(LEASE_MS + 1, new AbortController().signal);
  const second = await world.run();
  expect(second.report?.users.Synced).toBe(1);
  goOn();
  await first;
  const all = multiset(world.source.content(), everything);
  return lostOrDoubled(world.target, all, all);
}

describe.each([
  ["memory", memoryStore],
  ["SQLite", () => sqliteStore(":memory:")],
] as const)("R8 with the ledger in %s, a process that was paused for longer than its lease holds", (_, open) => {
  it("sends nothing more when another one has taken its mailbox over", async () => {
    expect(await overtaken(open())).toEqual([]);
  });

  it("doubles messages where nobody checks the lease", async () => {
    const faults = await overtaken(open(), (store) => intercepting(store, { renewLease: async () => {} }));
    expect(faults[0]).toMatch(/^doubled:/);
  });
});
