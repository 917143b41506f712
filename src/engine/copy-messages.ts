import { MigrationError } from "../errors.js";
import { type Flag, followedFlags } from "../mail/flags.js";
import type { TargetFolder } from "../mail/folder.js";
import type { Appended } from "../mail/mail-target.js";
import type { Message, MessageHead } from "../mail/message.js";
import { messageIdentity } from "../mail/message-identity.js";
import { UidSet } from "../mail/uid-set.js";
import type { Refused } from "../outcome.js";
import { BeginGroups } from "./begin-groups.js";
import { DigestedContent } from "./digested-content.js";
import type { FolderRun } from "./folder-run.js";
import type { OutcomeLedger } from "./outcome-ledger.js";
import { graver } from "./retry.js";

/** How often a message is asked for before the source counts as unable to deliver it. */
const ATTEMPTS = 3;
const BROKE_OFF = { code: "message-truncated", reason: "The message broke off each time it was read" } as const;
/** How long appends under way may still end once the migration was stopped. */
const STOP_GRACE_MS = 1_500;

/** Copies these messages, each to exactly one outcome. Whatever stops it leaves the rest begun, or untouched. */
export async function copyMessages(
  run: FolderRun,
  target: TargetFolder,
  heads: readonly MessageHead[],
  ledger: OutcomeLedger,
): Promise<void> {
  const largest = Math.min(run.limits.maxMessageSize, run.target.capabilities.maxMessageSize);
  const copy = new MessageCopy(run, target, ledger, largest);
  let todo: MessageHead[] = [];
  for (const head of heads) {
    const { uid, size } = head;
    if (size > largest) ledger.add({ uid, size, kind: "skipped", rule: "too-large" }, head);
    else if (run.breakOffs.isHopeless(run.plan.source, uid))
      ledger.add({ uid, size, kind: "failed", ...BROKE_OFF }, head);
    else todo.push(head);
  }
  for (let attempt = 1; attempt <= ATTEMPTS && todo.length > 0; attempt++) {
    todo = attempt === 1 ? await copy.stream(todo) : await copy.oneByOne(todo);
    if (todo.length > 0) todo = await withoutVanished(run, todo, ledger);
  }
  for (const head of todo) {
    const { uid, size } = head;
    const reason = `The source lists this message but did not deliver it in ${ATTEMPTS} attempts`;
    ledger.add({ uid, size, kind: "failed", code: "message-unreadable", reason }, head);
  }
  await ledger.flush();
}

/** Those that the source still lists; the others have vanished. */
async function withoutVanished(run: FolderRun, heads: MessageHead[], ledger: OutcomeLedger): Promise<MessageHead[]> {
  const { source, plan, signal } = run;
  const listed = new Set<number>();
  for await (const { uid } of source.listMessages(plan.source, { uids: heads.map(({ uid }) => uid), signal }))
    listed.add(uid);
  return heads.filter(({ uid, size }) => {
    if (!listed.has(uid)) ledger.add({ uid, size, kind: "vanished" });
    return listed.has(uid);
  });
}

/** The way of messages from one folder to another. */
class MessageCopy {
  readonly #run: FolderRun;
  readonly #target: TargetFolder;
  readonly #ledger: OutcomeLedger;
  readonly #largest: number;
  readonly #groups: BeginGroups;
  readonly #underWay = new Set<Promise<void>>();
  /** UIDs whose date the target refused: it keeps none before 1970. */
  readonly #clamped = new UidSet();
  /** Those that failed in an earlier pass: refused again, they say nothing new of the target. */
  readonly #failedBefore: ReadonlySet<number>;
  /** Refusals of which it is open whether they are the messages' fault. */
  #refusals: { readonly outcome: Refused; readonly head: MessageHead }[] = [];
  #again: MessageHead[] = [];
  #fault: MigrationError | undefined;
  /** The target wears out, and nothing more is begun here. */
  #wornOut: MigrationError | undefined;

  constructor(run: FolderRun, target: TargetFolder, ledger: OutcomeLedger, largest: number) {
    this.#run = run;
    this.#target = target;
    this.#ledger = ledger;
    this.#largest = largest;
    this.#groups = new BeginGroups(run.journal, target);
    this.#failedBefore = new Set(run.journal.failedUids);
  }

