import { type Argument, ArgumentParser, Refusal, textOf } from "./command-syntax.js";
import { actionWith, type ServerFault } from "./faults.js";
import { parseSequenceSet, type SequenceSet, setIncludes } from "./sequence-set.js";
import type { AppendSizes, Session } from "./session.js";
import { type ReceivedCommand, withoutCredentials, withoutCredentialsBehindLiteral } from "./transcript.js";

/** One command, read up to its end. */
export interface Command {
  readonly tag: string;
  readonly verb: string;
  readonly arguments: readonly Argument[];
  readonly faults: readonly ServerFault[];
  /** The tagged answer that reading it already led to; absent where it can be carried out. */
  readonly refusal?: string;
}

interface AnnouncedLiteral {
  readonly size: number;
  readonly isSynchronizing: boolean;
  readonly isBinary: boolean;
}

const COMMAND = /^([^ (){%*"\\+]+) +((?:UID +)?[^ (){"]+) ?(.*)$/is;
const LITERAL = /(~?)\{(\d+)(\+?)\}$/;
const LARGEST_ARGUMENT = 64 * 1024;
const NAMES_A_FOLDER = new Set(["APPEND", "SELECT", "EXAMINE", "STATUS", "CREATE", "SUBSCRIBE"]);
const WORKS_ON_A_FOLDER = /^(?:UID )?(?:FETCH|STORE|SEARCH|EXPUNGE)$|^(?:CLOSE|UNSELECT)$/;

/** The session's next command; undefined where the client has gone. */
export async function readCommand(session: Session): Promise<Command | undefined> {
  const line = await session.connection.reader.line();
  if (line === undefined) return undefined;
  const match = COMMAND.exec(line);
  const [, tag = "*", verb = "", rest = ""] = match ?? [];
  const command = new IncomingCommand(session, tag, verb.toUpperCase().replace(/ +/, " "));
  if (!match) return command.unreadable(line);
  return command.readUp(rest);
}

class IncomingCommand {
  readonly #session: Session;
  readonly #tag: string;
  readonly #verb: string;
  readonly #parser = new ArgumentParser();
  readonly #record: { -readonly [Key in keyof ReceivedCommand]: ReceivedCommand[Key] };
  readonly #messageSizes: number[] = [];
  #sizes: AppendSizes = { count: 0, largest: 0, total: 0 };
  #faults: readonly ServerFault[] | undefined;
  #refusal: string | undefined;
  #literalOctets = 0;

  constructor(session: Session, tag: string, verb: string) {
    this.#session = session;
    this.#tag = tag;
    this.#verb = verb;
    this.#record = {
      connection: session.connection.id,
      tag,
      verb,
      arguments: "",
      tls: session.connection.isTls,
      messageSizes: this.#messageSizes,
    };
    if (session.account) this.#record.user = session.account.user;
  }

  unreadable(line: string): Command {
    const shown = `(${line.length} octets that are no command)`; // they may well be a password
    this.#session.context.transcript.client(this.#session.connection.id, shown);
    return { tag: this.#tag, verb: "", arguments: [], faults: [], refusal: "BAD Not a command" };
  }

  async readUp(text: string): Promise<Command | undefined> {
    const { context, connection } = this.#session;
    const shown = withoutCredentials(this.#verb, text);
    context.transcript.client(connection.id, `${this.#tag} ${this.#verb}${shown && " "}${shown}`);
    this.#record.arguments = shown;
    context.commands.push(this.#record);
    if (!(await this.#readArguments(text))) return undefined;
    this.#parse(() => this.#parser.finish());
    const faults = this.#matchFaults();
    context.changed();
    const command = { tag: this.#tag, verb: this.#verb, arguments: this.#parser.arguments, faults };
    return this.#refusal === undefined ? command : { ...command, refusal: this.#refusal };
  }

  /** False where the client has gone. */
  async #readArguments(firstText: string): Promise<boolean> {
    const { context, connection } = this.#session;
    let text = firstText;
    for (;;) {
      const literal = announcedLiteral(text);
      const segment = literal ? text.slice(0, text.lastIndexOf(literal.isBinary ? "~{" : "{")) : text;
      this.#parse(() => this.#parser.text(segment));
      if (!literal) return true;
      const isExpected = await this.#expect(literal);
      if (!isExpected) return true;
      if (!(await this.#readLiteral(literal))) return false;
      const next = await connection.reader.line();
      if (next === undefined) return false;
      text = next;
      const shown = withoutCredentialsBehindLiteral(this.#verb, text);
      if (shown !== "") context.transcript.client(connection.id, shown);
      this.#record.arguments += shown;
    }
  }

  /** Asks for the literal; false where the command ends here with a refusal. */
  async #expect(literal: AnnouncedLiteral): Promise<boolean> {
    const isMessage = this.#verb === "APPEND" && this.#parser.arguments.length > 0;
    if (isMessage) {
      this.#messageSizes.push(literal.size);
      this.#sizes = {
        count: this.#sizes.count + 1,
        largest: Math.max(this.#sizes.largest, literal.size),
        total: this.#sizes.total + literal.size,
      };
      this.#matchFaults();
      this.#session.context.changed();
    }
    if (this.#octetsUntilCut() === 0) await this.#cut();
    this.#refusal ??= this.#objection(literal, isMessage);
    if (!literal.isSynchronizing) return true;
    if (this.#refusal !== undefined) return false;
    await this.#session.answerTo(this.#tag, []).continuation("OK");
    return true;
  }

  async #readLiteral(literal: AnnouncedLiteral): Promise<boolean> {
    const { reader } = this.#session.connection;
    const untilCut = this.#octetsUntilCut();
    if (untilCut <= literal.size) {
      if (await reader.skip(untilCut)) await this.#cut();
      return false;
    }
    this.#literalOctets += literal.size;
    if (this.#refusal !== undefined) return reader.skip(literal.size);
    const octets = await reader.take(literal.size);
    if (octets) this.#parse(() => this.#parser.literal(octets, literal.isBinary));
    return octets !== undefined;
  }

  #objection(literal: AnnouncedLiteral, isMessage: boolean): string | undefined {
    const has = (capability: string): boolean => this.#session.has(capability);
    const takesUnasked = has("LITERAL+") || (has("LITERAL-") && literal.size <= 4096);
    if (!literal.isSynchronizing && !takesUnasked) return "BAD Non-synchronizing literal not supported"; // RFC 7888
    if (literal.isBinary && !has("BINARY")) return "BAD literal8 not supported"; // RFC 3516
    if (!isMessage) return literal.size > LARGEST_ARGUMENT ? "BAD Argument too long" : undefined;
    const fault = actionWith(this.#faults ?? [], "answer");
    if (fault?.beforeLiteral) return fault.answer;
    return this.#session.objectionToAppend(textOf(this.#parser.arguments[0]), this.#sizes);
  }

  #octetsUntilCut(): number {
    const after = actionWith(this.#faults ?? [], "cut")?.after;
    const isInLiteral = typeof after === "object" && "literalOctets" in after;
    return isInLiteral ? after.literalOctets - this.#literalOctets : Number.POSITIVE_INFINITY;
  }

  async #cut(): Promise<void> {
    await this.#session.connection.cut(actionWith(this.#faults ?? [], "cut")?.cut ?? "fin");
  }

  /** The faults of this command, matched once, as soon as it is known what the command is about. */
  #matchFaults(): readonly ServerFault[] {
    if (this.#faults) return this.#faults;
    const folder = this.#folderName();
    if (folder !== undefined) this.#record.folder = folder;
    const subject = { connection: this.#session.connection.id, verb: this.#verb, folder, covers: this.#coverage() };
    this.#faults = this.#session.context.faults.match(subject);
    return this.#faults;
  }

  #folderName(): string | undefined {
    if (WORKS_ON_A_FOLDER.test(this.#verb)) return this.#session.folder?.name;
    const [name] = this.#parser.arguments;
    if (!NAMES_A_FOLDER.has(this.#verb) || !name || name.kind === "list") return undefined;
    const text = textOf(name);
    return this.#session.account?.findFolder(text)?.name ?? text;
  }

  #coverage(): (uid: number) => boolean {
    let set: SequenceSet | undefined;
    return (uid) => {
      const number = this.#verb.startsWith("UID ") ? uid : this.#session.sequenceOf(uid);
      set ??= this.#sequenceSet();
      return number !== undefined && setIncludes(set, number);
    };
  }

  #sequenceSet(): SequenceSet {
    const isUid = this.#verb.startsWith("UID ");
    const texts = this.#parser.arguments.map((argument) => (argument.kind === "atom" ? argument.text : ""));
    const text = this.#verb.endsWith("SEARCH") ? texts.find((item) => /^[\d*]/.test(item)) : texts[0];
    try {
      return parseSequenceSet(text ?? "", isUid ? this.#session.highestUid : this.#session.view.length);
    } catch {
      return []; // the command itself will be answered with BAD
    }
  }

  #parse(step: () => void): void {
    if (this.#refusal !== undefined) return;
    try {
      step();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#refusal = error.answer;
    }
  }
}

function announcedLiteral(text: string): AnnouncedLiteral | undefined {
  const match = text.endsWith("}") ? LITERAL.exec(text) : null;
  if (!match) return undefined;
  return { size: Number(match[2]), isSynchronizing: match[3] === "", isBinary: match[1] === "~" };
}
