/** How many appends may be under way at a time; the rest wait their turn. */
export class AppendWindow {
  readonly #size: number;
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  async enter(): Promise<void> {
    while (this.#taken >= this.#size) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#taken += 1;
  }

  leave(): void {
    this.#taken -= 1;
    this.#waiting.shift()?.();
  }
}
