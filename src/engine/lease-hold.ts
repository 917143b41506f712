import { MigrationError } from "../errors.js";
import type { Lease, MigrationStore } from "../store/migration-store.js";
import type { Clock } from "./clock.js";

/** How long a lease holds without being renewed. */
export const LEASE_MS = 60_000;

/**
 * What a worker knows of its lease. A process that was paused (SIGSTOP, a machine that was suspended) may go on when
 * another has taken the mailbox over: before it sends anything more, it asks the store.
 */
export class LeaseHold {
  readonly #store: MigrationStore;
  readonly #lease: Lease;
  readonly #clock: Clock;
  #confirmedAt: number;
  #asking: Promise<void> | undefined;
  #lost: MigrationError | undefined;

  constructor(store: MigrationStore, lease: Lease, clock: Clock) {
    this.#store = store;
    this.#lease = lease;
    this.#clock = clock;
    this.#confirmedAt = clock.now();
  }

  /** Why nothing more may be sent; undefined while that is not known. */
  get lost(): MigrationError | undefined {
    return this.#lost;
  }

  /** True where the lease was not confirmed lately, half of its time being over, or is lost. */
  get isDoubtful(): boolean {
    return this.#lost !== undefined || this.#clock.now() - this.#confirmedAt >= LEASE_MS / 2;
  }

  /** @throws MigrationError `lease-lost`, and what keeps the store from answering */
  async confirm(): Promise<void> {
    if (this.#lost) throw this.#lost;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const askedAt = this.#clock.now();
    try {
      await this.#store.renewLease(this.#lease);
      this.#confirmedAt = askedAt;
    } catch (cause) {
      this.#lost = MigrationError.from(cause);
      throw this.#lost;
    }
  }
}
