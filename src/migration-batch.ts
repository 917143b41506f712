import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { CsvRow } from "./csv-row.js";
import { AppendBudget } from "./engine/append-window.js";
import { type Clock, systemClock } from "./engine/clock.js";
import { migrateUser, sourcePath, type UserTellers } from "./engine/migrate-user.js";
import { defaultRetryPolicy, type RetryPolicy } from "./engine/retry.js";
import { runBatch } from "./engine/run-batch.js";
import { verifyBatch } from "./engine/verify-batch.js";
import { MigrationError } from "./errors.js";
import type { MigrationEvents } from "./events.js";
import { GuardedEmitter } from "./guarded-emitter.js";
import { type MigrationLimits, microsoft365Limits } from "./limits.js";
import { folderPath } from "./mail/folder.js";
import type { MailSource } from "./mail/mail-source.js";
import type { MigrationTarget } from "./migration-target.js";
import type { Outcome } from "./outcome.js";
import { MigrationReport, type RunFigures } from "./report.js";
import { type MigrationBatchStatus, restingBatchStatus } from "./status.js";
import type { Lease, MigrationStore } from "./store/migration-store.js";
import { checkVerifyOptions, type VerificationReport, type VerifyOptions } from "./verification.js";

/** Where a batch reads its mailboxes: a MigrationEndpoint, or a double of one. */
export interface SourceEndpoint {
  readonly name: string;
  readonly maxConcurrentMigrations: number;
  openSource(row: CsvRow, options: { signal: AbortSignal }): Promise<MailSource>;
}

export interface MigrationBatchOptions {
  /** Unique in the store; at most 64 characters (New-MigrationBatch). */
  readonly name: string;
  readonly sourceEndpoint: SourceEndpoint;
  readonly target: MigrationTarget;
  /** The mailboxes to move: `CsvRow.parse(…)`. Rows for the same EmailAddress are refused. */
  readonly users: readonly CsvRow[];
  /** Where the ledger is kept: `sqliteStore("IMAPBatch1.db")`. */
  readonly store: MigrationStore;
  /** Default: Microsoft's, 500,000 items a mailbox and 35 MB a message. */
  readonly limits?: MigrationLimits;
  /**
   * Milliseconds after a lost connection or a crash before a look for messages whose answer was lost: a server may
   * still be storing them. Default 30,000.
   */
  readonly settleDelayMs?: number;
  /** How often a mailbox is tried again after an error that can pass. Default: 5 attempts without progress. */
  readonly retry?: RetryPolicy;
  /** Ends the run as {@link MigrationBatch.stop} does. */
  readonly signal?: AbortSignal;
  /** The engine's clock; for tests. */
  readonly clock?: Clock;
}

/** @inline */
type EventName = keyof MigrationEvents & string;
type EventBody<Name extends EventName> = Omit<MigrationEvents[Name][0], "batch" | "sequence">;

const MAX_NAME_LENGTH = 64;
const SETTLE_DELAY_MS = 30_000;
const NO_FIGURES: RunFigures = { copied: 0, octetsCopied: 0, durationMs: 0 };

/**
 * A list of mailboxes that move together: Microsoft's migration batch (New-MigrationBatch). Everything it knows stands
 * in the store: after a crash, run the same program again and it goes on where it was.
 */
export class MigrationBatch {
  readonly name: string;
  readonly migrationType = "IMAP";
  readonly sourceEndpoint: SourceEndpoint;
  readonly target: MigrationTarget;
  readonly #store: MigrationStore;
  readonly #rows: ReadonlyMap<string, CsvRow>;
  readonly #limits: MigrationLimits;
  readonly #settleDelayMs: number;
  readonly #retry: RetryPolicy;
  readonly #budget = new AppendBudget();
  readonly #clock: Clock;
  readonly #hostSignal: AbortSignal | undefined;
  readonly #emitter: GuardedEmitter<MigrationEvents>;
  #status: MigrationBatchStatus = "Created";
  #sequence = 0;
  #figures: RunFigures = NO_FIGURES;
  #run: { report: Promise<MigrationReport>; controller: AbortController } | undefined;
  #verification: Promise<unknown> | undefined;

