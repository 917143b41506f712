import { MigrationError } from "../errors.js";

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
      return await untilAborted(this.#result, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#stop.abort();
    }
  }
}

/** What an asker gets that gave up. */
export function aborted(): MigrationError {
  return new MigrationError("aborted", "The sign-in was stopped");
}

async function untilAborted<Result>(result: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (!signal) return await result;
  if (signal.aborted) throw aborted();
  let onAbort = () => {};
  const stop = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted());
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([result, stop]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
