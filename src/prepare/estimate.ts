import type { RateLimit, ThrottleProfile } from "../throttle-profiles.js";

/** How long something takes, in milliseconds. */
export interface DurationRange {
  readonly atLeast: number;
  readonly atMost: number;
}

/** What is to be moved. */
export interface Load {
  readonly messages: number;
  readonly octets: number;
}

const DAY_MS = 86_400_000;
/** The upper end: no limit is used fully, requests are repeated, and what follows the limits' pauses is slow at first. */
const MARGIN = 2;

/**
 * How long one mailbox takes under these limits: at least as long as the narrowest of them asks for, at one request a
 * message; at most twice as long as all of them one after the other. Undefined where no limit is known.
 */
export function estimate({ messages, octets }: Load, throttles: readonly ThrottleProfile[]): DurationRange | undefined {
  const times = throttles.flatMap(({ requests, uploadedOctets, octetsReadPerDay, octetsWrittenPerDay }) => [
    timeFor(messages, requests),
    timeFor(octets, uploadedOctets),
    timeFor(octets, perDay(octetsReadPerDay)),
    timeFor(octets, perDay(octetsWrittenPerDay)),
  ]);
  const known = times.filter((time) => time !== undefined);
  if (known.length === 0) return undefined;
  return { atLeast: Math.max(...known), atMost: MARGIN * known.reduce((sum, time) => sum + time, 0) };
}

/**
 * How long many mailboxes take, so many at a time: at least their sum shared out, or the longest of them; at most that
 * and the longest after it (Graham's bound for whatever order they come in).
 */
export function estimateAll(durations: readonly DurationRange[], atOnce: number): DurationRange {
  const longest = { atLeast: 0, atMost: 0 };
  const sum = { atLeast: 0, atMost: 0 };
  for (const end of ["atLeast", "atMost"] as const) {
    for (const duration of durations) {
      sum[end] += duration[end];
      longest[end] = Math.max(longest[end], duration[end]);
    }
  }
  return { atLeast: Math.max(longest.atLeast, sum.atLeast / atOnce), atMost: sum.atMost / atOnce + longest.atMost };
}

function perDay(most: number | undefined): RateLimit | undefined {
  return most === undefined ? undefined : { most, perMs: DAY_MS };
}

function timeFor(amount: number, limit: RateLimit | undefined): number | undefined {
  return limit && Math.ceil((amount * limit.perMs) / limit.most);
}
