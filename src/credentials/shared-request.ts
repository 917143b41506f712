import { abortable } from "../abortable.js";

/** One piece of work that several askers wait for. It goes on as long as one of them does. */
export class SharedRequest<Result> {
  readonly #result: Promise<Result>;
  readonly #stop = new AbortController();
  #waiting = 0;

  constructor(begin: (signal: AbortSignal) => Promise<Result>) {
    this.#result = begin(this.#stop.signal);
    this.#result.catch(() => {}); // every asker may have left before it fails
  }

  /** True once every asker has left, with the result or without: whoever comes now needs a request of their own. */
  get isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Waits for the result; rejects with `aborted` as soon as `signal` says so. */
  async join(signal: AbortSignal | undefined): Promise<Result> {
    this.#waiting += 1;
    try {
      return await abortable(signal, () => this.#result);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#stop.abort();
    }
  }
}
