import { setTimeout as sleep } from "node:timers/promises";
import { MigrationError } from "../errors.js";

/** Time as the engine sees it; tests give another. */
export interface Clock {
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  /** Milliseconds since 1970, for what people read. */
  date(): number;
  /** @throws MigrationError `aborted` */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await sleep(ms, undefined, { signal });
    } catch {
      throw new MigrationError("aborted", "The migration was stopped");
    }
  },
};
