import { aborted } from "../../abortable.js";
import type { MigrationError } from "../../errors.js";
import type { Clock } from "../clock.js";

interface Waiter<Asked> {
  readonly asked: Asked;
  admit(): void;
  turnAway(error: MigrationError): void;
}

/** Who decides when the first of a line may go. */
export interface Doorkeeper<Asked> {
  /** Milliseconds until it may go, 0 for now; Infinity where time alone does not help. */
  blockedMs(asked: Asked): number;
  /** It goes now. */
  admit(asked: Asked): void;
}

/** A line of callers that are let through in the order in which they came. */
export class WaitingLine<Asked> {
  readonly #clock: Clock;
  readonly #doorkeeper: Doorkeeper<Asked>;
  readonly #waiting: Waiter<Asked>[] = [];
  #alarm: { readonly at: number; readonly controller: AbortController } | undefined;

  constructor(clock: Clock, doorkeeper: Doorkeeper<Asked>) {
    this.#clock = clock;
    this.#doorkeeper = doorkeeper;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** What those in the line asked for, first to last. */
  get asked(): Asked[] {
    return this.#waiting.map(({ asked }) => asked);
  }

  /** @throws MigrationError `aborted`, and what the line is turned away with */
  async pass(asked: Asked, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw aborted();
    if (this.#waiting.length > 0 || this.#doorkeeper.blockedMs(asked) > 0) return await this.#wait(asked, signal);
    this.#doorkeeper.admit(asked);
  }

  /** To be called when something has changed: lets through whoever may go now. */
  wake(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const blockedMs = this.#doorkeeper.blockedMs(first.asked);
      if (blockedMs > 0) {
        this.#setAlarm(blockedMs);
        return;
      }
      this.#waiting.shift();
      this.#doorkeeper.admit(first.asked);
      first.admit();
    }
    this.#alarm?.controller.abort();
    this.#alarm = undefined;
  }

  /** Everybody in the line gives up with this error. */
  turnAway(error: MigrationError): void {
    for (const waiter of this.#waiting.splice(0)) waiter.turnAway(error);
    this.wake();
  }

  #wait(asked: Asked, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        signal.removeEventListener("abort", giveUp);
        settle();
      };
      const waiter: Waiter<Asked> = {
        asked,
        admit: () => end(resolve),
        turnAway: (error) => end(() => reject(error)),
      };
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        waiter.turnAway(aborted());
        this.wake();
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.push(waiter);
      if (this.#waiting.length === 1) this.wake();
    });
  }

  /** Looks again then. An earlier alarm stays: it finds the line blocked and sets the next one. */
  #setAlarm(ms: number): void {
    const at = this.#clock.now() + ms;
    if (ms === Number.POSITIVE_INFINITY || (this.#alarm && this.#alarm.at <= at)) return;
    this.#alarm?.controller.abort();
    const alarm = { at, controller: new AbortController() };
    this.#alarm = alarm;
    this.#clock.sleep(ms, alarm.controller.signal).then(
      () => {
        if (this.#alarm === alarm) this.#alarm = undefined;
        this.wake();
      },
      () => {},
    );
  }
}
