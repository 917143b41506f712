import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { Bell } from "../engine/bell.js";
import type { Clock } from "../engine/clock.js";
import { type BatchRun, type EndpointCaps, runBatch, UsersUnderWay } from "../engine/run-batch.js";
import { firstIncrementalPass, LONGEST_PAUSE_MS } from "../engine/schedule.js";
import { MigrationError } from "../errors.js";
import type { MigrationReport } from "../report.js";
import { countUsers, type MigrationBatchStatus, restingBatchStatus } from "../status.js";
import type { BatchChange, BatchSettings, UserSelection, UserTally } from "../store/batch-records.js";
import type { MigrationStore } from "../store/migration-store.js";
import type { BatchEvents } from "./batch-events.js";
import { defaultSettings } from "./batch-options.js";
import type { StoredBatch } from "./batch-record.js";

/** How often a life at work looks at what the store says of its batch: settings, caps, and whether others stopped it. */
const LOOK_MS = 1_000;

/** What a batch gives its life. */
export interface LifeParts extends Pick<BatchRun, "migrate" | "tell"> {
  readonly name: string;
  readonly endpoint: string;
  readonly store: MigrationStore;
  readonly stored: StoredBatch;
  readonly events: BatchEvents;
  readonly clock: Clock;
  readonly keepAlive: boolean;
  caps(): Promise<EndpointCaps>;
  report(): Promise<MigrationReport>;
  /** What has to end before another pass may begin. */
  busy(): Promise<unknown> | undefined;
}

/** What a life begins with. */
export interface Beginning {
  /** Puts the batch into the store, and refuses what its status does not allow. */
  prepare(): Promise<void>;
  /** The status to enter once mail may be copied; absent: as it is. */
  readonly enters?: MigrationBatchStatus;
  /** Which users get a pass; absent: those that the store has queued already. */
  readonly queues?: UserSelection | undefined;
  /** One pass, without a status of its own and without a schedule. */
  readonly isLast?: boolean;
}

interface Waiter {
  resolve(report: MigrationReport): void;
  reject(error: MigrationError): void;
}

/**
 * A batch at work in this process: its passes, its schedule and its notifications, from the start until it is stopped or
 * nothing is left that could come by itself.
 */
export class BatchLife {
  readonly ended: Promise<void>;
  readonly #parts: LifeParts;
  readonly #bell = new Bell();
  readonly #controller = new AbortController();
  readonly #underWay = new UsersUnderWay();
  readonly #worker = randomUUID();
  readonly #begun: Promise<void>;
  #ending: "stop" | "leave" | undefined;
  #waiters: Waiter[] = [];
  #caps: EndpointCaps = { initial: 1, incremental: 1 };
  #lookAt = Number.NEGATIVE_INFINITY;
  #nextDueAt: number | undefined;
  #isOver = false;
  #hasPassed = false;
  #isAtRest = false;
  /** Passes that are just being asked for. */
  #asking = 0;

