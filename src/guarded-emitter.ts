import { EventEmitter } from "eventemitter3";

type Listener<Payload extends unknown[]> = (...payload: Payload) => unknown;

/** Events whose listeners can do no harm: one that throws or rejects is reported and stops neither us nor the others. */
export class GuardedEmitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #emitter = new EventEmitter();
  readonly #guards = new Map<keyof Events, Map<unknown, Listener<unknown[]>>>();
  readonly #onFault: (event: keyof Events, error: unknown) => void;

  constructor(onFault: (event: keyof Events, error: unknown) => void) {
    this.#onFault = onFault;
  }

  on<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): void {
    this.#emitter.on(event, this.#guarded(event, listener));
  }

  once<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): void {
    this.#emitter.once(event, this.#guarded(event, listener));
  }

  off<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): void {
    const guard = this.#guards.get(event)?.get(listener);
    if (guard) this.#emitter.off(event, guard);
  }

  emit<Name extends keyof Events & string>(event: Name, ...payload: Events[Name]): void {
    this.#emitter.emit(event, ...payload);
  }

  #guarded<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): Listener<unknown[]> {
    const guards = this.#guards.get(event) ?? new Map<unknown, Listener<unknown[]>>();
    this.#guards.set(event, guards);
    const known = guards.get(listener);
    if (known) return known;
    const guard = async (...payload: unknown[]) => {
      try {
        // The emitter passes on what `emit` was given, and that is typed there.
        await listener(...(payload as Events[Name]));
      } catch (error) {
        await undefined; // the other listeners get the event before they hear of the failure
        this.#onFault(event, error);
      }
    };
    guards.set(listener, guard);
    return guard;
  }
}
