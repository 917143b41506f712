import { abortable } from "../abortable.js";
import { MigrationError } from "../errors.js";
import type { MessageContent } from "../mail/message.js";

/** Room for the octets of messages; who asks first gets first. */
export class OctetBudget {
  readonly #limit: number;
  readonly #waiting: { readonly octets: number; readonly enter: () => void }[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Resolves when there is room, with what gives it back. One message that is larger than all there is gets it alone.
   * Rejects with the signal's reason.
   */
  async reserve(octets: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#hasRoom(octets)) await this.#turn(octets, signal);
    else this.#taken += octets;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#taken -= octets;
      this.#admit();
    };
  }

  #hasRoom(octets: number): boolean {
    return this.#taken === 0 || this.#taken + octets <= this.#limit;
  }

  #turn(octets: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        this.#admit();
        reject(signal.reason);
      };
      const waiting = {
        octets,
        enter: () => {
          signal.removeEventListener("abort", onAbort);
          this.#taken += octets;
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #admit(): void {
    for (let [next] = this.#waiting; next && this.#hasRoom(next.octets); [next] = this.#waiting) {
      this.#waiting.shift();
      next.enter();
    }
  }
}

/**
 * What all Graph targets of this process may hold of messages. An upload session wants the size of a decoded attachment
 * before its first octet, so a message is held as a whole; decoding needs no second room.
 */
export const messageMemory = new OctetBudget(256 * 1024 * 1024);

/**
 * Reads a content to its end, into one piece of memory.
 * @throws MigrationError `connection-lost` where it ended early; the signal's reason
 */
export async function readContent(content: MessageContent, signal: AbortSignal): Promise<Buffer> {
  const octets = Buffer.allocUnsafe(content.size);
  let length = 0;
  const chunks = content[Symbol.asyncIterator]();
  while (true) {
    const step = await abortable(signal, () => chunks.next()).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw brokeOff(cause);
    });
    if (step.done) break;
    if (length + step.value.length > octets.length) throw brokeOff(undefined);
    octets.set(step.value, length);
    length += step.value.length;
  }
  if (length !== octets.length) throw brokeOff(undefined);
  return octets;
}

/** Nothing of it was sent, but the source has to be opened again. */
function brokeOff(cause: unknown): MigrationError {
  if (MigrationError.is(cause) && cause.code === "aborted") return cause;
  return new MigrationError("connection-lost", "The message broke off while it was read", { cause });
}
