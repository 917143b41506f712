import type { BehaviourCase } from "./behaviour-case.js";
import { storeBatchCases } from "./store-batch-cases.js";
import type { OpenStore } from "./store-fixtures.js";
import { storeItemCases } from "./store-item-cases.js";
import { storeJournalCases } from "./store-journal-cases.js";
import { storeUserCases } from "./store-user-cases.js";

export type { OpenedStore, OpenStore } from "./store-fixtures.js";

/**
 * What every MigrationStore has to do, one case for each sentence of its contract. Needs no test framework: give each
 * title and run to the one you have.
 * @param open - gives each case a store of its own
 */
export function storeCases(open: OpenStore): readonly BehaviourCase[] {
  return [...storeUserCases(open), ...storeBatchCases(open), ...storeJournalCases(open), ...storeItemCases(open)];
}
