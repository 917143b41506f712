import { MigrationError } from "./errors.js";

/** What a call rejects with that the host gave up. */
export function aborted(): MigrationError {
  return new MigrationError("aborted", "The migration was stopped");
}

/**
 * Rejects with `aborted` as soon as `signal` says so; the work goes on by itself and its end is nobody's concern. Nothing
 * is begun where it said so before.
 */
export async function abortable<Result>(
  signal: AbortSignal | undefined,
  begin: () => Promise<Result>,
): Promise<Result> {
  if (!signal) return await begin();
  if (signal.aborted) throw aborted();
  let onAbort = () => {};
  const stop = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted());
    // Before the work begins: that may be what makes the host give up.
    signal.addEventListener("abort", onAbort, { once: true });
  });
  stop.catch(() => {});
  try {
    const work = begin();
    work.catch(() => {});
    return await Promise.race([work, stop]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
