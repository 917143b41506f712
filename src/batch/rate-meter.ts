import type { Clock } from "../engine/clock.js";
import type { UserProgress } from "../events.js";
import type { Forecast, TransferRate } from "../statistics.js";

/** How far back the recent rate looks. */
const RECENT_MS = 60_000;
/** Nothing is foretold before so much has been seen. */
const LEAST_MS = 5_000;
const LEAST_SHARE = 0.02;

interface Sample {
  readonly at: number;
  readonly items: number;
  readonly octets: number;
}

/** How fast something goes on, from the progress that it tells. */
export class RateMeter {
  readonly #clock: Clock;
  #samples: Sample[] = [];
  #last: UserProgress | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(progress: UserProgress): void {
    const { itemsSynced, itemsSkipped, octetsSynced } = progress;
    const at = this.#clock.now();
    this.#last = progress;
    this.#samples.push({ at, items: itemsSynced + itemsSkipped, octets: octetsSynced });
    // The first stays: it is where the whole pass is measured from.
    if (this.#samples.length > 240) this.#samples = this.#samples.filter((_, index) => index === 0 || index % 2 === 1);
  }

  /** As it was last told; absent before. */
  get progress(): UserProgress | undefined {
    return this.#last;
  }

  /** Over the last minute; absent while too little was seen. */
  get rate(): TransferRate | undefined {
    return this.#rateSince(this.#clock.now() - RECENT_MS);
  }

  /**
   * When so many items may be done: by the rate of the last minute and by that of the whole pass, the slower and the
   * faster of the two. Absent while too little was seen.
   */
  forecast(itemsToDo: number): Forecast | undefined {
    const items = this.#last ? this.#last.itemsSynced + this.#last.itemsSkipped : 0;
    if (items < (items + itemsToDo) * LEAST_SHARE) return undefined;
    const rates = [this.rate, this.#rateSince(Number.NEGATIVE_INFINITY)].flatMap((rate) =>
      rate && rate.itemsPerSecond > 0 ? rate.itemsPerSecond : [],
    );
    if (rates.length === 0) return undefined;
    const at = (rate: number) => new Date(this.#clock.date() + Math.round((itemsToDo / rate) * 1000));
    return { earliest: at(Math.max(...rates)), latest: at(Math.min(...rates)) };
  }

  #rateSince(from: number): TransferRate | undefined {
    const first = this.#samples.find(({ at }) => at >= from);
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < LEAST_MS) return undefined;
    // What does not come any more makes it slower, second by second.
    const seconds = (this.#clock.now() - first.at) / 1000;
    return {
      itemsPerSecond: (last.items - first.items) / seconds,
      octetsPerSecond: (last.octets - first.octets) / seconds,
    };
  }
}
