import type { Duplex } from "node:stream";
import { MigrationError } from "../../errors.js";
import { type LiteralSink, ResponseReader } from "./response-reader.js";

/** The tagged answer to a command. */
export interface TaggedAnswer {
  readonly status: "OK" | "NO" | "BAD";
  /** The response code between brackets with its arguments: `APPENDUID 1 4`; absent where there is none. */
  readonly code?: string | undefined;
  readonly text: string;
}

/**
 * Takes what arrives while a command is unanswered. A server may work on several commands at a time (RFC 9051 section
 * 5.5), so what one handler does not take is offered to those of later commands.
 */
export interface UntaggedHandler {
  /** True for SELECT and EXAMINE: what arrives before their answer belongs to no later command. */
  readonly changesFolder?: boolean;
  /** An untagged answer: its text behind `* `, one character per octet. False: it is not for this command. */
  untagged?(text: string, literals: readonly Buffer[]): boolean;
  /**
   * A literal begins behind `text`, which stands behind `* `. A sink streams it and makes the whole answer this
   * command's, {@link DISCARD} throws it away unless a later command wants it, undefined is nothing of this command's.
   * A literal that nobody streams is collected.
   */
  literal?(text: string, size: number): LiteralSink | undefined;
  /** The command's own answer, before anything that arrived behind it is looked at. */
  tagged?(answer: TaggedAnswer): void;
}

/** Where octets go that nobody wants. */
export const DISCARD: LiteralSink = Object.freeze({ data: () => {}, end: () => {} });

export interface WireOptions {
  /** Milliseconds without an octet moved after which a command counts as lost. */
  readonly idleTimeoutMs: number;
  /** Turns the text of a BYE into the error that every unanswered command rejects with. */
  readonly byeError: (text: string) => MigrationError;
  /** Turns a socket's error into ours. */
  readonly socketError: (error: unknown) => MigrationError;
}

/** All have the same fields, in the same order: every row that arrives is offered to them. */
interface PendingCommand {
  readonly tag: string;
  readonly changesFolder: boolean;
  readonly untagged: UntaggedHandler["untagged"];
  readonly literal: UntaggedHandler["literal"];
  readonly tagged: UntaggedHandler["tagged"];
  resolve(answer: TaggedAnswer): void;
  reject(error: MigrationError): void;
}

const BYE = /^BYE\b/i;
const STATUS_LINE = /^(OK|NO|BAD|BYE|PREAUTH)(?: \[([^\]]*)\])? ?(.*)$/is;
const HIGH_WATER_OCTETS = 256 * 1024;

/**
 * An authenticated IMAP connection that is driven by us: commands are written without waiting for the answers to the
 * earlier ones, and a server answers them in order (RFC 9051 section 5.5). It never retries: when it is lost, every
 * command rejects with the same error.
 */
export class WireConnection {
  readonly #socket: Duplex;
  readonly #options: WireOptions;
  readonly #reader: ResponseReader;
  readonly #pending: PendingCommand[] = [];
  /** Whose literal was streamed last in the answer that is arriving. */
  #streaming: PendingCommand | undefined;
  #tags = 0;
  #lost: MigrationError | undefined;
  readonly #onLost: (() => void)[] = [];
  #bye: string | undefined;
  #answered = false;
  #paused = false;
  #held = false;
  #lastMove = performance.now();
  #deadline: NodeJS.Timeout | undefined;
  #continuation: { resolve(): void; reject(error: MigrationError): void } | undefined;
  #drained: Promise<void> | undefined;
  #wakeDrained: (() => void) | undefined;

