import { createHash } from "node:crypto";

/** Microsoft's: one incremental pass of each user in 24 hours. */
export const DAY_MS = 86_400_000;

/** No pause is longer: setting the computer's clock, or waking it from sleep, is noticed within this time. */
export const LONGEST_PAUSE_MS = 900_000;

/**
 * When the first incremental pass of a user is due; each further one is an interval later. Users that were synced at the
 * same time are spread over the second half of the interval, each always at its own place there.
 */
export function firstIncrementalPass(
  batch: string,
  emailAddress: string,
  { syncedAt, intervalMs }: { syncedAt: number; intervalMs: number },
): number {
  const digest = createHash("sha256").update(`${batch}\n${emailAddress.toLowerCase()}`).digest();
  const place = digest.readUInt32BE(0) / 2 ** 32;
  return Math.round(syncedAt + intervalMs * (0.5 + place / 2));
}
