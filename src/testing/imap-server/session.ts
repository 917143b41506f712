import { setTimeout as sleep } from "node:timers/promises";
import { Answer } from "./answer.js";
import { type CommandHandler, handlerOf, type SessionState } from "./command-handlers.js";
import { type Command, readCommand } from "./command-reader.js";
import { encodeUtf8, Refusal } from "./command-syntax.js";
import { type Connection, ConnectionGone } from "./connection.js";
import { actionWith, type ServerFault } from "./faults.js";
import type { ScriptedAccount, ScriptedFolder, ScriptedMessage } from "./mailbox-state.js";
import { firstAtLeast } from "./sequence-set.js";
import type { ServerContext, SignInAttempt } from "./server-context.js";

/** Verbs whose sequence numbers must not move while they run (RFC 9051 section 7.5.1). */
const KEEPS_SEQUENCE_NUMBERS = new Set(["FETCH", "STORE", "SEARCH"]);

/** The messages of one APPEND, in octets. */
export interface AppendSizes {
  readonly count: number;
  readonly largest: number;
  readonly total: number;
}

/** One client's session: reads commands, carries them out one after the other, answers. */
export class Session {
  readonly connection: Connection;
  readonly context: ServerContext;
  account: ScriptedAccount | undefined;
  folder: ScriptedFolder | undefined;
  isReadOnly = false;
  /** CONDSTORE was asked for: FETCH rows about flags carry MODSEQ. */
  usesModSeq = false;
  /** The selected folder as the client knows it; the index is the sequence number less one. */
  view: ScriptedMessage[] = [];
  /** Done once, after the answer to the command under way. */
  afterAnswer: (() => Promise<void>) | undefined;
  hasEnded = false;
  #removalsSeen = 0;
  #refusals = 0;
  #attempt: SignInAttempt | undefined;
  #capabilities: ReadonlySet<string> | undefined;

  constructor(connection: Connection, context: ServerContext) {
    this.connection = connection;
    this.context = context;
  }

  get state(): SessionState {
    if (!this.account) return "not authenticated";
    return this.folder ? "selected" : "authenticated";
  }

  get highestUid(): number {
    return this.view.at(-1)?.uid ?? 0;
  }

  get capabilities(): ReadonlySet<string> {
    if (!this.#capabilities) {
      const { appendLimit, offersStartTls } = this.context;
      const list = this.context.capabilities({
        tls: this.connection.isTls,
        authenticated: this.account !== undefined,
        canStartTls: offersStartTls && !this.connection.isTls,
        ...(appendLimit !== undefined && { appendLimit }),
      });
      this.#capabilities = new Set(list);
    }
    return this.#capabilities;
  }

  has(capability: string): boolean {
    return this.capabilities.has(capability);
  }

  /** `[CAPABILITY ...] ` for the greeting and the answer to a login; empty where the server keeps it back. */
  get capabilityCode(): string {
    return this.context.announcesCapabilities ? `[CAPABILITY ${[...this.capabilities].join(" ")}] ` : "";
  }

  async run(): Promise<void> {
    try {
      await this.#greet();
      while (!this.hasEnded) {
        const command = await readCommand(this);
        if (!command) break;
        await this.#execute(command, handlerOf(command.verb));
        this.context.changed();
      }
      this.connection.end();
    } catch (error) {
      if (error instanceof ConnectionGone) return;
      this.context.failed(error);
      this.connection.destroy();
    } finally {
      if (this.account) this.account.sessions -= 1;
    }
  }

  answerTo(tag: string, faults: readonly ServerFault[], muted = false): Answer {
    return new Answer(this.connection, this.context.transcript, { tag, faults, muted });
  }

  signIn(account: ScriptedAccount, attempt?: SignInAttempt): void {
    this.account = account;
    account.sessions += 1;
    this.#attempt = attempt;
    this.#capabilities = undefined;
  }

  async startTls(): Promise<void> {
    const { secureContext } = this.context;
    if (secureContext) await this.connection.startTls(secureContext);
    this.#capabilities = undefined;
  }

  select(folder: ScriptedFolder, isReadOnly: boolean): void {
    this.folder = folder;
    this.isReadOnly = isReadOnly;
    this.view = [...folder.messages];
    this.#removalsSeen = folder.removals;
  }

  deselect(): void {
    this.folder = undefined;
    this.view = [];
  }

  sequenceOf(uid: number): number | undefined {
    const index = firstAtLeast(this.view, uid, (message) => message.uid);
    return this.view[index]?.uid === uid ? index + 1 : undefined;
  }

  /** Why an APPEND of such messages would fail; undefined where it would not. */
  objectionToAppend(name: string, { count, largest, total }: AppendSizes): string | undefined {
    if (!this.account) return "BAD Sign in first";
    const folder = this.account.findFolder(name);
    if (!folder) return "NO [TRYCREATE] Mailbox does not exist";
    if (!folder.selectable) return "NO [CANNOT] Mailbox cannot hold messages";
    if (count > 1 && !this.has("MULTIAPPEND")) return "BAD One message at a time";
    const limit = this.context.appendLimit ?? Number.POSITIVE_INFINITY;
    if (largest > limit) return this.context.texts.messageTooLarge;
    if (this.account.usedOctets + total > this.account.quota) return this.context.texts.mailboxFull;
    return undefined;
  }

