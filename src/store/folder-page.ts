import { UidSet } from "../mail/uid-set.js";
import type { Books, Outcome } from "../outcome.js";
import type { BeginTarget, BegunMessage, Doubt, PageTarget, SyncPoint } from "./migration-store.js";

/** A row of the store for one call of `begin`. */
export interface BegunGroup extends Doubt {
  readonly id: number;
}

/** What a call of `settle` changes. */
export interface Settlement {
  /** The outcomes that are new, or better than the `failed` there was. */
  readonly written: readonly Outcome[];
  readonly books: Books;
  /** The groups that lose messages, with those that stay in doubt. */
  readonly groups: readonly BegunGroup[];
}

/** What is kept in memory of one source folder under one UIDVALIDITY, beside its store. */
export class FolderPage {
  books: Books;
  syncPoint: SyncPoint | undefined;
  target: PageTarget | undefined;
  readonly #settled = new UidSet();
  readonly #failed = new Set<number>();
  readonly #groups = new Map<number, BegunGroup>();
  #highestSettled = 0;

  constructor(books: Books, syncPoint?: SyncPoint, target?: PageTarget) {
    this.books = books;
    this.syncPoint = syncPoint;
    this.target = target;
  }

  isSettled(uid: number): boolean {
    return this.#settled.has(uid);
  }

  get settledCount(): number {
    return this.#settled.size;
  }

  get highestUid(): number {
    let highest = this.#highestSettled;
    for (const { messages } of this.#groups.values()) {
      for (const { uid } of messages) highest = Math.max(highest, uid);
    }
    return highest;
  }

  get failedUids(): readonly number[] {
    return [...this.#failed].sort((one, other) => one - other);
  }

  get doubts(): readonly Doubt[] {
    return [...this.#groups.values()].map(({ messages, target }) => ({ messages, target }));
  }

  /** The messages that `begin` has to keep: those that have no outcome which stands. */
  unsettled(messages: readonly BegunMessage[]): BegunMessage[] {
    return messages
      .filter(({ uid }) => !this.#settled.has(uid))
      .map(({ uid, size, internalDate }) => ({ uid, size, internalDate }));
  }

  /** Whether the ids that are known would be of another folder, or of another UIDVALIDITY, than those told from now on. */
  forgetsIds({ name, uidValidity }: BeginTarget): boolean {
    return this.target !== undefined && (this.target.name !== name || this.target.uidValidity !== uidValidity);
  }

  /** Nothing is kept of an empty group but its target. */
  addGroup(id: number, messages: readonly BegunMessage[], target: BeginTarget): void {
    const { name, path, uidValidity, uidNext } = target;
    this.target = { name, path, uidValidity };
    if (messages.length === 0) return;
    this.#groups.set(id, { id, messages, target: { name, path, uidValidity, uidNext } });
  }

  addFailed(uid: number): void {
    this.#failed.add(uid);
  }

  addStanding(uid: number): void {
    this.#failed.delete(uid);
    this.#settled.add(uid);
    this.#highestSettled = Math.max(this.#highestSettled, uid);
  }

  settlement(outcomes: readonly Outcome[]): Settlement {
    const written = new Map<number, Outcome>();
    const books = { ...this.books };
    for (const outcome of outcomes) {
      const before = written.get(outcome.uid)?.kind ?? this.#kind(outcome.uid);
      if (before !== undefined && before !== "failed") continue;
      if (before === "failed") books.failed -= 1;
      enter(outcome, books);
      written.set(outcome.uid, outcome);
    }
    return { written: [...written.values()], books, groups: this.#groupsWithout(outcomes) };
  }

  /** To be called once the settlement is durable. */
  apply({ written, books, groups }: Settlement): void {
    this.books = books;
    for (const { uid, kind } of written) {
      if (kind === "failed") this.addFailed(uid);
      else this.addStanding(uid);
    }
    for (const group of groups) {
      if (group.messages.length > 0) this.#groups.set(group.id, group);
      else this.#groups.delete(group.id);
    }
  }

  finish(found: number, { uidNext, messages, highestModSeq, flags }: SyncPoint): void {
    this.books = { ...this.books, found };
    const point = { uidNext, messages, ...(highestModSeq !== undefined && { highestModSeq }) };
    this.syncPoint = { ...point, ...(flags && { flags }) };
  }

  #kind(uid: number): "standing" | "failed" | undefined {
    if (this.#settled.has(uid)) return "standing";
    return this.#failed.has(uid) ? "failed" : undefined;
  }

  #groupsWithout(outcomes: readonly Outcome[]): BegunGroup[] {
    const uids = new Set(outcomes.map(({ uid }) => uid));
    const smaller: BegunGroup[] = [];
    for (const group of this.#groups.values()) {
      const messages = group.messages.filter(({ uid }) => !uids.has(uid));
      if (messages.length < group.messages.length) smaller.push({ ...group, messages });
    }
    return smaller;
  }
}

function enter(outcome: Outcome, books: { -readonly [Count in keyof Books]: Books[Count] }): void {
  books[outcome.kind] += 1;
  if (outcome.kind !== "copied") return;
  books.octetsCopied += outcome.size;
  if (outcome.uncertain) books.uncertain += 1;
}
