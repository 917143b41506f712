import { aborted } from "../../abortable.js";
import { MigrationError } from "../../errors.js";
import type { Flag } from "../../mail/flags.js";
import type { MessageContent } from "../../mail/message.js";
import { type AppendedUids, appendedUids } from "./appended-uids.js";
import { formatInternalDate } from "./fetch-row.js";
import { arrived, brokenOff, collect, truncated } from "./whole-content.js";
import { imapString, type TaggedAnswer, type WireConnection } from "./wire-connection.js";

/** What a server's APPEND can do. */
export interface AppendAbilities {
  /** Octets up to which a literal may follow without being asked for: LITERAL+ all, LITERAL- 4,096 (RFC 7888), else 0. */
  readonly unaskedLiteral: number;
  /** Several messages in one command, all or none (RFC 3502). */
  readonly multiAppend: boolean;
  /** `literal8`, which may hold NUL (RFC 3516). */
  readonly binary: boolean;
}

/** One message for {@link AppendLane}. */
export interface AppendRequest {
  /** The folder's raw name. */
  readonly folder: string;
  readonly flags: readonly Flag[];
  /** An invalid Date leaves INTERNALDATE to the server. */
  readonly internalDate: Date;
  readonly content: MessageContent;
  readonly signal?: AbortSignal | undefined;
}

/** A message that the server holds. */
export interface AppendAnswer {
  /** From APPENDUID (RFC 4315); absent where the server has no UIDPLUS. */
  readonly uidValidity?: number;
  readonly uid?: number;
}

/** An APPEND command: one message, or several in a row with MULTIAPPEND. */
interface AppendCommand {
  readonly folder: string;
  readonly answer: Promise<TaggedAnswer>;
  /** Those whose literal was announced, sent or not: the answer is about all of them. */
  messages: number;
  octets: number;
  /** What the OK said of them, read for the first and kept for the others. */
  appended: AppendedUids | undefined;
}

/** A message that was written, or that the server did not want; the command's answer says what became of it. */
interface SentMessage {
  readonly command: AppendCommand;
  /** Its place in the command, from 1. */
  readonly position: number;
  readonly octets: number;
}

/** Whom the end of an append is told to. */
interface Appender {
  resolve(answer: AppendAnswer): void;
  reject(error: unknown): void;
}

/** Octets sent and not answered, beyond which the next message waits. */
const WINDOW_OCTETS = 16 * 1024 * 1024;
const GROUP_MESSAGES = 100;
const GROUP_OCTETS = 8 * 1024 * 1024;
/** A group whose next message does not come at once is closed, so that its answer does not wait for mail. */
const GROUP_IDLE_MS = 5;
/** A content up to this size is there as a whole before it is sent: it can be looked at for NUL, and cannot break off. */
const WHOLE_OCTETS = 64 * 1024;

/**
 * Appends on one connection, written back to back: no message waits for the answer to the one before it. Contents are
 * read in the order of the calls. The connection is dropped when a content breaks off, so that the server throws the
 * piece away; what was sent before and is not answered is in doubt then.
 */
export class AppendLane {
  readonly #wire: WireConnection;
  readonly #abilities: AppendAbilities;
  readonly #refusal: (answer: TaggedAnswer, folder: string) => MigrationError;
  /** What waits to be written, in this order. */
  readonly #turns: (() => Promise<void>)[] = [];
  #isWriting = false;
  #queued = 0;
  #open: AppendCommand | undefined;
  /** The content that is waited for. */
  #reading: MessageContent | undefined;
  /** A literal is on its way, announced and not all sent. */
  #inLiteral = false;
  #selected: string | undefined;
  #idle: NodeJS.Timeout | undefined;
  #unanswered = 0;
  #wakeWindow: (() => void) | undefined;
  /** Messages to be sent in a command of their own: their group was refused. */
  #singles = 0;

