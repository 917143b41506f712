import { MigrationError } from "../errors.js";
import type { Flag } from "../mail/flags.js";
import type { TargetFolder } from "../mail/folder.js";
import type { ImapTarget } from "./imap-target.js";

/** Messages that wait for their flag before it is set although appends go on: half of the least window there is. */
const MOST_WAITING = 8;

/** A message that is stored, without its `\Flagged` yet. */
interface Waiting {
  readonly folder: TargetFolder;
  readonly uid: number;
  /** Every flag that it should have in the end. */
  readonly wanted: readonly Flag[];
  resolve(areKept: boolean): void;
  reject(error: MigrationError): void;
}

/**
 * Sets `\Flagged` on messages after they were appended: many in one `UID STORE`, when no append is under way any more or
 * enough messages wait.
 */
export class FlaggingRun {
  readonly #target: ImapTarget;
  #waiting: Waiting[] = [];
  #underWay = 0;

  constructor(target: ImapTarget) {
    this.#target = target;
  }

  /** An append begins. */
  begun(): void {
    this.#underWay += 1;
  }

  /** An append was answered. True when no other is under way. */
  ended(): boolean {
    this.#underWay -= 1;
    if (this.#underWay === 0 || this.#waiting.length >= MOST_WAITING) this.#flush();
    return this.#underWay === 0;
  }

  /**
   * Resolves when the server has said that the message has its flag; with false where it says that it takes it not.
   * @throws MigrationError where nobody knows whether it has it
   */
  flag(folder: TargetFolder, uid: number, wanted: readonly Flag[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ folder, uid, wanted, resolve, reject });
    });
  }

  #flush(): void {
    const byFolder = new Map<string, Waiting[]>();
    for (const one of this.#waiting) {
      const run = byFolder.get(one.folder.name);
      if (run) run.push(one);
      else byFolder.set(one.folder.name, [one]);
    }
    this.#waiting = [];
    for (const run of byFolder.values()) void this.#store(run);
  }

  async #store(run: readonly Waiting[]): Promise<void> {
    const [first] = run;
    if (!first) return;
    const uids = run.map(({ uid }) => uid).sort((one, other) => one - other);
    try {
      const told = await this.#target.addFlags(first.folder, uids, ["\\Flagged"]);
      for (const { uid, wanted, resolve } of run) resolve(hasAll(told.get(uid), wanted));
    } catch (cause) {
      const error = MigrationError.from(cause);
      for (const { resolve, reject } of run) {
        // The server heard the command and said no: the messages stand there, without the flag.
        if (error.code === "access-denied") resolve(false);
        else reject(error);
      }
    }
  }
}

/** A server that says nothing of the message has said OK. */
function hasAll(told: ReadonlySet<Flag> | undefined, wanted: readonly Flag[]): boolean {
  if (!told) return true;
  const names = new Set([...told].map((flag) => flag.toLowerCase()));
  return wanted.every((flag) => names.has(flag.toLowerCase()));
}
