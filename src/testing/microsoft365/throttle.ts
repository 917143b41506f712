/**
 * What Outlook allows one application on one mailbox (Microsoft, "Microsoft Graph service-specific throttling limits").
 * Each can be set; `Infinity` lifts it.
 */
export interface GraphLimits {
  /** Requests at the same time. Default 4. */
  readonly concurrent: number;
  /** Requests in {@link requestsWindowMs}. Default 10,000. */
  readonly requests: number;
  /** Default 10 minutes. */
  readonly requestsWindowMs: number;
  /** Octets in the bodies of POST, PATCH and PUT in {@link uploadWindowMs}. Default 150,000,000. */
  readonly uploadedOctets: number;
  /** Default 5 minutes. */
  readonly uploadWindowMs: number;
  /** What `Retry-After` says to a request that was one too many at the same time. Default 1. */
  readonly concurrentRetryAfterSeconds: number;
}

export const documentedLimits: GraphLimits = {
  concurrent: 4,
  requests: 10_000,
  requestsWindowMs: 600_000,
  uploadedOctets: 150_000_000,
  uploadWindowMs: 300_000,
  concurrentRetryAfterSeconds: 1,
};

/** Which limit forbade a request; `retryAfter`: it came earlier than an answer to the same application and mailbox had asked. */
export type LimitName = "concurrent" | "requests" | "uploadedOctets" | "retryAfter";

/** Why a request is refused, and what the answer says of when to come back. */
export interface Refused {
  readonly limit: LimitName;
  readonly retryAfterSeconds: number;
}

interface Arrival {
  readonly at: number;
  readonly amount: number;
}

/** What arrived in the last so many milliseconds. */
class SlidingWindow {
  #arrivals: Arrival[] = [];
  #total = 0;

  constructor(
    readonly limit: number,
    readonly spanMs: number,
  ) {}

  /** Counts an arrival, refused ones too; the milliseconds until as much would be allowed, 0 where it is allowed now. */
  add(now: number, amount: number): number {
    while (this.#arrivals[0] && this.#arrivals[0].at <= now - this.spanMs)
      this.#total -= this.#arrivals.shift()?.amount ?? 0;
    this.#arrivals.push({ at: now, amount });
    this.#total += amount;
    if (this.#total <= this.limit) return 0;
    let excess = this.#total + amount - this.limit; // this one counts when it comes again
    for (const arrival of this.#arrivals) {
      excess -= arrival.amount;
      if (excess <= 0) return arrival.at + this.spanMs - now;
    }
    return this.spanMs;
  }
}

/** The use that one application makes of one mailbox. */
class Usage {
  running = 0;
  comeBackAt = Number.NEGATIVE_INFINITY;
  readonly requests: SlidingWindow;
  readonly uploads: SlidingWindow;

  constructor(limits: GraphLimits) {
    this.requests = new SlidingWindow(limits.requests, limits.requestsWindowMs);
    this.uploads = new SlidingWindow(limits.uploadedOctets, limits.uploadWindowMs);
  }
}

/** Counts what each application does to each mailbox. Microsoft does not say where its windows begin: here they slide. */
export class Throttle {
  readonly limits: GraphLimits;
  readonly #now: () => number;
  readonly #usages = new Map<string, Usage>();
  #peak = 0;

  constructor(limits: GraphLimits, now: () => number) {
    this.limits = limits;
    this.#now = now;
  }

  /** The most requests at the same time by one application on one mailbox. */
  get peak(): number {
    return this.#peak;
  }

  /** Counts a request, whatever becomes of it; every call is followed by one of {@link leave}. */
  enter(key: string, uploadedOctets: number): Refused | undefined {
    const usage = this.#usage(key);
    const now = this.#now();
    usage.running += 1;
    this.#peak = Math.max(this.#peak, usage.running);
    const requestsWait = usage.requests.add(now, 1);
    const uploadsWait = uploadedOctets > 0 ? usage.uploads.add(now, uploadedOctets) : 0;
    const { concurrent, concurrentRetryAfterSeconds } = this.limits;
    if (requestsWait > 0) return refused("requests", requestsWait);
    if (uploadsWait > 0) return refused("uploadedOctets", uploadsWait);
    if (usage.running <= concurrent) return undefined;
    return { limit: "concurrent", retryAfterSeconds: concurrentRetryAfterSeconds };
  }

  leave(key: string): void {
    this.#usage(key).running -= 1;
  }

  /** An answer asked for this pause. */
  asked(key: string, seconds: number): void {
    const usage = this.#usage(key);
    usage.comeBackAt = Math.max(usage.comeBackAt, this.#now() + seconds * 1000);
  }

  /** Whether an answer asked to stay away longer. */
  isTooEarly(key: string): boolean {
    return this.#now() < this.#usage(key).comeBackAt;
  }

  #usage(key: string): Usage {
    const known = this.#usages.get(key);
    if (known) return known;
    const usage = new Usage(this.limits);
    this.#usages.set(key, usage);
    return usage;
  }
}

const refused = (limit: LimitName, waitMs: number): Refused => ({ limit, retryAfterSeconds: Math.ceil(waitMs / 1000) });
