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
  /** Migrates one mailbox; throws what it fails with. */
  migrate(lease: Lease): Promise<Books>;
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
  const leases = new Map<Lease, Promise<void>>();
  let fault: MigrationError | undefined;
  const renewal = setInterval(() => renewAll(store, leases.keys()), LEASE_MS / 3);
  try {
    while (!signal.aborted && !fault) {
      const claim = { worker: run.worker, leaseMs: LEASE_MS, endpoint: run.endpoint, cap: run.cap };
      const lease = leases.size < run.cap ? await store.claimUser(batch, claim) : undefined;
      if (lease) {
        const work = migrateLeased(run, lease)
          .catch((error: unknown) => {
            fault ??= MigrationError.from(error);
          })
          .finally(() => leases.delete(lease));
        leases.set(lease, work);
      } else if (leases.size > 0) {
        await Promise.race(leases.values());
      } else if (await hasQueued(store, batch)) {
        // Other batches hold every place at the endpoint.
        await clock.sleep(CLAIM_PAUSE_MS, signal);
      } else {
        break;
      }
    }
  } finally {
    await Promise.allSettled(leases.values());
    clearInterval(renewal);
  }
  if (fault) throw fault;
}

/** @throws MigrationError only what concerns the store: everything else is the user's own failure */
async function migrateLeased(run: BatchRun, lease: Lease): Promise<void> {
  const { store, clock, tell } = run;
  const user = lease.emailAddress;
  tell.userStatus(user, lease.user.status);
  const began = clock.now();
  const incremental = lease.user.lastSyncedAt !== undefined;
  try {
    const books = await run.migrate(lease);
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
    await store.releaseUser(lease, { status, error: stopped ? null : { code, message }, inProgressMs });
    tell.userStatus(user, status);
    if (!stopped) tell.userFailed(user, error);
    if (error.scope === "batch" && !stopped) throw error;
  }
}

/** A lease that is lost shows at the next write; the others are kept all the same. */
function renewAll(store: MigrationStore, leases: Iterable<Lease>): void {
  for (const lease of leases) store.renewLease(lease).catch(() => {});
}

async function hasQueued(store: MigrationStore, batch: string): Promise<boolean> {
  for await (const user of store.listUsers(batch)) if (user.status === "Queued") return true;
  return false;
}
