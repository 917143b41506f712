import type { TargetFolder } from "../mail/folder.js";
import type { MessageHead } from "../mail/message.js";
import type { Outcome } from "../outcome.js";
import type { FolderRun } from "./folder-run.js";
import { alreadyThere } from "./reconcile.js";
import { look, occupiedIds } from "./target-look.js";

/**
 * Recognises what the target holds already, in a first pass over a folder: another tool copied it, the ledger was lost, or
 * the source has given its messages other UIDs. The target's folder is read once, however many parts the source's is
 * listed in.
 */
export class Adoption {
  readonly #run: FolderRun;
  readonly #folder: TargetFolder;
  readonly #snapshot = {};
  #taken: Set<string> | undefined;

  /** Undefined where the target holds nothing that the ledger does not know. */
  static of(run: FolderRun, folder: TargetFolder): Adoption | undefined {
    const { journal } = run;
    const { copied, alreadyThere: known } = journal.books();
    const isFirst = !journal.syncPoint?.uidNext || journal.renumbered;
    return isFirst && folder.messages > copied + known ? new Adoption(run, folder) : undefined;
  }

  private constructor(run: FolderRun, folder: TargetFolder) {
    this.#run = run;
    this.#folder = folder;
  }

  /** Which of these messages are there, so that only what is missing is copied; where that cannot be told, see `reconcile`. */
  async adopt(heads: readonly MessageHead[]): Promise<Outcome[]> {
    const { uncertain } = this.#run;
    const outcomes: Outcome[] = [];
    const where = { folder: this.#folder, snapshot: this.#snapshot };
    this.#taken ??= await occupiedIds(this.#run, this.#folder, where);
    if (!this.#taken) {
      for (const { uid } of heads) uncertain.add(uid);
      return outcomes;
    }
    for (const id of (await this.#run.moved?.idsIn(this.#folder, heads)) ?? []) this.#taken.add(id);
    const { unsure } = await look(this.#run, heads, { ...where, taken: this.#taken }, (head, there) =>
      outcomes.push(alreadyThere(this.#run, head, there)),
    );
    for (const uid of unsure) uncertain.add(uid);
    return outcomes;
  }
}
