import type { MessageContent } from "../../mail/message.js";
import type { AppendAnswer, AppendLane, AppendRequest } from "./append-lane.js";

/** A content up to this size is read before its connection can send it. */
const READ_AHEAD_OCTETS = 64 * 1024;

/**
 * Several connections to one mailbox, for servers that have to ask for every message: while one asks, the others send.
 * Each message goes to the connection that has the fewest to send. Besides the one that it sends, a connection has the
 * next one in hand, read already: the source hands out no other before.
 */
export class AppendLanes {
  readonly #lanes: readonly AppendLane[];
  /** Those that have their next message in hand. */
  readonly #provided = new Set<AppendLane>();
  #turn: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;

  constructor(lanes: readonly AppendLane[]) {
    this.#lanes = lanes;
  }

  /** @throws MigrationError as `AppendLane.append` */
  append(request: AppendRequest): Promise<AppendAnswer> {
    const [only, second] = this.#lanes;
    if (only && !second) return only.append(request);
    // One after the other: contents are read in the order of the calls.
    const begun = this.#turn.then(() => this.#begin(request));
    this.#turn = begun.then(() => {});
    return begun.then(({ answer }) => answer);
  }

  /** Resolves when a connection has it in hand; the append goes on. */
  async #begin(request: AppendRequest): Promise<{ readonly answer: Promise<AppendAnswer> }> {
    const lane = await this.#unprovided();
    this.#provided.add(lane);
    const content = new ContentInHand(request.content, () => {
      this.#provided.delete(lane);
      this.#wake?.();
    });
    return { answer: lane.append({ ...request, content }) };
  }

  /** Of those that can take one more, the one that has the fewest to send. */
  async #unprovided(): Promise<AppendLane> {
    for (;;) {
      const standing = this.#lanes.filter(({ isLost }) => !isLost);
      // Where none is left, a lost one says why.
      const [lane] = (standing.length > 0 ? standing : this.#lanes)
        .filter((each) => !this.#provided.has(each))
        .sort((one, other) => one.queued - other.queued);
      if (lane) return lane;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A content that waits for its connection, as a whole where it is small. */
class ContentInHand implements MessageContent {
  readonly size: number;
  readonly #content: MessageContent;
  readonly #octets: AsyncIterator<Uint8Array>;
  readonly #reading: Promise<readonly Uint8Array[]> | undefined;
  #onTaken: (() => void) | undefined;

  /** `onTaken` is called once, when the connection reads it or gives it up. */
  constructor(content: MessageContent, onTaken: () => void) {
    this.size = content.size;
    this.#content = content;
    this.#octets = content[Symbol.asyncIterator]();
    this.#onTaken = onTaken;
    this.#reading = content.size <= READ_AHEAD_OCTETS ? this.#read() : undefined;
    // Told to the connection, when it reads.
    this.#reading?.catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    this.#taken();
    yield* (await this.#reading) ?? [];
    // To its end, also where that was read: it may have waited long, and says whether it may still be sent.
    for (let next = await this.#octets.next(); !next.done; next = await this.#octets.next()) yield next.value;
  }

  cancel(): void {
    this.#taken();
    this.#content.cancel();
  }

  async #read(): Promise<readonly Uint8Array[]> {
    const octets: Uint8Array[] = [];
    for (let next = await this.#octets.next(); !next.done; next = await this.#octets.next()) octets.push(next.value);
    return octets;
  }

  #taken(): void {
    this.#onTaken?.();
    this.#onTaken = undefined;
  }
}
