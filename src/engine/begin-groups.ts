import type { TargetFolder } from "../mail/folder.js";
import type { MessageHead } from "../mail/message.js";
import { UidSet } from "../mail/uid-set.js";
import type { FolderJournal } from "../store/migration-store.js";

/** Messages and octets that are begun together: one durable write, and the doubt that a crash leaves. */
const GROUP_MESSAGES = 256;
const GROUP_OCTETS = 32 * 1024 * 1024;

/** Begins messages in the order of the plan, a group at a time, each just before its first message is appended. */
export class BeginGroups {
  readonly #journal: FolderJournal;
  readonly #target: TargetFolder;
  readonly #begun = new UidSet();
  readonly #resized = new Set<number>();
  #planned: readonly MessageHead[] = [];
  #next = 0;
  /** No message appended from now on gets a UID below this: the target has given out all lower ones. */
  #uidNext: number;

  constructor(journal: FolderJournal, target: TargetFolder) {
    this.#journal = journal;
    this.#target = target;
    this.#uidNext = target.uidNext;
  }

  /** The messages to come, in ascending UID order. */
  plan(heads: readonly MessageHead[]): void {
    this.#planned = heads;
    this.#next = 0;
  }

  isBegun(uid: number): boolean {
    return this.#begun.has(uid) && !this.#resized.has(uid);
  }

  /** The listing named a wrong size: once the message is planned with the right one, it is begun with that. */
  resized(uid: number): void {
    this.#resized.add(uid);
  }

  /** The target holds a message under this id: later ones stand above it. */
  appended(id: string | undefined): void {
    if (this.#target.uidValidity === 0 || id === undefined) return;
    this.#uidNext = Math.max(this.#uidNext, Number(id) + 1);
  }

  /** Begins the group that `uid` stands in; durable when it resolves. */
  async begin(uid: number): Promise<void> {
    const group: MessageHead[] = [];
    let octets = 0;
    while (this.#next < this.#planned.length) {
      const head = this.#planned[this.#next];
      if (!head || (head.uid > uid && (group.length >= GROUP_MESSAGES || octets + head.size > GROUP_OCTETS))) break;
      this.#next += 1;
      // Those before `uid` did not come, and need no beginning.
      if (head.uid < uid || this.isBegun(head.uid)) continue;
      group.push(head);
      octets += head.size;
    }
    await this.#journal.begin(
      group.map((head) => ({ uid: head.uid, size: head.size, internalDate: head.internalDate.getTime() })),
      { ...this.#target, uidNext: this.#uidNext },
    );
    for (const { uid } of group) {
      this.#begun.add(uid);
      this.#resized.delete(uid);
    }
  }
}