  constructor(socket: Duplex, options: WireOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reader = new ResponseReader({
      response: (text, literals) => this.#onResponse(text, literals),
      literal: (text, size) => (text.startsWith("* ") ? this.#sinkFor(text.slice(2), size) : undefined),
    });
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    socket.on("end", this.#onClose);
    if (socket.destroyed || socket.readableEnded) this.#onClose();
    else socket.resume();
  }

  /** The error this connection was lost with; undefined while it stands. */
  get lost(): MigrationError | undefined {
    return this.#lost;
  }

  /** Has `listener` called once when the connection is lost. */
  onLost(listener: () => void): void {
    this.#onLost.push(listener);
  }

  /**
   * Writes one whole command, without its tag and line end, and resolves with its tagged answer whatever that says.
   * `text` holds one character per octet.
   */
  run(text: string, handler: UntaggedHandler = {}): Promise<TaggedAnswer> {
    const answer = this.begin(text, handler);
    this.write("\r\n");
    return answer;
  }

  /** Writes the beginning of a command that `write` continues; the caller ends it with CRLF. */
  begin(
    text: string,
    { changesFolder = false, untagged, literal, tagged }: UntaggedHandler = {},
  ): Promise<TaggedAnswer> {
    if (this.#lost) return Promise.reject(this.#lost);
    this.#tags += 1;
    const tag = `m${this.#tags}`;
    const answer = new Promise<TaggedAnswer>((resolve, reject) => {
      this.#pending.push({ tag, changesFolder, untagged, literal, tagged, resolve, reject });
    });
    if (this.#pending.length === 1) this.#lastMove = performance.now();
    this.#watch();
    this.write(`${tag} ${text}`);
    return answer;
  }

  /** Queues octets behind what was written; a string holds one character per octet. */
  write(octets: string | Uint8Array): void {
    if (this.#lost) return;
    if (!this.#held) {
      // Everything written in one turn of the event loop leaves in one system call.
      this.#held = true;
      this.#socket.cork();
      setImmediate(this.#release);
    }
    if (typeof octets === "string") this.#socket.write(octets, "latin1");
    else this.#socket.write(octets);
  }

  /** So much is waiting to be sent that nothing should be added before `drained`; true of a lost connection too. */
  get isFull(): boolean {
    return this.#lost !== undefined || this.#socket.writableLength >= HIGH_WATER_OCTETS;
  }

  /** Resolves once the socket takes more; at once while little is waiting. Rejects when the connection is lost. */
  async drained(): Promise<void> {
    if (this.#lost) throw this.#lost;
    if (!this.isFull) return;
    this.#drained ??= new Promise((resolve) => {
      this.#wakeDrained = resolve;
    });
    this.#release();
    await this.#drained;
    if (this.#lost) throw this.#lost;
  }

  /** Resolves with the next `+` of the server, which must be asked for by nobody else. */
  continuation(): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#continuation = { resolve, reject };
    });
  }

  /** Stops reading: the server is held back by its own socket. */
  pause(): void {
    if (this.#paused || this.#lost) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused || this.#lost) return;
    this.#paused = false;
    this.#lastMove = performance.now();
    this.#socket.resume();
  }

  /** Says LOGOUT without waiting for the answer, and closes. Commands under way reject. */
  async close(): Promise<void> {
    if (this.#lost) return;
    const socket = this.#socket;
    const idle = this.#pending.length === 0;
    if (idle) this.write(`m${this.#tags + 1} LOGOUT\r\n`);
    this.#release();
    this.#fail(new MigrationError("connection-lost", "The connection was closed"), idle);
    if (!idle || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(() => socket.destroy(), 1_000);
      socket.once("close", () => {
        clearTimeout(giveUp);
        resolve();
      });
      socket.resume();
      socket.end();
    });
  }

  /** Drops the connection at once, in the middle of whatever is under way. */
  destroy(error: MigrationError): void {
    this.#fail(error, false);
  }

  readonly #release = (): void => {
    if (!this.#held) return;
    this.#held = false;
    this.#socket.uncork();
  };

  readonly #onData = (chunk: Buffer): void => {
    this.#lastMove = performance.now();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(MigrationError.from(error), false);
    }
  };

  readonly #onDrain = (): void => {
    this.#lastMove = performance.now();
    this.#wakeDrained?.();
    this.#drained = undefined;
    this.#wakeDrained = undefined;
  };

  readonly #onError = (error: unknown): void => {
    this.#fail(this.#bye === undefined ? this.#options.socketError(error) : this.#options.byeError(this.#bye), false);
  };

