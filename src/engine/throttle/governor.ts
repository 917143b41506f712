import type { MigrationError } from "../../errors.js";
import type { Clock } from "../clock.js";
import { backoffMs, defaultRetryPolicy, type RetryPolicy } from "../retry.js";
import { WaitingLine } from "./waiting-line.js";

/** One more mailbox may work after so long without a refusal. */
const GROWTH_MS = 30_000;

/** Why a mailbox has to wait at an endpoint. */
export interface EndpointWait {
  /** What the endpoint said, to whichever mailbox. */
  readonly error: MigrationError;
  /** When it goes on at the latest, on the clock's own scale, unless the endpoint refuses again. */
  readonly until: number;
}

/** The right of one mailbox to work at an endpoint. */
export interface Place {
  /** True when the endpoint asked for a pause since: nothing more may be sent before `rest` resolves. */
  readonly mustRest: boolean;
  /** @throws MigrationError `aborted`, and what the endpoint keeps saying to everybody */
  rest(signal: AbortSignal): Promise<void>;
  /** The endpoint has let this mailbox in. */
  served(): void;
  /** The mailbox is closed. */
  leave(): void;
}

/** What a governor knows its endpoint by. */
export interface GovernorOptions {
  readonly clock: Clock;
  /** Most mailboxes at a time; absent: as many as come. */
  readonly cap?: number;
  /** How long to pause where the endpoint does not say, and after how many refusals in a row it is given up. */
  readonly retry?: RetryPolicy;
}

/**
 * How many mailboxes may work at one endpoint at the same time. As many as the cap while nothing is refused. A refusal that
 * concerns the endpoint pauses everybody for as long as it asked. Where it throttles, half as many go on then; otherwise as
 * many as it still serves, but one that tries. Each quiet half minute adds one.
 */
export class Governor {
  readonly #clock: Clock;
  readonly #cap: number;
  readonly #retry: RetryPolicy;
  readonly #line: WaitingLine<GovernedPlace>;
  #working = 0;
  /** Those of them that will join the line as soon as they have something to send. */
  #toRest = 0;
  #serving = 0;
  #everServed = false;
  /** How many might work when the endpoint refused last; it grows from then on. */
  #allowedThen: number;
  /** What the last refusal leaves at most, however many turn out to be served. */
  #ceiling: number;
  #growsFrom = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #refusalsInARow = 0;
  #lastError: MigrationError | undefined;
  /** Grows with every refusal, those apart that many mailboxes get at the same moment. */
  #epoch = 0;
  /** Grows with every refusal that concerns the mailboxes at work too. */
  #restEpoch = 0;

