import type { Clock } from "./clock.js";

/** Wakes whoever waits for something to do. A ring that nobody waits for is heard by the next one who does. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when it rings, when one of `others` has ended, after `ms`, or when the signal is aborted. */
  async wait(
    clock: Clock,
    signal: AbortSignal,
    { ms, background = false, others = [] }: { ms?: number; background?: boolean; others?: readonly Promise<void>[] },
  ): Promise<void> {
    const over = new AbortController();
    const rung = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const wake = () => this.#wake?.();
    signal.addEventListener("abort", wake);
    if (this.#rung || signal.aborted) wake();
    const pause = ms === undefined ? [] : [clock.sleep(ms, over.signal, { background }).catch(() => {})];
    try {
      await Promise.race([rung, ...others, ...pause]);
    } finally {
      over.abort();
      signal.removeEventListener("abort", wake);
      this.#wake = undefined;
      this.#rung = false;
    }
  }
}
