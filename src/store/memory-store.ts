import type { SourceFolder } from "../mail/folder.js";
import { folderPath } from "../mail/folder.js";
import { type Books, emptyBooks, type Outcome, type OutcomeKind } from "../outcome.js";
import { FolderPage } from "./folder-page.js";
import { heldRecord, isAtTarget, isChanged, outcomeFacts } from "./item-record.js";
import type {
  BeginTarget,
  BegunMessage,
  Claim,
  Doubt,
  FolderJournal,
  FolderRecord,
  HeldRecord,
  ItemRecord,
  Lease,
  MigrationStore,
  SyncPoint,
  UserChange,
  UserRecord,
} from "./migration-store.js";
import { steadyClock } from "./steady-clock.js";
import { changedUser, claimedUser, emailKey, journalReopened, leaseLost, newUser } from "./user-record.js";

interface MemoryFolder {
  readonly name: string;
  readonly path: string;
  readonly uidValidity: number;
  readonly page: FolderPage;
  readonly outcomes: Map<number, Outcome>;
  /** Where its messages go. */
  target?: Pick<BeginTarget, "name" | "path" | "uidValidity">;
  groups: number;
  /** How often its journal was opened; only the last one writes. */
  opened: number;
}

interface MemoryUser {
  record: UserRecord;
  queuedAt: number | undefined;
  fence: number;
  lease: { readonly worker: string; readonly endpoint: string; readonly leaseMs: number; until: number } | undefined;
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
  readonly #batches = new Map<string, Map<string, MemoryUser>>();

  async addUsers(batch: string, emailAddresses: readonly string[]): Promise<void> {
    const users = this.#batches.get(batch) ?? new Map<string, MemoryUser>();
    this.#batches.set(batch, users);
    for (const emailAddress of emailAddresses) {
      const key = emailKey(emailAddress);
      if (users.has(key)) continue;
      const record = newUser(emailAddress);
      users.set(key, { record, queuedAt: this.#now(), fence: 0, lease: undefined, folders: [] });
    }
  }

  async *listUsers(batch: string): AsyncGenerator<UserRecord> {
    for (const { record } of this.#batches.get(batch)?.values() ?? []) yield record;
  }

  async queueUsers(batch: string): Promise<void> {
    const now = this.#now();
    for (const user of this.#batches.get(batch)?.values() ?? []) {
      if (isHeld(user, now) || (user.record.status === "Queued" && !user.lease)) continue;
      user.lease = undefined;
      user.queuedAt = now;
      user.record = changedUser(user.record, { status: "Queued", error: null });
    }
  }

  async claimUser(batch: string, { worker, leaseMs, endpoint, cap }: Claim): Promise<Lease | undefined> {
    const now = this.#now();
    if (this.#leasesOf(endpoint, now) >= cap) return undefined;
    for (const user of this.#batches.get(batch)?.values() ?? []) {
      if (user.lease ? isHeld(user, now) : user.record.status !== "Queued") continue;
      user.record = claimedUser(user.record, user.queuedAt, now);
      user.queuedAt = undefined;
      user.fence += 1;
      user.lease = { worker, endpoint, leaseMs, until: now + leaseMs };
      return { batch, emailAddress: user.record.emailAddress, worker, fence: user.fence, user: user.record };
    }
    return undefined;
  }

  async renewLease(lease: Lease): Promise<void> {
    const { lease: held } = this.#held(lease);
    held.until = this.#now() + held.leaseMs;
  }

  async updateUser(lease: Lease, change: UserChange): Promise<void> {
    const { user } = this.#held(lease);
    user.record = changedUser(user.record, change);
    user.queuedAt = user.record.status === "Queued" ? this.#now() : undefined;
  }

  async releaseUser(lease: Lease, change: UserChange): Promise<void> {
    await this.updateUser(lease, change);
    this.#held(lease).user.lease = undefined;
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

  async listFolders(batch: string, emailAddress: string): Promise<FolderRecord[]> {
    return this.#foldersOf(batch, emailAddress).map(({ name, path, target, uidValidity, page }) => ({
      name,
      source: path,
      ...(target && {
        target: target.path,
        targetFolder: { name: target.name, uidValidity: target.uidValidity },
      }),
      uidValidity,
      books: page.books,
      ...(page.syncPoint && { syncPoint: page.syncPoint }),
    }));
  }

  async *listItems(batch: string, emailAddress: string, kinds: readonly OutcomeKind[]): AsyncGenerator<ItemRecord> {
    const address = this.#batches.get(batch)?.get(emailKey(emailAddress))?.record.emailAddress ?? emailAddress;
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
    const held = [...(folder?.outcomes.values() ?? [])].filter(isAtTarget);
    yield* held.sort((one, other) => one.uid - other.uid).map(heldRecord);
  }

  async close(): Promise<void> {}

  #foldersOf(batch: string, emailAddress: string): readonly MemoryFolder[] {
    return this.#batches.get(batch)?.get(emailKey(emailAddress))?.folders ?? [];
  }

  #leasesOf(endpoint: string, now: number): number {
    let leases = 0;
    for (const users of this.#batches.values()) {
      for (const user of users.values()) if (user.lease?.endpoint === endpoint && isHeld(user, now)) leases += 1;
    }
    return leases;
  }

