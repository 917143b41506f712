import { setMaxListeners } from "node:events";
import { MigrationError } from "../errors.js";
import type { Books } from "../outcome.js";
import type { MigrationUserStatus } from "../status.js";
import type { Lease, MigrationStore } from "../store/migration-store.js";
import type { Clock } from "./clock.js";

const LEASE_MS = 60_000;
/** How often a batch that waits for room at its endpoint asks again. */
const CLAIM_PAUSE_MS = 500;

/** What running a batch needs to know of it. */
export interface BatchRun {
  readonly batch: string;
  readonly store: MigrationStore;
  /** The source endpoint, whose cap holds over all batches of the store. */
  readonly endpoint: string;
  readonly cap: number;
  /** Names this process among those that may work on the same store. */
  readonly worker: string;
  /** Migrates one mailbox; throws what it fails with. The signal ends it when the batch stops or the lease is lost. */
  migrate(lease: Lease, signal: AbortSignal): Promise<Books>;
  readonly tell: BatchTellers;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface BatchTellers {
  userStatus(user: string, status: MigrationUserStatus): void;
  userSynced(user: string, books: Books): void;
  userFailed(user: string, error: MigrationError): void;
}

/** Migrates every queued user of a batch, side by side within the endpoint's cap; one that fails stops no other. */
export async function runBatch(run: BatchRun): Promise<void> {
  const { batch, store, clock, signal } = run;
  await store.queueUsers(batch);
  const leases = new Map<Lease, Work>();
  let fault: MigrationError | undefined;
  const renewal = setInterval(() => renewAll(store, leases), LEASE_MS / 3);
  const stop = () => {
    for (const { controller } of leases.values()) controller.abort();
  };
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted && !fault) {
      const claim = { worker: run.worker, leaseMs: LEASE_MS, endpoint: run.endpoint, cap: run.cap };
      const lease = leases.size < run.cap ? await store.claimUser(batch, claim) : undefined;
      if (lease) {
        const controller = new AbortController();
        // Every fetch listens; that is no leak.
        setMaxListeners(0, controller.signal);
        if (signal.aborted) controller.abort();
        // In the map before it begins: the first thing it tells may make the host stop the batch.
        const work: Work = { controller, ended: Promise.resolve() };
        leases.set(lease, work);
        work.ended = migrateLeased(run, lease, controller.signal)
          .catch((error: unknown) => {
            fault ??= MigrationError.from(error);
          })
          .finally(() => leases.delete(lease));
      } else if (leases.size > 0) {
        await Promise.race(ends(leases));
      } else if (await hasQueued(store, batch)) {
        // Other batches hold every place at the endpoint.
        await clock.sleep(CLAIM_PAUSE_MS, signal);
      } else {
        break;
      }
    }
  } finally {
    await Promise.all(ends(leases));
    clearInterval(renewal);
    signal.removeEventListener("abort", stop);
  }
  if (fault) throw fault;
}

/** One mailbox under way. */
interface Work {
  readonly controller: AbortController;
  /** Never rejects. */
  ended: Promise<void>;
}

function ends(leases: ReadonlyMap<Lease, Work>): Promise<void>[] {
  return [...leases.values()].map(({ ended }) => ended);
}

/** @throws MigrationError only what concerns the store: everything else is the user's own failure */
async function migrateLeased(run: BatchRun, lease: Lease, signal: AbortSignal): Promise<void> {
  const { store, clock, tell } = run;
  const user = lease.emailAddress;
  tell.userStatus(user, lease.user.status);
  const began = clock.now();
  const incremental = lease.user.lastSyncedAt !== undefined;
  try {
    const books = await run.migrate(lease, signal);
    const inProgressMs = Math.round(clock.now() - began);
    await store.releaseUser(lease, { status: "Synced", error: null, lastSyncedAt: clock.date(), inProgressMs });
    tell.userStatus(user, "Synced");
    tell.userSynced(user, books);
  } catch (cause) {
    const error = MigrationError.from(cause);
    if (error.code === "lease-lost") return;
    const stopped = error.code === "aborted";
    const status: MigrationUserStatus = incremental
      ? stopped
        ? "IncrementalStopped"
        : "IncrementalFailed"
      : stopped
        ? "Stopped"
        : "Failed";
    const inProgressMs = Math.round(clock.now() - began);
    const { code, message } = error;
    try {
      await store.releaseUser(lease, { status, error: stopped ? null : { code, message }, inProgressMs });
    } catch (releasing) {
      if (MigrationError.from(releasing).code === "lease-lost") return;
      throw releasing;
    }
    tell.userStatus(user, status);
    if (!stopped) tell.userFailed(user, error);
    if (error.scope === "batch" && !stopped) throw error;
  }
}

/** Whoever has lost a lease stops at once: another worker has the mailbox. Other failures show at the next write. */
function renewAll(store: MigrationStore, leases: ReadonlyMap<Lease, Work>): void {
  for (const [lease, { controller }] of leases) {
    store.renewLease(lease).catch((error: unknown) => {
      if (MigrationError.from(error).code === "lease-lost") controller.abort();
    });
  }
}

async function hasQueued(store: MigrationStore, batch: string): Promise<boolean> {
  for await (const user of store.listUsers(batch)) if (user.status === "Queued") return true;
  return false;
}
