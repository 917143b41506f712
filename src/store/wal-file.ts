import { close, fdatasync, open } from "node:fs";
import { promisify } from "node:util";

const openFile = promisify(open);
const syncFile = promisify(fdatasync);
const closeFile = promisify(close);

/**
 * The write-ahead log of a SQLite database, opened beside SQLite to flush it on a thread of libuv's pool: SQLite itself
 * would flush it on the only thread that JavaScript has.
 *
 * With `synchronous = NORMAL` a COMMIT appends its frames to the log and does not flush it; frames are in the order of
 * their commits and each is checksummed (sqlite.org/pragma.html#pragma_synchronous, sqlite.org/fileformat2.html section 4).
 * Whatever was committed before `sync` is called is therefore durable once it resolves.
 *
 * Closing a file drops all POSIX locks that the process has on it (sqlite.org/howtocorrupt.html section 2.2). The log
 * carries none: SQLite's lock is on the database file, which must never be opened here.
 */
export class WalFile {
  /** A plain descriptor: a FileHandle that nobody closed would become a warning when it is garbage-collected. */
  readonly #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** The log that SQLite has open, or undefined where it cannot be opened a second time. */
  static async open(path: string): Promise<WalFile | undefined> {
    try {
      return new WalFile(await openFile(path, "r+")); // Windows flushes no file that was opened for reading only
    } catch {
      return undefined;
    }
  }

  /** On macOS libuv flushes the disk's cache as well (F_FULLFSYNC). */
  sync(): Promise<void> {
    return syncFile(this.#descriptor);
  }

  async close(): Promise<void> {
    await closeFile(this.#descriptor).catch(() => {}); // what it was to say of the log, `sync` has said
  }
}
