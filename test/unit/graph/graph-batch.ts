import type { GraphTargetOptions } from "../../../src/graph/graph-target.js";
import {
  CsvRow,
  MigrationBatch,
  type MigrationBatchOptions,
  type MigrationStore,
  memoryStore,
  noLimits,
} from "../../../src/index.js";
import type { FakeMailbox } from "../../../src/testing/fake-mailbox.js";
import { fakeSource } from "../../../src/testing/fake-source.js";
import type { RequestGate } from "../../../src/throttle-profiles.js";
import type { GraphWorld } from "./graph-fixture.js";

/** One mailbox in memory, and where it goes. */
export interface GraphMigration {
  readonly world: GraphWorld;
  readonly user: string;
  readonly source: FakeMailbox;
  readonly options?: GraphTargetOptions;
  /** Paces the requests about the mailbox; default: nothing does. */
  readonly gate?: RequestGate;
  readonly store?: MigrationStore;
  readonly batch?: Partial<MigrationBatchOptions>;
}

/** A batch of one mailbox to the simulated Microsoft 365. It gives up only after many attempts, and waits for nothing. */
export function graphBatch({ world, user, source, options, gate, store, batch }: GraphMigration): MigrationBatch {
  return new MigrationBatch({
    name: "IMAPBatch1",
    store: store ?? memoryStore(),
    limits: noLimits,
    settleDelayMs: 0,
    retry: { attempts: 60, firstPauseMs: 1, maxPauseMs: 5 },
    sourceEndpoint: {
      name: "IMAPEndpoint",
      maxConcurrentMigrations: 10,
      maxConcurrentIncrementalSyncs: 10,
      openSource: () => Promise.resolve(fakeSource(source)),
    },
    target: {
      name: "Graph",
      openMailbox: (name, { signal }) =>
        world.open(name, { signal, ...(options && { options }), ...(gate && { gate }) }),
    },
    users: [new CsvRow({ emailAddress: user, userName: user, password: "1091990" })],
    ...batch,
  });
}
