import {
  type MigrationBatchStatus,
  MigrationError,
  type MigrationStore,
  type MigrationUserStatus,
} from "../../src/index.js";
import { batchMayBecome, countUsers, userMayBecome } from "../../src/status.js";
import type { Lease } from "../../src/store/migration-store.js";
import { collect } from "../../src/testing/store-fixtures.js";

/** Calls that may change a status. */
const CHANGING = [
  ...(["createBatch", "updateBatch", "removeBatch", "addUsers", "queueUsers", "queueDueUsers"] as const),
  ...(["stopUsers", "removeUser", "claimUser", "updateUser", "releaseUser"] as const),
];

interface Snapshot {
  readonly batch: MigrationBatchStatus | undefined;
  readonly users: ReadonlyMap<string, MigrationUserStatus>;
}

/** Looks at every change of a status that a store makes, one call after the other. */
export class CheckedStore {
  /** What left the table, and counts that did not add up. */
  readonly faults: string[] = [];
  readonly #batch: string;
  #inner: MigrationStore;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #leases = new Set<Lease>();

  constructor(inner: MigrationStore, batch: string) {
    this.#inner = inner;
    this.#batch = batch;
  }

  get inner(): MigrationStore {
    return this.#inner;
  }

  /** The store as one process has it, until that process is dead. */
  forProcess(process: { isDead: boolean }): MigrationStore {
    const checkAlive = () => {
      if (process.isDead) throw new MigrationError("store-unavailable", "The process has died.");
    };
    return new Proxy(this.#inner, {
      get: (inner, name) => {
        const member: unknown = Reflect.get(inner, name, inner);
        if (typeof member !== "function") return member;
        const isChanging = (CHANGING as readonly (string | symbol)[]).includes(name); // a wider type, for the look-up only
        return (...parameters: unknown[]): unknown => {
          checkAlive();
          const call = (): unknown => Reflect.apply(member, inner, parameters);
          return isChanging ? this.#checked(name, call, checkAlive) : call();
        };
      },
    });
  }

  /** What the next process finds: nobody holds a lease, and perhaps the same file, opened again. */
  async reopen(open?: () => MigrationStore): Promise<void> {
    await this.#turn;
    if (open) {
      await this.#inner.close();
      this.#inner = open();
    } else {
      for (const lease of this.#leases) await this.#inner.releaseUser(lease, {}).catch(() => {});
    }
    this.#leases.clear();
  }

  #checked(name: string | symbol, call: () => unknown, checkAlive: () => void): Promise<unknown> {
    const result = this.#turn.then(async () => {
      checkAlive();
      const before = await this.#snapshot();
      const answer = await call();
      this.#compare(String(name), before, await this.#snapshot());
      if (name === "claimUser" && answer) this.#leases.add(answer as Lease); // what claimUser gives
      // It was done, but nobody is left to hear of it.
      checkAlive();
      return answer;
    });
    this.#turn = result.catch(() => {}); // its caller hears of it
    return result;
  }

  async #snapshot(): Promise<Snapshot> {
    const users = await collect(this.#inner.listUsers(this.#batch));
    const { byStatus, requested } = await this.#inner.countUsers(this.#batch);
    const counts = countUsers(byStatus);
    const { total, active, synced, failed, stopped, pending } = counts;
    if (total !== users.length || active + synced + failed + stopped + pending !== total || requested > total) {
      this.faults.push(
        `counts do not add up: ${JSON.stringify(counts)}, ${users.length} users, ${requested} requested`,
      );
    }
    const batch = (await this.#inner.getBatch(this.#batch))?.status;
    return { batch, users: new Map(users.map(({ emailAddress, status }) => [emailAddress, status])) };
  }

  #compare(name: string, before: Snapshot, after: Snapshot): void {
    if (before.batch && after.batch && !batchMayBecome(before.batch, after.batch)) {
      this.faults.push(`${name} made the batch ${after.batch} out of ${before.batch}`);
    }
    if (before.batch && !after.batch && before.batch !== "Removing") {
      this.faults.push(`${name} removed the batch out of ${before.batch}`);
    }
    for (const [user, status] of after.users) {
      const was = before.users.get(user);
      if (was ? !userMayBecome(was, status) : status !== "Queued") {
        this.faults.push(`${name} made ${user} ${status} out of ${was ?? "nothing"}`);
      }
    }
  }
}
