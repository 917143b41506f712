import type { CsvRow } from "../csv-row.js";
import type { Clock } from "../engine/clock.js";
import type { RetryPolicy } from "../engine/retry.js";
import { DAY_MS } from "../engine/schedule.js";
import { MigrationError } from "../errors.js";
import type { MigrationLimits } from "../limits.js";
import { FolderFilter } from "../mail/folder-filter.js";
import type { MailSource } from "../mail/mail-source.js";
import { checkMessageFilter, type MessageFilter } from "../mail/message-filter.js";
import type { MigrationTarget } from "../migration-target.js";
import type { BatchStanding } from "../prepare/removal-gaps.js";
import type { ProviderProfile } from "../providers/provider-profile.js";
import type { BatchSettings, JsonObject, StoredMessageFilter } from "../store/batch-records.js";
import type { MigrationStore } from "../store/migration-store.js";
import { storedFilter } from "./batch-filters.js";

/** Where a batch reads its mailboxes: a MigrationEndpoint, or a double of one. */
export interface SourceEndpoint {
  readonly name: string;
  /** Most mailboxes in their first pass at a time, over all batches of the store. */
  readonly maxConcurrentMigrations: number;
  /** Most mailboxes in a later pass at a time. Default 10, or maxConcurrentMigrations if lower. */
  readonly maxConcurrentIncrementalSyncs?: number;
  /** Most mailboxes at a time, of both kinds together. Default: no such limit. */
  readonly maxConnections?: number;
  /** What the source server is like: which folders are read in which order, and how much a day. Default: nothing special. */
  readonly provider?: ProviderProfile;
  /** What signs in for every row; absent: each row's UserName. */
  readonly authenticationId?: string;
  /** What a store keeps to make the endpoint again, without any secret; absent for one that only the host can make. */
  readonly settings?: JsonObject;
  openSource(row: CsvRow, options: { signal: AbortSignal }): Promise<MailSource>;
}

/** How one user signs in at the source. */
export interface UserSecrets {
  /** What the source server takes as user name. */
  readonly userName: string;
  readonly password: string;
  /** Where the mailbox stands in the tree that the administrator sees (Courier IMAP). */
  readonly userRoot?: string;
}

/** What a store does not keep of a batch: a process that goes on with it has to say it again. */
export interface MigrationBatchContext {
  /** Where mailboxes are written to. Without it a batch from the store can be looked at, changed, stopped and removed. */
  readonly target?: MigrationTarget;
  /** In place of the endpoint that the store has; needed for one that only the host can make. */
  readonly sourceEndpoint?: SourceEndpoint;
  /** Rows of users in the batch, for their passwords. */
  readonly users?: readonly CsvRow[];
  /**
   * Asked for the sign-in of a user, by EmailAddress, each time that its mailbox is opened and no row has it. Undefined
   * where there is none: the user fails with `credentials-missing`.
   */
  readonly secrets?: (user: string) => Promise<UserSecrets | undefined> | UserSecrets | undefined;
  /**
   * True: what the source sets and clears of a message's flags after it was copied is carried to the target by incremental
   * passes, and what the user changed there stays (`docs/incremental-sync.md`). Default false, as Microsoft's. A target that
   * cannot change flags is refused with `option-invalid`.
   */
  readonly syncFlags?: boolean;
  /** Default: Microsoft's, 500,000 items a mailbox and 35 MB a message. */
  readonly limits?: MigrationLimits;
  /**
   * Milliseconds after a lost connection or a crash before a look for messages whose answer was lost: a server may
   * still be storing them. Default 30,000.
   */
  readonly settleDelayMs?: number;
  /** How often a mailbox is tried again after an error that can pass. Default: 5 attempts without progress. */
  readonly retry?: RetryPolicy;
  /** Ends the run as `stop()` does. */
  readonly signal?: AbortSignal;
  /**
   * True to let the schedule of incremental passes keep the process alive. Default false: while no promise of the batch
   * is waited for and no pass is under way, a process that has nothing else to do ends.
   */
  readonly keepAlive?: boolean;
  /**
   * Asked by `remove()`, with how far the batch is: what is still missing for a safe removal, a sentence each; empty where
   * nothing is. Default: none is asked. `checkCutover` has an answer.
   */
  readonly removalCheck?: (standing: BatchStanding) => Promise<readonly string[]> | readonly string[];
  /** The engine's clock; for tests. */
  readonly clock?: Clock;
}

