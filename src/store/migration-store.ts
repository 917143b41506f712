import type { Flag } from "../mail/flags.js";
import type { SourceFolder } from "../mail/folder.js";
import type { Books, MovedFrom, Outcome, OutcomeKind } from "../outcome.js";
import type { MigrationBatchStatus, MigrationUserStatus } from "../status.js";
import type {
  BatchChange,
  BatchRecord,
  EndpointChange,
  EndpointRecord,
  EndpointRemoval,
  OctetsByHour,
  PassKind,
  UserSelection,
  UserTally,
} from "./batch-records.js";

/** What a store knows of one user of a batch. */
export interface UserRecord {
  /** The address at the target, as the CSV row spells it; unique in the batch without regard to case. */
  readonly emailAddress: string;
  readonly status: MigrationUserStatus;
  /** Why the user failed; absent for all others. */
  readonly error?: { readonly code: string; readonly message: string };
  /** When the last pass ended with balanced books, in milliseconds since 1970; absent before the first. */
  readonly lastSyncedAt?: number;
  /** When the next incremental pass is due, in milliseconds since 1970; absent where none is. */
  readonly nextSyncAt?: number;
  /** Since when it is Queued or Synced, by the store's clock; absent in every other status. */
  readonly since?: number;
  /** Milliseconds spent waiting for a place, at work, synced, and held up in a pass; each apart from the others. */
  readonly queuedMs: number;
  readonly inProgressMs: number;
  readonly syncedMs: number;
  readonly stalledMs: number;
}

/** What changes in a user's record. Absent members stay as they are; `error: null` takes the error away. */
export interface UserChange {
  status?: MigrationUserStatus;
  error?: { code: string; message: string } | null;
  lastSyncedAt?: number;
  /** `null`: no further pass is due. */
  nextSyncAt?: number | null;
  /** Added to the record's numbers. */
  queuedMs?: number;
  inProgressMs?: number;
  stalledMs?: number;
}

/** What a worker asks for. */
export interface Claim {
  /** Names the worker; one process takes one name. */
  worker: string;
  /** How long the lease holds without being renewed, in milliseconds. */
  leaseMs: number;
  /** The name of the source endpoint, whose cap holds over every batch in the store. */
  endpoint: string;
  /** Which users, and which the cap counts: those never synced, or the others. Absent: both together. */
  kind?: PassKind;
  /** Most users of this endpoint at a time. */
  cap: number;
  /** Most users of this endpoint at a time whatever the kind; absent for no such limit. */
  totalCap?: number;
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
  /** 0: nothing was read, since a folder filter leaves the folder out; `messages` is then how many it held. */
  readonly uidNext: number;
  readonly messages: number;
  readonly highestModSeq?: bigint;
  /** True: the ledger has the flags of every message as the source had them then. Absent: they were not followed. */
  readonly flags?: boolean;
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

/** What a page keeps of where its messages go. */
export type PageTarget = Omit<BeginTarget, "uidNext">;

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

/** The flags of a message as the source had them when they were last carried to the target. */
export interface KeptFlags {
  readonly flags: readonly Flag[];
  /** Of these nobody knows whether the target has them so: a change was begun and its answer not heard. Absent: of none. */
  readonly inDoubt?: readonly Flag[];
}

/** The flags of a message that the target holds; without `flags` where they were never kept. */
export interface HeldFlags extends Partial<KeptFlags> {
  /** The target's UID or id; absent where the target did not tell. */
  readonly id?: string;
  /** Where its copy stands, if not in the folder that this page goes to. */
  readonly movedFrom?: MovedFrom;
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
  /** Where its messages go, under the UIDVALIDITY that the ids are of; absent while nothing was begun. */
  readonly target: PageTarget | undefined;
  /**
   * The messages of this folder that the target holds where this page goes to, by UID with their ids there; undefined where
   * the target did not tell. Read from the store.
   */
  idsAtTarget(): Promise<Map<number, string | undefined>>;
  /** Those that the target holds with the highest UIDs, at most so many. Read from the store. */
  newestAtTarget(most: number): Promise<HeldRecord[]>;
  /**
   * Durable when it resolves; only then may the first octet of the group leave. An empty group notes the target alone. Ids
   * that another folder told, or this one under another UIDVALIDITY, mean nothing any more and are forgotten.
   */
  begin(messages: readonly BegunMessage[], target: BeginTarget): Promise<void>;
  /** Durable when it resolves. A message that has an outcome which stands keeps it. */
  settle(outcomes: readonly Outcome[]): Promise<void>;
  /**
   * Of these messages, those that the target holds, by UID, with the flags that the source had for them when they were last
   * carried over. Read from the store. Absent, as `keepFlags`: the store cannot keep flags.
   */
  heldFlags?(uids: readonly number[]): Promise<Map<number, HeldFlags>>;
  /** In place of what was kept of these messages. Durable when it resolves. */
  keepFlags?(flags: ReadonlyMap<number, KeptFlags>): Promise<void>;
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
  /** INTERNALDATE in milliseconds since 1970; absent for what is at the target, and where it is not known. */
  readonly internalDate?: number;
  readonly lost?: readonly string[];
  readonly uncertain?: boolean;
  /** The source has moved it to this folder since it was copied; its copy stayed where it was put. */
  readonly movedFrom?: MovedFrom;
}

/** A message that the ledger has at the target, with what it is recognised by. */
export interface RecognisableRecord {
  /** The page: the source folder's raw name and UIDVALIDITY. */
  readonly name: string;
  readonly uidValidity: number;
  readonly uid: number;
  readonly size: number;
  readonly identity: Uint8Array;
  /** The target's UID or id; absent where the target did not tell. */
  readonly id?: string;
  readonly flags?: readonly Flag[];
  readonly inDoubt?: readonly Flag[];
  readonly movedFrom?: MovedFrom;
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
  /** False where an endpoint has the name already, whatever its case. */
  createEndpoint(endpoint: EndpointRecord): Promise<boolean>;
  /** Whatever the case of the name; undefined where there is none. */
  getEndpoint(name: string): Promise<EndpointRecord | undefined>;
  /** In the order in which they were created. */
  listEndpoints(): AsyncIterable<EndpointRecord>;
  /** The endpoint as it is then; undefined where there is none. */
  updateEndpoint(name: string, change: EndpointChange): Promise<EndpointRecord | undefined>;
  /** Not while a batch names it. */
  removeEndpoint(name: string): Promise<EndpointRemoval>;

