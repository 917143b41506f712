import { createHash } from "node:crypto";

/**
 * Whether `what` belongs to a sample of so large a share. The same seed takes the same, whatever order they come in, and a
 * larger share takes all of a smaller one's.
 */
export function isSampled(what: string, { sample, seed }: { readonly sample: number; readonly seed: number }): boolean {
  if (sample >= 1) return true;
  const drawn = createHash("sha256").update(`${seed} ${what}`).digest().readUInt32BE();
  return drawn / 2 ** 32 < sample;
}