  /** All in one stream; returns those that need another attempt. */
  async stream(heads: readonly MessageHead[]): Promise<MessageHead[]> {
    const { source, plan, signal } = this.#run;
    const missing = new Map(heads.map((head) => [head.uid, head]));
    this.#again = [];
    this.#groups.plan(heads);
    try {
      for await (const message of source.fetch(
        plan.source,
        heads.map(({ uid }) => uid),
        { signal },
      )) {
        const head = missing.get(message.uid);
        missing.delete(message.uid);
        if (head) await this.#send(head, message);
        else message.content.cancel();
        // Leaving costs the appends under way, whose errors must not hide why.
        this.#fault ??= this.#run.pass.fault;
        if (this.#end) break;
      }
    } finally {
      await this.#settled();
    }
    if (this.#end) throw this.#end;
    return [...this.#again, ...missing.values()].sort((one, other) => one.uid - other.uid);
  }

  /** One message that a server cannot deliver can keep it from delivering the others of its command. */
  async oneByOne(heads: readonly MessageHead[]): Promise<MessageHead[]> {
    const again: MessageHead[] = [];
    for (const head of heads) again.push(...(await this.stream([head])));
    return again;
  }

  /** Resolves as soon as the next message may be pulled; the append goes on. */
  async #send(head: MessageHead, message: Message): Promise<void> {
    const { size } = message.content;
    const { uid } = head;
    if (size === 0 || size > this.#largest || (head.size > 0 && size !== head.size)) {
      message.content.cancel();
      this.#setAside(head, size);
      return;
    }
    const { window, signal } = this.#run;
    if (!this.#groups.isBegun(uid)) {
      if (this.#isWornOut()) {
        message.content.cancel();
        return;
      }
      await Promise.all([this.#groups.begin(uid), this.#ledger.flushBehind()]);
    }
    await window.enter(signal);
    const append = this.#append(head, message).finally(() => {
      window.leave();
      this.#underWay.delete(append);
    });
    this.#underWay.add(append);
  }

  /** Asked between two groups: what was begun has been sent, so that nothing is in doubt once the answers are in. */
  #isWornOut(): boolean {
    const { target, clock, pass } = this.#run;
    if (target.goodUntil === undefined || clock.date() < target.goodUntil.getTime()) return false;
    pass.renewal ??= new MigrationError("token-expired", "Most of the access token's life is over");
    this.#wornOut = pass.renewal;
    return true;
  }

  #setAside(head: MessageHead, size: number): void {
    const { uid } = head;
    if (size > this.#largest) {
      this.#ledger.add({ uid, size, kind: "skipped", rule: "too-large" }, head);
    } else if (size === 0 && head.size === 0) {
      const reason = "The message has no octets";
      this.#ledger.add({ uid, size, kind: "refused", code: "message-empty", reason }, head);
    } else {
      // Some servers name wrong sizes: what comes twice alike is what the message is. Nothing at all never is.
      this.#groups.resized(uid);
      this.#again.push(size === 0 ? head : { ...head, size });
    }
  }

  /** Never rejects. While it waits for the answer it holds on to nothing but the head and the digest. */
  #append(head: MessageHead, message: Message): Promise<void> {
    const { target, signal, hold } = this.#run;
    const content = new DigestedContent(message.content, hold);
    const flags = this.#run.followsFlags ? followedFlags(message.flags) : undefined;
    const clamped = this.#clamped.has(head.uid);
    const internalDate = clamped ? new Date(0) : message.internalDate;
    const dateLost = clamped || Number.isNaN(internalDate.getTime());
    return target.append(this.#target, { ...message, internalDate, content }, { signal }).then(
      (appended) => this.#copied(head, flags, content, appended, dateLost),
      (cause) => {
        const error = MigrationError.from(cause);
        if (content.brokeOff) this.#brokeOff(head, error);
        else this.#refused(head, internalDate, error);
      },
    );
  }

  #copied(
    head: MessageHead,
    flags: readonly Flag[] | undefined,
    content: DigestedContent,
    { id, lost = [] }: Appended,
    dateLost: boolean,
  ): void {
    const { uid, emailId } = head;
    this.#run.refusals.accepted();
    this.#recordRefusals();
    this.#groups.appended(id);
    const losses = dateLost ? [...lost, "internal-date"] : lost;
    const identity = content.headerDigest && messageIdentity(head.internalDate, content.headerDigest);
    this.#ledger.add({
      uid,
      size: content.size,
      kind: "copied",
      sha256: content.digest(),
      ...(id === undefined ? {} : { id }),
      ...(emailId === undefined ? {} : { emailId }),
      ...(losses.length > 0 ? { lost: losses } : {}),
      ...(this.#run.uncertain.has(uid) ? { uncertain: true } : {}),
      ...(identity && { identity }),
      ...(flags && { flags }),
    });
  }

  #brokeOff(head: MessageHead, error: MigrationError): void {
    const { breakOffs, plan } = this.#run;
    // A fetch that was given up takes its contents with it: that says nothing of the message.
    if (!this.#end) breakOffs.note(plan.source, head.uid);
    if (error.scope === "message") this.#again.push(head);
    else this.#fault = graver(this.#fault, error);
  }

  #refused(head: MessageHead, internalDate: Date, error: MigrationError): void {
    const { uid, size } = head;
    if (error.scope !== "message") {
      this.#fault = this.#run.hold.lost ?? graver(this.#fault, error);
    } else if (error.code === "group-refused") {
      this.#again.push(head);
    } else if (internalDate.getTime() < 0) {
      this.#clamped.add(uid);
      this.#again.push(head);
    } else {
      this.#refusals.push({ outcome: { uid, size, kind: "refused", code: error.code, reason: error.message }, head });
      if (this.#failedBefore.has(uid)) return;
      try {
        this.#run.refusals.refused(error);
      } catch (tooMany) {
        this.#fault ??= MigrationError.from(tooMany);
      }
    }
  }

  /** A target that takes other messages refuses these for good. One that takes none is at fault, and they are tried again. */
  #recordRefusals(): void {
    const isTargetAtFault = this.#end?.code === "too-many-refusals";
    for (const { outcome, head } of this.#refusals) {
      this.#ledger.add(isTargetAtFault ? { ...outcome, kind: "failed" } : outcome, head);
    }
    this.#refusals = [];
  }

  /** Every append has ended, and what became of it is durable; once stopped, only those that end soon. */
  async #settled(): Promise<void> {
    const ended = new AbortController();
    await Promise.race([Promise.allSettled(this.#underWay), this.#graceIsOver(ended.signal)]);
    ended.abort();
    this.#recordRefusals();
    await this.#ledger.flush();
  }

  /** Resolves some time after the migration was stopped; waits for nothing any more once `ended` is aborted. */
  async #graceIsOver(ended: AbortSignal): Promise<void> {
    const { clock, signal } = this.#run;
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true, signal: ended }));
    }
    await clock.sleep(STOP_GRACE_MS, ended).catch(() => {});
  }

  /** What ends this folder, or the whole pass; a fault before anything that leaves nothing in doubt. */
  get #end(): MigrationError | undefined {
    return this.#fault ?? this.#run.pass.fault ?? this.#wornOut;
  }
}
