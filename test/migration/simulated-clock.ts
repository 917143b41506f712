import type { Clock } from "../../src/engine/clock.js";
import { MigrationError } from "../../src/errors.js";

/**
 * A clock for days that pass in no time. Pauses in the foreground are over at once, and the clock has gone on by them; those
 * in the background last until `advance` has passed them. The clock on the wall can be set.
 */
export class SimulatedClock implements Clock {
  #now = 0;
  #wall: number;
  readonly #sleepers = new Set<{ readonly at: number; wake(): void }>();
  #fellAsleep: (() => void)[] = [];

  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wall = wall;
  }

  now(): number {
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
    const aborted = () => new MigrationError("aborted", "The migration was stopped");
    if (signal.aborted) throw aborted();
    if (!background) {
      this.#now += ms;
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) throw aborted();
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper);
        reject(aborted());
      });
      for (const tell of this.#fellAsleep) tell();
      this.#fellAsleep = [];
    });
  }

  /** Resolves when somebody sleeps in the background. */
  async asleep(): Promise<void> {
    if (this.#sleepers.size > 0) return;
    await new Promise<void>((resolve) => this.#fellAsleep.push(resolve));
  }

  /** Lets the time pass at once, for whoever sleeps, and waits for nobody. */
  leap(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.at > this.#now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }

  /** Lets the time pass, from one sleeper's end to the next; who wakes works until he sleeps again. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await this.asleep();
      const [next] = [...this.#sleepers].sort((one, other) => one.at - other.at);
      if (!next || next.at > until) break;
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers.delete(next);
      next.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = Math.max(this.#now, until);
  }
}
