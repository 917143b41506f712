import { MigrationError } from "../errors.js";

/** How many appends may be under way at a time; the rest wait their turn. */
export class AppendWindow {
  readonly #size: number;
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  /** @throws MigrationError `aborted` */
  async enter(signal: AbortSignal): Promise<void> {
    while (this.#taken >= this.#size && !signal.aborted) {
      await this.#turn(signal);
    }
    if (signal.aborted) throw new MigrationError("aborted", "The migration was stopped");
    this.#taken += 1;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.push(wake);
    signal.addEventListener("abort", wake);
    await woken;
    signal.removeEventListener("abort", wake);
  }

  leave(): void {
    this.#taken -= 1;
    this.#waiting.shift()?.();
  }
}