  readonly #onClose = (): void => {
    const error =
      this.#bye === undefined
        ? new MigrationError("connection-lost", "The server closed the connection")
        : this.#options.byeError(this.#bye);
    this.#fail(error, false);
  };

  #onResponse(text: string, literals: readonly Buffer[]): void {
    if (this.#lost) return;
    if (text.startsWith("* ")) this.#onUntagged(text.slice(2), literals);
    else if (text.startsWith("+")) this.#onContinuation();
    else this.#onTagged(text);
  }

  #onUntagged(text: string, literals: readonly Buffer[]): void {
    if (BYE.test(text)) {
      this.#bye = text.slice(4);
      return;
    }
    const streaming = this.#streaming;
    this.#streaming = undefined;
    if (streaming) {
      streaming.untagged?.(text, literals);
      return;
    }
    for (const command of this.#pending) {
      if (command.untagged?.(text, literals) || command.changesFolder) return;
    }
  }

  #sinkFor(text: string, size: number): LiteralSink | undefined {
    let unwanted: LiteralSink | undefined;
    for (const command of this.#pending) {
      const sink = command.literal?.(text, size);
      if (sink && sink !== DISCARD) {
        this.#streaming = command;
        return sink;
      }
      unwanted ??= sink;
      if (command.changesFolder) break;
    }
    return unwanted;
  }

  #onContinuation(): void {
    const waiting = this.#continuation;
    this.#continuation = undefined;
    waiting?.resolve();
  }

  #onTagged(text: string): void {
    const blank = text.indexOf(" ");
    const tag = text.slice(0, blank);
    const at = this.#pending.findIndex((command) => command.tag === tag);
    const match = STATUS_LINE.exec(text.slice(blank + 1));
    if (at < 0 || !match) {
      // The connection was taken over in the middle of a line, at most until the first answer to us.
      if (!this.#answered) return;
      throw new MigrationError("protocol-error", "The server sent a line that answers no command");
    }
    this.#answered = true;
    const [command] = this.#pending.splice(at, 1);
    const status = match[1]?.toUpperCase();
    const answer: TaggedAnswer = {
      status: status === "OK" || status === "NO" ? status : "BAD",
      code: match[2],
      text: match[3] ?? "",
    };
    if (this.#pending.length === 0) this.#unwatch();
    command?.tagged?.(answer);
    command?.resolve(answer);
  }

  #fail(error: MigrationError, keepSocket: boolean): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#unwatch();
    this.#socket.off("data", this.#onData);
    // What comes after the end must not become an unhandled 'error'.
    this.#socket.on("error", () => {});
    if (!keepSocket) this.#socket.destroy();
    for (const command of this.#pending.splice(0)) command.reject(error);
    this.#continuation?.reject(error);
    this.#continuation = undefined;
    this.#wakeDrained?.();
    for (const listener of this.#onLost) listener();
  }

  /** One timer a connection, re-armed only when it fires: octets moved are a number written, not a timer reset. */
  #watch(): void {
    if (this.#deadline) return;
    const check = () => {
      const idleMs = this.#paused ? 0 : performance.now() - this.#lastMove;
      if (idleMs >= this.#options.idleTimeoutMs) {
        const seconds = Math.round(idleMs / 1000);
        this.#fail(new MigrationError("command-timeout", `The server has not moved an octet for ${seconds} s`), false);
        return;
      }
      this.#deadline = setTimeout(check, Math.max(10, this.#options.idleTimeoutMs - idleMs));
    };
    this.#deadline = setTimeout(check, this.#options.idleTimeoutMs);
  }

  #unwatch(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

/** A mailbox name or other string as it stands in a command; one character per octet. */
export function imapString(text: string): string {
  if (!isSendable(text)) {
    throw new MigrationError("folder-name", "A name with NUL, CR or LF cannot be sent to an IMAP server", {
      folder: text.replace(/[^ -~]/g, "?"),
    });
  }
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Whether a quoted string can hold it (RFC 9051 section 9, `quoted`). */
export function isSendable(text: string): boolean {
  return !/[\0\r\n]/.test(text);
}
