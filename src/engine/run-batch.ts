import { setMaxListeners } from "node:events";
import { MigrationError } from "../errors.js";
import type { Books } from "../outcome.js";
import type { MigrationUserStatus } from "../status.js";
import type { PassKind } from "../store/batch-records.js";
import type { Lease, MigrationStore, UserChange } from "../store/migration-store.js";
import { Bell } from "./bell.js";
import type { Clock } from "./clock.js";
import { LEASE_MS } from "./lease-hold.js";

/** How often a batch that waits for room at its endpoint asks again. */
const CLAIM_PAUSE_MS = 250;

/** How many users of an endpoint may be under way at a time. */
export type EndpointCaps = Readonly<Record<PassKind, number>> & {
  /** Of both kinds together; absent for no such limit. */
  readonly total?: number;
};

/** What running a batch needs to know of it. */
export interface BatchRun {
  readonly batch: string;
  readonly store: MigrationStore;
  /** The source endpoint, whose caps hold over all batches of the store. */
  readonly endpoint: string;
  /** Asked before every claim. */
  caps(): EndpointCaps;
  /** Names this process among those that may work on the same store. */
  readonly worker: string;
  /**
   * Migrates one mailbox; throws what it fails with. The signal ends it when the batch stops or the lease is lost.
   * `stalled` is told the milliseconds that it has to wait.
   */
  migrate(lease: Lease, signal: AbortSignal, stalled: (ms: number) => void): Promise<Books>;
  readonly tell: BatchTellers;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The mailboxes under way, for whoever has to end one of them. */
  readonly underWay?: UsersUnderWay;
  /** Rings when users may have been queued. */
  readonly bell?: Bell;
  /** Done again and again between claims; gives the milliseconds after which it wants to be done again. */
  meanwhile?(): Promise<number>;
  /** When the first incremental pass of a user that was synced at `syncedAt` is due; absent for never. */
  nextSyncAt?(user: string, syncedAt: number): number | undefined;
  /** True when mailboxes that are aborted are left to the next process, as if this one had crashed. */
  leavesUsers?(): boolean;
}

export interface BatchTellers {
  userStatus(user: string, status: MigrationUserStatus): void;
  userSynced(user: string, books: Books): void;
  userFailed(user: string, error: MigrationError): void;
}

/** One mailbox under way. */
interface Work {
  readonly controller: AbortController;
  readonly kind: PassKind;
  /** Never rejects. */
  ended: Promise<void>;
}

/** The mailboxes of a batch that this process migrates at the moment. */
export class UsersUnderWay {
  readonly #works = new Map<Lease, Work>();

  get size(): number {
    return this.#works.size;
  }

