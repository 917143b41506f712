import type { Outcome } from "../outcome.js";
import type { Lease, MigrationStore } from "../store/migration-store.js";

/** Which messages of a mailbox the target has, by the id that each has in every folder of the source. */
export class HeldMessages {
  readonly ids: ReadonlySet<string>;
  readonly #ids: Set<string>;

  private constructor(ids: Set<string>) {
    this.#ids = ids;
    this.ids = ids;
  }

  /** With those of all passes before. */
  static async load(store: MigrationStore, { batch, emailAddress }: Lease): Promise<HeldMessages> {
    const ids = new Set<string>();
    for await (const id of store.listEmailIds(batch, emailAddress)) ids.add(id);
    return new HeldMessages(ids);
  }

  /** What became of messages, once it is durable. */
  add(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const isHeld = outcome.kind === "copied" || outcome.kind === "alreadyThere";
      if (isHeld && outcome.emailId !== undefined) this.#ids.add(outcome.emailId);
    }
  }
}