  /** False where a batch has the name already, whatever its case. */
  createBatch(batch: BatchRecord): Promise<boolean>;
  /** Whatever the case of the name; undefined where there is none. */
  getBatch(name: string): Promise<BatchRecord | undefined>;
  /** In the order in which they were created. */
  listBatches(): AsyncIterable<BatchRecord>;
  /**
   * The batch as it is then; undefined where there is none. Given `from`, nothing changes while it has another status
   * than these.
   */
  updateBatch(
    name: string,
    change: BatchChange,
    from?: readonly MigrationBatchStatus[],
  ): Promise<BatchRecord | undefined>;
  /** Takes the batch away with its users and their ledger. Interrupted, it can be called again. */
  removeBatch(name: string): Promise<void>;

  /** Adds users in this order; one that is there already stays as it is. */
  addUsers(batch: string, emailAddresses: readonly string[]): Promise<void>;
  /** In the order in which they were added. */
  listUsers(batch: string): AsyncIterable<UserRecord>;
  getUser(batch: string, emailAddress: string): Promise<UserRecord | undefined>;
  countUsers(batch: string): Promise<UserTally>;
  /** True when a user of this kind is `Queued` and nobody holds it. Costs the same however many users there are. */
  hasQueued(batch: string, kind: PassKind): Promise<boolean>;
  /** Puts these users, as far as nobody holds them, into `Queued`, for another pass that somebody waits for. */
  queueUsers(batch: string, users?: UserSelection): Promise<void>;
  /**
   * Puts the users into `Queued` whose pass is due by the clock on the wall, and sets down when their next one is. A pass
   * that is further away than the interval is brought nearer: the clock was set back, or the interval made shorter.
   * @returns when the next one is due; undefined where none is
   */
  queueDueUsers(batch: string, time: { now: number; intervalMs: number }): Promise<number | undefined>;
  /** Puts these users into `Stopped` or `IncrementalStopped`; no lease on them can write any more. */
  stopUsers(batch: string, users?: UserSelection): Promise<void>;
  /** Takes the user away with its ledger; no lease on it can write any more. */
  removeUser(batch: string, emailAddress: string): Promise<void>;
  /**
   * Takes the next queued user if the endpoint's cap leaves room; undefined where there is none, no room, or where the
   * batch is stopped, completed or being removed. While other batches wait for room at the endpoint and hold fewer places,
   * a batch takes none beyond an equal share. One counts as waiting for two seconds after a claim that found no room.
   */
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
  /**
   * Keeps the page of a folder as one under a UIDVALIDITY that is gone (a negative number): its UIDs name other messages
   * now, although the value has stayed. The next `openJournal` begins a new page.
   * @throws MigrationError `lease-lost`
   */
  setAside(lease: Lease, page: Pick<FolderRecord, "name" | "uidValidity">): Promise<void>;
  /** The folders of a user, in the order in which they were first opened. */
  listFolders(batch: string, emailAddress: string): Promise<FolderRecord[]>;
  /** The messages with one of these outcomes, or with something lost; folder by folder in UID order. */
  listItems(batch: string, emailAddress: string, kinds: readonly OutcomeKind[]): AsyncIterable<ItemRecord>;
  /**
   * The messages of one page that are `copied` or `alreadyThere`, in UID order; without those whose copy stands in another
   * folder, because the source has moved them.
   */
  listHeld(
    batch: string,
    emailAddress: string,
    page: Pick<FolderRecord, "name" | "uidValidity">,
  ): AsyncIterable<HeldRecord>;
  /**
   * The `emailId`s of all messages of a user that are `copied` or `alreadyThere`, of folders that are gone too; in no
   * order, and one may come twice.
   */
  listEmailIds(batch: string, emailAddress: string): AsyncIterable<string>;
  /** What an account has moved lately, by a name of its own; undefined where nobody has set it. */
  getDailyOctets(account: string): Promise<OctetsByHour | undefined>;
  /** Durable when it resolves. */
  setDailyOctets(account: string, octets: OctetsByHour): Promise<void>;
  /**
   * The messages of a user that the target holds, of one of these sizes or of any, on whatever page; those that nothing is
   * known of to recognise them by are left out. Absent: messages moved at the source are copied like new ones.
   */
  listRecognisable?(batch: string, emailAddress: string, sizes?: readonly number[]): AsyncIterable<RecognisableRecord>;
  close(): Promise<void>;
}
