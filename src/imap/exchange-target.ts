import { MigrationError } from "../errors.js";
import type { Flag } from "../mail/flags.js";
import type { FolderPlan, ListedFolder, TargetFolder } from "../mail/folder.js";
import type { Abortable, ListMessagesOptions } from "../mail/mail-source.js";
import type {
  Appended,
  FindOptions,
  FlagUpdate,
  Found,
  Loss,
  MailTarget,
  TargetCapabilities,
  TargetReading,
} from "../mail/mail-target.js";
import type { Message, MessageHead } from "../mail/message.js";
import { FlaggingRun } from "./exchange-flagging.js";
import { MeasuredContent } from "./exchange-lines.js";
import { exchangeCapabilities, exchangeFlags } from "./exchange-profile.js";
import type { ExchangeStanding } from "./exchange-standing.js";
import type { ImapConnection } from "./imap-connection.js";
import { ImapTarget } from "./imap-target.js";

/** What {@link ExchangeTarget} has to know of its mailbox. */
export interface ExchangeMailbox {
  readonly maxMessageSize: number;
  readonly maxConcurrentAppends: number;
  readonly goodUntil: Date;
  readonly standing: ExchangeStanding;
}

/**
 * A mailbox of Exchange Online over IMAP: an {@link ImapTarget} that sends no keywords, sets `\Flagged` after the append,
 * recognises messages although Exchange rebuilds them, and says when its token should be replaced.
 *
 * A message with `\Flagged` counts as copied when the server has said OK to both, APPEND and STORE. What happens between
 * the two leaves it in doubt; it is found then, and the flag is set.
 */
export class ExchangeTarget implements MailTarget, TargetReading {
  readonly capabilities: TargetCapabilities;
  readonly goodUntil: Date;
  readonly #target: ImapTarget;
  readonly #standing: ExchangeStanding;
  readonly #flagging: FlaggingRun;
  readonly #suspects: { readonly error: MigrationError; reject(error: MigrationError): void }[] = [];

  constructor(connection: ImapConnection, { standing, goodUntil, ...limits }: ExchangeMailbox) {
    const refusal: ImapConnection["refusal"] = (answer, about) =>
      standing.judgeAnswer(answer, about, connection.refusal(answer, about));
    this.capabilities = exchangeCapabilities(limits);
    this.goodUntil = goodUntil;
    this.#standing = standing;
    this.#target = new ImapTarget({ ...connection, refusal }, this.capabilities);
    this.#flagging = new FlaggingRun(this.#target);
  }

  listFolders(options?: Abortable): Promise<ListedFolder[]> {
    return this.#target.listFolders(options);
  }

  ensureFolder(plan: FolderPlan, options?: Abortable): Promise<TargetFolder> {
    return this.#target.ensureFolder(plan, options);
  }

