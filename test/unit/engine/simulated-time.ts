import type { Clock } from "../../../src/engine/clock.js";
import { MigrationError } from "../../../src/errors.js";

interface Point {
  readonly at: number;
  readonly order: number;
  reach(): void;
}

/** A clock that goes on only when nobody has anything left to do, one point after the other. For many sleepers. */
export class SimulatedTime implements Clock {
  #now = 0;
  #order = 0;
  /** A heap: the earliest first, and of two at the same time the one that was asked for first. */
  readonly #points: Point[] = [];

  now(): number {
    return this.#now;
  }

  date(): number {
    return Date.UTC(2026, 0, 1) + this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => reject(new MigrationError("aborted", "stopped"));
      if (signal?.aborted) return stop();
      signal?.addEventListener("abort", stop, { once: true });
      const reach = () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      this.#push({ at: this.#now + ms, order: this.#order++, reach });
    });
  }

  /**
   * Lets time pass until `work` has ended.
   * @param turns of the event loop that pass before each step: as many as the work between two pauses takes
   */
  async run<Result>(work: Promise<Result>, turns = 1): Promise<Result> {
    let isOver = false;
    const ended = work.finally(() => {
      isOver = true;
    });
    ended.catch(() => {});
    let idleTurns = 0;
    while (!isOver) {
      for (let turn = 0; turn < turns && !isOver; turn++) await new Promise(setImmediate);
      const next = this.#pop();
      if (!next && ++idleTurns > 100 && !isOver) throw new Error("everybody waits for somebody else");
      if (!next) continue;
      idleTurns = 0;
      this.#now = Math.max(this.#now, next.at);
      next.reach();
      while (this.#points[0] && this.#points[0].at <= this.#now) this.#pop()?.reach();
    }
    return ended;
  }

  #push(point: Point): void {
    this.#points.push(point);
    let place = this.#points.length - 1;
    for (let above = (place - 1) >> 1; place > 0 && this.#isEarlier(place, above); above = (place - 1) >> 1) {
      this.#swap(place, above);
      place = above;
    }
  }

  #pop(): Point | undefined {
    const [first] = this.#points;
    const last = this.#points.pop();
    if (!first || !last || this.#points.length === 0) return first;
    this.#points[0] = last;
    for (let place = 0; ; ) {
      let least = place;
      for (const below of [2 * place + 1, 2 * place + 2]) if (this.#isEarlier(below, least)) least = below;
      if (least === place) return first;
      this.#swap(place, least);
      place = least;
    }
  }

  #isEarlier(one: number, other: number): boolean {
    const [a, b] = [this.#points[one], this.#points[other]];
    return a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#points[one], this.#points[other]];
    if (!a || !b) return;
    this.#points[one] = b;
    this.#points[other] = a;
  }
}
