import type { MigrationError } from "../../errors.js";
import type { Message } from "../../mail/message.js";
import { UidSet } from "../../mail/uid-set.js";
import { type FetchRow, parseFetchRow } from "./fetch-row.js";
import { LITERAL, type LiteralSink } from "./response-reader.js";
import { StreamedContent } from "./streamed-content.js";
import type { TaggedAnswer, WireConnection } from "./wire-connection.js";

/** Octets that arrived and nobody has read yet, beyond which the server is held back. */
const HIGH_WATER_OCTETS = 512 * 1024;
/** UIDs asked for in one command; keeps the line short, and bounds what an abandoned fetch still has to read. */
const UIDS_PER_COMMAND = 500;
/** Commands written ahead of the answers, so that the server never waits for us. */
const COMMANDS_AHEAD = 4;
const FETCH_ROW = /^\d+ FETCH /i;
const BODY_ITEM = / BODY\[\](?:<\d+>)? $/i;

/** Whether a folder could be opened; the commands behind it are written before that is known. */
export interface FolderOpening {
  /** Set as soon as the server has answered otherwise than expected: nothing that follows is of this folder. */
  error?: MigrationError;
}

/** What {@link FetchLane} needs to make a command fit the folder it is about. */
export interface FetchRequest {
  readonly uids: readonly number[];
  /** Makes sure that the right folder is open for the command written next. */
  open(): FolderOpening;
  /** The error of a refused FETCH. */
  refusal(answer: TaggedAnswer): MigrationError;
  readonly signal?: AbortSignal | undefined;
  readonly aborted: () => MigrationError;
}

/**
 * Messages of one connection, streamed. Fetches may overlap: they are answered one after the other, and a message is
 * handed out only when the content of the one before it, of whichever fetch, was read to its end or cancelled.
 */
export class FetchLane {
  readonly #wire: WireConnection;
  /** Octets in contents that were not read yet. */
  #waitingOctets = 0;
  /** Messages that arrived and are not handed out yet, oldest first. */
  readonly #arrived: { stream: MessageStream; message: Message }[] = [];
  /** The content that has to be consumed before the next message is handed out. */
  #current: StreamedContent | undefined;
  readonly #streams = new Set<MessageStream>();

  constructor(wire: WireConnection) {
    this.#wire = wire;
  }