  get ends(): Promise<void>[] {
    return [...this.#works.values()].map(({ ended }) => ended);
  }

  count(kind: PassKind): number {
    return [...this.#works.values()].filter((work) => work.kind === kind).length;
  }

  add(lease: Lease, work: Work): void {
    this.#works.set(lease, work);
  }

  delete(lease: Lease): void {
    this.#works.delete(lease);
  }

  abortAll(): void {
    for (const { controller } of this.#works.values()) controller.abort();
  }

  /** Ends the work on one user; does nothing where there is none. */
  async stop(emailAddress: string): Promise<void> {
    for (const [lease, { controller, ended }] of this.#works) {
      if (lease.emailAddress.toLowerCase() !== emailAddress.toLowerCase()) continue;
      controller.abort();
      await ended;
    }
  }

  /** Whoever has lost a lease stops at once: another worker has the mailbox. Other failures show at the next write. */
  renewAll(store: MigrationStore): void {
    for (const [lease, { controller }] of this.#works) {
      store.renewLease(lease).catch((error: unknown) => {
        if (MigrationError.from(error).code === "lease-lost") controller.abort();
      });
    }
  }
}

/** Migrates every queued user of a batch, side by side within the endpoint's caps; one that fails stops no other. */
export async function runBatch(run: BatchRun): Promise<void> {
  const { store, clock, signal, underWay = new UsersUnderWay(), bell = new Bell() } = run;
  const ending: { fault?: MigrationError } = {};
  const renewal = setInterval(() => underWay.renewAll(store), LEASE_MS / 3);
  const stop = () => underWay.abortAll();
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted && !ending.fault) {
      const pauseMs = await run.meanwhile?.();
      const lease = await claimNext(run, underWay);
      if (lease) {
        begin(run, underWay, lease, ending);
        continue;
      }
      const waits = await waitsForRoom(run, underWay);
      if (!waits && underWay.size === 0) break;
      await bell.wait(clock, signal, {
        others: underWay.ends,
        // Other batches hold every place at the endpoint: nobody tells when they give one back.
        ...(waits ? { ms: CLAIM_PAUSE_MS } : pauseMs !== undefined && { ms: pauseMs, background: true }),
      });
    }
  } finally {
    await Promise.all(underWay.ends);
    clearInterval(renewal);
    signal.removeEventListener("abort", stop);
  }
  if (ending.fault) throw ending.fault;
}

const KINDS: readonly PassKind[] = ["initial", "incremental"];

/** First passes go before later ones; each kind has a cap of its own. */
async function claimNext(run: BatchRun, underWay: UsersUnderWay): Promise<Lease | undefined> {
  const { batch, store, worker, endpoint } = run;
  for (const kind of KINDS) {
    const { [kind]: cap, total } = run.caps();
    if (underWay.count(kind) >= cap) continue;
    const claim = { worker, leaseMs: LEASE_MS, endpoint, kind, cap, ...(total !== undefined && { totalCap: total }) };
    const lease = await store.claimUser(batch, claim);
    if (lease) return lease;
  }
  return undefined;
}

/** True when users are queued though this process holds fewer than the endpoint's caps: others hold the rest. */
async function waitsForRoom({ batch, store, caps }: BatchRun, underWay: UsersUnderWay): Promise<boolean> {
  const most = caps();
  if (most.total !== undefined && underWay.size >= most.total) return false;
  for (const kind of KINDS) {
    if (underWay.count(kind) < most[kind] && (await store.hasQueued(batch, kind))) return true;
  }
  return false;
}

function begin(run: BatchRun, underWay: UsersUnderWay, lease: Lease, ending: { fault?: MigrationError }): void {
  const controller = new AbortController();
  // Every fetch listens; that is no leak.
  setMaxListeners(0, controller.signal);
  if (run.signal.aborted) controller.abort();
  const kind = lease.user.lastSyncedAt === undefined ? "initial" : "incremental";
  // Counted before it begins: the first thing it tells may make the host stop the batch.
  const work: Work = { controller, kind, ended: Promise.resolve() };
  underWay.add(lease, work);
  work.ended = migrateLeased(run, lease, controller.signal)
    .catch((error: unknown) => {
      ending.fault ??= MigrationError.from(error);
    })
    .finally(() => underWay.delete(lease));
}

/** @throws MigrationError only what concerns the store: everything else is the user's own failure */
async function migrateLeased(run: BatchRun, lease: Lease, signal: AbortSignal): Promise<void> {
  const { store, clock, tell } = run;
  const user = lease.emailAddress;
  tell.userStatus(user, lease.user.status);
  const began = clock.now();
  let waited = 0;
  /** How long it took, with what it waited for apart; a wait that was cut short counts as far as it went. */
  const durations = () => {
    const elapsed = Math.round(clock.now() - began);
    const stalledMs = Math.min(elapsed, Math.round(waited));
    return { inProgressMs: elapsed - stalledMs, stalledMs };
  };
  try {
    const books = await run.migrate(lease, signal, (ms) => {
      waited += ms;
    });
    await store.releaseUser(lease, { ...syncedChange(run, lease), ...durations() });
    tell.userStatus(user, "Synced");
    tell.userSynced(user, books);
  } catch (cause) {
    const error = MigrationError.from(cause);
    if (error.code === "lease-lost") return;
    const stopped = error.code === "aborted";
    const status = endedStatus(run, lease, stopped);
    const { code, message } = error;
    const change: UserChange = { status, error: stopped ? null : { code, message }, ...durations() };
    // A user that was stopped has no further pass to come.
    if (stopped && status !== "Queued") change.nextSyncAt = null;
    try {
      await store.releaseUser(lease, change);
    } catch (releasing) {
      if (MigrationError.from(releasing).code === "lease-lost") return;
      throw releasing;
    }
    tell.userStatus(user, status);
    if (!stopped) tell.userFailed(user, error);
    if (error.scope === "batch" && !stopped) throw error;
  }
}

function syncedChange({ clock, nextSyncAt }: BatchRun, { emailAddress, user }: Lease): UserChange {
  const lastSyncedAt = clock.date();
  const next = user.nextSyncAt ?? nextSyncAt?.(emailAddress, lastSyncedAt);
  return { status: "Synced", error: null, lastSyncedAt, ...(next !== undefined && { nextSyncAt: next }) };
}

function endedStatus(run: BatchRun, { user }: Lease, stopped: boolean): MigrationUserStatus {
  if (stopped && run.leavesUsers?.()) return "Queued";
  if (user.lastSyncedAt === undefined) return stopped ? "Stopped" : "Failed";
  return stopped ? "IncrementalStopped" : "IncrementalFailed";
}
