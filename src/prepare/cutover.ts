import { getServers } from "node:dns";
import { type Clock, systemClock } from "../engine/clock.js";
import { MigrationError } from "../errors.js";
import { askForMx, checkDomain, checkResolver } from "./ask-resolver.js";
import type { MxAnswer, MxRecord } from "./dns-message.js";
import { destinationOf, type KnownHosts, type MailDestination } from "./mail-destination.js";
import {
  type BatchStanding,
  CUTOVER_WAIT_MS,
  isArrived,
  type MailFlow,
  type RemovalGap,
  removalGaps,
} from "./removal-gaps.js";

export interface CutoverOptions {
  /** The mail domain whose MX records are looked at. */
  readonly domain: string;
  /** MX names of the old host; a dot in front stands for everything below a name. Default none: it cannot be told then. */
  readonly sourceHosts?: readonly string[];
  /** MX names that count as the target besides those of Microsoft 365: another target, or a filter that passes mail on. */
  readonly targetHosts?: readonly string[];
  /** Addresses of the resolvers to ask, each by itself: `["9.9.9.9", "[2606:4700:4700::1111]:53"]`. Default: the system's. */
  readonly resolvers?: readonly string[];
  /** When the MX records were changed, if you know. Default: when it was first seen at every resolver. */
  readonly switchedAt?: Date;
  /** What the check before said: without it nobody knows since when. */
  readonly state?: CutoverState;
  /** How far the batch is. Absent: not safe to remove. */
  readonly standing?: () => BatchStanding | Promise<BatchStanding>;
  /** Asks one resolver; default: a DNS packet of our own, since node:dns leaves the TTL out. */
  readonly resolveMx?: (domain: string, resolver: string, options: { signal: AbortSignal }) => Promise<MxAnswer>;
  readonly signal?: AbortSignal;
  /** For tests. */
  readonly clock?: Clock;
}

/** What one resolver said. */
export interface ResolverAnswer {
  readonly resolver: string;
  /** Lowest preference first; empty where there are none, absent where it did not answer. */
  readonly records?: readonly MxRecord[];
  readonly destination?: MailDestination;
  /** When this destination was first seen there. */
  readonly since?: Date;
  /** Seconds for which it keeps the answer; absent where it is not known. */
  readonly ttl?: number;
  /** Why it did not answer. */
  readonly error?: MigrationError;
}

/** Where the mail of a domain goes now, and whether the batch can be removed. */
export interface CutoverCheck extends MailFlow {
  readonly checkedAt: Date;
  readonly answers: readonly ResolverAnswer[];
  /** The longest TTL of the answers, in seconds; absent where none is known. */
  readonly ttl?: number;
  readonly safeToRemove: boolean;
  /** Empty where it is safe. */
  readonly missing: readonly RemovalGap[];
  /** To be kept, and given to the next check. */
  readonly state: CutoverState;
}

/** What has to outlive a check: plain JSON. Times as ISO 8601. */
export interface CutoverState {
  readonly domain: string;
  /** By resolver: where it led at the last look, and since when. */
  readonly seen: Readonly<Record<string, { readonly destination: MailDestination; readonly since: string }>>;
  /** The longest TTL, in seconds, of an answer that did not lead to the target. */
  readonly oldTtl?: number;
}

/** Between two looks of {@link watchCutover}. */
const WATCH_INTERVAL_MS = 15 * 60_000;

/**
 * Asks for the MX records of a domain and tells where its mail goes, since when, and what is missing before the batch
 * can be removed without losing mail.
 *
 * The wait ends 72 h after the switch, or after the longest TTL that the old records were seen with if that is longer;
 * every user has to be synced after that.
 * @throws MigrationError `option-invalid`, `aborted`; a resolver that does not answer is in the check
 */