  /** Tells the client what happened in the selected folder since it was last told. */
  async announceChanges(answer: Answer, options: { expunges: boolean }): Promise<void> {
    const { folder } = this;
    if (!folder) return;
    if (options.expunges && this.#removalsSeen !== folder.removals) await this.#announceRemovals(folder, answer);
    const known = this.view.length;
    const firstNew = firstAtLeast(folder.messages, this.highestUid + 1, (message) => message.uid);
    for (let at = firstNew; at < folder.messages.length; at++) {
      const message = folder.messages[at];
      if (message) this.view.push(message);
    }
    if (this.view.length > known) await answer.untagged(`${this.view.length} EXISTS`);
  }

  async #announceRemovals(folder: ScriptedFolder, answer: Answer): Promise<void> {
    this.#removalsSeen = folder.removals;
    const kept: ScriptedMessage[] = [];
    for (const message of this.view) {
      if (message.isExpunged) await answer.untagged(`${kept.length + 1} EXPUNGE`);
      else kept.push(message);
    }
    this.view = kept;
  }

  async #greet(): Promise<void> {
    const subject = { connection: this.connection.id, verb: "greeting", folder: undefined, covers: () => false };
    const faults = this.context.faults.match(subject);
    await this.#execute({ tag: "*", verb: "greeting", arguments: [], faults }, async () => {
      const preauth = actionWith(faults, "preauth");
      if (preauth) this.signIn(this.context.account(preauth.preauth));
      return `${preauth ? "PREAUTH" : "OK"} ${this.capabilityCode}Scripted IMAP server ready`;
    });
  }

  async #execute(command: Command, handler: CommandHandler | undefined): Promise<void> {
    if (this.context.commandLatencyMs > 0) {
      this.connection.flush();
      await sleep(this.context.commandLatencyMs);
    }
    const { faults } = command;
    const delay = actionWith(faults, "delayUntil");
    if (delay?.holdEffect) await this.#hold(delay.delayUntil);
    await this.#loseConnectionBeforeEffect(faults);
    const drop = actionWith(faults, "dropAnswer");
    const cut = actionWith(faults, "cut");
    const isLost = cut !== undefined && (cut.after ?? "effect") === "effect";
    const answer = this.answerTo(command.tag, faults, drop !== undefined || isLost);
    const instead = actionWith(faults, "answer");
    const text = instead ? encodeUtf8(instead.answer) : undefined;
    const hasEffect = drop ? drop.effect : true;
    if (cut?.commitAfterCut !== undefined) return this.#commitAfterCut(command, handler, answer);
    const reply = text ?? (hasEffect ? await this.#carryOut(command, handler, answer) : "");
    if (isLost) await this.connection.cut(cut.cut);
    if (delay && !delay.holdEffect) await this.#hold(delay.delayUntil);
    await answer.tagged(reply);
    const after = this.afterAnswer;
    this.afterAnswer = undefined;
    await after?.();
    await this.#endAfter(reply, instead?.thenBye);
  }

  /** Says BYE where a fault wants it, or where the client was refused too often. */
  async #endAfter(reply: string, byeOfFault: string | undefined): Promise<void> {
    if (/^(?:NO|BAD)\b/.test(reply)) this.#refusals += 1;
    const isTooMuch = this.#refusals >= (this.context.profile.refusalsUntilBye ?? Number.POSITIVE_INFINITY);
    const bye = byeOfFault ?? (isTooMuch ? "Connection closed" : undefined);
    if (bye === undefined || this.hasEnded) return;
    await this.answerTo("*", []).untagged(encodeUtf8(`BYE ${bye}`));
    this.hasEnded = true;
  }

  /** Why somebody who has signed in is not served all the same; undefined where nothing is in the way. */
  #objectionToUser(verb: string): string | undefined {
    if (!this.account || verb === "LOGOUT") return undefined;
    if (this.#attempt && !this.context.isStillGood(this.#attempt)) return this.context.texts.tokenExpired;
    return this.account.isConnected ? undefined : this.context.texts.notConnected;
  }

  async #loseConnectionBeforeEffect(faults: readonly ServerFault[]): Promise<void> {
    const bye = actionWith(faults, "bye");
    if (bye) {
      await this.answerTo("*", []).untagged(encodeUtf8(`BYE ${bye.bye}`));
      await this.connection.cut("fin");
    }
    const cut = actionWith(faults, "cut");
    const isLiteralOver = typeof cut?.after === "object" && "literalOctets" in cut.after;
    if (cut && (cut.after === "before-effect" || isLiteralOver)) await this.connection.cut(cut.cut);
  }

  async #commitAfterCut(command: Command, handler: CommandHandler | undefined, answer: Answer): Promise<void> {
    const cut = actionWith(command.faults, "cut");
    if (!cut) return;
    const gone = await this.connection.cut(cut.cut).catch((error: unknown) => error);
    await this.context.hold(cut.commitAfterCut);
    await this.#carryOut(command, handler, answer);
    this.context.changed();
    throw gone;
  }

  async #hold(until: Promise<unknown> | "release"): Promise<void> {
    this.connection.flush();
    await this.context.hold(until === "release" ? undefined : until);
  }

  /** Lets the command take effect; what it is answered with. */
  async #carryOut(command: Command, handler: CommandHandler | undefined, answer: Answer): Promise<string> {
    try {
      const objection = this.#objectionToUser(command.verb);
      if (objection !== undefined) return objection;
      if (command.refusal !== undefined) return encodeUtf8(command.refusal);
      if (!handler) return "BAD Unknown command";
      const reply = await handler(this, command, answer);
      await this.announceChanges(answer, { expunges: !KEEPS_SEQUENCE_NUMBERS.has(command.verb) });
      return reply;
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      if (error instanceof ConnectionGone) throw error;
      this.context.failed(error);
      return "NO [SERVERBUG] The scripted server failed";
    }
  }
}