  /** @throws MigrationError `option-invalid` */
  constructor(options: MigrationBatchOptions) {
    this.name = checkName(options.name);
    this.sourceEndpoint = options.sourceEndpoint;
    this.target = options.target;
    this.#store = options.store;
    this.#rows = rowsByAddress(options.users);
    this.#limits = options.limits ?? microsoft365Limits;
    this.#settleDelayMs = options.settleDelayMs ?? SETTLE_DELAY_MS;
    this.#retry = options.retry ?? defaultRetryPolicy;
    this.#clock = options.clock ?? systemClock;
    this.#hostSignal = options.signal;
    this.#emitter = new GuardedEmitter<MigrationEvents>((event, error) => {
      if (event !== "listener:failed") this.#tell("listener:failed", { event, error });
    });
  }

  get status(): MigrationBatchStatus {
    return this.#status;
  }

  /** How many mailboxes the batch has (TotalCount). */
  get totalCount(): number {
    return this.#rows.size;
  }

  /** Calls `listener` for each event of this name. What it throws stops nothing. */
  on<Name extends EventName>(event: Name, listener: (event: MigrationEvents[Name][0]) => unknown): this {
    this.#emitter.on(event, listener);
    return this;
  }

  /** Calls `listener` for the next event of this name. */
  once<Name extends EventName>(event: Name, listener: (event: MigrationEvents[Name][0]) => unknown): this {
    this.#emitter.once(event, listener);
    return this;
  }

  /** Takes a listener away. */
  off<Name extends EventName>(event: Name, listener: (event: MigrationEvents[Name][0]) => unknown): this {
    this.#emitter.off(event, listener);
    return this;
  }

  /**
   * One pass over every mailbox (Start-MigrationBatch): new ones are copied, those that failed are tried again, those
   * that are synced are brought up to date. Resolves with the report when every user is Synced or Failed, or when the
   * batch was stopped; a user's failure is in the report and never rejects.
   * @throws MigrationError `state-invalid` while it runs or is verified already; `store-…` when the ledger cannot be kept
   */
  start(): Promise<MigrationReport> {
    if (this.#run || this.#verification) return Promise.reject(this.#busy());
    const controller = new AbortController();
    // Every mailbox and every fetch listens; that is no leak.
    setMaxListeners(0, controller.signal);
    // Not before `#run` is set: a listener of the first event may stop it.
    const report = Promise.resolve()
      .then(() => this.#runOnce(controller.signal))
      .finally(() => {
        this.#run = undefined;
      });
    this.#run = { report, controller };
    this.#enter("Starting");
    return report;
  }

  /**
   * Ends a run within two seconds (Stop-MigrationBatch): appends under way may still be answered, and nothing that was
   * settled is lost. The promise of `start` resolves too. Does nothing while the batch does not run.
   */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    if (this.#status === "Starting" || this.#status === "Syncing") this.#enter("Stopping");
    run.controller.abort();
    await run.report.catch(() => {});
  }

  /** The report as the ledger stands now. */
  async report(): Promise<MigrationReport> {
    await this.#store.addUsers(this.name, this.#addresses());
    return await MigrationReport.of(this.#store, this.name, () => this.#status, this.#figures);
  }

  /**
   * Asks the target, and not the ledger alone, whether it holds what was migrated, as it was sent: see
   * `docs/verification.md`. Both ends are read and nothing is changed; as many mailboxes at a time as are migrated. A user
   * that cannot be verified has the reason in the report, and never rejects.
   * @throws MigrationError `state-invalid` while it runs or is verified already; `option-invalid` for a level, sample or
   * user that there is not, and where the target cannot be read back; `aborted`; `store-…`
   */
  async verify(options: VerifyOptions): Promise<VerificationReport> {
    if (this.#run || this.#verification) throw this.#busy();
    const depth = checkVerifyOptions(options);
    const users = options.users?.map((user) => this.#row(user).emailAddress) ?? this.#addresses();
    const verification = verifyBatch({
      ...depth,
      batch: this.name,
      users,
      store: this.#store,
      cap: this.sourceEndpoint.maxConcurrentMigrations,
      openSource: (user, signal) => this.sourceEndpoint.openSource(this.#row(user), { signal }),
      openTarget: (user, signal) => this.target.openMailbox(user, { signal }),
      userVerified: ({ user, grade, counts }) => {
        const { checked, missing, changed, surplus } = counts;
        this.#tell("user:verified", { user, grade, level: depth.level, checked, missing, changed, surplus });
      },
      retry: this.#retry,
      clock: this.#clock,
      signals: [options.signal, this.#hostSignal],
    });
    this.#verification = verification;
    try {
      return await verification;
    } finally {
      this.#verification = undefined;
    }
  }

  #busy(): MigrationError {
    const doing = this.#run ? "is running: wait for it, or stop it first" : "is being verified: wait for that";
    return new MigrationError("state-invalid", `Batch ${this.name} ${doing}`);
  }

  #row(emailAddress: string): CsvRow {
    const row = this.#rows.get(emailAddress.toLowerCase());
    if (!row) throw new MigrationError("option-invalid", `The batch has no user ${emailAddress}`);
    return row;
  }

  async #runOnce(signal: AbortSignal): Promise<MigrationReport> {
    const began = this.#clock.now();
    this.#figures = NO_FIGURES;
    try {
      await this.#migrateAll(signal);
      this.#figures = { ...this.#figures, durationMs: Math.round(this.#clock.now() - began) };
      return await MigrationReport.of(
        this.#store,
        this.name,
        (users) => {
          this.#enter(signal.aborted ? "Stopped" : restingBatchStatus(users));
          return this.#status;
        },
        this.#figures,
      );
    } catch (error) {
      this.#enter("Failed");
      throw error;
    }
  }

  async #migrateAll(signal: AbortSignal): Promise<void> {
    const stop = () => void this.stop();
    this.#hostSignal?.addEventListener("abort", stop, { once: true });
    try {
      if (this.#hostSignal?.aborted) stop();
      await this.#store.addUsers(this.name, this.#addresses());
      if (!signal.aborted) this.#enter("Syncing");
      await runBatch({
        batch: this.name,
        store: this.#store,
        endpoint: this.sourceEndpoint.name,
        cap: this.sourceEndpoint.maxConcurrentMigrations,
        worker: randomUUID(),
        migrate: (lease, leaseSignal) => this.#migrate(lease, leaseSignal),
        tell: {
          userStatus: (user, status) => this.#tell("user:status", { user, status }),
          userSynced: (user, books) => this.#tell("user:synced", { user, books }),
          userFailed: (user, error) => this.#tell("user:failed", { user, error }),
        },
        clock: this.#clock,
        signal,
      });
    } catch (error) {
      if (!signal.aborted || MigrationError.from(error).code !== "aborted") throw error;
    } finally {
      this.#hostSignal?.removeEventListener("abort", stop);
    }
  }

  #migrate(lease: Lease, signal: AbortSignal) {
    const row = this.#rows.get(lease.emailAddress.toLowerCase());
    if (!row) {
      const text = `The store holds ${lease.emailAddress}, but the user list of this run does not: add its row`;
      return Promise.reject(new MigrationError("option-invalid", text, { scope: "user" }));
    }
    return migrateUser({
      lease,
      store: this.#store,
      openSource: (openSignal) => this.sourceEndpoint.openSource(row, { signal: openSignal }),
      openTarget: (openSignal) => this.target.openMailbox(row.emailAddress, { signal: openSignal }),
      limits: this.#limits,
      settleDelayMs: this.#settleDelayMs,
      retry: this.#retry,
      budget: this.#budget,
      clock: this.#clock,
      tell: this.#tellersOf(row.emailAddress),
      signal,
    });
  }

  #tellersOf(user: string): UserTellers {
    return {
      started: (plan, found) =>
        this.#tell("folder:started", { user, folder: sourcePath(plan), target: folderPath(plan.target), found }),
      settled: (plan, outcomes) => {
        const folder = sourcePath(plan);
        this.#count(outcomes);
        for (const outcome of outcomes) {
          if (outcome.kind === "alreadyThere") continue;
          if (outcome.kind !== "copied") this.#tell("message:not-copied", { user, folder, outcome });
          else if (outcome.lost || outcome.uncertain) this.#tell("message:changed", { user, folder, outcome });
        }
      },
      completed: (plan, books) =>
        this.#tell("folder:completed", { user, folder: sourcePath(plan), target: folderPath(plan.target), books }),
      folderFailed: (plan, error) => this.#tell("folder:failed", { user, folder: sourcePath(plan), error }),
      progress: (books) =>
        this.#tell("user:progress", {
          user,
          itemsTotal: books.found,
          itemsSynced: books.copied + books.alreadyThere,
          itemsSkipped: books.skipped + books.refused + books.failed + books.vanished,
          octetsSynced: books.octetsCopied,
        }),
      waiting: (waitMs, error) => this.#tell("user:waiting", { user, waitMs: Math.round(waitMs), error }),
    };
  }

  #count(outcomes: readonly Outcome[]): void {
    let { copied, octetsCopied } = this.#figures;
    for (const outcome of outcomes) {
      if (outcome.kind !== "copied") continue;
      copied += 1;
      octetsCopied += outcome.size;
    }
    this.#figures = { ...this.#figures, copied, octetsCopied };
  }

  #enter(status: MigrationBatchStatus): void {
    this.#status = status;
    this.#tell("batch:status", { status });
  }

  #tell<Name extends EventName>(event: Name, body: EventBody<Name>): void {
    this.#sequence += 1;
    // Omit and the two members make the payload again, which TypeScript cannot see through a type parameter.
    const payload = [{ ...body, batch: this.name, sequence: this.#sequence }] as unknown as MigrationEvents[Name];
    this.#emitter.emit(event, ...payload);
  }

  #addresses(): string[] {
    return [...this.#rows.values()].map((row) => row.emailAddress);
  }
}

function checkName(name: string): string {
  if (typeof name !== "string" || name.trim() === "" || name.length > MAX_NAME_LENGTH) {
    throw new MigrationError("option-invalid", `A batch needs a name of 1 to ${MAX_NAME_LENGTH} characters`);
  }
  return name;
}

function rowsByAddress(rows: readonly CsvRow[]): ReadonlyMap<string, CsvRow> {
  const byAddress = new Map<string, CsvRow>();
  for (const row of rows) {
    const key = row.emailAddress.toLowerCase();
    if (byAddress.has(key)) {
      throw new MigrationError("option-invalid", `Two rows name ${row.emailAddress}: one mailbox, one row`);
    }
    byAddress.set(key, row);
  }
  return byAddress;
}