  append(folder: TargetFolder, message: Message, options?: Abortable): Promise<Appended> {
    const { kept, flagged, losesKeywords } = exchangeFlags(message.flags);
    const content = new MeasuredContent(message.content);
    this.#flagging.begun();
    const answer = this.#target.append(folder, { ...message, content, flags: new Set(kept) }, options);
    const complete = answer.then(
      async ({ id, lost = [] }) => {
        this.#standing.accepted();
        this.#releaseRefused();
        const isWhole =
          !flagged || (id !== undefined && (await this.#flagging.flag(folder, Number(id), [...kept, "\\Flagged"])));
        return appended(id, losesKeywords ? [...lost, "keyword"] : lost, isWhole);
      },
      (error: unknown) => this.#refused(MigrationError.from(error), content.longestLine),
    );
    // Behind the others, so that the message waits for its flag before the run is looked at.
    const ended = () => {
      if (this.#flagging.ended()) this.#releaseRefused();
    };
    answer.then(ended, ended);
    return complete;
  }

  /** A refusal that may be the mailbox's fault waits for the answers to the messages behind it. */
  #refused(cause: MigrationError, longestLine: number): Promise<never> {
    const { error, isSuspect } = this.#standing.judgeRefusal(cause, longestLine);
    if (isSuspect) return new Promise((_, reject) => this.#suspects.push({ error, reject }));
    // The mailbox refuses: none of those before it was refused for itself.
    if (error.scope !== "message") for (const { reject } of this.#suspects.splice(0)) reject(error);
    return Promise.reject(error);
  }

  /** They were refused for themselves. */
  #releaseRefused(): void {
    for (const { error, reject } of this.#suspects.splice(0)) reject(error);
  }

  async find(
    folder: TargetFolder,
    heads: readonly MessageHead[],
    options: FindOptions = {},
  ): Promise<Map<number, Found>> {
    const found = await this.#target.find(folder, heads, options);
    return options.begun ? await this.#complete(folder, heads, found) : found;
  }

  /** For messages of ours that were stored before a crash: sets what was not set any more, and tells what is lost. */
  async #complete(
    folder: TargetFolder,
    heads: readonly MessageHead[],
    found: ReadonlyMap<number, Found>,
  ): Promise<Map<number, Found>> {
    const ours = heads.flatMap(({ uid, flags }) => {
      const there = found.get(uid);
      return there?.id !== undefined && !there.unsure ? [{ uid, id: Number(there.id), ...exchangeFlags(flags) }] : [];
    });
    const flagged = ours.filter((one) => one.flagged).map(({ id }) => id);
    const refused = new Set(await this.#refusedFlags(folder, flagged));
    const completed = new Map(found);
    for (const { uid, id, losesKeywords } of ours) {
      completed.set(uid, appended(String(id), losesKeywords ? ["keyword"] : [], !refused.has(id)));
    }
    return completed;
  }

  /** Sets the flag; the UIDs of those that Exchange does not take it for. */
  async #refusedFlags(folder: TargetFolder, uids: readonly number[]): Promise<readonly number[]> {
    if (uids.length === 0) return [];
    const ascending = [...uids].sort((one, other) => one - other);
    try {
      await this.#target.addFlags(folder, ascending, ["\\Flagged"]);
      return [];
    } catch (error) {
      if (MigrationError.from(error).code === "access-denied") return uids;
      throw error;
    }
  }

  /** Categories and everything else that it does not take are left out. */
  updateFlags(
    folder: Pick<TargetFolder, "name" | "path" | "uidValidity">,
    updates: readonly FlagUpdate[],
    options?: Abortable,
  ): Promise<void> {
    const taken = updates.map(({ ids, add, remove }) => ({
      ids,
      add: takenByExchange(add),
      remove: takenByExchange(remove),
    }));
    return this.#target.updateFlags(folder, taken, options);
  }

  examineFolder(folder: Pick<TargetFolder, "name" | "path">, options?: Abortable): Promise<TargetFolder | undefined> {
    return this.#target.examineFolder(folder, options);
  }

  listMessages(folder: TargetFolder, options?: ListMessagesOptions): AsyncIterable<MessageHead> {
    return this.#target.listMessages(folder, options);
  }

  fetch(folder: TargetFolder, uids: readonly number[], options?: Abortable): AsyncIterable<Message> {
    return this.#target.fetch(folder, uids, options);
  }

  close(): Promise<void> {
    return this.#target.close();
  }
}

function takenByExchange(flags: readonly Flag[]): Flag[] {
  const { kept, flagged } = exchangeFlags(new Set(flags));
  return flagged ? [...kept, "\\Flagged"] : [...kept];
}

function appended(id: string | undefined, lost: readonly Loss[], hasItsFlag: boolean): Appended {
  const losses = new Set(hasItsFlag ? lost : [...lost, "flag"]);
  return { ...(id === undefined ? {} : { id }), ...(losses.size > 0 ? { lost: [...losses] } : {}) };
}
