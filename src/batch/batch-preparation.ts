import type { CsvRow } from "../csv-row.js";
import { type MigrationLimits, microsoft365Limits } from "../limits.js";
import { type BatchPlan, type PlanOptions, planBatch } from "../prepare/plan.js";
import { checkRows, type RowCheck, type RowCheckOptions } from "../prepare/row-check.js";
import type { PassParts } from "./mailbox-passes.js";

/** How the rows of a batch are checked; what the batch knows itself is left out. */
export type BatchRowCheckOptions = Pick<RowCheckOptions, "atOnce" | "pauseMs" | "signal">;

/** How a batch is planned; what the batch knows itself is left out. */
export type BatchPlanOptions = Pick<PlanOptions, "throttles" | "roomFor" | "atOnce" | "signal">;

/** Signs in for each user of these at both ends, and changes nothing. */
export async function* checkBatchRows(
  parts: PassParts,
  users: AsyncIterable<string>,
  options: BatchRowCheckOptions,
): AsyncGenerator<RowCheck, void, undefined> {
  const { source, target } = parts.ends();
  const { authenticationId } = source;
  yield* checkRows({
    ...options,
    rows: await rowsOf(parts, users),
    openSource: (row, signal) => source.openSource(row, { signal }),
    openTarget: ({ emailAddress }, signal) => target.openMailbox(emailAddress, { signal }),
    ...(authenticationId !== undefined && { signInName: () => authenticationId }),
    clock: parts.clock,
  });
}

/** What a first pass over these users would do. */
export async function planUsers(
  parts: PassParts,
  users: AsyncIterable<string>,
  options: BatchPlanOptions & { readonly limits?: MigrationLimits | undefined },
): Promise<BatchPlan> {
  const { source, target } = parts.ends();
  return await planBatch({
    ...options,
    ...parts.filters(),
    limits: options.limits ?? microsoft365Limits,
    rows: await rowsOf(parts, users),
    openSource: (row, signal) => source.openSource(row, { signal }),
    openTarget: ({ emailAddress }, signal) => target.openMailbox(emailAddress, { signal }),
    maxConcurrentMigrations: source.maxConcurrentMigrations,
    provider: source.provider,
  });
}

async function rowsOf({ credentials }: PassParts, users: AsyncIterable<string>): Promise<CsvRow[]> {
  const rows: CsvRow[] = [];
  for await (const user of users) rows.push(await credentials.rowOf(user));
  return rows;
}
