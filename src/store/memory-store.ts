import type { SourceFolder } from "../mail/folder.js";
import { folderPath } from "../mail/folder.js";
import { emptyBooks, type OutcomeKind } from "../outcome.js";
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
import { changedBatch, changedEndpoint } from "./changed-records.js";
import { type HeldPlaces, hasRoom, lendsUsers } from "./endpoint-places.js";
import { FolderPage } from "./folder-page.js";
import { heldRecord, isAtTarget, isChanged, isHeldHere, outcomeFacts, recognisableRecord } from "./item-record.js";
import { type MemoryFolder, MemoryJournal } from "./memory-journal.js";
import type {
  Claim,
  FolderJournal,
  FolderRecord,
  HeldRecord,
  ItemRecord,
  Lease,
  MigrationStore,
  RecognisableRecord,
  UserChange,
  UserRecord,
} from "./migration-store.js";
import { steadyClock } from "./steady-clock.js";
import {
  changedUser,
  claimedUser,
  emailKey,
  leaseLost,
  nameKey,
  newUser,
  passKind,
  stoppedUser,
  WAITING_MS,
} from "./user-record.js";

interface MemoryLease {
  /** Absent once it was revoked. */
  worker: string | undefined;
  readonly endpoint: string;
  readonly kind: PassKind;
  readonly leaseMs: number;
  until: number;
}

interface MemoryBatch {
  record: BatchRecord;
  /** When a claim of each kind last found no room. */
  readonly askedAt: Map<PassKind, number>;
}

interface MemoryUser {
  record: UserRecord;
  /** Somebody waits for the end of its next pass. */
  requested: boolean;
  fence: number;
  lease: MemoryLease | undefined;
  readonly folders: MemoryFolder[];
}

/**
 * A ledger in memory, for the unit tests of a host and for dry tries. It ends with the process: after a crash nothing
 * tells what was copied. Closing it changes nothing.
 */
export function memoryStore(): MigrationStore {
  return new MemoryStore();
}

class MemoryStore implements MigrationStore {
  readonly #now = steadyClock();
  readonly #endpoints = new Map<string, EndpointRecord>();
  readonly #batches = new Map<string, MemoryBatch>();
  readonly #users = new Map<string, Map<string, MemoryUser>>();
  /** Users that are held, or were a moment ago, with their batch. */
  readonly #lent = new Map<MemoryUser, string>();
  readonly #octets = new Map<string, OctetsByHour>();

