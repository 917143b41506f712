import type { SourceFolder } from "../mail/folder.js";
import type { Books, Outcome, OutcomeKind } from "../outcome.js";
import type { MigrationUserStatus } from "../status.js";

/** What a store knows of one user of a batch. */
export interface UserRecord {
  /** The address at the target, as the CSV row spells it; unique in the batch without regard to case. */
  readonly emailAddress: string;
  readonly status: MigrationUserStatus;
  /** Why the user failed; absent for all others. */
  readonly error?: { readonly code: string; readonly message: string };
  /** When the last pass ended with balanced books, in milliseconds since 1970; absent before the first. */
  readonly lastSyncedAt?: number;
  /** Milliseconds spent waiting for a place, and at work, over all passes. */
  readonly queuedMs: number;
  readonly inProgressMs: number;
}

/** What changes in a user's record. Absent members stay as they are; `error: null` takes the error away. */
export interface UserChange {
  status?: MigrationUserStatus;
  error?: { code: string; message: string } | null;
  lastSyncedAt?: number;
  /** Added to the record's numbers. */
  queuedMs?: number;
  inProgressMs?: number;
}

/** What a worker asks for. */
export interface Claim {
  /** Names the worker; one process takes one name. */
  worker: string;
  /** How long the lease holds without being renewed, in milliseconds. */
  leaseMs: number;
  /** The name of the source endpoint, whose cap holds over every batch in the store. */
  endpoint: string;
  /** Most users of this endpoint at a time. */
  cap: number;
}

/** The right to work on one user. Fenced: once it is lost, nothing can be written with it any more. */
export interface Lease {
  readonly batch: string;
  readonly emailAddress: string;
  readonly worker: string;
  /** Grows with every claim of this user. */
  readonly fence: number;
  /** The user as claimed. */
  readonly user: UserRecord;
}

/** How far a folder was read: while these numbers stand, no message row needs reading. */
export interface SyncPoint {
  readonly uidNext: number;
  readonly messages: number;
  readonly highestModSeq?: bigint;
}

/** Where a group of messages is about to be appended. */
export interface BeginTarget {
  /** The target folder's identity, and as people read it. */
  readonly name: string;
  readonly path: string;
  readonly uidValidity: number;
  /** No message of the group can stand below this UID. */
  readonly uidNext: number;
}

/** What `begin` keeps of a message: enough to find it again. */
export interface BegunMessage {
  readonly uid: number;
  readonly size: number;
  /** INTERNALDATE in milliseconds since 1970; NaN where the source gave none. */
  readonly internalDate: number;
}

/** Messages that were begun and have no outcome yet: they may have arrived. */
export interface Doubt {
  readonly messages: readonly BegunMessage[];
  readonly target: BeginTarget;
}

/** One source folder under one UIDVALIDITY: the ledger's page. One writer at a time. */
export interface FolderJournal {
  /** True when the message has an outcome that stands: all but `failed`, which is tried again in the next pass. */
  isSettled(uid: number): boolean;
  /** The highest UID with an outcome that stands or is in doubt; 0 where there is none. */
  readonly highestUid: number;
  /** How many messages have an outcome that stands. */
  readonly settledCount: number;
  /** UIDs whose outcome is `failed`, ascending: another pass tries them again. */
  readonly failedUids: readonly number[];
  /** The groups that an earlier pass left in doubt, and those of this pass that are not settled yet. */
  readonly doubts: readonly Doubt[];
  /** How far the last complete pass read; absent before the first. */
  readonly syncPoint: SyncPoint | undefined;
  /** True when this folder has a page under another UIDVALIDITY: its messages may stand at the target already. */
  readonly renumbered: boolean;
  /**
   * The messages of this folder that the target holds, by UID with their ids there; undefined where the target did not
   * tell. Read from the store.
   */
  idsAtTarget(): Promise<Map<number, string | undefined>>;
  /** Durable when it resolves; only then may the first octet of the group leave. */
  begin(messages: readonly BegunMessage[], target: BeginTarget): Promise<void>;
  /** Durable when it resolves. A message that has an outcome which stands keeps it. */
  settle(outcomes: readonly Outcome[]): Promise<void>;
  /** A complete pass over the folder: how many distinct messages were found in all passes, and how far it read. */
  finish(found: number, syncPoint: SyncPoint): Promise<void>;
  books(): Books;
}

