import type { Books, Outcome } from "../outcome.js";
import type { FolderPage } from "./folder-page.js";
import { heldFlags, heldRecord, isAtTarget, isHeldHere } from "./item-record.js";
import type {
  BeginTarget,
  BegunMessage,
  Doubt,
  FolderJournal,
  HeldFlags,
  HeldRecord,
  KeptFlags,
  PageTarget,
  SyncPoint,
} from "./migration-store.js";
import { journalReopened } from "./user-record.js";

export interface MemoryFolder {
  readonly name: string;
  readonly path: string;
  uidValidity: number;
  readonly page: FolderPage;
  readonly outcomes: Map<number, Outcome>;
  groups: number;
  /** How often its journal was opened; only the last one writes. */
  opened: number;
}

export class MemoryJournal implements FolderJournal {
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

  get target(): PageTarget | undefined {
    return this.#folder.page.target;
  }

  get failedUids(): readonly number[] {
    return this.#folder.page.failedUids;
  }

  isSettled(uid: number): boolean {
    return this.#folder.page.isSettled(uid);
  }

  async idsAtTarget(): Promise<Map<number, string | undefined>> {
    const there = [...this.#folder.outcomes.values()].filter(isHeldHere);
    return new Map(there.map(({ uid, id }) => [uid, id]));
  }

  async newestAtTarget(most: number): Promise<HeldRecord[]> {
    const there = [...this.#folder.outcomes.values()].filter(isHeldHere);
    return there
      .sort((one, other) => other.uid - one.uid)
      .slice(0, most)
      .map(heldRecord);
  }

  async begin(messages: readonly BegunMessage[], target: BeginTarget): Promise<void> {
    const { page, outcomes } = this.#writable();
    const unsettled = page.unsettled(messages);
    if (unsettled.length === 0 && messages.length > 0) return;
    if (page.forgetsIds(target)) {
      for (const [uid, outcome] of outcomes) {
        if (!isHeldHere(outcome)) continue;
        const { id: _, ...rest } = outcome;
        outcomes.set(uid, rest);
      }
    }
    page.addGroup(++this.#folder.groups, unsettled, target);
  }

  async settle(outcomes: readonly Outcome[]): Promise<void> {
    const { page, outcomes: kept } = this.#writable();
    const settlement = page.settlement(outcomes);
    for (const outcome of settlement.written) kept.set(outcome.uid, outcome);
    page.apply(settlement);
  }

  async heldFlags(uids: readonly number[]): Promise<Map<number, HeldFlags>> {
    const held = new Map<number, HeldFlags>();
    for (const uid of uids) {
      const outcome = this.#folder.outcomes.get(uid);
      if (outcome && isAtTarget(outcome)) held.set(uid, heldFlags(outcome));
    }
    return held;
  }

  async keepFlags(flags: ReadonlyMap<number, KeptFlags>): Promise<void> {
    const { outcomes } = this.#writable();
    for (const [uid, kept] of flags) {
      const outcome = outcomes.get(uid);
      if (!outcome || !isAtTarget(outcome)) continue;
      const { inDoubt: _, ...rest } = outcome;
      outcomes.set(uid, { ...rest, flags: [...kept.flags], ...(kept.inDoubt && { inDoubt: [...kept.inDoubt] }) });
    }
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
