import {
  addVerificationCounts,
  noVerificationCounts,
  type VerificationCounts,
  type VerificationItem,
} from "../../verification.js";

const ITEMS_PER_USER = 1_000;
const ITEMS_PER_REPORT = 100_000;

/** How many items a report may still hold: every one that is kept costs memory until the end. */
export class ItemRoom {
  #left = ITEMS_PER_REPORT;

  /** Of these, those that find room beside the `kept` ones of the same user. */
  take(items: readonly VerificationItem[], kept: number): VerificationItem[] {
    const taken = items.slice(0, Math.max(0, Math.min(this.#left, ITEMS_PER_USER - kept)));
    this.#left -= taken.length;
    return taken;
  }
}

/** Counts and itemises what is found in one folder, or in one mailbox. */
export class VerificationTally {
  counts: VerificationCounts = noVerificationCounts;
  /** The first ones only; `counts` has them all. */
  readonly items: VerificationItem[] = [];

  count(some: Partial<VerificationCounts>): void {
    this.counts = addVerificationCounts(this.counts, { ...noVerificationCounts, ...some });
  }

  /** `damaged`: no server is known to do that. */
  add(item: VerificationItem, damaged = false): void {
    this.count({ [item.kind]: 1, ...(damaged && { damaged: 1 }) });
    if (this.items.length < ITEMS_PER_USER) this.items.push(item);
  }

  merge(other: VerificationTally, room: ItemRoom): void {
    this.count(other.counts);
    this.items.push(...room.take(other.items, this.items.length));
  }
}
