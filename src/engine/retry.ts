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
  return Math.max(backoffMs(attempt, policy), error.retryAfterMs ?? 0);
}

/** The pause of our own after so many failures in a row, counted from 1. */
export function backoffMs(failures: number, policy: RetryPolicy): number {
  const longest = Math.min(policy.maxPauseMs, policy.firstPauseMs * 2 ** (failures - 1));
  return longest / 2 + (longest / 2) * Math.random();
}

/**
 * Which of two errors a pass ends with: the first, unless only the other asks for a pause, or for a longer one. A server
 * that throttles ends the connection soon, and the commands that die with it must not hide what it asked for.
 */
export function graver(first: MigrationError | undefined, other: MigrationError): MigrationError {
  if (!first) return other;
  const isLonger = (other.retryAfterMs ?? 0) > (first.retryAfterMs ?? 0);
  return isLonger && first.retry !== "never" ? other : first;
}
