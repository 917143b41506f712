import type { MigrationBatchStatus, UsersByStatus } from "../status.js";

/** Which of a user's passes: the first, or one of the later ones. Each has a cap of its own at an endpoint. */
export type PassKind = "initial" | "incremental";

/** What may be written to a record as it is: text, numbers, and what is made of them. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };
export type JsonObject = { readonly [name: string]: JsonValue };

/** An endpoint as a store keeps it. */
export interface EndpointRecord {
  /** Unique in the store without regard to case. */
  readonly name: string;
  /** What the endpoint is made of again, without any secret; empty for one that only the host can make. */
  readonly settings: JsonObject;
  readonly maxConcurrentMigrations: number;
  readonly maxConcurrentIncrementalSyncs: number;
  /** Most mailboxes at a time, of both kinds together; absent for no such limit. */
  readonly maxConnections?: number;
  /** Milliseconds since 1970. */
  readonly lastModifiedAt: number;
}

/** What changes in the record of an endpoint. Absent members stay as they are. */
export type EndpointChange = Partial<Omit<EndpointRecord, "name" | "maxConnections">> & {
  /** `null` takes the limit away. */
  readonly maxConnections?: number | null;
};

/** What was asked of a batch, and has to outlive the process. All times in milliseconds. */
export interface BatchSettings {
  /** No mail is copied before, since 1970; absent for at once. */
  readonly startAfter?: number;
  /** From one incremental pass of a user to the next; 0 for none. */
  readonly syncIntervalMs: number;
  /** From one notification to the next; 0 for none. */
  readonly reportIntervalMs: number;
  readonly notificationEmails: readonly string[];
  /** Patterns of folders; absent where there are none. */
  readonly excludeFolders?: readonly string[];
  readonly includeFolders?: readonly string[];
  /** Absent where every message is migrated. */
  readonly messageFilter?: StoredMessageFilter;
}

/** A message filter as plain JSON: its instants are milliseconds since 1970. */
export interface StoredMessageFilter {
  readonly receivedAfter?: number;
  readonly receivedBefore?: number;
  readonly maxSize?: number;
  readonly withFlags?: readonly string[];
  readonly withoutFlags?: readonly string[];
}

/** A batch as a store keeps it. All times in milliseconds since 1970. */
export interface BatchRecord {
  /** Unique in the store without regard to case. */
  readonly name: string;
  readonly batchGuid: string;
  /** The endpoint's name; empty where an older version wrote the batch, which did not keep it. */
  readonly endpoint: string;
  readonly status: MigrationBatchStatus;
  readonly settings: BatchSettings;
  readonly createdAt: number;
  /** When it was first started; absent before. */
  readonly startedAt?: number;
  /** When every user that is not Failed or Stopped was first synced. */
  readonly initialSyncedAt?: number;
  /** When the last pass of any user ended. */
  readonly lastSyncedAt?: number;
  /** When the next notification is due. */
  readonly nextReportAt?: number;
}

/** What changes in the record of a batch. Absent members stay as they are. */
export type BatchChange = Partial<Omit<BatchRecord, "name" | "batchGuid" | "createdAt">>;

/** How many users of a batch stand where. */
export interface UserTally {
  readonly byStatus: UsersByStatus;
  /** Users whose next pass somebody waits for: `queueUsers` was called for them, and the pass has not ended. */
  readonly requested: number;
}

/** Which users of a batch. Absent members leave nobody out. */
export interface UserSelection {
  readonly statuses?: readonly string[];
  readonly emailAddresses?: readonly string[];
}

/** Octets by the hour in which they were moved, counted from 1970. At most 25 hours. */
export type OctetsByHour = Readonly<Record<string, number>>;

/** Whether an endpoint was removed, and if not, why. */
export type EndpointRemoval = "removed" | "in-use" | "not-found";