/** What may be changed in a batch at any time (Set-MigrationBatch); the store keeps it. */
export interface MigrationBatchSettings {
  /** No mail is copied before; `null` for at once, the default. */
  readonly startAfter?: Date | null;
  /** Milliseconds from one incremental pass of a user to the next; 0 for none. Default 24 hours, as Microsoft's. */
  readonly syncIntervalMs?: number;
  /** Milliseconds from one `batch:notification` to the next (ReportInterval); 0 for none. Default 24 hours. */
  readonly reportIntervalMs?: number;
  /** Whom the host shall send notifications to (NotificationEmails). Default nobody. */
  readonly notificationEmails?: readonly string[];
  /** Folders to leave out, in Microsoft's syntax (ExcludeFolders): docs/filters.md. Default none. */
  readonly excludeFolders?: readonly string[];
  /** The only folders to migrate (IncludeFolders). Default, and where empty: all. */
  readonly includeFolders?: readonly string[];
  /** Which messages are migrated; `null` for every one, the default. */
  readonly messageFilter?: MessageFilter | null;
}

/** A new batch, or the one of that name in the store, to go on with. */
export interface MigrationBatchOptions extends MigrationBatchContext, MigrationBatchSettings {
  /** Unique in the store without regard to case; at most 64 characters (New-MigrationBatch). */
  readonly name: string;
  readonly sourceEndpoint: SourceEndpoint;
  readonly target: MigrationTarget;
  /** The mailboxes to move: `CsvRow.parse(…)`. Rows for the same EmailAddress are refused. */
  readonly users: readonly CsvRow[];
  /** Where the ledger is kept: `sqliteStore("IMAPBatch1.db")`. */
  readonly store: MigrationStore;
}

const MAX_NAME_LENGTH = 64;
/** What setTimeout and databases hold without a surprise: about 24 days are a timer's most, a year is a schedule's. */
const LONGEST_INTERVAL_MS = 366 * DAY_MS;

export const defaultSettings: BatchSettings = Object.freeze({
  syncIntervalMs: DAY_MS,
  reportIntervalMs: DAY_MS,
  notificationEmails: [],
});

/** @throws MigrationError `option-invalid` */
export function checkName(what: "batch" | "migration endpoint", name: string): string {
  if (typeof name !== "string" || name.trim() === "" || name.length > MAX_NAME_LENGTH) {
    throw new MigrationError("option-invalid", `A ${what} needs a name of 1 to ${MAX_NAME_LENGTH} characters`);
  }
  return name;
}

/** @throws MigrationError `option-invalid` for two rows of one mailbox */
export function rowsByAddress(rows: readonly CsvRow[]): Map<string, CsvRow> {
  const byAddress = new Map<string, CsvRow>();
  for (const row of rows) {
    const key = row.emailAddress.toLowerCase();
    if (byAddress.has(key)) {
      throw new MigrationError("option-invalid", `Two rows name ${row.emailAddress}: one mailbox, one row`);
    }
    byAddress.set(key, row);
  }
  return byAddress;
}

/**
 * The settings with the changes.
 * @throws MigrationError `option-invalid`
 */
export function changedSettings(settings: BatchSettings, change: MigrationBatchSettings): BatchSettings {
  const { startAfter: before, ...rest } = settings;
  const startAfter = change.startAfter === undefined ? before : checkTime(change.startAfter);
  const { excludeFolders = rest.excludeFolders ?? [], includeFolders = rest.includeFolders ?? [] } = change;
  new FolderFilter({ excludeFolders, includeFolders }); // what is wrong with a pattern is told here
  const messageFilter = change.messageFilter === undefined ? rest.messageFilter : checkFilter(change.messageFilter);
  return {
    ...(startAfter !== undefined && { startAfter }),
    ...(excludeFolders.length > 0 && { excludeFolders }),
    ...(includeFolders.length > 0 && { includeFolders }),
    ...(messageFilter && { messageFilter }),
    syncIntervalMs: checkInterval("syncIntervalMs", change.syncIntervalMs) ?? rest.syncIntervalMs,
    reportIntervalMs: checkInterval("reportIntervalMs", change.reportIntervalMs) ?? rest.reportIntervalMs,
    notificationEmails: change.notificationEmails ?? rest.notificationEmails,
  };
}

function checkFilter(filter: MessageFilter | null): StoredMessageFilter | undefined {
  return filter ? storedFilter(checkMessageFilter(filter)) : undefined;
}

function checkTime(time: Date | null): number | undefined {
  if (time === null) return undefined;
  if (!(time instanceof Date) || Number.isNaN(time.getTime())) {
    throw new MigrationError("option-invalid", "startAfter must be a valid Date, or null");
  }
  return time.getTime();
}

function checkInterval(name: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < 0 || (value > 0 && value < 1000) || value > LONGEST_INTERVAL_MS) {
    const range = `0, or a whole number of milliseconds from 1,000 to ${LONGEST_INTERVAL_MS}`;
    throw new MigrationError("option-invalid", `${name} must be ${range}, not ${value}`);
  }
  return value;
}
