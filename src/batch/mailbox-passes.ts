import { AppendBudget } from "../engine/append-window.js";
import type { Clock } from "../engine/clock.js";
import { migrateUser } from "../engine/migrate-user.js";
import { defaultRetryPolicy, type RetryPolicy } from "../engine/retry.js";
import { governorOf } from "../engine/throttle/governor.js";
import { type MigrationLimits, microsoft365Limits } from "../limits.js";
import type { MigrationTarget } from "../migration-target.js";
import type { Books, Outcome } from "../outcome.js";
import type { RunFigures } from "../report.js";
import type { Lease, MigrationStore } from "../store/migration-store.js";
import type { BatchCredentials } from "./batch-credentials.js";
import type { BatchEvents } from "./batch-events.js";
import type { BatchFilters } from "./batch-filters.js";
import type { MigrationBatchContext, SourceEndpoint } from "./batch-options.js";
import { BatchRates } from "./batch-statistics.js";
import { openDailyBudgets } from "./daily-budgets.js";
import { userEvents } from "./user-events.js";

const SETTLE_DELAY_MS = 30_000;

/** What the passes of a batch need of it. */
export interface PassParts {
  readonly store: MigrationStore;
  readonly credentials: BatchCredentials;
  readonly events: BatchEvents;
  readonly clock: Clock;
  /** As they are now. */
  filters(): BatchFilters;
  /** @throws MigrationError where one of them is not known */
  ends(): { source: SourceEndpoint; target: MigrationTarget };
}

/** The passes over single mailboxes, with what all of them share, and what they have done since the last start. */
export class MailboxPasses {
  readonly retry: RetryPolicy;
  readonly rates: BatchRates;
  readonly #parts: PassParts;
  readonly #limits: MigrationLimits;
  readonly #followsFlags: boolean;
  readonly #settleDelayMs: number;
  readonly #budget = new AppendBudget();
  #copied = 0;
  #octetsCopied = 0;
  #began: number | undefined;
  #isOfAll = false;

  constructor(parts: PassParts, context: MigrationBatchContext) {
    const { clock } = parts;
    this.#parts = parts;
    this.#limits = context.limits ?? microsoft365Limits;
    this.#followsFlags = context.syncFlags ?? false;
    this.#settleDelayMs = context.settleDelayMs ?? SETTLE_DELAY_MS;
    this.retry = context.retry ?? defaultRetryPolicy;
    this.rates = new BatchRates(clock);
  }

  /** From here on the figures count, for a pass over all users or over some. */
  begin(isOfAll: boolean): void {
    this.#isOfAll = isOfAll;
    this.#copied = 0;
    this.#octetsCopied = 0;
    this.#began = this.#parts.clock.now();
  }

  get figures(): RunFigures {
    const { clock } = this.#parts;
    const durationMs = this.#began === undefined ? 0 : Math.round(clock.now() - this.#began);
    return { copied: this.#copied, octetsCopied: this.#octetsCopied, durationMs };
  }

  /** How many messages the last pass over all users copied; absent where this process made none. */
  get newInLastPass(): number | undefined {
    return this.#isOfAll ? this.#copied : undefined;
  }

  async migrate(lease: Lease, signal: AbortSignal, stalled: (ms: number) => void): Promise<Books> {
    const { store, credentials, events, clock } = this.#parts;
    const { source, target } = this.#parts.ends();
    const { emailAddress: user } = lease;
    const row = await credentials.rowOf(user);
    const governed = { clock, retry: this.retry };
    const dailyOctets = await openDailyBudgets(store, source, row, clock);
    try {
      return await migrateUser({
        lease,
        store,
        openSource: (openSignal) => source.openSource(row, { signal: openSignal }),
        openTarget: (openSignal) => target.openMailbox(row.emailAddress, { signal: openSignal }),
        limits: this.#limits,
        ...this.#parts.filters(),
        followsFlags: this.#followsFlags,
        settleDelayMs: this.#settleDelayMs,
        retry: this.retry,
        provider: source.provider,
        dailyOctets,
        budget: this.#budget,
        governors: { source: governorOf(source, governed), target: governorOf(target, governed) },
        clock,
        tell: userEvents(events, user, {
          outcomes: (outcomes) => this.#count(outcomes),
          progress: (progress) => this.rates.note(user, progress),
          stalled,
        }),
        signal,
      });
    } finally {
      // What cannot be given back is a hundredth of a day.
      await Promise.allSettled(dailyOctets.map((budget) => budget.close()));
      this.rates.end(user);
    }
  }

  #count(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      if (outcome.kind !== "copied") continue;
      this.#copied += 1;
      this.#octetsCopied += outcome.size;
    }
  }
}
