import { setTimeout as sleep } from "node:timers/promises";
import { aborted } from "../abortable.js";

/** Time as the engine sees it; tests give another. */
export interface Clock {
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  /** Milliseconds since 1970, for what people read. */
  date(): number;
  /**
   * In the background a pause keeps no process alive, and in a test makes no time pass.
   * @throws MigrationError `aborted`
   */
  sleep(ms: number, signal: AbortSignal, options?: { background?: boolean }): Promise<void>;
}

/** The longest that a timer takes (setTimeout): a longer one would end at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  sleep: async (ms, signal, { background = false } = {}) => {
    try {
      let left = ms;
      for (; left > LONGEST_MS; left -= LONGEST_MS) await sleep(LONGEST_MS, undefined, { signal, ref: !background });
      await sleep(left, undefined, { signal, ref: !background });
    } catch {
      throw aborted();
    }
  },
};
