import { MigrationError } from "../errors.js";
import { Turns } from "./turns.js";

/** A clock of ours and one of the service may differ by so much, and a call may take so long. */
const TIME_OF_CALL_MS = 10 * 60_000;

/** Whether the received date that an import got can stand; otherwise why not. */
export type JudgeDate = (received: Date, internalDate: Date) => MigrationError | undefined;

/**
 * importMime takes no date, and what it makes of the message's own is not documented: the first message that can show it
 * goes alone, and no other until it is known.
 */
export class ImportDates {
  readonly #first = new Turns(1);
  #isSettled: boolean;
  /** Why nothing more may go. */
  #objection: MigrationError | undefined;

  constructor(acceptWrongDates: boolean) {
    this.#isSettled = acceptWrongDates;
  }

  /**
   * Runs an import; as long as nothing is known of dates, one at a time.
   * @throws MigrationError `option-invalid` once an import has shown that dates are lost
   */
  async oneFirst<Result>(signal: AbortSignal, run: (judge: JudgeDate) => Promise<Result>): Promise<Result> {
    if (this.#isSettled) return await run(() => undefined);
    return await this.#first.take(signal, () => {
      if (this.#objection) throw this.#objection;
      return run((received, internalDate) => this.#judge(received, internalDate));
    });
  }

  #judge(received: Date, internalDate: Date): MigrationError | undefined {
    if (this.#isSettled) return undefined;
    const now = Date.now();
    const age = Math.abs(now - internalDate.getTime());
    // Mail that has only just come says nothing: both dates are now.
    if (!(age > 2 * TIME_OF_CALL_MS)) return undefined;
    if (Math.abs(now - received.getTime()) > TIME_OF_CALL_MS) {
      this.#isSettled = true;
      return undefined;
    }
    this.#objection = new MigrationError(
      "option-invalid",
      'importMime gives messages the time of the call as their received date. Use route "json", which keeps dates, or set acceptWrongDates',
    );
    return this.#objection;
  }
}
