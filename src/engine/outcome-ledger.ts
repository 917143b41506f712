import type { MessageHead } from "../mail/message.js";
import type { Outcome } from "../outcome.js";
import type { FolderJournal } from "../store/migration-store.js";
import type { Clock } from "./clock.js";

/** Outcomes that wait together for one durable write: losing them costs only a look (reliability, "settle"). */
const GROUP_SIZE = 256;
const GROUP_AGE_MS = 1_000;

/** Writes outcomes into a folder's journal in groups, and tells of them only when they are durable. */
export class OutcomeLedger {
  readonly #journal: FolderJournal;
  readonly #clock: Clock;
  readonly #onDurable: (outcomes: readonly Outcome[]) => void;
  #waiting: Outcome[] = [];
  #lastWrite: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(journal: FolderJournal, clock: Clock, onDurable: (outcomes: readonly Outcome[]) => void) {
    this.#journal = journal;
    this.#clock = clock;
    this.#onDurable = onDurable;
    this.#lastWrite = clock.now();
  }

  /** `head`: whose date is kept with the outcome of a message that did not arrive. */
  add(outcome: Outcome, head?: MessageHead): void {
    const internalDate = head?.internalDate.getTime() ?? Number.NaN;
    this.#waiting.push(Number.isNaN(internalDate) ? outcome : { ...outcome, internalDate });
    const due = this.#waiting.length >= GROUP_SIZE || this.#clock.now() - this.#lastWrite >= GROUP_AGE_MS;
    if (due) this.#writeUnobserved();
  }

  /** Writes everything added, and waits only for what was being written before: a failure is told by the next flush. */
  flushBehind(): Promise<void> {
    const before = this.#writing;
    this.#writeUnobserved();
    return before;
  }

  /** Everything added is durable when it resolves. */
  flush(): Promise<void> {
    return this.#write();
  }

  #writeUnobserved(): void {
    this.#write().catch(() => {}); // a failure stays in #writing, where the next flush finds it
  }

  #write(): Promise<void> {
    const outcomes = this.#waiting;
    this.#waiting = [];
    this.#lastWrite = this.#clock.now();
    this.#writing = this.#writing.then(async () => {
      if (outcomes.length === 0) return;
      await this.#journal.settle(outcomes);
      this.#onDurable(outcomes);
    });
    return this.#writing;
  }
}
