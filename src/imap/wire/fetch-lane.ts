import { MigrationError } from "../../errors.js";
import type { Message } from "../../mail/message.js";
import { sequenceSet, UidSet } from "../../mail/uid-set.js";
import { FETCH_ROW, type FetchRow, parseFetchRow } from "./fetch-row.js";
import { LITERAL, type LiteralSink } from "./response-reader.js";
import { StreamedContent } from "./streamed-content.js";
import { DISCARD, type TaggedAnswer, type WireConnection } from "./wire-connection.js";

/** Octets that arrived and nobody has read yet, beyond which the server is held back. */
const HIGH_WATER_OCTETS = 512 * 1024;
/** What a message that waits counts for besides its octets: a tiny one takes more memory than it is long. */
const WAITING_OCTETS = 2 * 1024;
/** The literals of a row whose body is streamed. */
const STREAMED: readonly Buffer[] = [Buffer.alloc(0)];
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
  readonly most: number;
  readonly #wire: WireConnection;
  /** Octets in contents that were not read yet. */
  #waitingOctets = 0;
  /** Messages that arrived and are not handed out yet, oldest first. */
  readonly #arrived: Arrival[] = [];
  /** What has to be consumed before the next message is handed out. */
  #current: Arrival | undefined;

  /** @param most messages that one command may be about */
  constructor(wire: WireConnection, most = Number.POSITIVE_INFINITY) {
    this.#wire = wire;
    this.most = most;
  }

  fetch(request: FetchRequest): AsyncIterableIterator<Message> {
    return new MessageStream(this, this.#wire, request);
  }

  newContent(size: number): StreamedContent {
    const content: StreamedContent = new StreamedContent(
      size,
      () => {
        if (this.#current?.content !== content) return;
        this.#current = undefined;
        this.deliver();
      },
      (octets) => this.#take(octets),
    );
    return content;
  }

  arrive(octets: number): void {
    this.#waitingOctets += octets;
    if (this.#waitingOctets > HIGH_WATER_OCTETS) this.#wire.pause();
  }

  enqueue(arrival: Arrival): void {
    this.#arrived.push(arrival);
    this.arrive(WAITING_OCTETS);
    this.deliver();
  }

  hasArrived(stream: MessageStream): boolean {
    return this.#arrived.some((arrival) => arrival.stream === stream);
  }

  /** Hands the oldest message out, if its fetch asks for one and the content before it is consumed. */
  deliver(): void {
    const next = this.#arrived[0];
    if (!next || this.#current || !next.stream.wants) return;
    this.#arrived.shift();
    this.#take(WAITING_OCTETS);
    this.#current = next;
    next.stream.hand(next.message);
  }

  /**
   * Throws away what arrived for a fetch that is over. A content that somebody reads stays, unless `stop` says why it
   * ends too.
   */
  abandon(stream: MessageStream, stop?: MigrationError): void {
    for (const { content } of this.#arrived.filter((arrival) => arrival.stream === stream)) {
      content.cancel();
      this.#take(WAITING_OCTETS);
    }
    this.#arrived.splice(0, this.#arrived.length, ...this.#arrived.filter((arrival) => arrival.stream !== stream));
    const current = this.#current;
    if (current?.stream === stream && (stop || !current.content.begun)) current.content.abandon(stop ?? left());
    this.deliver();
  }

  #take(octets: number): void {
    this.#waitingOctets -= octets;
    if (this.#waitingOctets < HIGH_WATER_OCTETS / 2) this.#wire.resume();
  }
}

/** A message on its way to its reader. */
interface Arrival {
  readonly stream: MessageStream;
  readonly message: Message;
  readonly content: StreamedContent;
}

/** One fetch of one folder. */
class MessageStream implements AsyncIterableIterator<Message> {
  readonly #lane: FetchLane;
  readonly #wire: WireConnection;
  readonly #request: FetchRequest;
  readonly #asked: UidSet;
  readonly #uids: readonly number[];
  /** Of the message that was delivered last; what comes out of order is left out. */
  #lastUid = 0;
  #nextIndex = 0;
  #commands = 0;
  #error: MigrationError | undefined;
  #abandoned = false;
  #waiting: { resolve(result: IteratorResult<Message>): void; reject(error: MigrationError): void } | undefined;
  /** The content of the row that is arriving. */
  #arriving: StreamedContent | undefined;

  constructor(lane: FetchLane, wire: WireConnection, request: FetchRequest) {
    this.#lane = lane;
    this.#wire = wire;
    this.#request = request;
    this.#asked = UidSet.of(request.uids);
    this.#uids = [...this.#asked];
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
      this.#lane.deliver();
      this.#settleIfDone();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#abandoned = true;
    this.#lane.abandon(this);
    this.#settleIfDone();
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    return Promise.resolve({ done: true, value: undefined });
  }

  hand(message: Message): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ done: false, value: message });
  }

  readonly #onAbort = (): void => {
    const error = this.#request.aborted();
    this.#fail(error);
    this.#abandoned = true;
    this.#lane.abandon(this, error);
    this.#settleIfDone();
  };

  #fail(error: MigrationError): void {
    this.#error ??= error;
    this.#arriving?.fail(error);
    this.#settleIfDone();
  }

  #settleIfDone(): void {
    const isOver = this.#abandoned || this.#error || (this.#commands === 0 && this.#nextIndex >= this.#uids.length);
    if (!this.#waiting || !isOver || this.#lane.hasArrived(this)) return;
    const { resolve, reject } = this.#waiting;
    this.#waiting = undefined;
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    if (this.#error) reject(this.#error);
    else resolve({ done: true, value: undefined });
  }

  /** One command at a time: a server may work on two of the same folder at once, and mix their rows. */
  #ask(): void {
    if (this.#commands > 0 || this.#nextIndex >= this.#uids.length || this.#abandoned || this.#error) return;
    const { set, next } = sequenceSet(this.#uids, this.#nextIndex, this.#lane.most);
    this.#nextIndex = next;
    this.#commands += 1;
    const opening = this.#request.open();
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

  #answered(opening: FolderOpening, answer: TaggedAnswer | undefined): void {
    this.#commands -= 1;
    // NO: the server delivered what it could of this group; the engine finds out which messages are missing.
    const error = opening.error ?? (answer?.status === "BAD" ? this.#request.refusal(answer) : undefined);
    if (error) this.#fail(error);
    this.#ask();
    this.#settleIfDone();
  }

  /** A row that names its UID, flags and date only behind the body is collected, and read when it is whole. */
  #onLiteral(opening: FolderOpening, text: string, size: number): LiteralSink | undefined {
    if (!FETCH_ROW.test(text) || !BODY_ITEM.test(text)) return undefined;
    if (text.includes(LITERAL)) return undefined;
    const row = readRow(`${text + LITERAL})`, STREAMED);
    if (row === undefined) return DISCARD;
    if (row.uid === undefined || row.flags === undefined || row.internalDate === undefined) return undefined;
    if (!this.#isWanted(opening, row.uid)) return DISCARD;
    const content = this.#lane.newContent(size);
    this.#arriving = content;
    this.#deliver(row.uid, row, content);
    return {
      data: (octets) => {
        this.#lane.arrive(octets.length);
        content.data(octets);
      },
      end: () => content.end(),
    };
  }

  #onRow(opening: FolderOpening, text: string, literals: readonly Buffer[]): boolean {
    if (this.#arriving) {
      this.#arriving = undefined;
      return true;
    }
    const row = FETCH_ROW.test(text) ? readRow(text, literals) : undefined;
    if (row?.uid === undefined || !row.body || !this.#isWanted(opening, row.uid)) return false;
    const { uid, body } = row;
    const content = this.#lane.newContent(body.length);
    this.#lane.arrive(body.length);
    content.data(body);
    content.end();
    this.#deliver(uid, row, content);
    return true;
  }

  /** False for rows that were not asked for, came before or come too late. */
  #isWanted(opening: FolderOpening, uid: number): boolean {
    return uid > this.#lastUid && this.#asked.has(uid) && !opening.error && !this.#abandoned && !this.#error;
  }

  #deliver(uid: number, row: FetchRow, content: StreamedContent): void {
    this.#lastUid = uid;
    const message: Message = {
      uid,
      size: content.size,
      internalDate: row.internalDate ?? new Date(Number.NaN),
      flags: row.flags ?? new Set(),
      content,
    };
    this.#lane.enqueue({ stream: this, message, content });
  }
}

/** Undefined for a row that cannot be read: its message is missing, and the engine asks for it again. */
function readRow(text: string, literals: readonly Buffer[]): FetchRow | undefined {
  try {
    return parseFetchRow(text, literals, text.indexOf("("));
  } catch (error) {
    if (MigrationError.is(error) && error.code === "protocol-error") return undefined;
    throw error;
  }
}

function left(): MigrationError {
  return new MigrationError("message-truncated", "The fetch that this content belongs to was left");
}