  constructor(parts: LifeParts, beginning: Beginning) {
    this.#parts = parts;
    // Every mailbox and every fetch listens; that is no leak.
    setMaxListeners(0, this.#controller.signal);
    // Not before the batch knows its life: a listener of the first event may stop it.
    this.#begun = Promise.resolve().then(() => beginning.prepare());
    this.ended = this.#live(beginning);
  }

  /** True when nothing can be asked of it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** True between two passes: nobody is queued or under way. */
  get isAtRest(): boolean {
    return this.#isAtRest && this.#asking === 0 && this.#waiters.length === 0;
  }

  /** The report once the passes have ended that `queue` asks for. */
  async ask(queue: () => Promise<void>): Promise<MigrationReport> {
    this.#asking += 1;
    try {
      await queue();
    } finally {
      this.#asking -= 1;
    }
    const report = this.report();
    this.wake();
    return await report;
  }

  /** The report as soon as every pass that somebody asked for has ended. */
  report(): Promise<MigrationReport> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      // A process that waits for a report is kept alive: whoever sleeps in the background has to begin anew.
      this.#bell.ring();
    });
  }

  /** Looks at once at what there is to do. */
  wake(): void {
    this.#lookAt = Number.NEGATIVE_INFINITY;
    this.#bell.ring();
  }

  async stop(): Promise<void> {
    await this.#end("stop", () => this.#parts.stored.enter("Stopping"));
  }

  /** Ends the work of this process alone: the batch stays as it is, and users under way are queued again. */
  async leave(): Promise<void> {
    await this.#end("leave", async () => {});
  }

  async stopUser(emailAddress: string): Promise<void> {
    await this.#underWay.stop(emailAddress);
  }

  async #end(ending: "stop" | "leave", enter: () => Promise<unknown>): Promise<void> {
    this.#ending ??= ending;
    await this.#begun.catch(() => {});
    const entered = enter().catch(() => {}); // the end itself meets the same fault, and tells it
    this.#controller.abort();
    this.#bell.ring();
    await entered;
    await this.ended;
  }

  /** Never rejects. */
  async #live(beginning: Beginning): Promise<void> {
    try {
      await this.#begun;
    } catch (error) {
      this.#refuse(error);
      return;
    }
    try {
      await this.#untilStartAfter(beginning);
      if (this.#ending !== "leave") await this.#begin(beginning);
      while (!this.#isEnding) {
        await this.#pass();
        if (this.#isEnding) break;
        const goesOn = await this.#rest(beginning);
        // Asked for while it was coming to its end.
        const isAsked = this.#asking > 0 || this.#waiters.length > 0;
        if (!goesOn && (beginning.isLast || !isAsked)) break;
      }
      if (this.#ending === "stop") await this.#stopped();
      while (this.#waiters.length > 0) await this.#answer(this.#waiters);
      this.#isOver = true;
    } catch (error) {
      await this.#fail(MigrationError.from(error));
    }
  }

  get #isEnding(): boolean {
    return this.#ending !== undefined || this.#controller.signal.aborted;
  }

  get #settings(): BatchSettings {
    return this.#parts.stored.record?.settings ?? defaultSettings;
  }

  async #untilStartAfter({ enters }: Beginning): Promise<void> {
    const { stored, clock } = this.#parts;
    while (enters === "Starting" && !this.#isEnding) {
      const waitMs = (this.#settings.startAfter ?? 0) - clock.date();
      if (waitMs <= 0) return;
      await stored.enter("Waiting");
      if (this.#isEnding) return;
      await this.#sleep(waitMs);
      await this.#lookAround();
    }
  }

  async #begin({ enters, queues }: Beginning): Promise<void> {
    const { stored, store, name, clock } = this.#parts;
    const { startedAt = clock.date() } = stored.record ?? {};
    if (enters && !(await stored.enter(enters, { startedAt, ...this.#firstReport() }))) await this.#lookAround();
    if (!queues || this.#isEnding) return;
    await this.#queueDue();
    await store.queueUsers(name, queues);
  }

  #firstReport(): BatchChange {
    const { reportIntervalMs } = this.#settings;
    return reportIntervalMs > 0 ? { nextReportAt: this.#parts.clock.date() + reportIntervalMs } : {};
  }

  async #pass(): Promise<void> {
    const { name, store, endpoint, migrate, tell, clock } = this.#parts;
    this.#isAtRest = false;
    this.#caps = await this.#parts.caps();
    await runBatch({
      batch: name,
      store,
      endpoint,
      worker: this.#worker,
      caps: () => this.#caps,
      migrate,
      tell: {
        ...tell,
        userSynced: (user, books) => {
          this.#hasPassed = true;
          tell.userSynced(user, books);
        },
      },
      clock,
      signal: this.#controller.signal,
      underWay: this.#underWay,
      bell: this.#bell,
      meanwhile: () => this.#meanwhile(),
      nextSyncAt: (user, syncedAt) => this.#firstIncremental(user, syncedAt),
      leavesUsers: () => this.#ending === "leave",
    }).catch((error: unknown) => {
      if (!this.#isEnding || MigrationError.from(error).code !== "aborted") throw error;
    });
  }

  #firstIncremental(user: string, syncedAt: number): number | undefined {
    const { syncIntervalMs: intervalMs } = this.#settings;
    if (intervalMs === 0) return undefined;
    return firstIncrementalPass(this.#parts.name, user, { syncedAt, intervalMs });
  }

  /** Between two claims, but not more often than is needed. */
  async #meanwhile(): Promise<number> {
    const { clock, store, name } = this.#parts;
    if (!this.#underWay.size) await this.#parts.busy()?.catch(() => {});
    const now = clock.now();
    if (now < this.#lookAt) return this.#lookAt - now;
    this.#lookAt = now + LOOK_MS;
    await this.#lookAround();
    if (this.#isEnding) return 0;
    this.#caps = await this.#parts.caps();
    await this.#queueDue();
    // Who asks from here on is not counted yet.
    const waiters = [...this.#waiters];
    const tally = await store.countUsers(name);
    await this.#showWork(tally);
    const { active, pending } = countUsers(tally.byStatus);
    // The schedule goes on; where nobody is under way either, the batch comes to rest first.
    const isDone = tally.requested === 0 && active + pending > 0;
    if (waiters.length > 0 && isDone) await this.#answer(waiters, "finished");
    return LOOK_MS;
  }

  /** Ends where somebody else has stopped or removed the batch. */
  async #lookAround(): Promise<void> {
    const record = await this.#parts.stored.refresh();
    const { status } = record ?? this.#parts.stored;
    const isOver =
      status === "Stopping" || status === "Stopped" || status === "Removing" || status.startsWith("Completed");
    if (!isOver || this.#ending) return;
    this.#ending = "leave";
    this.#controller.abort();
  }

  async #queueDue(): Promise<void> {
    const { store, name, clock, stored } = this.#parts;
    const { syncIntervalMs: intervalMs } = this.#settings;
    const isScheduled = intervalMs > 0 && stored.status !== "Completing";
    this.#nextDueAt = isScheduled ? await store.queueDueUsers(name, { now: clock.date(), intervalMs }) : undefined;
  }

  async #showWork({ byStatus }: UserTally): Promise<void> {
    const { stored, store, name } = this.#parts;
    if (stored.status === "Completing" || this.#isEnding) return;
    const { Syncing = 0, IncrementalSyncing = 0, Queued = 0 } = byStatus;
    if (Syncing > 0 || (Queued > 0 && (await store.hasQueued(name, "initial")))) await stored.enter("Syncing");
    else if (Queued > 0 || IncrementalSyncing > 0) await stored.enter("IncrementalSyncing");
  }

  /** Nobody is queued or under way here. False when nothing more will come by itself. */
  async #rest({ isLast = false }: Beginning): Promise<boolean> {
    const { store, name, stored } = this.#parts;
    const waiters = [...this.#waiters];
    const counts = countUsers((await store.countUsers(name)).byStatus);
    if (counts.active + counts.pending > 0) {
      // Other processes work on them.
      await this.#sleep(LOOK_MS);
      return true;
    }
    if (isLast) return false;
    await this.#queueDue();
    if (!(await stored.enter(restingBatchStatus(counts), this.#passTimes(counts.synced)))) await this.#lookAround();
    this.#isAtRest = true;
    if (waiters.length > 0) await this.#answer(waiters, "finished");
    await this.#reportAtInterval();
    if (this.#nextDueAt === undefined || this.#isEnding) return false;
    await this.#sleep(this.#msToNext());
    return true;
  }

  #passTimes(synced: number): BatchChange {
    const now = this.#parts.clock.date();
    const isFirst = synced > 0 && this.#parts.stored.record?.initialSyncedAt === undefined;
    const times = { ...(this.#hasPassed && { lastSyncedAt: now }), ...(isFirst && { initialSyncedAt: now }) };
    this.#hasPassed = false;
    return times;
  }

  #msToNext(): number {
    const { nextReportAt = Number.POSITIVE_INFINITY } = this.#parts.stored.record ?? {};
    const next = Math.min(this.#nextDueAt ?? Number.POSITIVE_INFINITY, nextReportAt);
    return Math.max(1, next - this.#parts.clock.date());
  }

  async #sleep(ms: number): Promise<void> {
    const background = this.#waiters.length === 0 && !this.#parts.keepAlive;
    const { clock } = this.#parts;
    await this.#bell.wait(clock, this.#controller.signal, { ms: Math.min(ms, LONGEST_PAUSE_MS), background });
    this.#lookAt = Number.NEGATIVE_INFINITY;
  }

  async #reportAtInterval(): Promise<void> {
    const { clock, stored } = this.#parts;
    const { reportIntervalMs } = this.#settings;
    const now = clock.date();
    const due = stored.record?.nextReportAt;
    if (reportIntervalMs === 0 || this.#isEnding) return;
    if (due !== undefined && due > now && due <= now + reportIntervalMs) return;
    if (due !== undefined && due <= now) this.#notify("interval", await this.#parts.report());
    await stored.change({ nextReportAt: now + reportIntervalMs });
  }

  #notify(reason: "finished" | "interval", report: MigrationReport): void {
    this.#parts.events.tell("batch:notification", {
      reason,
      notificationEmails: this.#settings.notificationEmails,
      report,
    });
  }

  /** Those who asked before the work was counted; who asked since waits on. */
  async #answer(waiters: readonly Waiter[], reason?: "finished"): Promise<void> {
    const report = await this.#parts.report();
    this.#waiters = this.#waiters.filter((waiter) => !waiters.includes(waiter));
    if (reason) this.#notify(reason, report);
    for (const { resolve } of waiters) resolve(report);
  }

  async #stopped(): Promise<void> {
    const { store, stored, name } = this.#parts;
    await stored.enter("Stopping");
    await store.stopUsers(name, { statuses: ["Queued", "Syncing", "IncrementalSyncing"] });
    await stored.enter("Stopped");
  }

  /** What cannot begin leaves the batch as it is. */
  #refuse(cause: unknown): void {
    this.#isOver = true;
    const error = MigrationError.from(cause);
    for (const { reject } of this.#waiters) reject(error);
    this.#waiters = [];
  }

  async #fail(error: MigrationError): Promise<void> {
    const { stored, events } = this.#parts;
    this.#isOver = true;
    if (error.code !== "not-found") {
      await stored.enter("Failed").catch(() => stored.failed());
      events.tell("batch:failed", { error });
    }
    this.#refuse(error);
  }
}