export async function checkCutover(options: CutoverOptions): Promise<CutoverCheck> {
  const { state, clock = systemClock, switchedAt, sourceHosts = [], targetHosts = [] } = options;
  const domain = checkDomain(options.domain);
  const now = new Date(clock.date());
  if (state && state.domain !== domain) {
    throw new MigrationError("option-invalid", `The state is of ${state.domain}, and not of ${domain}`);
  }
  if (switchedAt && !(switchedAt <= now)) throw new MigrationError("option-invalid", "switchedAt must be a past Date");
  const resolvers = options.resolvers ?? getServers();
  if (resolvers.length === 0) throw new MigrationError("option-invalid", "There is no resolver to ask");
  for (const resolver of resolvers) checkResolver(resolver);
  const known: KnownHosts = { source: sourceHosts, target: targetHosts };
  const answers = await Promise.all(resolvers.map((resolver) => look({ ...options, domain }, resolver, known, now)));
  const next = nextState(domain, state, answers);
  const flow = flowOf(domain, next, answers, switchedAt);
  const missing = removalGaps(flow, await options.standing?.(), now);
  const ttls = answers.flatMap(({ ttl }) => ttl ?? []);
  return {
    ...{ ...flow, checkedAt: now, answers, missing, safeToRemove: missing.length === 0, state: next },
    ...(ttls.length > 0 && { ttl: Math.max(...ttls) }),
  };
}

/**
 * Checks again and again, and yields each check, until the batch can be removed or the signal ends it.
 * @throws MigrationError as {@link checkCutover}
 */
export async function* watchCutover(
  options: CutoverOptions & {
    /** Milliseconds between two looks. Default 15 minutes. */
    readonly everyMs?: number;
  },
): AsyncGenerator<CutoverCheck, void, undefined> {
  const { clock = systemClock, signal = new AbortController().signal, everyMs = WATCH_INTERVAL_MS } = options;
  let state = options.state;
  while (true) {
    const check = await checkCutover({ ...options, ...(state && { state }) });
    yield check;
    if (check.safeToRemove) return;
    state = check.state;
    await clock.sleep(everyMs, signal);
  }
}

async function look(
  { domain, state, resolveMx, signal = new AbortController().signal }: CutoverOptions,
  resolver: string,
  known: KnownHosts,
  now: Date,
): Promise<ResolverAnswer> {
  try {
    const ask = resolveMx ? resolveMx(domain, resolver, { signal }) : askForMx(domain, resolver, signal);
    const { records, ttl } = await ask;
    const destination = destinationOf(records.map(normalised), known);
    const before = state?.seen[resolver];
    const since = before?.destination === destination ? new Date(before.since) : now;
    return { resolver, records, destination, since, ...(ttl !== undefined && { ttl }) };
  } catch (cause) {
    const error = MigrationError.is(cause)
      ? cause
      : new MigrationError("dns-failed", `${resolver} did not tell the MX records of ${domain}`, { cause });
    if (signal.aborted) throw new MigrationError("aborted", "The look at the MX records was stopped");
    return { resolver, error };
  }
}

function normalised({ exchange, preference }: MxRecord): MxRecord {
  return { exchange: exchange.toLowerCase().replace(/\.$/, ""), preference };
}

/** A resolver that did not answer is remembered as it was. */
function nextState(domain: string, state: CutoverState | undefined, answers: readonly ResolverAnswer[]): CutoverState {
  const seen: Record<string, { destination: MailDestination; since: string }> = { ...state?.seen };
  let oldTtl = state?.oldTtl;
  for (const { resolver, destination, since, ttl } of answers) {
    if (!destination || !since) continue;
    seen[resolver] = { destination, since: since.toISOString() };
    if (ttl !== undefined && !isArrived(destination)) oldTtl = Math.max(oldTtl ?? 0, ttl);
  }
  return { domain, seen, ...(oldTtl !== undefined && { oldTtl }) };
}

function flowOf(
  domain: string,
  { seen, oldTtl = 0 }: CutoverState,
  answers: readonly ResolverAnswer[],
  toldSwitch: Date | undefined,
): MailFlow {
  const looks = answers.flatMap(({ resolver }) => seen[resolver] ?? []);
  const [first] = looks;
  if (!first || answers.every(({ error }) => error)) return { domain, agree: true };
  const agree =
    looks.every(({ destination }) => destination === first.destination) ||
    looks.every(({ destination }) => isArrived(destination));
  const destination = agree ? first.destination : "mixed";
  if (!agree || !isArrived(destination)) return { domain, destination, agree };
  const switchedAt = toldSwitch ?? new Date(Math.max(...looks.map(({ since }) => Date.parse(since))));
  const waitUntil = new Date(switchedAt.getTime() + Math.max(CUTOVER_WAIT_MS, oldTtl * 1_000));
  return { domain, destination, agree, switchedAt, waitUntil };
}