  async createEndpoint(endpoint: EndpointRecord): Promise<boolean> {
    const key = nameKey(endpoint.name);
    if (this.#endpoints.has(key)) return false;
    this.#endpoints.set(key, changedEndpoint(endpoint, {}));
    return true;
  }

  async getEndpoint(name: string): Promise<EndpointRecord | undefined> {
    return this.#endpoints.get(nameKey(name));
  }

  async *listEndpoints(): AsyncGenerator<EndpointRecord> {
    yield* [...this.#endpoints.values()];
  }

  async updateEndpoint(name: string, change: EndpointChange): Promise<EndpointRecord | undefined> {
    const endpoint = this.#endpoints.get(nameKey(name));
    if (!endpoint) return undefined;
    const changed = changedEndpoint(endpoint, change);
    this.#endpoints.set(nameKey(name), changed);
    return changed;
  }

  async removeEndpoint(name: string): Promise<EndpointRemoval> {
    const key = nameKey(name);
    if ([...this.#batches.values()].some(({ record }) => nameKey(record.endpoint) === key)) return "in-use";
    return this.#endpoints.delete(key) ? "removed" : "not-found";
  }

  async createBatch(batch: BatchRecord): Promise<boolean> {
    const key = nameKey(batch.name);
    if (this.#batches.has(key)) return false;
    this.#batches.set(key, { record: changedBatch(batch, {}), askedAt: new Map() });
    return true;
  }

  async getBatch(name: string): Promise<BatchRecord | undefined> {
    return this.#batches.get(nameKey(name))?.record;
  }

  async *listBatches(): AsyncGenerator<BatchRecord> {
    yield* [...this.#batches.values()].map(({ record }) => record);
  }

  async updateBatch(
    name: string,
    change: BatchChange,
    from?: readonly MigrationBatchStatus[],
  ): Promise<BatchRecord | undefined> {
    const batch = this.#batches.get(nameKey(name));
    if (!batch) return undefined;
    if (!from || from.includes(batch.record.status)) batch.record = changedBatch(batch.record, change);
    return batch.record;
  }

  async removeBatch(name: string): Promise<void> {
    const batch = this.#batches.get(nameKey(name))?.record.name ?? name;
    for (const user of this.#usersOf(batch)) this.#lent.delete(user);
    this.#users.delete(batch);
    this.#batches.delete(nameKey(name));
  }

  async addUsers(batch: string, emailAddresses: readonly string[]): Promise<void> {
    const users = this.#users.get(batch) ?? new Map<string, MemoryUser>();
    this.#users.set(batch, users);
    for (const emailAddress of emailAddresses) {
      const key = emailKey(emailAddress);
      if (users.has(key)) continue;
      const record = newUser(emailAddress, this.#now());
      users.set(key, { record, requested: false, fence: 0, lease: undefined, folders: [] });
    }
  }

  async *listUsers(batch: string): AsyncGenerator<UserRecord> {
    for (const { record } of this.#usersOf(batch)) yield record;
  }

  async getUser(batch: string, emailAddress: string): Promise<UserRecord | undefined> {
    return this.#user(batch, emailAddress)?.record;
  }

  async countUsers(batch: string): Promise<UserTally> {
    const byStatus: Partial<Record<MigrationUserStatus, number>> = {};
    let requested = 0;
    for (const user of this.#usersOf(batch)) {
      byStatus[user.record.status] = (byStatus[user.record.status] ?? 0) + 1;
      if (user.requested) requested += 1;
    }
    return { byStatus, requested };
  }

  async hasQueued(batch: string, kind: PassKind): Promise<boolean> {
    for (const { record, lease } of this.#usersOf(batch)) {
      if (record.status === "Queued" && !lease && passKind(record) === kind) return true;
    }
    return false;
  }

  async queueUsers(batch: string, users: UserSelection = {}): Promise<void> {
    const now = this.#now();
    for (const user of this.#selected(batch, users)) {
      if (isHeld(user, now)) continue;
      user.requested = true;
      queue(user, now);
    }
  }

  async queueDueUsers(batch: string, time: { now: number; intervalMs: number }): Promise<number | undefined> {
    const wall = Math.floor(time.now);
    const interval = Math.max(1, Math.round(time.intervalMs));
    const now = this.#now();
    let next: number | undefined;
    for (const user of this.#usersOf(batch)) {
      const due = user.record.nextSyncAt;
      if (due === undefined) continue;
      const { status } = user.record;
      let nextSyncAt = due;
      if (due > wall + interval) nextSyncAt = wall + ((due - wall) % interval);
      else if (due <= wall) nextSyncAt = due + (Math.floor((wall - due) / interval) + 1) * interval;
      if (nextSyncAt !== due) user.record = changedUser(user.record, { nextSyncAt }, now);
      const waits = status === "Synced" || status === "IncrementalFailed";
      if (due <= wall && waits && !isHeld(user, now)) queue(user, now);
      next = Math.min(next ?? nextSyncAt, nextSyncAt);
    }
    return next;
  }

  async stopUsers(batch: string, users: UserSelection = {}): Promise<void> {
    for (const user of this.#selected(batch, users)) {
      const stopped = stoppedUser(user.record, this.#now());
      if (stopped === user.record) continue;
      user.record = stopped;
      user.requested = false;
      // A lease that somebody else holds counts until it has run out: its connection may still be open.
      if (isHeld(user, this.#now()) && user.lease) user.lease.worker = undefined;
      else user.lease = undefined;
    }
  }

  async removeUser(batch: string, emailAddress: string): Promise<void> {
    const user = this.#user(batch, emailAddress);
    if (user) this.#lent.delete(user);
    this.#users.get(batch)?.delete(emailKey(emailAddress));
  }

  async claimUser(batch: string, claim: Claim): Promise<Lease | undefined> {
    const now = this.#now();
    const known = this.#batches.get(nameKey(batch));
    if (!lendsUsers(known?.record.status)) return undefined;
    const user = this.#nextUser(batch, claim.kind, now);
    const kind = claim.kind ?? "initial";
    const isFull = user && !hasRoom(batch, claim, this.#heldPlaces(claim.endpoint, now), this.#waiting(claim, now));
    if (isFull) known?.askedAt.set(kind, now);
    else known?.askedAt.delete(kind);
    if (!user || isFull) return undefined;
    const { worker, endpoint, leaseMs } = claim;
    user.lease = { worker, endpoint, leaseMs, kind: passKind(user.record), until: now + leaseMs };
    this.#lent.set(user, batch);
    user.record = claimedUser(user.record, now);
    user.fence += 1;
    return { batch, emailAddress: user.record.emailAddress, worker, fence: user.fence, user: user.record };
  }

  async renewLease(lease: Lease): Promise<void> {
    const { user, lease: held } = this.#held(lease);
    held.until = this.#now() + held.leaseMs;
    this.#lent.set(user, lease.batch);
  }

  async updateUser(lease: Lease, change: UserChange): Promise<void> {
    const { user } = this.#held(lease);
    user.record = changedUser(user.record, change, this.#now());
  }

  async releaseUser(lease: Lease, change: UserChange): Promise<void> {
    await this.updateUser(lease, change);
    const { user } = this.#held(lease);
    user.lease = undefined;
    if (change.status !== "Queued") user.requested = false;
  }

  async openJournal(lease: Lease, folder: SourceFolder): Promise<FolderJournal> {
    const { folders } = this.#held(lease).user;
    const { name, levels, uidValidity } = folder;
    let kept = folders.find((other) => other.name === name && other.uidValidity === uidValidity);
    if (!kept) {
      kept = {
        name,
        path: folderPath(levels),
        uidValidity,
        page: new FolderPage(emptyBooks),
        outcomes: new Map(),
        groups: 0,
        opened: 0,
      };
      folders.push(kept);
    }
    const renumbered = folders.some(
      (other) => other.name === name && other !== kept && (other.outcomes.size > 0 || other.page.doubts.length > 0),
    );
    return new MemoryJournal(kept, renumbered, () => void this.#held(lease));
  }

  async setAside(lease: Lease, page: Pick<FolderRecord, "name" | "uidValidity">): Promise<void> {
    const { folders } = this.#held(lease).user;
    folders.forEach((folder, at) => {
      if (folder.name !== page.name || folder.uidValidity !== page.uidValidity) return;
      folder.uidValidity = -1 - at;
      folder.opened += 1;
    });
  }

  async listFolders(batch: string, emailAddress: string): Promise<FolderRecord[]> {
    return this.#foldersOf(batch, emailAddress).map(({ name, path, uidValidity, page }) => ({
      name,
      source: path,
      ...(page.target && {
        target: page.target.path,
        targetFolder: { name: page.target.name, uidValidity: page.target.uidValidity },
      }),
      uidValidity,
      books: page.books,
      ...(page.syncPoint && { syncPoint: page.syncPoint }),
    }));
  }

  async *listItems(batch: string, emailAddress: string, kinds: readonly OutcomeKind[]): AsyncGenerator<ItemRecord> {
    const address = this.#user(batch, emailAddress)?.record.emailAddress ?? emailAddress;
    for (const { path, outcomes } of this.#foldersOf(batch, emailAddress)) {
      const inUidOrder = [...outcomes.values()].sort((one, other) => one.uid - other.uid);
      for (const facts of inUidOrder.map(outcomeFacts)) {
        if (isChanged(facts) || kinds.includes(facts.kind)) yield { emailAddress: address, folder: path, ...facts };
      }
    }
  }

  async *listHeld(
    batch: string,
    emailAddress: string,
    page: Pick<FolderRecord, "name" | "uidValidity">,
  ): AsyncGenerator<HeldRecord> {
    const folder = this.#foldersOf(batch, emailAddress).find(
      ({ name, uidValidity }) => name === page.name && uidValidity === page.uidValidity,
    );
    const held = [...(folder?.outcomes.values() ?? [])].filter(isHeldHere);
    yield* held.sort((one, other) => one.uid - other.uid).map(heldRecord);
  }

  async *listRecognisable(
    batch: string,
    emailAddress: string,
    sizes?: readonly number[],
  ): AsyncGenerator<RecognisableRecord> {
    const wanted = sizes && new Set(sizes);
    for (const folder of this.#foldersOf(batch, emailAddress)) {
      for (const outcome of [...folder.outcomes.values()].filter(isAtTarget)) {
        const record = !wanted || wanted.has(outcome.size) ? recognisableRecord(folder, outcome) : undefined;
        if (record) yield record;
      }
    }
  }

  async *listEmailIds(batch: string, emailAddress: string): AsyncGenerator<string> {
    for (const { outcomes } of this.#foldersOf(batch, emailAddress)) {
      for (const outcome of outcomes.values()) {
        if (isAtTarget(outcome) && outcome.emailId !== undefined) yield outcome.emailId;
      }
    }
  }

  async getDailyOctets(account: string): Promise<OctetsByHour | undefined> {
    return this.#octets.get(account);
  }

  async setDailyOctets(account: string, octets: OctetsByHour): Promise<void> {
    this.#octets.set(account, { ...octets });
  }

  async close(): Promise<void> {}

  #usersOf(batch: string): Iterable<MemoryUser> {
    return this.#users.get(batch)?.values() ?? [];
  }

  #user(batch: string, emailAddress: string): MemoryUser | undefined {
    return this.#users.get(batch)?.get(emailKey(emailAddress));
  }

  *#selected(batch: string, { statuses, emailAddresses }: UserSelection): Generator<MemoryUser> {
    const users = emailAddresses
      ? emailAddresses.flatMap((emailAddress) => this.#user(batch, emailAddress) ?? [])
      : this.#usersOf(batch);
    for (const user of users) if (!statuses || statuses.includes(user.record.status)) yield user;
  }

  #nextUser(batch: string, kind: PassKind | undefined, now: number): MemoryUser | undefined {
    for (const user of this.#usersOf(batch)) {
      if (kind && passKind(user.record) !== kind) continue;
      const { status } = user.record;
      const isAtWork = status === "Syncing" || status === "IncrementalSyncing";
      if (user.lease ? !isHeld(user, now) && (isAtWork || status === "Queued") : status === "Queued") return user;
    }
    return undefined;
  }

  #waiting({ endpoint, kind = "initial" }: Claim, now: number): string[] {
    const waiting: string[] = [];
    for (const { record, askedAt } of this.#batches.values()) {
      if (nameKey(record.endpoint) !== nameKey(endpoint)) continue;
      if ((askedAt.get(kind) ?? Number.NEGATIVE_INFINITY) > now - WAITING_MS) waiting.push(record.name);
    }
    return waiting;
  }

  #heldPlaces(endpoint: string, now: number): HeldPlaces[] {
    const held: HeldPlaces[] = [];
    for (const [user, batch] of this.#lent) {
      if (!user.lease || !isHeld(user, now)) this.#lent.delete(user);
      else if (user.lease.endpoint === endpoint) held.push({ batch, kind: user.lease.kind, leases: 1 });
    }
    return held;
  }

  #foldersOf(batch: string, emailAddress: string): readonly MemoryFolder[] {
    return this.#user(batch, emailAddress)?.folders ?? [];
  }

  #held({ batch, emailAddress, worker, fence }: Lease) {
    const user = this.#user(batch, emailAddress);
    if (user?.lease?.worker !== worker || user.fence !== fence) throw leaseLost();
    return { user, lease: user.lease };
  }
}

function queue(user: MemoryUser, now: number): void {
  user.lease = undefined;
  user.record = changedUser(user.record, { status: "Queued", error: null }, now);
}

function isHeld({ lease }: MemoryUser, now: number): boolean {
  return lease !== undefined && lease.until > now;
}
