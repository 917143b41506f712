import assert from "node:assert/strict";
import type { MigrationErrorCode } from "../errors.js";
import { MigrationError } from "../errors.js";
import type { SourceFolder } from "../mail/folder.js";
import type { Copied, Failed, Outcome } from "../outcome.js";
import type {
  BeginTarget,
  BegunMessage,
  Claim,
  FolderJournal,
  Lease,
  MigrationStore,
} from "../store/migration-store.js";

/** A store under test; the caller of the suite closes what it opened. */
export interface OpenedStore {
  readonly store: MigrationStore;
  /** What the next process finds: the same ledger, opened anew. */
  reopen(): Promise<MigrationStore>;
}

/** Opens a store that nobody used before. */
export type OpenStore = () => Promise<OpenedStore>;

export const BATCH = "IMAPBatch1";

const HOUR_MS = 3_600_000;

export function claimOf(change: Partial<Claim> = {}): Claim {
  return { worker: "worker-1", leaseMs: HOUR_MS, endpoint: "IMAPEndpoint", cap: 100, ...change };
}

/** A lease on the next user. */
export async function claimed(store: MigrationStore, batch = BATCH, change: Partial<Claim> = {}): Promise<Lease> {
  const lease = await store.claimUser(batch, claimOf(change));
  assert.ok(lease, "a user can be claimed");
  return lease;
}

export function sourceFolder(name: string, uidValidity = 7): SourceFolder {
  return { name, levels: name.split("/"), selectable: true, uidValidity, uidNext: 1, messages: 0 };
}

/** A store with one user, a lease on it and the journal of its INBOX. */
export async function openInbox(open: OpenStore) {
  const { store, reopen } = await open();
  await store.addUsers(BATCH, ["terry.adams@contoso.com"]);
  const lease = await claimed(store);
  const journal = await store.openJournal(lease, sourceFolder("INBOX"));
  /** The same journal as the next process finds it. */
  const resume = async (): Promise<FolderJournal> => {
    const next = await reopen();
    await next.queueUsers(BATCH);
    const held = await next.claimUser(BATCH, claimOf({ worker: "worker-2" }));
    return next.openJournal(held ?? lease, sourceFolder("INBOX"));
  };
  return { store, reopen, lease, journal, resume };
}

export const target: BeginTarget = { name: "INBOX", path: "INBOX", uidValidity: 99, uidNext: 501 };

export function begun(...uids: number[]): BegunMessage[] {
  return uids.map((uid) => ({ uid, size: 100 + uid, internalDate: 1_600_000_000_000 + uid }));
}

export function copied(uid: number, change: Partial<Copied> = {}): Copied {
  return { uid, kind: "copied", size: 1000, id: String(uid + 500), sha256: new Uint8Array(32).fill(uid), ...change };
}

export function failed(uid: number, change: Partial<Failed> = {}): Failed {
  return { uid, kind: "failed", size: 30, code: "message-unreadable", reason: "no such part", ...change };
}

/** One message of each kind, from UID 1 on in the order of the reports. */
export const oneOfEach: readonly Outcome[] = [
  copied(1),
  { uid: 2, kind: "alreadyThere", size: 20, id: "77" },
  { uid: 3, kind: "skipped", size: 30, rule: "too-large" },
  {
    uid: 4,
    kind: "refused",
    size: 40,
    code: "message-refused",
    reason: "Ünknown encoding ✗",
    internalDate: -86_400_000,
  },
  failed(5),
  { uid: 6, kind: "vanished", size: 60 },
];

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export async function rejectsWith(code: MigrationErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(MigrationError.is(error), `a MigrationError, not ${error}`);
    assert.equal(error.code, code);
    return true;
  });
}
