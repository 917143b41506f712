import { MigrationError } from "../errors.js";
import type { WaitAskedBy } from "../events.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MailTarget } from "../mail/mail-target.js";
import type { Clock } from "./clock.js";
import { backoffMs, pauseBeforeRetry, type RetryPolicy } from "./retry.js";
import { budgetedTarget } from "./throttle/budgeted-target.js";
import type { DailyOctets } from "./throttle/daily-octets.js";
import { type EndpointWait, Governor, type Place } from "./throttle/governor.js";
import { watchedMailbox } from "./throttle/watched-mailbox.js";

type End = "source" | "target";

/** One for each endpoint, shared by all mailboxes of the process that are opened there. */
export interface Governors {
  readonly source: Governor;
  readonly target: Governor;
}

/** Governors that one mailbox has for itself. */
export function ownGovernors(clock: Clock, retry: RetryPolicy): Governors {
  return { source: new Governor({ clock, retry }), target: new Governor({ clock, retry }) };
}

/** What the two ends of one mailbox need. */
export interface EndsRun {
  openSource(signal: AbortSignal): Promise<MailSource>;
  openTarget(signal: AbortSignal): Promise<MailTarget>;
  /** What the accounts at both ends may move in a day; absent: no such limit is known. */
  readonly dailyOctets?: readonly DailyOctets[] | undefined;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly tell: { waiting(waitMs: number, error: MigrationError, askedBy: WaitAskedBy, until: number): void };
  readonly signal: AbortSignal;
}

/** When a mailbox is tried again. */
export interface NextAttempt {
  readonly waitMs: number;
  readonly askedBy: WaitAskedBy;
  /** False where the endpoint serves others, and this mailbox was one too many: that says nothing of it. */
  readonly isCounted: boolean;
}

/** Both ends of one mailbox for one pass: each is opened when its endpoint has room, and each error has its end. */
export class MailboxEnds {
  readonly #run: EndsRun;
  readonly #governors: Governors;
  readonly #entering = new AbortController();
  readonly #places: Partial<Record<End, Place>> = {};
  readonly #origins = new WeakMap<object, End>();
  #sourceEntered: Promise<Place> | undefined;

  constructor(run: EndsRun, governors: Governors) {
    this.#run = run;
    this.#governors = governors;
  }

  async openSource(): Promise<MailSource> {
    const place = await this.#enterSource();
    return await this.#open("source", place, this.#run.openSource(this.#run.signal));
  }

  async openTarget(): Promise<MailTarget> {
    // In one order for all mailboxes: two of them never wait for each other's places.
    await this.#enterSource();
    const place = await this.#enter("target");
    const target = await this.#open("target", place, this.#run.openTarget(this.#run.signal));
    const { dailyOctets = [] } = this.#run;
    return dailyOctets.length > 0 ? budgetedTarget(target, dailyOctets) : target;
  }

  /** True when an endpoint asked for a pause since: nothing more may be sent before `rest` resolves. */
  get mustRest(): boolean {
    const { source, target } = this.#places;
    return source?.mustRest || target?.mustRest || false;
  }

  /** @throws MigrationError `aborted`, or what this mailbox itself was refused with */
  async rest(signal: AbortSignal): Promise<void> {
    for (const place of [this.#places.source, this.#places.target]) if (place?.mustRest) await place.rest(signal);
  }

  /** Whoever still waits for a place gives up. */
  end(): void {
    this.#entering.abort();
  }

  /** Both are closed. */
  leave(): void {
    this.#places.source?.leave();
    this.#places.target?.leave();
  }

  /** What follows from the error that a pass ended with; undefined where it stands. */
  nextAttempt(error: MigrationError, attempt: number): NextAttempt | undefined {
    const end = this.#originOf(error) ?? this.#originOf(error.cause);
    const governor = end && concernsEndpoint(error) ? this.#governors[end] : undefined;
    if (governor?.isGivenUp) return undefined;
    const isOneTooMany = error.code === "throttled" || error.code === "too-many-connections";
    const isCounted = !(governor?.isServing && isOneTooMany);
    const failures = isCounted ? attempt : 1;
    const own = pauseBeforeRetry(error, failures, this.#run.retry);
    if (own === undefined) return undefined;
    // The governor has counted what the server asked for from when it asked.
    const waitMs = governor ? Math.max(backoffMs(failures, this.#run.retry), governor.pausedMs) : own;
    return { waitMs, askedBy: end ?? "governor", isCounted };
  }

  async #open<Mailbox extends object>(end: End, place: Place, opening: Promise<Mailbox>): Promise<Mailbox> {
    const note = (error: unknown) => this.#note(end, place, error);
    try {
      const mailbox = await opening;
      place.served();
      return watchedMailbox(mailbox, note);
    } catch (error) {
      note(error);
      throw error;
    }
  }

  #note(end: End, place: Place, error: unknown): void {
    this.#noteOrigin(error, end);
    if (MigrationError.is(error) && concernsEndpoint(error)) this.#governors[end].refused(error, place);
  }

  #noteOrigin(error: unknown, end: End): void {
    if (typeof error === "object" && error !== null) this.#origins.set(error, end);
  }

  #originOf(error: unknown): End | undefined {
    return typeof error === "object" && error !== null ? this.#origins.get(error) : undefined;
  }

  #enterSource(): Promise<Place> {
    this.#sourceEntered ??= this.#enter("source");
    return this.#sourceEntered;
  }

  async #enter(end: End): Promise<Place> {
    const signal = AbortSignal.any([this.#run.signal, this.#entering.signal]);
    try {
      const place = await this.#governors[end].enter(signal, (wait) => this.#tell(wait));
      this.#places[end] = place;
      return place;
    } catch (error) {
      this.#noteOrigin(error, end);
      throw error;
    }
  }

  #tell({ error, until }: EndpointWait): void {
    const { clock, tell } = this.#run;
    const waitMs = until - clock.now();
    tell.waiting(waitMs, error, "governor", clock.date() + waitMs);
  }
}

function concernsEndpoint({ scope, retry }: MigrationError): boolean {
  return scope === "endpoint" && retry === "later";
}
