import type { RequestGate, ThrottleProfile } from "../../throttle-profiles.js";
import type { Clock } from "../clock.js";
import { RateWindow } from "./rate-window.js";
import { WaitingLine } from "./waiting-line.js";

/** The gate for one application and one mailbox: it lets through what the profile allows, and never more. */
export class PacedRequests implements RequestGate {
  readonly #clock: Clock;
  readonly #mostAtOnce: number;
  readonly #requests: RateWindow | undefined;
  readonly #octets: RateWindow | undefined;
  readonly #line: WaitingLine<number>;
  #underWay = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(profile: ThrottleProfile, clock: Clock) {
    const { mostAtOnce = Number.POSITIVE_INFINITY, requests, uploadedOctets } = profile;
    this.#clock = clock;
    this.#mostAtOnce = mostAtOnce;
    this.#requests = requests && new RateWindow(requests);
    this.#octets = uploadedOctets && new RateWindow(uploadedOctets);
    this.#line = new WaitingLine(clock, {
      blockedMs: (octets) => this.#blockedMs(octets),
      admit: (octets) => this.#begin(octets),
    });
  }

  async enter(octets: number, signal: AbortSignal): Promise<() => void> {
    await this.#line.pass(octets, signal);
    let isUnderWay = true;
    return () => {
      if (isUnderWay) this.#end(octets);
      isUnderWay = false;
    };
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + ms);
  }

  /** True when nothing is under way, waited for or remembered: a new gate would do the same. */
  get isIdle(): boolean {
    const now = this.#clock.now();
    const isEmpty = (window: RateWindow | undefined) => window?.isEmpty(now) ?? true;
    const isFree = this.#underWay === 0 && this.#line.length === 0 && this.#pausedUntil <= now;
    return isFree && isEmpty(this.#requests) && isEmpty(this.#octets);
  }

  #blockedMs(octets: number): number {
    if (this.#underWay >= this.#mostAtOnce) return Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    return Math.max(
      0,
      this.#pausedUntil - now,
      this.#requests?.waitMs(1, now) ?? 0,
      octets > 0 ? (this.#octets?.waitMs(octets, now) ?? 0) : 0,
    );
  }

  #begin(octets: number): void {
    this.#underWay += 1;
    this.#requests?.begin(1);
    this.#octets?.begin(octets);
  }

  #end(octets: number): void {
    const now = this.#clock.now();
    this.#underWay -= 1;
    this.#requests?.end(1, now);
    this.#octets?.end(octets, now);
    this.#line.wake();
  }
}

/** The gates of the mailboxes of one application. What has nothing to remember takes no room. */
export class RequestGates {
  readonly #profile: ThrottleProfile;
  readonly #clock: Clock;
  readonly #gates = new Map<string, PacedRequests>();

  constructor(profile: ThrottleProfile, clock: Clock) {
    this.#profile = profile;
    this.#clock = clock;
  }

  /** The gate of a mailbox, the same however often it is opened: the service remembers, too. */
  of(mailbox: string): RequestGate {
    const key = mailbox.toLowerCase();
    return {
      enter: (octets, signal) => this.#gate(key).enter(octets, signal),
      pause: (ms) => this.#gate(key).pause(ms),
    };
  }

  /** How many are remembered. */
  get size(): number {
    return this.#gates.size;
  }

  #gate(key: string): PacedRequests {
    const known = this.#gates.get(key);
    if (known) return known;
    for (const [other, gate] of this.#gates) if (gate.isIdle) this.#gates.delete(other);
    const gate = new PacedRequests(this.#profile, this.#clock);
    this.#gates.set(key, gate);
    return gate;
  }
}
