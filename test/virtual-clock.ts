import { aborted } from "../src/abortable.js";
import type { Clock } from "../src/engine/clock.js";

interface Point {
  readonly at: number;
  readonly background: boolean;
  reach(): void;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * A clock for days that pass in no time. It stands still while anybody works, or goes on by a tick each time it is asked.
 * A pause in the foreground jumps to the next point that anybody waits for; one in the background lasts until others have
 * let the time pass, or the test: `advance`, `leap`.
 */
export class VirtualClock implements Clock {
  /** Every pause in the foreground that was asked for, in milliseconds, in the order of asking. */
  readonly pauses: number[] = [];
  readonly #tickMs: number;
  #now = 0;
  #wall = Date.UTC(2026, 0, 1);
  readonly #points = new Set<Point>();
  #fellAsleep: (() => void)[] = [];

  constructor(tickMs = 0) {
    this.#tickMs = tickMs;
  }

  now(): number {
    this.#now += this.#tickMs;
    return this.#now;
  }

  date(): number {
    return this.#wall + this.#now;
  }

  /** Sets the clock on the wall forward, or back. */
  setWall(ms: number): void {
    this.#wall += ms;
  }

  async sleep(ms: number, signal: AbortSignal, { background = false } = {}): Promise<void> {
    if (background) return await this.#inBackground(ms, signal);
    this.pauses.push(ms);
    let reached = false;
    const point = this.#wait(ms, () => {
      reached = true;
    });
    try {
      while (!reached) {
        if (signal.aborted) throw aborted();
        await turn();
        if (!reached) this.#toNextPoint();
      }
    } finally {
      this.#points.delete(point);
    }
  }

  async #inBackground(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw aborted();
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        this.#points.delete(point);
        reject(aborted());
      };
      const reach = () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const point = this.#wait(ms, reach, true);
      signal.addEventListener("abort", giveUp, { once: true });
      for (const tell of this.#fellAsleep.splice(0)) tell();
    });
  }

  /** Resolves when the time is reached; does not make time pass. */
  passed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wait(ms, resolve);
    });
  }

  /** Everything that is waited for comes to pass. */
  async runOut(): Promise<void> {
    while (this.#toNextPoint());
    await turn();
  }

  /** Resolves when somebody sleeps in the background. */
  async asleep(): Promise<void> {
    if ([...this.#points].some(({ background }) => background)) return;
    await new Promise<void>((resolve) => this.#fellAsleep.push(resolve));
  }

  /** Lets the time pass at once, and waits for nobody. */
  leap(ms: number): void {
    this.#now += ms;
    while (this.#toNextPoint(this.#now));
  }

  /** Lets the time pass, from one sleeper's end to the next; who wakes works until he sleeps again. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await this.asleep();
      if (!this.#toNextPoint(until)) break;
      await turn();
    }
    this.#now = Math.max(this.#now, until);
  }

  #wait(ms: number, reach: () => void, background = false): Point {
    const point = { at: this.#now + ms, background, reach };
    this.#points.add(point);
    return point;
  }

  /** False where nobody waits for a point up to there. */
  #toNextPoint(until = Number.POSITIVE_INFINITY): boolean {
    let next: Point | undefined;
    for (const point of this.#points) if (!next || point.at < next.at) next = point;
    if (!next || next.at > until) return false;
    this.#points.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.reach();
    return true;
  }
}
