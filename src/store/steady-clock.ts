/**
 * Milliseconds since 1970 as they were when the clock was made, and from then on by the monotonic clock: setting the
 * computer's clock lets no lease run out and keeps none alive.
 */
export function steadyClock(): () => number {
  const start = Date.now() - performance.now();
  return () => Math.round(start + performance.now());
}
