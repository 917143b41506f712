import type { Clock } from "../../src/engine/clock.js";
import { MigrationError } from "../../src/errors.js";

/**
 * A clock that stands still while anybody works, or goes on by a tick each time it is asked, and jumps to the next point
 * that somebody waits for.
 */
export class VirtualClock implements Clock {
  /** Every pause that was asked for, in milliseconds, in the order of asking. */
  readonly pauses: number[] = [];
  readonly #tickMs: number;
  #now = 0;
  readonly #points = new Set<{ readonly at: number; reach(): void }>();

  constructor(tickMs = 0) {
    this.#tickMs = tickMs;
  }

  now(): number {
    this.#now += this.#tickMs;
    return this.#now;
  }

  date(): number {
    return Date.UTC(2026, 0, 1) + this.#now;
  }

  async sleep(ms: number, signal: AbortSignal, { background = false } = {}): Promise<void> {
    if (background) return this.#inBackground(ms, signal);
    this.pauses.push(ms);
    const until = this.#now + ms;
    let reached = false;
    const point = {
      at: until,
      reach: () => {
        reached = true;
      },
    };
    this.#points.add(point);
    try {
      while (!reached) {
        if (signal.aborted) throw new MigrationError("aborted", "The migration was stopped");
        await new Promise((resolve) => setImmediate(resolve));
        if (!reached) this.#toNextPoint();
      }
    } finally {
      this.#points.delete(point);
    }
  }

  /** Until others have let the time pass. */
  async #inBackground(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const point = { at: this.#now + ms, reach: resolve };
      const end = () => {
        this.#points.delete(point);
        reject(new MigrationError("aborted", "The migration was stopped"));
      };
      if (signal.aborted) end();
      else {
        this.#points.add(point);
        signal.addEventListener("abort", end, { once: true });
      }
    });
  }

  /** Resolves when the time is reached; does not make time pass. */
  passed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#points.add({ at: this.#now + ms, reach: resolve });
    });
  }

  /** Everything that is waited for comes to pass. */
  async runOut(): Promise<void> {
    while (this.#points.size > 0) this.#toNextPoint();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #toNextPoint(): void {
    const [next] = [...this.#points].sort((one, other) => one.at - other.at);
    if (!next) return;
    this.#points.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.reach();
  }
}