/** A folder as the report shows it. */
export interface FolderRecord {
  /** Its raw name at the source. */
  readonly name: string;
  /** As people read it, levels joined with `/`. */
  readonly source: string;
  /** Where it went; absent while nothing was begun. */
  readonly target?: string;
  /** The same by its raw name, under the UIDVALIDITY that the ids of the last group are of; absent with `target`. */
  readonly targetFolder?: { readonly name: string; readonly uidValidity: number };
  readonly uidValidity: number;
  readonly books: Books;
  /** How far the last complete pass read; absent before the first. */
  readonly syncPoint?: SyncPoint;
}

/** One message as the report lists it. */
export interface ItemRecord {
  readonly emailAddress: string;
  readonly folder: string;
  readonly uid: number;
  readonly kind: OutcomeKind;
  readonly size: number;
  /** The rule for `skipped`, the code for `refused` and `failed`; absent for all others. */
  readonly reason?: string;
  /** The server's words; absent where there are none. */
  readonly detail?: string;
  readonly lost?: readonly string[];
  readonly uncertain?: boolean;
}

/** A message that the target is known to hold. */
export interface HeldRecord {
  /** Its UID at the source. */
  readonly uid: number;
  /** Octets: those that were sent where there is a `sha256`, the source's claim otherwise. */
  readonly size: number;
  /** The target's UID or id; absent where the target did not tell. */
  readonly id?: string;
  /** Of the octets that were sent; absent for what was already there. */
  readonly sha256?: Uint8Array;
  /** What the target told that it could not keep; absent where it kept everything. */
  readonly lost?: readonly string[];
}

/** What has to outlive the process. Never holds a password or a token. */
export interface MigrationStore {
  /** Adds users in this order; one that is there already stays as it is. */
  addUsers(batch: string, emailAddresses: readonly string[]): Promise<void>;
  /** In the order in which they were added. */
  listUsers(batch: string): AsyncIterable<UserRecord>;
  /** Puts every user of the batch that nobody holds into `Queued`, for another pass. */
  queueUsers(batch: string): Promise<void>;
  /** Takes the next queued user if the endpoint's cap leaves room; undefined where there is none or no room. */
  claimUser(batch: string, claim: Claim): Promise<Lease | undefined>;
  /**
   * Keeps the lease for another `leaseMs`.
   * @throws MigrationError `lease-lost`
   */
  renewLease(lease: Lease): Promise<void>;
  /** @throws MigrationError `lease-lost` */
  updateUser(lease: Lease, change: UserChange): Promise<void>;
  /** Gives the user back, with a last change. */
  releaseUser(lease: Lease, change: UserChange): Promise<void>;
  /** @throws MigrationError `lease-lost` */
  openJournal(lease: Lease, folder: SourceFolder): Promise<FolderJournal>;
  /** The folders of a user, in the order in which they were first opened. */
  listFolders(batch: string, emailAddress: string): Promise<FolderRecord[]>;
  /** The messages with one of these outcomes, or with something lost; folder by folder in UID order. */
  listItems(batch: string, emailAddress: string, kinds: readonly OutcomeKind[]): AsyncIterable<ItemRecord>;
  /** The messages of one page that are `copied` or `alreadyThere`, in UID order. */
  listHeld(
    batch: string,
    emailAddress: string,
    page: Pick<FolderRecord, "name" | "uidValidity">,
  ): AsyncIterable<HeldRecord>;
  close(): Promise<void>;
}
