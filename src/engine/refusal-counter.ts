import { MigrationError } from "../errors.js";

const MOST_IN_A_ROW = 10;

/** Stops a mailbox whose target refuses message after message: that is no fault of the messages. */
export class RefusalCounter {
  #inARow = 0;

  accepted(): void {
    this.#inARow = 0;
  }

  /** @throws MigrationError `too-many-refusals` at the tenth in a row */
  refused(refusal: MigrationError): void {
    this.#inARow += 1;
    if (this.#inARow < MOST_IN_A_ROW) return;
    throw new MigrationError(
      "too-many-refusals",
      `The target refused ${this.#inARow} messages in a row, the last with: ${refusal.message}`,
      { cause: refusal },
    );
  }
}
