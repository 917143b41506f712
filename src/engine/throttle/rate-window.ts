import type { RateLimit } from "../../throttle-profiles.js";

/** Time is cut into so many slices of a window: what happened is forgotten at most one slice late, under 1 % of it. */
const SLICES = 128;

/**
 * How much was done within the last so many milliseconds, never less than it was. Takes the same memory for one request as
 * for a million.
 */
export class RateWindow {
  readonly #limit: RateLimit;
  readonly #sliceMs: number;
  /** What each of the last slices saw; the slice of a time stands at its number modulo the length. */
  readonly #slices = new Float64Array(SLICES + 1);
  /** The number of the latest slice. */
  #latest = 0;
  #counted = 0;
  /** Begun and not ended: it counts as if it happened now, whenever it reaches the server. */
  #underWay = 0;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#sliceMs = limit.perMs / SLICES;
  }

  begin(amount: number): void {
    this.#underWay += amount;
  }

  end(amount: number, now: number): void {
    this.#forget(now);
    this.#underWay -= amount;
    this.#counted += amount;
    const place = at(this.#latest, this.#slices.length);
    this.#slices[place] = (this.#slices[place] ?? 0) + amount;
  }

  isEmpty(now: number): boolean {
    this.#forget(now);
    return this.#counted === 0 && this.#underWay === 0;
  }

  /**
   * Milliseconds until as much more may be done, 0 for now; Infinity where something under way has to end first. More than
   * the whole limit may be done once nothing else is remembered.
   */
  waitMs(amount: number, now: number): number {
    this.#forget(now);
    const room = Math.max(0, this.#limit.most - amount) - this.#underWay;
    if (this.#counted <= room) return 0;
    let left = this.#counted;
    for (let slice = this.#latest - SLICES; slice <= this.#latest; slice++) {
      left -= this.#slices[at(slice, this.#slices.length)] ?? 0;
      if (left <= room) return (slice + 1 + SLICES) * this.#sliceMs - now;
    }
    return Number.POSITIVE_INFINITY;
  }

  #forget(now: number): void {
    const latest = Math.floor(now / this.#sliceMs);
    const passed = Math.min(latest - this.#latest, this.#slices.length);
    for (let slice = latest - passed + 1; slice <= latest; slice++) {
      const place = at(slice, this.#slices.length);
      this.#counted -= this.#slices[place] ?? 0;
      this.#slices[place] = 0;
    }
    this.#latest = Math.max(this.#latest, latest);
  }
}

/** The remainder for negative numbers too. */
function at(slice: number, length: number): number {
  return ((slice % length) + length) % length;
}
