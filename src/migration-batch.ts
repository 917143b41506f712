import { BatchCredentials } from "./batch/batch-credentials.js";
import { BatchEvents, type EventName } from "./batch/batch-events.js";
import { filtersOf } from "./batch/batch-filters.js";
import { BatchLife, type Beginning } from "./batch/batch-life.js";
import {
  changedSettings,
  checkName,
  defaultSettings,
  type MigrationBatchContext,
  type MigrationBatchOptions,
  type MigrationBatchSettings,
  type SourceEndpoint,
} from "./batch/batch-options.js";
import {
  type BatchPlanOptions,
  type BatchRowCheckOptions,
  checkBatchRows,
  planUsers,
} from "./batch/batch-preparation.js";
import { StoredBatch } from "./batch/batch-record.js";
import { endpointRecord, registerBatch } from "./batch/batch-registration.js";
import { batchStatistics, userStatistics } from "./batch/batch-statistics.js";
import { verifyUsers } from "./batch/batch-verification.js";
import { MailboxPasses, type PassParts } from "./batch/mailbox-passes.js";
import type { CsvRow } from "./csv-row.js";
import { type Clock, systemClock } from "./engine/clock.js";
import type { EndpointCaps } from "./engine/run-batch.js";
import { MigrationError } from "./errors.js";
import type { MigrationEvents } from "./events.js";
import { MigrationEndpoint } from "./migration-endpoint.js";
import type { MigrationTarget } from "./migration-target.js";
import { MigrationUser } from "./migration-user.js";
import { type CutoverCheck, type CutoverOptions, checkCutover } from "./prepare/cutover.js";
import type { BatchPlan } from "./prepare/plan.js";
import { standingOf } from "./prepare/removal-gaps.js";
import type { RowCheck } from "./prepare/row-check.js";
import { MigrationReport } from "./report.js";
import type { MigrationBatchStatistics, MigrationUserStatistics } from "./statistics.js";
import {
  checkBatchAction,
  checkUserAction,
  countUsers,
  type MigrationBatchAction,
  type MigrationBatchStatus,
  type MigrationUserAction,
  migrationUserStatuses,
  supportedBatchActions,
} from "./status.js";
import type { BatchRecord, BatchSettings, UserSelection } from "./store/batch-records.js";
import type { MigrationStore } from "./store/migration-store.js";
import { checkVerifyOptions, type VerificationReport, type VerifyOptions } from "./verification.js";

export type {
  MigrationBatchContext,
  MigrationBatchOptions,
  MigrationBatchSettings,
  SourceEndpoint,
  UserSecrets,
} from "./batch/batch-options.js";
export type { BatchPlanOptions, BatchRowCheckOptions } from "./batch/batch-preparation.js";

/** What `complete()` was asked to do beside the last pass. */
export interface CompleteOptions {
  /** How the target is asked whether it holds everything; false for not at all. Default level 1: that each message is there. */
  readonly verify?: VerifyOptions | false;
}

/** How the mail of a domain is looked at; what the batch knows itself is left out. */
export type BatchCutoverOptions = Omit<CutoverOptions, "domain" | "standing" | "clock">;

/** What `complete()` found. */
export interface Completion {
  readonly report: MigrationReport;
  /** Absent where none was asked for, or where the completion was stopped. */
  readonly verification?: VerificationReport;
}

/** What a process lacks to go on with a batch from a store, and whether it is the time that has to come. */
export type WaitsFor = "target" | "sourceEndpoint" | "credentials" | "startAfter";

const UNDER_WAY: UserSelection = { statuses: ["Queued", "Syncing", "IncrementalSyncing"] };
const AT_WORK: UserSelection = { statuses: ["Syncing", "IncrementalSyncing"] };
const FAILED: UserSelection = { statuses: ["Failed", "IncrementalFailed", "Stopped", "IncrementalStopped"] };
/** Statuses of a batch that nobody runs: there is nothing to go on with. */
const IDLE: readonly MigrationBatchStatus[] = ["Created", "Stopped", "Completed", "CompletedWithErrors"];

/**
 * A list of mailboxes that move together: Microsoft's migration batch (New-MigrationBatch). Everything it knows stands
 * in the store: after a crash, run the same program again, or `get` and `resume` it, and it goes on where it was.
 * `docs/batches.md` has its life and the table of statuses and actions.
 */
