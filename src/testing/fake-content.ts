import { MigrationError } from "../errors.js";
import type { Message, MessageContent } from "../mail/message.js";
import type { StoredMessage } from "./sample-message.js";

/** How a {@link FakeContent} arrives. */
export interface FakeContentOptions {
  /** Octets of one chunk; default: a third of the content, so that everything but the smallest comes in several. */
  chunkOctets?: number;
  /** Awaited before each chunk and before the end. What it throws, the reader gets, and the content is over. */
  beforeChunk?: (octetsSoFar: number) => Promise<void> | void;
}

/** A content in memory. A second reading throws, as it does with a stream. */
export class FakeContent implements MessageContent {
  readonly size: number;
  /** Resolves when the content was read to its end, given up or broken off. */
  readonly consumed: Promise<void>;
  readonly #octets: Uint8Array;
  readonly #options: FakeContentOptions;
  #over = (): void => {};
  #state: "unread" | "reading" | "read" | "cancelled" | "abandoned" = "unread";

  constructor(octets: Uint8Array, options: FakeContentOptions = {}) {
    this.#octets = octets;
    this.#options = options;
    this.size = octets.length;
    this.consumed = new Promise((resolve) => {
      this.#over = resolve;
    });
  }

  cancel(): void {
    if (this.#state === "unread" || this.#state === "reading") this.#end("cancelled");
  }

  /** What happens to a content when its fetch is ended around it: whoever still reads it gets no silent short end. */
  abandon(): void {
    if (this.#state === "unread" || this.#state === "reading") this.#end("abandoned");
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#state === "cancelled") return;
    if (this.#state === "unread") this.#state = "reading";
    else if (this.#state !== "abandoned") throw new MigrationError("unexpected", "A content is read once.");
    const { beforeChunk, chunkOctets = Math.max(1, Math.ceil(this.size / 3)) } = this.#options;
    try {
      for (let at = 0; this.#goesOn(); at += chunkOctets) {
        await beforeChunk?.(at);
        if (at >= this.size || !this.#goesOn()) break;
        yield this.#octets.slice(at, at + chunkOctets);
      }
    } finally {
      if (this.#state === "reading") this.#end("read");
    }
  }

  #goesOn(): boolean {
    if (this.#state === "abandoned") {
      throw new MigrationError("message-truncated", "The fetch that this content belongs to has ended.");
    }
    return this.#state === "reading";
  }

  #end(state: "read" | "cancelled" | "abandoned"): void {
    this.#state = state;
    this.#over();
  }
}

/** A message of a source, as a target gets it. */
export function fakeMessage(uid: number, stored: StoredMessage, options?: FakeContentOptions): Message {
  const { octets, flags, internalDate } = stored;
  return { uid, size: octets.length, flags, internalDate, content: new FakeContent(octets, options) };
}

/** All octets of a content, in memory. */
export async function readOctets(content: MessageContent): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
