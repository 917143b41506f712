import type { MigrationStore } from "../../src/store/migration-store.js";
import type { FakeMailbox, FolderContent } from "../../src/testing/fake-mailbox.js";
import type { Interruption } from "./interruption.js";
import {
  booksFaults,
  eventFaults,
  everything,
  lostOrDoubled,
  type Multiset,
  multiset,
  rerunFaults,
  secretFaults,
} from "./invariants.js";
import type { Sabotage, Scenario } from "./scenarios.js";
import { isDeath, type Run, World } from "./world.js";

/** Where a migration is interrupted: at one step of the first run, perhaps at one of the second as well. */
export interface Plan {
  readonly interruption: Interruption;
  readonly at: readonly number[];
}

export interface Verdict {
  /** What is wrong at the end; empty where nothing is. */
  readonly faults: readonly string[];
  /** Which of the interruptions came about. */
  readonly struck: readonly boolean[];
  readonly trace: readonly string[];
}

const MOST_STARTS = 4;

/** Runs a scenario with these interruptions, then to its end, then once more, and looks at everything. */
export async function migrate(
  scenario: Scenario,
  store: MigrationStore,
  { interruption, at }: Plan,
  sabotage: Sabotage = {},
): Promise<Verdict> {
  const world = new World(store, { ...scenario.world(), ...sabotage });
  const ever = new Everything(scenario, world);
  await scenario.prepare?.(world);
  ever.note();
  const runs: Run[] = [];
  const faults: string[] = [];
  for (const step of at) {
    const run = await world.run(interruption, step);
    if (run.error !== undefined && !(interruption === "crash" && isDeath(run.error)))
      faults.push(`the run ended with ${run.error}`);
    runs.push(run);
    ever.note();
    ever.whatOthersDo(() => scenario.between?.(world));
  }
  let last = await world.run();
  runs.push(last);
  for (let starts = 1; last.report?.users.Synced !== world.users.length && starts < MOST_STARTS; starts++) {
    last = await world.run();
    runs.push(last);
  }
  await world.clock.runOut();
  ever.note();
  for (const run of runs) faults.push(...eventFaults(run));
  faults.push(...(await booksFaults(world, last)), ...ever.faults());
  faults.push(...(await rerunFaultsOf(world)), ...ever.faults().map((fault) => `after one more run: ${fault}`));
  if (at[0] === 1) faults.push(...(await secretFaults(last)));
  return {
    faults: [...new Set(faults)],
    struck: at.map((_, index) => runs[index]?.steps.struck === true),
    trace: runs[0]?.steps.trace ?? [],
  };
}

async function rerunFaultsOf(world: World): Promise<string[]> {
  const count = () => world.users.reduce((sum, { target }) => sum + target.folders.length, 0);
  const before = count();
  const rerun = await world.run();
  return rerunFaults(rerun, { before, after: count() });
}

/** Every message that there ever was at either end, and those that must be at the target in the end. */
class Everything {
  readonly #scenario: Scenario;
  readonly #mailboxes: { readonly source: FakeMailbox; readonly target: FakeMailbox; allowed: Multiset }[];

  constructor(scenario: Scenario, world: World) {
    this.#scenario = scenario;
    this.#mailboxes = world.users.map(({ source, target }) => ({
      source,
      target,
      allowed: multiset(target.content(), everything),
    }));
    this.note();
  }

  /** What others put into the targets may stand there too. */
  whatOthersDo(act: () => void): void {
    const before = this.#mailboxes.map(({ target }) => multiset(target.content(), everything));
    act();
    this.#mailboxes.forEach((mailbox, index) => {
      const allowed = new Map(mailbox.allowed);
      for (const [key, count] of multiset(mailbox.target.content(), everything)) {
        const added = count - (before[index]?.get(key) ?? 0);
        if (added > 0) allowed.set(key, (allowed.get(key) ?? 0) + added);
      }
      mailbox.allowed = allowed;
    });
    this.note();
  }

  /** Looks at the sources as they are now. */
  note(): void {
    for (const mailbox of this.#mailboxes) mailbox.allowed = most(mailbox.allowed, this.#arriving(mailbox.source));
  }

  faults(): string[] {
    return this.#mailboxes.flatMap(({ source, target, allowed }) =>
      lostOrDoubled(target, this.#required(source), allowed),
    );
  }

  #required(source: FakeMailbox): Multiset {
    const { maxItems = Number.POSITIVE_INFINITY } = this.#scenario.world().limits ?? {};
    // The oldest are left out.
    const content = source
      .content()
      .map((folder) => ({ ...folder, messages: folder.messages?.slice(-maxItems) ?? [] }));
    return this.#multisetOf(content);
  }

  #arriving(source: FakeMailbox): Multiset {
    return this.#multisetOf(source.content());
  }

  #multisetOf(content: readonly FolderContent[]): Multiset {
    const { arrives = (message) => message, pathOf } = this.#scenario;
    const arriving = content.map((folder) => ({
      ...folder,
      messages: (folder.messages ?? []).flatMap((message) => arrives(message) ?? []),
    }));
    return multiset(arriving, everything, pathOf);
  }
}

function most(one: Multiset, other: Multiset): Multiset {
  const counts = new Map(one);
  for (const [key, count] of other) counts.set(key, Math.max(count, counts.get(key) ?? 0));
  return counts;
}