  constructor(
    wire: WireConnection,
    abilities: AppendAbilities,
    refusal: (answer: TaggedAnswer, folder: string) => MigrationError,
  ) {
    this.#wire = wire;
    this.#abilities = abilities;
    this.#refusal = refusal;
    wire.onLost(this.#stopReading);
  }

  /**
   * Lets `write` put other commands onto the connection, between two appends. Only the writing is waited for.
   * `selected` names the folder that these commands leave selected.
   */
  async between<Result>(selected: string | undefined, write: () => Result): Promise<Awaited<Result>> {
    // Not awaited in its turn.
    const { result } = await this.alone(selected, async () => ({ result: write() }));
    return await result;
  }

  /** As `between`, but no append is written before `work` has ended: for commands that depend on the folder being open. */
  alone<Result>(selected: string | undefined, work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#inTurn(async () => {
        try {
          this.#closeCommand();
          this.#selected = selected;
          resolve(await work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** How many messages are not sent yet. */
  get queued(): number {
    return this.#queued;
  }

  /** Nothing can be sent any more. */
  get isLost(): boolean {
    return this.#wire.lost !== undefined;
  }

  /** @throws MigrationError of scope `message` where the server does not hold it; any other leaves it in doubt */
  append(request: AppendRequest): Promise<AppendAnswer> {
    this.#queued += 1;
    return new Promise((resolve, reject) => {
      this.#inTurn(() => this.#append(request, { resolve, reject }));
    });
  }

  /** Never rejects. */
  async #append(request: AppendRequest, appender: Appender): Promise<void> {
    const { content, signal } = request;
    try {
      const sent = await this.#send(request);
      if (!this.#mayGrow(sent.command)) this.#closeCommand();
      this.#awaitAnswer(sent, appender);
    } catch (error) {
      content.cancel();
      appender.reject(signal?.aborted ? aborted() : (this.#wire.lost ?? error));
    } finally {
      this.#queued -= 1;
    }
  }

  /** While hundreds of messages wait for their answers, none holds on to its request. */
  #awaitAnswer(sent: SentMessage, { resolve, reject }: Appender): void {
    this.#unanswered += sent.octets;
    sent.command.answer.then(
      (answer) => {
        this.#leaveWindow(sent);
        const end = this.#endOf(sent, answer);
        if (end instanceof MigrationError) reject(end);
        else resolve(end);
      },
      (lost) => {
        this.#leaveWindow(sent);
        reject(lost);
      },
    );
  }

  #leaveWindow({ octets }: SentMessage): void {
    this.#unanswered -= octets;
    this.#wakeWindow?.();
  }

  /** A content may stand still, and once the append is stopped nobody wants the rest of it. */
  async #read<Result>(
    { content, signal }: AppendRequest,
    read: (content: MessageContent) => Promise<Result>,
  ): Promise<Result> {
    this.#reading = content;
    signal?.addEventListener("abort", this.#stopReading);
    if (signal?.aborted) content.cancel();
    try {
      return await read(content);
    } finally {
      signal?.removeEventListener("abort", this.#stopReading);
      this.#reading = undefined;
    }
  }

  readonly #stopReading = (): void => this.#reading?.cancel();

  #inTurn(write: () => Promise<void>): void {
    this.#turns.push(write);
    if (this.#isWriting) return;
    this.#isWriting = true;
    queueMicrotask(this.#writeAll);
  }

  readonly #writeAll = async (): Promise<void> => {
    for (let write = this.#turns.shift(); write; write = this.#turns.shift()) await write();
    this.#isWriting = false;
  };

  async #send(request: AppendRequest): Promise<SentMessage> {
    const { content, signal } = request;
    if (this.#unanswered > WINDOW_OCTETS) await this.#roomInWindow();
    if (signal?.aborted) throw aborted();
    const whole = arrived(content) ?? (content.size <= WHOLE_OCTETS ? await this.#read(request, collect) : undefined);
    const isUnasked = content.size <= this.#abilities.unaskedLiteral;
    const sent = this.#announce(request, isUnasked, whole);
    if (isUnasked && whole) this.#writeChunks(whole);
    else await this.#sendLiteral(request, sent.command, isUnasked, whole);
    if (this.#wire.isFull) await this.#wire.drained();
    return sent;
  }

  async #roomInWindow(): Promise<void> {
    while (this.#unanswered > WINDOW_OCTETS && !this.#wire.lost) {
      this.#closeCommand();
      await new Promise<void>((resolve) => {
        this.#wakeWindow = resolve;
      });
    }
  }

  /** Writes everything up to the literal. */
  #announce(request: AppendRequest, isUnasked: boolean, whole: readonly Uint8Array[] | undefined): SentMessage {
    const { size } = request.content;
    const command = this.#commandFor(request.folder, size);
    command.messages += 1;
    command.octets += size;
    const isBinary = this.#abilities.binary && whole?.some((chunk) => chunk.includes(0));
    this.#wire.write(`${messageHeader(request)}${isBinary ? "~" : ""}{${size}${isUnasked ? "+" : ""}}\r\n`);
    return { command, position: command.messages, octets: size };
  }

  /** Sends a literal that has to be waited for: for the server's leave, or for its octets. */
  async #sendLiteral(
    request: AppendRequest,
    command: AppendCommand,
    isUnasked: boolean,
    whole: readonly Uint8Array[] | undefined,
  ): Promise<void> {
    this.#inLiteral = true;
    try {
      if (!isUnasked && !(await this.#invited(command))) request.content.cancel();
      else if (whole) this.#writeChunks(whole);
      else await this.#read(request, this.#stream);
    } finally {
      this.#inLiteral = false;
    }
  }

  #writeChunks(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#wire.write(chunk);
  }

  /** The command that the message goes into; begun where none is open that can take it. */
  #commandFor(folder: string, size: number): AppendCommand {
    const open = this.#open;
    const joins = open?.folder === folder && this.#singles === 0 && open.octets + size <= GROUP_OCTETS;
    if (open && joins) return open;
    this.#closeCommand();
    if (this.#selected !== folder) {
      this.#selected = folder;
      // Servers append faster to the folder that is selected; whether it could be is of no interest here.
      this.#wire.run(`SELECT ${imapString(folder)}`).catch(() => {});
    }
    const answer = this.#wire.begin(`APPEND ${imapString(folder)}`);
    answer.catch(() => {});
    this.#open = { folder, answer, messages: 0, octets: 0, appended: undefined };
    return this.#open;
  }

  /** Whether another message may follow in the same command; if so, its end is put off for a moment. */
  #mayGrow(command: AppendCommand): boolean {
    if (!this.#abilities.multiAppend || this.#open !== command) return false;
    if (this.#singles > 0) {
      this.#singles -= 1;
      return false;
    }
    if (command.messages >= GROUP_MESSAGES || command.octets >= GROUP_OCTETS) return false;
    if (this.#idle) this.#idle.refresh();
    else this.#idle = setTimeout(this.#closeIdleCommand, GROUP_IDLE_MS);
    return true;
  }

  readonly #closeIdleCommand = (): void => {
    this.#idle = undefined;
    if (!this.#inLiteral) this.#closeCommand();
  };

  #closeCommand(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (!this.#open) return;
    this.#open = undefined;
    this.#wire.write("\r\n");
  }

  /** True when the server asks for the literal; false when it answers the command instead. */
  async #invited(command: AppendCommand): Promise<boolean> {
    const answer = await Promise.race([this.#wire.continuation(), command.answer]);
    if (!answer) return true;
    this.#open = undefined;
    if (answer.status !== "OK") return false;
    throw new MigrationError("protocol-error", "The target said OK to a message that it did not let us send");
  }

  /** A content that breaks off leaves a literal that cannot be ended: the server has to throw it away. */
  readonly #stream = async (content: MessageContent): Promise<void> => {
    let sent = 0;
    try {
      for await (const chunk of content) {
        sent += chunk.length;
        if (sent > content.size) break;
        this.#wire.write(chunk);
        if (this.#wire.isFull) await this.#wire.drained();
      }
      if (sent !== content.size) throw truncated(content.size, sent);
    } catch (error) {
      const lost = brokenOff(error);
      this.#wire.destroy(lost);
      throw lost;
    }
  };

  /** What the answer to its command says of one message. */
  #endOf({ command, position }: SentMessage, answer: TaggedAnswer): AppendAnswer | MigrationError {
    if (answer.status === "OK") {
      command.appended ??= appendedUids(answer.code, command.messages);
      const { uidValidity, uids } = command.appended;
      const uid = uids[position - 1];
      return uid === undefined ? {} : { uidValidity, uid };
    }
    const refusal = this.#refusal(answer, command.folder);
    if (command.messages < 2 || refusal.scope !== "message") return refusal;
    // Counted once, by the first message of the group.
    if (position === 1) this.#singles += command.messages;
    return new MigrationError(
      "group-refused",
      `The target refused ${command.messages} messages together: ${refusal.message}`,
    );
  }
}

/** What stands between the command or the message before and the literal. */
function messageHeader({ flags, internalDate }: AppendRequest): string {
  const date = Number.isNaN(internalDate.getTime()) ? "" : `"${formatInternalDate(internalDate)}" `;
  return ` (${flags.join(" ")}) ${date}`;
}