export class MigrationBatch {
  readonly name: string;
  readonly migrationType = "IMAP";
  /** Absent where neither the host nor the store can tell it. */
  readonly sourceEndpoint: SourceEndpoint | undefined;
  /** Absent where the host did not say it again. */
  readonly target: MigrationTarget | undefined;
  readonly #store: MigrationStore;
  readonly #context: MigrationBatchContext;
  readonly #change: MigrationBatchSettings;
  readonly #credentials: BatchCredentials;
  readonly #clock: Clock;
  readonly #events: BatchEvents;
  readonly #stored: StoredBatch;
  readonly #parts: PassParts;
  readonly #passes: MailboxPasses;
  #life: BatchLife | undefined;
  /** A verification under way. */
  #verifying: { readonly ended: Promise<unknown> } | undefined;

  /**
   * Touches no store yet: `start()` puts the batch there, or goes on with the one of this name.
   * @throws MigrationError `option-invalid`
   */
  constructor(options: MigrationBatchOptions);
  /** @internal */
  constructor(
    options: MigrationBatchContext & { name: string; store: MigrationStore },
    record: BatchRecord,
    storedEndpoint?: SourceEndpoint,
  );
  constructor(
    options: MigrationBatchContext & MigrationBatchSettings & { name: string; store: MigrationStore },
    record?: BatchRecord,
    storedEndpoint?: SourceEndpoint,
  ) {
    this.name = checkName("batch", options.name);
    this.sourceEndpoint = options.sourceEndpoint ?? storedEndpoint;
    this.target = options.target;
    this.#store = options.store;
    this.#context = options;
    this.#change = options;
    changedSettings(defaultSettings, options); // what is wrong with them is told here
    this.#credentials = new BatchCredentials(options);
    this.#clock = options.clock ?? systemClock;
    this.#events = new BatchEvents(this.name);
    this.#stored = new StoredBatch(this.#store, this.name, this.#events, record);
    const { store } = options;
    const parts = { store, credentials: this.#credentials, events: this.#events, clock: this.#clock };
    this.#parts = { ...parts, ends: () => this.#ends(), filters: () => filtersOf(this.#settings) };
    this.#passes = new MailboxPasses(this.#parts, options);
  }

  /**
   * Puts a new batch into its store without starting it (New-MigrationBatch).
   * @throws MigrationError `name-taken`, `option-invalid`, `store-*`
   */
  static async create(options: MigrationBatchOptions): Promise<MigrationBatch> {
    const batch = new MigrationBatch(options);
    await batch.#register(true);
    return batch;
  }

  /**
   * The batch of this name, whatever its case, as it stands in the store (Get-MigrationBatch). With a target and the
   * users' passwords it can be resumed; without, looked at, changed, stopped and removed.
   * @throws MigrationError `not-found`: never every batch, as Microsoft's does; `option-invalid`, `store-*`
   */
  static async get(store: MigrationStore, name: string, context: MigrationBatchContext = {}): Promise<MigrationBatch> {
    const record = await store.getBatch(checkName("batch", name));
    if (!record) throw new MigrationError("not-found", `There is no batch ${name} in the store`);
    return MigrationBatch.#of(store, record, context);
  }

  /**
   * Every batch of the store, in the order of their making.
   * @throws MigrationError `option-invalid`, `store-*`
   */
  static async list(store: MigrationStore, context: MigrationBatchContext = {}): Promise<MigrationBatch[]> {
    const batches: MigrationBatch[] = [];
    for await (const record of store.listBatches()) batches.push(await MigrationBatch.#of(store, record, context));
    return batches;
  }

  static async #of(
    store: MigrationStore,
    record: BatchRecord,
    context: MigrationBatchContext,
  ): Promise<MigrationBatch> {
    const endpoint = context.sourceEndpoint ? undefined : await store.getEndpoint(record.endpoint);
    const options = { ...context, name: record.name, store };
    return new MigrationBatch(options, record, endpoint && MigrationEndpoint.ifOurs(endpoint));
  }

  /** As this process last saw it: `get` reads it again. */
  get status(): MigrationBatchStatus {
    return this.#stored.status;
  }

  /** How many mailboxes this program gave rows for; `statistics()` counts those in the store (TotalCount). */
  get totalCount(): number {
    return this.#credentials.addresses.length;
  }

  /** A second identity, which no other batch ever has; absent before the store has the batch. */
  get batchGuid(): string | undefined {
    return this.#stored.record?.batchGuid;
  }

  /** What may be done with the batch as it is (SupportedActions). Any other action is refused with `state-invalid`. */
  get supportedActions(): readonly MigrationBatchAction[] {
    return supportedBatchActions(this.status);
  }

  /** What `start` or `resume` still needs: what a store does not keep, or the time of `startAfter`. */
  get waitsFor(): readonly WaitsFor[] {
    return [
      ...(this.target ? [] : (["target"] as const)),
      ...(this.sourceEndpoint ? [] : (["sourceEndpoint"] as const)),
      ...(this.#credentials.isEmpty ? (["credentials"] as const) : []),
      ...(this.status === "Waiting" ? (["startAfter"] as const) : []),
    ];
  }

  /** Calls `listener` for each event of this name. What it throws stops nothing. */
  on<Name extends EventName>(event: Name, listener: (event: MigrationEvents[Name][0]) => unknown): this {
    this.#events.emitter.on(event, listener);
    return this;
  }

  /** Calls `listener` for the next event of this name. */
  once<Name extends EventName>(event: Name, listener: (event: MigrationEvents[Name][0]) => unknown): this {
    this.#events.emitter.once(event, listener);
    return this;
  }

  /** Takes a listener away. */
  off<Name extends EventName>(event: Name, listener: (event: MigrationEvents[Name][0]) => unknown): this {
    this.#events.emitter.off(event, listener);
    return this;
  }

  /**
   * One pass over every mailbox (Start-MigrationBatch): new ones are copied, those that failed or were stopped are tried
   * again, those that are synced are brought up to date. Before `startAfter` it waits. Resolves with the report when every
   * user is Synced or Failed, or when the batch was stopped; a user's failure is in the report and never rejects. Then
   * incremental passes go on, every `syncIntervalMs` for each user, until `stop`, `complete`, `remove` or `close`. Called
   * while a pass is under way, it tries the failed users again.
   * @throws MigrationError `state-invalid`; `option-invalid` without a target; `credentials-missing` where nobody could
   * sign in; `name-taken` where the store's batch of this name reads from another endpoint; `store-*` when the ledger
   * cannot be kept
   */
  start(): Promise<MigrationReport> {
    if (this.#verifying) return Promise.reject(this.#beingVerified());
    const life = this.#running;
    if (life) return this.#again(life, life.isAtRest ? {} : FAILED);
    return this.#live({ prepare: () => this.#prepareStart(), enters: "Starting", queues: {} });
  }

  /**
   * Goes on in a new process as the store has it, without a pass over everybody: users that were under way, queued or are
   * due. A batch that waited for `startAfter` waits, one that was completing completes. Resolves with the report when
   * those users have ended; at once where nothing runs (Created, Stopped, Completed).
   * @throws MigrationError as `start`
   */
  async resume(): Promise<MigrationReport> {
    if (this.#verifying) throw this.#beingVerified();
    if (this.#running) return this.#running.report();
    const { status } = (await this.#stored.refresh()) ?? this.#stored;
    if (status === "Completing") return (await this.complete()).report;
    if (IDLE.includes(status)) return this.report();
    if (status === "Stopping") return this.stop().then(() => this.report());
    const begins = status === "Starting" || status === "Waiting";
    return await this.#live({
      prepare: () => this.#prepareStart(),
      ...(begins && { enters: "Starting" as const }),
      queues: begins ? {} : UNDER_WAY,
    });
  }

  /**
   * Stops passes and schedule (Stop-MigrationBatch), within two seconds where they run in this process: appends under way
   * may still be answered, and nothing that was settled is lost. The promise of `start` resolves too. Does nothing where
   * the batch is Stopped. Where another process runs the batch, it stops there within a second or two.
   * @throws MigrationError `state-invalid` where nothing runs; `not-found`, `store-*`
   */
  async stop(): Promise<void> {
    if (this.#running) return await this.#running.stop();
    await this.#check("stop");
    if (this.status === "Stopped") return;
    await this.#stored.enter("Stopping");
    await this.#endStopping();
  }

  /**
   * Ends the work of this process and leaves the batch as it is, for the next process to resume: a host calls it before it
   * ends. Users under way are queued again; nothing that was settled is lost.
   */
  async close(): Promise<void> {
    await this.#running?.leave();
  }

  /**
   * A pass now over every user that is synced (Set-MigrationBatch -SyncNow): after the MX record was switched. Failed
   * users are left alone. Resolves with the report.
   * @throws MigrationError as `start`
   */
  async syncNow(): Promise<MigrationReport> {
    await this.#check("syncNow");
    return await this.#ask({ statuses: ["Synced"] });
  }

  /**
   * Adds users (Set-MigrationBatch -AddUsers with a second CSV). Those that are in the batch already are left as they are,
   * with the new row's password. In a batch that runs their first pass begins at once.
   * @returns the addresses that are new
   * @throws MigrationError `state-invalid`, `option-invalid` for two rows of one mailbox, `store-*`
   */
  async addUsers(rows: readonly CsvRow[]): Promise<string[]> {
    const { addresses } = new BatchCredentials({ users: rows });
    if (this.#stored.record) await this.#check("addUsers");
    else await this.#register(false);
    const added: string[] = [];
    for (const address of addresses) if (!(await this.#store.getUser(this.name, address))) added.push(address);
    this.#credentials.add(rows);
    await this.#store.addUsers(this.name, added);
    if (this.#running) {
      await this.#store.queueUsers(this.name, { emailAddresses: added });
      this.#running.wake();
    }
    return added;
  }

  /**
   * Changes what the store keeps of the batch (Set-MigrationBatch). Absent members stay as they are.
   * @throws MigrationError `state-invalid`, `option-invalid`, `not-found`, `store-*`
   */
  async set(change: MigrationBatchSettings): Promise<void> {
    if (!this.#stored.record) await this.#register(false);
    await this.#check("set");
    const settings = changedSettings(this.#settings, change);
    await this.#stored.change({ settings });
    this.#running?.wake();
  }

  /**
   * The end of a migration, ours and not Microsoft's: a last pass over every user that was not stopped, a verification, and
   * then a ledger that nothing changes any more. `Completed` when every user is synced and graded no worse than Good,
   * `CompletedWithErrors` otherwise. Where it cannot be done the batch is Synced again, without its schedule.
   * @throws MigrationError `state-invalid`; as `start` and `verify`
   */
  async complete({ verify = { level: 1 } }: CompleteOptions = {}): Promise<Completion> {
    if (this.#verifying) throw this.#beingVerified();
    if (verify) checkVerifyOptions(verify);
    await this.#check("complete");
    await this.#running?.leave();
    const everybody = migrationUserStatuses.filter((status) => status !== "Stopped" && status !== "IncrementalStopped");
    const queues = { statuses: everybody };
    const report = await this.#live({
      prepare: () => this.#prepareStart(),
      enters: "Completing",
      queues,
      isLast: true,
    });
    if (this.status !== "Completing") return { report };
    try {
      const verification = verify ? await this.#verify(verify) : undefined;
      const isSound = !verification || verification.grade === "Perfect" || verification.grade === "Good";
      const isWhole = report.users.Failed + report.users.Stopped === 0 && report.balanced;
      await this.#stored.enter(isWhole && isSound ? "Completed" : "CompletedWithErrors");
      const last = await this.report();
      const { notificationEmails } = this.#settings;
      this.#events.tell("batch:notification", { reason: "finished", notificationEmails, report: last });
      return { report: last, ...(verification && { verification }) };
    } catch (error) {
      await this.#stored.enter(report.users.Failed > 0 ? "SyncedWithErrors" : "Synced").catch(() => {});
      throw error;
    }
  }

  /**
   * Takes the batch with its users and its ledger out of the store (Remove-MigrationBatch). Mail stays where it is, at both
   * ends. The batch is Removing meanwhile, and then not found; what a crash left of a removal is removed by calling it again.
   * @param options `force` removes although the `removalCheck` still misses something, and is told in `batch:removed`
   * @throws MigrationError `state-invalid` while it runs, and where the check misses something; `not-found`, `store-*`
   */
  async remove({ force = false }: { force?: boolean } = {}): Promise<void> {
    if (this.#verifying) throw this.#beingVerified();
    await this.#check("remove");
    const standing = await standingOf(this.#store.listUsers(this.name), this.#passes.newInLastPass);
    const missing = (await this.#context.removalCheck?.(standing)) ?? [];
    if (missing.length > 0 && !force && this.status !== "Removing") {
      const text = `Batch ${this.name} is not safe to remove: ${missing.join("; ")}. Remove it with force if you must`;
      throw new MigrationError("state-invalid", text);
    }
    await this.#running?.leave();
    if (this.#stored.record && !(await this.#stored.enter("Removing")))
      checkBatchAction(this.name, this.status, "remove");
    await this.#store.removeBatch(this.name);
    this.#stored.markGone();
    this.#events.tell("batch:removed", { forced: missing.length > 0, missing });
  }

  /**
   * Signs in for each row at both ends and lists the folders, before anything is copied: slowly, and so that no account is
   * locked (docs/prepare.md). Yields one check for each, in their order; what goes wrong with one is in its check.
   * @throws MigrationError `aborted`; `option-invalid` without a target; `credentials-missing`, `store-*`
   */
  checkRows(options: BatchRowCheckOptions = {}): AsyncGenerator<RowCheck, void, undefined> {
    return checkBatchRows(this.#parts, this.#addresses(), options);
  }

  /**
   * A dry run as data: where each folder would go and why, what would be left out or refused, how much there is, and how
   * long it takes where the limits of the services are given. Reads only. A mailbox that cannot be read has the reason.
   * @throws MigrationError as `checkRows`
   */
  plan(options: BatchPlanOptions = {}): Promise<BatchPlan> {
    const { limits } = this.#context;
    return planUsers(this.#parts, this.#addresses(), { ...options, limits });
  }

  /**
   * Where mail to a domain goes now, and what is missing before this batch can be removed without losing any
   * (docs/cutover.md).
   * @throws MigrationError `option-invalid`, `aborted`, `store-*`; a resolver that does not answer is in the check
   */
  cutover(domain: string, options: BatchCutoverOptions = {}): Promise<CutoverCheck> {
    const standing = () => standingOf(this.#store.listUsers(this.name), this.#passes.newInLastPass);
    return checkCutover({ ...options, domain, standing, clock: this.#clock });
  }

  /** The users of the batch as the store has them, in the order in which they were added (Get-MigrationUser). */
  async *users(): AsyncGenerator<MigrationUser> {
    for await (const record of this.#store.listUsers(this.name)) yield new MigrationUser(this.name, record);
  }

  /** @throws MigrationError `not-found`, `store-*` */
  async user(emailAddress: string): Promise<MigrationUser> {
    const record = await this.#store.getUser(this.name, emailAddress);
    if (record) return new MigrationUser(this.name, record);
    throw new MigrationError("not-found", `There is no user ${emailAddress} in batch ${this.name}`, { scope: "user" });
  }

  /**
   * A pass over one user now: one that failed or was stopped is tried again, a synced one brought up to date
   * (Start-MigrationUser). Resolves with the report when it has ended.
   * @throws MigrationError `state-invalid` for the user, or where the batch does not run; `not-found`; as `start`
   */
  async startUser(emailAddress: string): Promise<MigrationReport> {
    await this.#checkUser(emailAddress, "start");
    return await this.#ask({ emailAddresses: [emailAddress] });
  }

  /**
   * Stops one user (Stop-MigrationUser); the others go on. The schedule leaves it out until it is started again.
   * @throws MigrationError `state-invalid`, `not-found`, `store-*`
   */
  async stopUser(emailAddress: string): Promise<void> {
    await this.#checkUser(emailAddress, "stop");
    await this.#running?.stopUser(emailAddress);
    const before = await this.user(emailAddress);
    await this.#store.stopUsers(this.name, { emailAddresses: [emailAddress] });
    const { status, identity } = await this.user(emailAddress);
    if (status !== before.status) this.#events.tell("user:status", { user: identity, status });
    this.#running?.wake();
  }

  /**
   * Takes one user with its ledger out of the batch (Remove-MigrationUser). Mail stays where it is. Give no row of it to a
   * later `start()`, which would add it again.
   * @throws MigrationError `not-found`, `state-invalid` once the batch is completed, `store-*`
   */
  async removeUser(emailAddress: string): Promise<void> {
    await this.#checkUser(emailAddress, "remove");
    await this.#running?.stopUser(emailAddress);
    await this.#store.removeUser(this.name, emailAddress);
    this.#credentials.remove(emailAddress);
    this.#running?.wake();
  }

  /** The report as the ledger stands now. */
  async report(): Promise<MigrationReport> {
    await this.#addRows();
    return await this.#report();
  }

  #report(): Promise<MigrationReport> {
    return MigrationReport.of(this.#store, this.name, () => this.status, this.#passes.figures);
  }

  /** How far the batch is. Reads the ledger's sums of every user. */
  async statistics(): Promise<MigrationBatchStatistics> {
    await this.#addRows();
    const { record } = this.#stored;
    const tally = await this.#store.countUsers(this.name);
    return await batchStatistics((await this.report()).userReports(), { tally, record, rates: this.#passes.rates });
  }

  /**
   * How far one user is (Get-MigrationUserStatistics).
   * @throws MigrationError `not-found`, `store-*`
   */
  async userStatistics(emailAddress: string): Promise<MigrationUserStatistics> {
    const user = await this.user(emailAddress);
    return userStatistics(user, await this.#store.listFolders(this.name, user.identity), this.#passes.rates);
  }

  /**
   * Asks the target, and not the ledger alone, whether it holds what was migrated, as it was sent: see
   * `docs/verification.md`. Both ends are read and nothing is changed; as many mailboxes at a time as are migrated. A user
   * that cannot be verified has the reason in the report, and never rejects. The schedule waits meanwhile.
   * @throws MigrationError `state-invalid` while a pass is under way or it is verified already; `option-invalid` for a
   * level, sample or user that there is not, and where the target cannot be read back; `aborted`; `store-*`
   */
  async verify(options: VerifyOptions): Promise<VerificationReport> {
    if (this.#verifying) throw this.#beingVerified();
    if (this.#running && !this.#running.isAtRest) {
      throw new MigrationError("state-invalid", `Batch ${this.name} is ${this.status}: wait for it, or stop it first`);
    }
    return await this.#verify(options);
  }

  async #verify(options: VerifyOptions): Promise<VerificationReport> {
    const verification = this.#addRows().then(() => {
      const { name } = this;
      return verifyUsers({ ...this.#parts, name, retry: this.#passes.retry, signal: this.#context.signal }, options);
    });
    this.#verifying = { ended: verification };
    try {
      return await verification;
    } finally {
      this.#verifying = undefined;
    }
  }

  #beingVerified(): MigrationError {
    return new MigrationError("state-invalid", `Batch ${this.name} is being verified: wait for that`);
  }

  /** The ends, and somebody to sign in. */
  #ends(): { source: SourceEndpoint; target: MigrationTarget } {
    const { sourceEndpoint: source, target } = this;
    if (source && target) return { source, target };
    const absent = source ? "target" : "sourceEndpoint";
    throw new MigrationError(
      "option-invalid",
      `A store does not keep the ${absent} of batch ${this.name}: give it again`,
    );
  }

  /** @throws MigrationError `state-invalid`, `not-found` */
  async #check(action: MigrationBatchAction): Promise<void> {
    await this.#stored.refresh();
    checkBatchAction(this.name, this.status, action);
  }

  async #checkUser(emailAddress: string, action: MigrationUserAction): Promise<void> {
    await this.#stored.refresh();
    const needs = { start: "syncNow", syncNow: "syncNow", stop: "addUsers", remove: "addUsers" } as const;
    if (!(action === "start" && this.status === "Failed")) checkBatchAction(this.name, this.status, needs[action]);
    const { identity, status } = await this.user(emailAddress);
    checkUserAction(identity, status, action);
  }

  /** A pass over these users: by the life there is, or by one that begins with them. */
  async #ask(users: UserSelection): Promise<MigrationReport> {
    if (this.#verifying) throw this.#beingVerified();
    if (this.#running) return await this.#again(this.#running, users);
    const prepare = async () => {
      await this.#prepareStart();
      await this.#store.queueUsers(this.name, AT_WORK);
    };
    return await this.#live({ prepare, queues: users });
  }

  async #again(life: BatchLife, users: UserSelection): Promise<MigrationReport> {
    this.#passes.begin(isOfAll(users));
    return await life.ask(() => this.#store.queueUsers(this.name, users));
  }

  /** The life that something can be asked of. */
  get #running(): BatchLife | undefined {
    return this.#life?.isOver ? undefined : this.#life;
  }

  #live(beginning: Beginning): Promise<MigrationReport> {
    this.#passes.begin(isOfAll(beginning.queues));
    const life = new BatchLife(
      {
        name: this.name,
        endpoint: this.sourceEndpoint?.name ?? "",
        store: this.#store,
        stored: this.#stored,
        events: this.#events,
        clock: this.#clock,
        keepAlive: this.#context.keepAlive ?? false,
        caps: () => this.#caps(),
        report: () => this.#report(),
        busy: () => this.#verifying?.ended,
        migrate: (lease, signal, stalled) => this.#passes.migrate(lease, signal, stalled),
        tell: {
          userStatus: (user, status) => this.#events.tell("user:status", { user, status }),
          userSynced: (user, books) => this.#events.tell("user:synced", { user, books }),
          userFailed: (user, error) => this.#events.tell("user:failed", { user, error }),
        },
      },
      beginning,
    );
    this.#life = life;
    const stop = () => void life.stop();
    this.#context.signal?.addEventListener("abort", stop, { once: true });
    if (this.#context.signal?.aborted) stop();
    const report = life.report();
    void life.ended.then(() => {
      this.#context.signal?.removeEventListener("abort", stop);
      if (this.#life === life) this.#life = undefined;
    });
    return report;
  }

  async #prepareStart(): Promise<void> {
    this.#ends();
    await this.#register(false);
    if (this.status === "Stopping") {
      await this.#endStopping();
      await this.#addRows();
    }
    if (this.status !== "Completing") checkBatchAction(this.name, this.status, "start");
    if (this.#credentials.isEmpty && countUsers((await this.#store.countUsers(this.name)).byStatus).total > 0) {
      const text = `Nobody can sign in for batch ${this.name}: give its rows again, or secrets`;
      throw new MigrationError("credentials-missing", text, { scope: "batch" });
    }
  }

  /** What a process left that ended while it stopped the batch. */
  async #endStopping(): Promise<void> {
    await this.#store.stopUsers(this.name, UNDER_WAY);
    await this.#stored.enter("Stopped");
  }

  get #settings(): BatchSettings {
    return this.#stored.record?.settings ?? changedSettings(defaultSettings, this.#change);
  }

  /** Of the users in the store, or of the rows before they are there. */
  async *#addresses(): AsyncGenerator<string> {
    if (this.#stored.record) for await (const user of this.#store.listUsers(this.name)) yield user.emailAddress;
    else yield* this.#credentials.addresses;
  }

  /** Puts endpoint, batch and users into the store, or finds them there. */
  async #register(isNew: boolean): Promise<void> {
    const { name, sourceEndpoint: endpoint } = this;
    const isEndpointOwn = this.#context.sourceEndpoint === endpoint;
    const word = { name, endpoint, isEndpointOwn, settings: this.#change };
    await registerBatch(this.#store, this.#stored, word, { clock: this.#clock, isNew });
    await this.#addRows();
  }

  /** A ledger that is frozen, or being removed, gets no users any more. */
  async #addRows(): Promise<void> {
    if (this.#stored.isGone) this.#stored.gone();
    if (this.#stored.record && !this.supportedActions.includes("addUsers")) return;
    await this.#store.addUsers(this.name, this.#credentials.addresses);
  }

  async #caps(): Promise<EndpointCaps> {
    const { source } = this.#ends();
    const { maxConcurrentMigrations, maxConcurrentIncrementalSyncs, maxConnections } =
      (await this.#store.getEndpoint(source.name)) ?? endpointRecord(source);
    return {
      initial: maxConcurrentMigrations,
      incremental: maxConcurrentIncrementalSyncs,
      ...(maxConnections !== undefined && { total: maxConnections }),
    };
  }
}

/** True for a pass over everybody, or over everybody who is synced. */
function isOfAll(users: UserSelection | undefined): boolean {
  return users !== undefined && !users.emailAddresses && (!users.statuses || users.statuses.includes("Synced"));
}
