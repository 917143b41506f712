import type { OctetsByHour } from "../../store/batch-records.js";
import type { Clock } from "../clock.js";

const HOUR_MS = 3_600_000;
/** A day, and the hour that has begun: what was moved early in an hour is forgotten late, never too soon. */
const HOURS = 25;
/** So many parts of the budget are written down ahead of use. */
const SLICES = 100;

/** Where a budget is kept between two runs. */
export interface DailyOctetsRecord {
  /** Undefined where nothing was saved yet. */
  load(): Promise<OctetsByHour | undefined>;
  /** Durable when it resolves. */
  save(octets: OctetsByHour): Promise<void>;
}

/**
 * What one account may still move in any 24 hours, over restarts. Octets are written down before they are moved, a hundredth
 * of the budget at a time: a crash can only make the rest smaller, by that much.
 */
export class DailyOctets {
  readonly #most: number;
  readonly #record: DailyOctetsRecord;
  readonly #clock: Clock;
  readonly #hours: Map<number, number>;
  /** Written down for this hour and not moved yet. */
  #ahead = 0;
  #aheadOf = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(most: number, record: DailyOctetsRecord, clock: Clock, saved: OctetsByHour) {
    this.#most = most;
    this.#record = record;
    this.#clock = clock;
    this.#hours = new Map(Object.entries(saved).map(([hour, octets]) => [Number(hour), octets]));
  }

  /** @param most octets in 24 hours */
  static async open(most: number, record: DailyOctetsRecord, clock: Clock): Promise<DailyOctets> {
    return new DailyOctets(most, record, clock, (await record.load()) ?? {});
  }

  /**
   * Takes so many octets from the budget and resolves with 0 once that is written down; where they are too many by now, takes
   * none and resolves with the milliseconds until they are not.
   * @throws MigrationError `store-*`
   */
  take(octets: number): Promise<number> {
    const taken = this.#turn.then(() => this.#take(octets));
    this.#turn = taken.catch(() => {});
    return taken;
  }

  /**
   * Gives back what was written down and not moved, for whoever opens the budget next.
   * @throws MigrationError `store-*`
   */
  async close(): Promise<void> {
    await this.#turn;
    const hour = this.#forget();
    if (this.#ahead === 0) return;
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) - this.#ahead);
    this.#ahead = 0;
    await this.#record.save(Object.fromEntries(this.#hours));
  }

  /**
   * Milliseconds until so many octets may be moved; 0 for now. More than a whole day's may be moved once the day before has
   * passed without any.
   */
  #waitMs(octets: number): number {
    const hour = this.#forget();
    if (octets <= this.#ahead) return 0;
    const room = Math.max(0, this.#most - octets) + this.#ahead;
    let left = [...this.#hours.values()].reduce((sum, each) => sum + each, 0);
    for (const [moved, amount] of [...this.#hours].sort(([one], [other]) => one - other)) {
      if (left <= room) return 0;
      left -= amount;
      if (left <= room) return (moved + HOURS) * HOUR_MS - this.#clock.date();
    }
    return left <= room ? 0 : (hour + HOURS) * HOUR_MS - this.#clock.date();
  }

  async #take(octets: number): Promise<number> {
    const waitMs = this.#waitMs(octets);
    if (waitMs > 0) return waitMs;
    if (octets > this.#ahead) await this.#writeAhead(octets);
    this.#ahead -= octets;
    return 0;
  }

  async #writeAhead(octets: number): Promise<void> {
    const hour = this.#forget();
    const used = [...this.#hours.values()].reduce((sum, each) => sum + each, 0);
    const slice = Math.min(Math.max(octets - this.#ahead, this.#most / SLICES), this.#most - used);
    const more = Math.max(octets - this.#ahead, Math.floor(slice));
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + more);
    this.#ahead += more;
    await this.#record.save(Object.fromEntries(this.#hours));
  }

  /** Hours that a clock that went back has put into the future count as this one: they delay by a day at most. */
  #forget(): number {
    const now = Math.floor(this.#clock.date() / HOUR_MS);
    for (const [hour, octets] of [...this.#hours]) {
      if (hour > now - HOURS && hour <= now) continue;
      this.#hours.delete(hour);
      if (hour > now) this.#hours.set(now, (this.#hours.get(now) ?? 0) + octets);
    }
    // What is left over of an earlier hour would be moved later than it is written down for.
    if (this.#aheadOf !== now) this.#ahead = 0;
    this.#aheadOf = now;
    return now;
  }
}
