import { MigrationError } from "../errors.js";
import type { CallFault, FaultPoint } from "./fake-faults.js";

/** One call that a fake got. */
export interface JournalEntry {
  readonly call: FaultPoint | "close";
  /** Levels joined with `/`; absent where the call is about no folder. */
  readonly folder?: string;
  /** The message of an append, by its UID at the source. */
  readonly uid?: number;
  /** The messages that a listing, a fetch or a find asked for; absent: all. */
  readonly uids?: readonly number[];
  /** How it ended: `done`, `abandoned` (an iteration left early) or the code of its error. Absent: it has not ended. */
  result?: string;
}

/** What the fakes of both ends share: being alive until the connection is lost, and a journal of the calls. */
export class FakeConnection {
  readonly #journal: JournalEntry[];
  /** How to end what is under way. */
  readonly #underWay = new Set<(error: MigrationError) => void>();
  #isLost = false;

  constructor(journal: JournalEntry[]) {
    this.#journal = journal;
  }

  /** Closes the connection for good: everything under way and every later call rejects with `connection-lost`. */
  lose(cause?: unknown): MigrationError {
    this.#isLost = true;
    const error = new MigrationError(
      "connection-lost",
      "The connection is lost.",
      cause === undefined ? {} : { cause },
    );
    for (const end of this.#underWay) end(error);
    return error;
  }

  check(signal: AbortSignal | undefined): void {
    if (signal?.aborted) throw abortedError();
    if (this.#isLost) throw new MigrationError("connection-lost", "The connection is closed.");
  }

  /** What `promise` becomes, unless the connection is lost or the caller gives up first. */
  async until<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    promise.catch(() => {}); // it may fail when nobody waits for it any more
    this.check(signal);
    let end: (error: MigrationError) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    const giveUp = (): void => end(abortedError());
    this.#underWay.add(end);
    signal?.addEventListener("abort", giveUp);
    try {
      const result = await Promise.race([promise, ended]);
      this.check(signal);
      return result;
    } finally {
      this.#underWay.delete(end);
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Waits and fails as the script says. */
  async obey(fault: Partial<CallFault>, signal: AbortSignal | undefined): Promise<void> {
    if (fault.hold !== undefined) await this.until(fault.hold, signal);
    this.check(signal);
    const { throw: code, scope, retryAfterMs } = fault;
    if (!code) return;
    if (code === "connection-lost" || code === "command-timeout") this.lose();
    throw new MigrationError(code, `The script says ${code}.`, {
      ...(scope && { scope }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }

  /** Notes a call at once, and how it ends. */
  async note<T>(entry: JournalEntry, call: () => Promise<T>): Promise<T> {
    this.#journal.push(entry);
    try {
      const result = await call();
      entry.result = "done";
      return result;
    } catch (error) {
      entry.result = MigrationError.from(error).code;
      throw error;
    }
  }

  /** The same for a call that is answered piece by piece. */
  noteEach<T>(entry: JournalEntry, pieces: AsyncIterable<T>): AsyncIterable<T> {
    this.#journal.push(entry);
    return noteEnd(entry, pieces);
  }
}

async function* noteEnd<T>(entry: JournalEntry, pieces: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  try {
    yield* pieces;
    entry.result = "done";
  } catch (error) {
    entry.result = MigrationError.from(error).code;
    throw error;
  } finally {
    entry.result ??= "abandoned";
  }
}

function abortedError(): MigrationError {
  return new MigrationError("aborted", "The host gave up.");
}
