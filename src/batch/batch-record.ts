import { MigrationError } from "../errors.js";
import { batchStatusesBefore, type MigrationBatchStatus } from "../status.js";
import type { BatchChange, BatchRecord } from "../store/batch-records.js";
import type { MigrationStore } from "../store/migration-store.js";
import type { BatchEvents } from "./batch-events.js";

/** The record of one batch in its store, as this process last saw it. Changes one after the other. */
export class StoredBatch {
  readonly #store: MigrationStore;
  readonly #name: string;
  readonly #events: BatchEvents;
  #record: BatchRecord | undefined;
  #isGone = false;
  /** Set where the store could not be told. */
  #ownStatus: MigrationBatchStatus | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: MigrationStore, name: string, events: BatchEvents, record?: BatchRecord) {
    this.#store = store;
    this.#name = name;
    this.#events = events;
    this.#record = record;
  }

  /** Absent before the store has the batch. */
  get record(): BatchRecord | undefined {
    return this.#record;
  }

  get status(): MigrationBatchStatus {
    return this.#ownStatus ?? this.#record?.status ?? "Created";
  }

  /**
   * As the store has it now.
   * @throws MigrationError `not-found` once it was removed
   */
  async refresh(): Promise<BatchRecord | undefined> {
    const record = await this.#store.getBatch(this.#name);
    if (!record && (this.#record || this.#isGone)) this.gone();
    this.#record = record;
    return record;
  }

  /** True once it was removed. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** @throws MigrationError `not-found` */
  gone(): never {
    this.#isGone = true;
    throw new MigrationError("not-found", `There is no batch ${this.#name} in the store: it was removed`);
  }

  markGone(): void {
    this.#isGone = true;
  }

  async create(record: BatchRecord): Promise<boolean> {
    const isNew = await this.#store.createBatch(record);
    this.#record = await this.#store.getBatch(this.#name);
    return isNew;
  }

  /**
   * Enters a status, where the table leads there from the one that the store has; false where it does not. Told once it
   * is durable.
   */
  enter(status: MigrationBatchStatus, change: BatchChange = {}): Promise<boolean> {
    return this.#inTurn(async () => {
      const before = this.status;
      const record = await this.#store.updateBatch(this.#name, { ...change, status }, batchStatusesBefore(status));
      if (!record) this.gone();
      this.#record = record;
      this.#ownStatus = undefined;
      if (record.status !== status) return false;
      if (before !== status) this.#events.tell("batch:status", { status });
      return true;
    });
  }

  /** The status of a batch whose store can no longer be told. */
  failed(): void {
    if (this.status === "Failed") return;
    this.#ownStatus = "Failed";
    this.#events.tell("batch:status", { status: "Failed" });
  }

  change(change: BatchChange): Promise<BatchRecord> {
    return this.#inTurn(async () => {
      const record = await this.#store.updateBatch(this.#name, change);
      if (!record) this.gone();
      this.#record = record;
      return record;
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {}); // its caller hears of it; the next change does not
    return result;
  }
}