  fetch(request: FetchRequest): AsyncIterableIterator<Message> {
    const stream = new MessageStream(this, this.#wire, request);
    this.#streams.add(stream);
    return stream;
  }

  /** `held`: its octets count towards what holds the server back. */
  newContent(size: number, held: boolean): StreamedContent {
    const content: StreamedContent = new StreamedContent(
      size,
      () => {
        if (this.#current !== content) return;
        this.#current = undefined;
        this.#deliver();
      },
      (octets) => held && this.#take(octets),
    );
    return content;
  }

  arrive(octets: number): void {
    this.#waitingOctets += octets;
    if (this.#waitingOctets > HIGH_WATER_OCTETS) this.#wire.pause();
  }

  enqueue(stream: MessageStream, message: Message): void {
    this.#arrived.push({ stream, message });
    this.#deliver();
  }

  /** Throws away what arrived for a stream that nobody reads any more. */
  abandon(stream: MessageStream): void {
    for (let at = this.#arrived.length - 1; at >= 0; at--) {
      const entry = this.#arrived[at];
      if (entry?.stream !== stream) continue;
      this.#arrived.splice(at, 1);
      entry.message.content.cancel();
    }
    this.#deliver();
  }

  ended(stream: MessageStream): void {
    this.#streams.delete(stream);
  }

  hasArrived(stream: MessageStream): boolean {
    return this.#arrived.some((entry) => entry.stream === stream);
  }

  #take(octets: number): void {
    this.#waitingOctets -= octets;
    if (this.#waitingOctets < HIGH_WATER_OCTETS / 2) this.#wire.resume();
  }

  #deliver(): void {
    const next = this.#arrived[0];
    if (!next || this.#current || !next.stream.wants) return;
    this.#arrived.shift();
    // Only our own contents reach the queue.
    this.#current = next.message.content as StreamedContent;
    next.stream.hand(next.message);
  }

  /** A stream is ready for its next message. */
  wanted(): void {
    this.#deliver();
  }
}

/** One fetch of one folder. */
class MessageStream implements AsyncIterableIterator<Message> {
  readonly #lane: FetchLane;
  readonly #wire: WireConnection;
  readonly #request: FetchRequest;
  readonly #asked: UidSet;
  readonly #delivered = new UidSet();
  #nextUid = 0;
  #commands = 0;
  #error: MigrationError | undefined;
  #abandoned = false;
  #waiting: { resolve(result: IteratorResult<Message>): void; reject(error: MigrationError): void } | undefined;
  /** Content of the row that is arriving; its message is complete or still lacks items that stand behind the body. */
  #partial: { content: StreamedContent; complete: boolean } | undefined;

  constructor(lane: FetchLane, wire: WireConnection, request: FetchRequest) {
    this.#lane = lane;
    this.#wire = wire;
    this.#request = request;
    this.#asked = UidSet.of(request.uids);
    request.signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (request.signal?.aborted) this.#onAbort();
    else this.#ask();
  }

  get wants(): boolean {
    return this.#waiting !== undefined;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this;
  }

  next(): Promise<IteratorResult<Message>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#lane.wanted();
      this.#settleIfDone();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#abandoned = true;
    this.#lane.abandon(this);
    this.#partial?.content.cancel();
    this.#finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  hand(message: Message): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ done: false, value: message });
  }

  fail(error: MigrationError): void {
    this.#error ??= error;
    this.#partial?.content.fail(error);
    this.#settleIfDone();
  }

  readonly #onAbort = (): void => {
    this.fail(this.#request.aborted());
    this.#abandoned = true;
    this.#lane.abandon(this);
  };

  #settleIfDone(): void {
    if (!this.#waiting) return;
    const failed = this.#error;
    if (!failed && (this.#commands > 0 || this.#nextUid < this.#request.uids.length)) return;
    if (this.#lane.hasArrived(this)) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#finish();
    if (failed) waiting.reject(failed);
    else waiting.resolve({ done: true, value: undefined });
  }

  #finish(): void {
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    if (this.#commands === 0) this.#lane.ended(this);
  }

  /** Writes the next commands, as far ahead as allowed. */
  #ask(): void {
    while (this.#commands < COMMANDS_AHEAD && this.#nextUid < this.#request.uids.length) {
      if (this.#abandoned || this.#error || this.#wire.lost) return;
      const uids = this.#request.uids.slice(this.#nextUid, this.#nextUid + UIDS_PER_COMMAND);
      this.#nextUid += uids.length;
      this.#commands += 1;
      const opening = this.#request.open();
      const set = UidSet.of(uids).toString();
      this.#wire
        .run(`UID FETCH ${set} (UID FLAGS INTERNALDATE BODY.PEEK[])`, {
          untagged: (text, literals) => this.#onRow(opening, text, literals),
          literal: (text, size) => this.#onLiteral(opening, text, size),
        })
        .then(
          (answer) => this.#answered(opening, answer),
          (error: MigrationError) => this.#answered({ error }, undefined),
        );
    }
  }

  #answered(opening: FolderOpening, answer: TaggedAnswer | undefined): void {
    this.#commands -= 1;
    // NO: the server delivered what it could of this group; the engine finds out which messages are missing.
    const error = opening.error ?? (answer?.status === "BAD" ? this.#request.refusal(answer) : undefined);
    if (error) this.fail(error);
    this.#ask();
    if (this.#commands === 0 && this.#abandoned) this.#lane.ended(this);
    this.#settleIfDone();
  }

  #onLiteral(opening: FolderOpening, text: string, size: number): LiteralSink | undefined {
    if (!FETCH_ROW.test(text) || !BODY_ITEM.test(text)) return undefined;
    const early = text.includes(LITERAL) ? {} : parseFetchRow(`${text + LITERAL})`, [Buffer.alloc(0)], rowStart(text));
    const complete = early.uid !== undefined && early.flags !== undefined && early.internalDate !== undefined;
    // A row that names its UID only behind the body has to be held whole.
    const content = this.#lane.newContent(size, complete);
    this.#partial = { content, complete };
    if (complete) this.#deliver(opening, early, content);
    return {
      data: (octets) => {
        if (complete) this.#lane.arrive(octets.length);
        content.data(octets);
      },
      end: () => content.end(),
    };
  }

  #onRow(opening: FolderOpening, text: string, literals: readonly Buffer[]): void {
    if (!FETCH_ROW.test(text)) return;
    const partial = this.#partial;
    this.#partial = undefined;
    if (partial?.complete) return;
    const row = parseFetchRow(text, literals, rowStart(text));
    if (partial) {
      this.#deliver(opening, row, partial.content);
    } else if (row.body) {
      const content = this.#lane.newContent(row.body.length, true);
      this.#lane.arrive(row.body.length);
      content.data(row.body);
      content.end();
      this.#deliver(opening, row, content);
    }
  }

  /** Rows that were not asked for, or that came before, are thrown away. */
  #deliver(opening: FolderOpening, row: FetchRow, content: StreamedContent): void {
    const { uid } = row;
    const wanted = uid !== undefined && this.#asked.has(uid) && !this.#delivered.has(uid);
    if (!wanted || opening.error || this.#abandoned || this.#error) {
      content.cancel();
      return;
    }
    this.#delivered.add(uid);
    this.#lane.enqueue(this, {
      uid,
      size: content.size,
      internalDate: row.internalDate ?? new Date(Number.NaN),
      flags: row.flags ?? new Set(),
      content,
    });
  }
}

function rowStart(text: string): number {
  return text.indexOf("(");
}
