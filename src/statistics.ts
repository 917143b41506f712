import type { MigrationUserCounts, MigrationUserStatus } from "./status.js";

/** How fast it goes on. */
export interface TransferRate {
  readonly itemsPerSecond: number;
  /** MigrationRate, which Microsoft leaves empty for IMAP. */
  readonly octetsPerSecond: number;
}

/** Between when and when it may be done. */
export interface Forecast {
  readonly earliest: Date;
  readonly latest: Date;
}

/** How far a user or a batch is, over all passes. */
export interface TransferStatistics {
  /** TotalItemsInSourceMailboxCount: messages found so far; absent before the first folder was listed. */
  readonly itemsTotal?: number;
  /** SyncedItemCount: messages that the target holds. */
  readonly itemsSynced: number;
  /** SkippedItemCount: skipped, refused, failed or vanished. */
  readonly itemsSkipped: number;
  /** Messages found and without an outcome; absent with `itemsTotal`. */
  readonly itemsToDo?: number;
  /** BytesTransferred. */
  readonly octetsSynced: number;
  /** An estimate, by the mean size of what was copied; absent while nothing was. */
  readonly octetsToDo?: number;
  /** 0 to 100, by items; absent with `itemsTotal`. */
  readonly percentageComplete?: number;
  /** Over the last minute; absent while no pass is under way in this process, and in its first seconds. */
  readonly rate?: TransferRate;
  /** When what is known of will be done, by the rate of the last minute and of the whole pass; absent while unknown. */
  readonly forecast?: Forecast;
}

/** Get-MigrationUserStatistics. Durations in milliseconds, each apart from the others, over all passes. */
export interface MigrationUserStatistics extends TransferStatistics {
  readonly identity: string;
  readonly batchId: string;
  readonly status: MigrationUserStatus;
  readonly lastSuccessfulSyncTime?: Date;
  /** When the next incremental pass is due; absent where none is. */
  readonly nextSyncTime?: Date;
  /** Waiting for a place at the endpoint. */
  readonly queuedDuration: number;
  /** At work. */
  readonly inProgressDuration: number;
  readonly syncedDuration: number;
  /** Held up during a pass, by a pause that a server asked for or one of ours after an error. */
  readonly stalledDuration: number;
}

/** What Get-MigrationBatch shows of a batch, and what it leaves empty for IMAP. */
export interface MigrationBatchStatistics extends TransferStatistics {
  readonly users: MigrationUserCounts;
  /** Share of the users that are synced, 0 to 100 (PercentageSynced). */
  readonly percentageSynced: number;
  readonly creationDateTime?: Date;
  readonly startDateTime?: Date;
  /** When every user was first synced that did not fail. */
  readonly initialSyncDateTime?: Date;
  /** Milliseconds from the start to then. */
  readonly initialSyncDuration?: number;
  /**
   * LastSyncedDateTime: when the last pass ended. To compare with the switch of the MX record use `everyUserSyncedSince`.
   */
  readonly lastSyncedDateTime?: Date;
  /** The earliest of the users' last successful passes; absent while a user had none. */
  readonly everyUserSyncedSince?: Date;
}
