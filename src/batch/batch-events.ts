import type { MigrationEvents } from "../events.js";
import { GuardedEmitter } from "../guarded-emitter.js";

/** @inline */
export type EventName = keyof MigrationEvents & string;
/** What an event carries beside the batch and the number. */
export type EventBody<Name extends EventName> = Omit<MigrationEvents[Name][0], "batch" | "sequence">;

/** The events of one batch: numbered, each with the batch's name. */
export class BatchEvents {
  readonly emitter: GuardedEmitter<MigrationEvents>;
  readonly #batch: string;
  #sequence = 0;

  constructor(batch: string) {
    this.#batch = batch;
    this.emitter = new GuardedEmitter<MigrationEvents>((event, error) => {
      if (event !== "listener:failed") this.tell("listener:failed", { event, error });
    });
  }

  /** Bound: it is handed on by itself. */
  readonly tell = <Name extends EventName>(event: Name, body: EventBody<Name>): void => {
    this.#sequence += 1;
    // Omit and the two members make the payload again, which TypeScript cannot see through a type parameter.
    const payload = [{ ...body, batch: this.#batch, sequence: this.#sequence }] as unknown as MigrationEvents[Name];
    this.emitter.emit(event, ...payload);
  };
}
