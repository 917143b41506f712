import type { MigrationError } from "../errors.js";

/** When one mailbox is tried again after an error, and when no more. */
export interface RetryPolicy {
  /** Attempts in a row without a single message settled; then the error stands. */
  readonly attempts: number;
  /** The first pause; each further one is twice as long, up to `maxPauseMs`. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
}

export const defaultRetryPolicy: RetryPolicy = Object.freeze({ attempts: 5, firstPauseMs: 1_000, maxPauseMs: 300_000 });

/**
 * Milliseconds to wait before attempt number `attempt + 1`; undefined where it is not worth trying. A pause that the
 * server asked for is kept in full; ours are spread, so that many mailboxes do not come back at once.
 */
export function pauseBeforeRetry(error: MigrationError, attempt: number, policy: RetryPolicy): number | undefined {
  if (error.retry === "never" || attempt >= policy.attempts) return undefined;
  const longest = Math.min(policy.maxPauseMs, policy.firstPauseMs * 2 ** (attempt - 1));
  const own = longest / 2 + (longest / 2) * Math.random();
  return Math.max(own, error.retryAfterMs ?? 0);
}
