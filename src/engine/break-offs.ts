import type { SourceFolder } from "../mail/folder.js";

/** How often a message may break off before it counts as one that the source cannot deliver. */
const MOST = 3;

/**
 * Counts how often each message broke off at the source, over all attempts at a mailbox: where that costs the
 * connection to the target, only the attempts together tell that it is always the same message.
 */
export class BreakOffs {
  readonly #times = new Map<string, number>();

  note(folder: SourceFolder, uid: number): void {
    this.#times.set(keyOf(folder, uid), this.#timesOf(folder, uid) + 1);
  }

  isHopeless(folder: SourceFolder, uid: number): boolean {
    return this.#times.size > 0 && this.#timesOf(folder, uid) >= MOST;
  }

  #timesOf(folder: SourceFolder, uid: number): number {
    return this.#times.get(keyOf(folder, uid)) ?? 0;
  }
}

function keyOf({ name, uidValidity }: SourceFolder, uid: number): string {
  return `${uid} ${uidValidity} ${name}`;
}