  constructor({ clock, cap = Number.POSITIVE_INFINITY, retry = defaultRetryPolicy }: GovernorOptions) {
    this.#clock = clock;
    this.#cap = cap;
    this.#retry = retry;
    this.#allowedThen = cap;
    this.#ceiling = cap;
    this.#line = new WaitingLine(clock, {
      blockedMs: () => this.#blockedMs(),
      admit: (place) => this.#admit(place),
    });
  }

  /**
   * Resolves when there is room, in the order of the calls.
   * @param told is called whenever the mailbox has to wait because of something the endpoint said, and anew when it said more
   * @throws MigrationError `aborted`, and what the endpoint keeps saying to everybody
   */
  async enter(signal: AbortSignal, told: (wait: EndpointWait) => void): Promise<Place> {
    const place = new GovernedPlace(this.#hooks, told);
    await this.#pass(place, signal);
    return place;
  }

  /** True while the endpoint serves a mailbox: whoever it refuses is one too many, and need not give up. */
  get isServing(): boolean {
    return this.#serving > 0;
  }

  /** How many may work now. */
  get allowed(): number {
    const grown = Math.floor(Math.max(0, this.#clock.now() - this.#growsFrom) / GROWTH_MS);
    return Math.min(this.#cap, this.#allowedThen + grown);
  }

  /** Milliseconds until anybody may go on. */
  get pausedMs(): number {
    return Math.max(0, this.#pausedUntil - this.#clock.now());
  }

  /** True once it has refused as often in a row as one mailbox may be refused, and never served anybody. */
  get isGivenUp(): boolean {
    return !this.#everServed && this.#refusalsInARow >= this.#retry.attempts;
  }

  /** The endpoint has refused `place` with an error that reaches all of it. */
  refused(error: MigrationError, place: Place): void {
    if (!(place instanceof GovernedPlace) || place.refusal) return;
    place.refusal = error;
    const isNew = place.epoch === this.#epoch || this.pausedMs === 0;
    if (isNew) this.#shrink(error);
    if (error.code === "throttled") {
      this.#restEpoch += 1;
      this.#toRest = this.#working;
    }
    this.#lastError = error;
    const pauseMs = Math.max(error.retryAfterMs ?? 0, isNew ? backoffMs(this.#pauseNumber, this.#retry) : 0);
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + pauseMs);
    this.#growsFrom = this.#pausedUntil;
    if (this.isGivenUp) this.#line.turnAway(error);
    this.#line.asked.forEach((waiting, index) => void this.#tell(waiting, index));
  }

  #shrink(error: MigrationError): void {
    this.#epoch += 1;
    this.#refusalsInARow += 1;
    this.#ceiling = error.code === "throttled" ? Math.floor(this.#working / 2) : this.#cap;
    this.#allowedThen = Math.max(1, Math.min(this.#ceiling, this.#serving));
  }

  /** Where nobody was ever served, pauses stay short: most likely somebody misspelt something. */
  get #pauseNumber(): number {
    return this.#everServed ? this.#refusalsInARow : Math.min(this.#refusalsInARow, this.#retry.attempts);
  }

  readonly #hooks: PlaceHooks = {
    restEpoch: () => this.#restEpoch,
    rest: async (place, signal) => {
      if (place.refusal) throw place.refusal;
      this.#stepBack(place);
      await this.#pass(place, signal);
    },
    served: (place) => this.#served(place),
    leave: (place) => this.#leave(place),
  };

  async #pass(place: GovernedPlace, signal: AbortSignal): Promise<void> {
    if (this.#line.length > 0 || this.#blockedMs() > 0) this.#tell(place, this.#line.length);
    await this.#line.pass(place, signal);
  }

  /** Nothing is told where the cap alone is in the way. */
  #tell(place: GovernedPlace, ahead: number): void {
    if (!this.#lastError) return;
    const growth = Math.min(this.#cap, this.#working - this.#toRest + ahead + 1) - this.#allowedThen;
    const room = growth > 0 ? this.#growsFrom + growth * GROWTH_MS : 0;
    const until = Math.max(this.#pausedUntil, room);
    if (until > this.#clock.now()) place.told({ error: this.#lastError, until });
  }

  #blockedMs(): number {
    const now = this.#clock.now();
    if (now < this.#pausedUntil) return this.#pausedUntil - now;
    if (this.#working < this.allowed) return 0;
    if (this.#working >= this.#cap) return Number.POSITIVE_INFINITY;
    return this.#growsFrom + (this.#working + 1 - this.#allowedThen) * GROWTH_MS - now;
  }

  #admit(place: GovernedPlace): void {
    this.#working += 1;
    place.isIn = true;
    place.epoch = this.#epoch;
    place.restEpoch = this.#restEpoch;
  }

  #served(place: GovernedPlace): void {
    if (!place.isServed) this.#serving += 1;
    place.isServed = true;
    this.#everServed = true;
    if (place.epoch === this.#epoch) {
      this.#refusalsInARow = 0;
    } else {
      // It came with those that were refused: so many the endpoint takes after all.
      this.#allowedThen = Math.max(this.#allowedThen, Math.min(this.#ceiling, this.#serving));
    }
    this.#line.wake();
  }

  #stepBack(place: GovernedPlace): void {
    if (place.isIn) {
      this.#working -= 1;
      if (place.mustRest) this.#toRest -= 1;
    }
    place.isIn = false;
    this.#line.wake();
  }

  #leave(place: GovernedPlace): void {
    if (place.isServed) this.#serving -= 1;
    place.isServed = false;
    this.#stepBack(place);
  }
}

interface PlaceHooks {
  restEpoch(): number;
  rest(place: GovernedPlace, signal: AbortSignal): Promise<void>;
  served(place: GovernedPlace): void;
  leave(place: GovernedPlace): void;
}

class GovernedPlace implements Place {
  readonly told: (wait: EndpointWait) => void;
  readonly #hooks: PlaceHooks;
  epoch = 0;
  restEpoch = 0;
  isIn = false;
  isServed = false;
  /** What the endpoint refused this mailbox with: it is to be closed. */
  refusal: MigrationError | undefined;
  #resting: Promise<void> | undefined;

  constructor(hooks: PlaceHooks, told: (wait: EndpointWait) => void) {
    this.#hooks = hooks;
    this.told = told;
  }

  get mustRest(): boolean {
    return this.restEpoch !== this.#hooks.restEpoch();
  }

  /** Its folders go on side by side, and rest together. */
  rest(signal: AbortSignal): Promise<void> {
    this.#resting ??= this.#hooks.rest(this, signal).finally(() => {
      this.#resting = undefined;
    });
    return this.#resting;
  }

  served(): void {
    this.#hooks.served(this);
  }

  leave(): void {
    this.#hooks.leave(this);
  }
}

const governors = new WeakMap<object, Governor>();

/** The one governor of an endpoint object, made at the first call: every batch of the process that uses it shares it. */
export function governorOf(endpoint: object, options: GovernorOptions): Governor {
  const known = governors.get(endpoint);
  if (known) return known;
  const governor = new Governor(options);
  governors.set(endpoint, governor);
  return governor;
}