  #held({ batch, emailAddress, worker, fence }: Lease) {
    const user = this.#batches.get(batch)?.get(emailKey(emailAddress));
    if (user?.lease?.worker !== worker || user.fence !== fence) throw leaseLost();
    return { user, lease: user.lease };
  }
}

function isHeld({ lease }: MemoryUser, now: number): boolean {
  return lease !== undefined && lease.until > now;
}

class MemoryJournal implements FolderJournal {
  readonly renumbered: boolean;
  readonly #folder: MemoryFolder;
  readonly #opened: number;
  readonly #checkLease: () => void;

  constructor(folder: MemoryFolder, renumbered: boolean, checkLease: () => void) {
    this.renumbered = renumbered;
    this.#folder = folder;
    this.#opened = ++folder.opened;
    this.#checkLease = checkLease;
  }

  get highestUid(): number {
    return this.#folder.page.highestUid;
  }

  get settledCount(): number {
    return this.#folder.page.settledCount;
  }

  get doubts(): readonly Doubt[] {
    return this.#folder.page.doubts;
  }

  get syncPoint(): SyncPoint | undefined {
    return this.#folder.page.syncPoint;
  }

  get failedUids(): readonly number[] {
    return this.#folder.page.failedUids;
  }

  isSettled(uid: number): boolean {
    return this.#folder.page.isSettled(uid);
  }

  async idsAtTarget(): Promise<Map<number, string | undefined>> {
    const there = [...this.#folder.outcomes.values()].filter(isAtTarget);
    return new Map(there.map(({ uid, id }) => [uid, id]));
  }

  async begin(messages: readonly BegunMessage[], target: BeginTarget): Promise<void> {
    const { page } = this.#writable();
    const unsettled = page.unsettled(messages);
    if (unsettled.length === 0) return;
    const { name, path, uidValidity } = target;
    this.#folder.target = { name, path, uidValidity };
    page.addGroup(++this.#folder.groups, unsettled, target);
  }

  async settle(outcomes: readonly Outcome[]): Promise<void> {
    const { page, outcomes: kept } = this.#writable();
    const settlement = page.settlement(outcomes);
    for (const outcome of settlement.written) kept.set(outcome.uid, outcome);
    page.apply(settlement);
  }

  async finish(found: number, syncPoint: SyncPoint): Promise<void> {
    this.#writable().page.finish(found, syncPoint);
  }

  books(): Books {
    return this.#folder.page.books;
  }

  #writable(): MemoryFolder {
    this.#checkLease();
    if (this.#folder.opened !== this.#opened) throw journalReopened();
    return this.#folder;
  }
}
