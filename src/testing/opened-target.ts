import assert from "node:assert/strict";
import { planFolders } from "../engine/folders/plan-folders.js";
import { MigrationError } from "../errors.js";
import type { FolderPlan, SourceFolder, TargetFolder } from "../mail/folder.js";
import { headerBlock } from "../mail/header-key.js";
import type { Appended, MailTarget } from "../mail/mail-target.js";
import type { Message, MessageContent, MessageHead } from "../mail/message.js";
import type { SpecialUse } from "../mail/special-use.js";
import { isSamePath } from "./case-assertions.js";
import { fakeMessage } from "./fake-content.js";
import type { FolderContent } from "./fake-mailbox.js";
import type { MailboxKeeps } from "./opened-source.js";
import { rawMessage, type StoredMessage } from "./sample-message.js";

/** A target over an empty mailbox. */
export interface OpenedTarget {
  readonly target: MailTarget;
  /** What the mailbox holds, learnt in another way than through the target; levels as the target has them. */
  read(): Promise<readonly FolderContent[]>;
}

/** Opens a target over a new mailbox without messages. */
export type OpenTarget = () => Promise<OpenedTarget>;

/** What the mailbox behind a target does. What it does not do is left out of the cases. */
export interface TargetMailbox extends MailboxKeeps {
  /** A message that this server refuses, and only this message; absent where there is none. */
  refused?: StoredMessage;
  /** Numbers its messages by UID, so that a look can begin at one. Default true. */
  uids?: boolean;
  /** Can be read back. Default true. */
  readable?: boolean;
  /** Can change flags after the append (`updateFlags`). Default true. */
  updatesFlags?: boolean;
}

export type WithTarget = (check: (opened: Opened) => Promise<void>) => Promise<void>;

/**
 * An open target, with what the cases ask of it again and again.
 * @internal
 */
export class Opened {
  constructor(
    readonly target: MailTarget,
    readonly read: OpenedTarget["read"],
  ) {}

  /** Where a source folder with these levels goes. */
  async plan(levels: readonly string[], specialUse?: SpecialUse): Promise<FolderPlan> {
    const source = sourceFolder(levels, specialUse);
    const target = { folders: await this.target.listFolders(), names: this.target.capabilities.names };
    const [plan] = planFolders([source], target);
    assert.ok(plan);
    return plan;
  }

  async ensure(...levels: string[]): Promise<TargetFolder> {
    return this.target.ensureFolder(await this.plan(levels));
  }

  /** Appends all messages, as many at a time as the target takes, and resolves with its answers in their order. */
  async appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<PromiseSettledResult<Appended>[]> {
    const answers: Promise<PromiseSettledResult<Appended>>[] = [];
    const underWay = new Set<Promise<unknown>>();
    for (const message of messages) {
      if (underWay.size >= this.target.capabilities.maxConcurrentAppends) await Promise.race(underWay);
      const settled = Promise.allSettled([this.target.append(folder, message)]).then(([result]) => result);
      underWay.add(settled);
      answers.push(settled.finally(() => underWay.delete(settled)));
    }
    return Promise.all(answers);
  }

  async append(folder: TargetFolder, ...stored: StoredMessage[]): Promise<Appended[]> {
    const answers = await this.appendAll(folder, numbered(stored));
    return answers.map((answer) => {
      if (answer.status === "rejected") throw answer.reason;
      return answer.value;
    });
  }

  /** The messages of the folder that a plan goes to. */
  async held(plan: FolderPlan): Promise<readonly StoredMessage[]> {
    const folder = (await this.read()).find(({ levels }) => isSamePath(levels, plan.target));
    assert.ok(folder, `the mailbox holds no folder ${plan.target.join("/")}`);
    return folder.messages ?? [];
  }

  async assertHolds(plan: FolderPlan, messages: readonly StoredMessage[]): Promise<void> {
    assert.deepEqual((await this.held(plan)).map(octetText).sort(), messages.map(octetText).sort());
  }
}

function sourceFolder(levels: readonly string[], specialUse?: SpecialUse): SourceFolder {
  return {
    ...{ name: levels.join("/"), levels, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 },
    ...(specialUse && { specialUse }),
  };
}

/** Messages with the UIDs 1, 2, 3 and so on. */
export function numbered(messages: readonly StoredMessage[]): Message[] {
  return messages.map((message, at) => fakeMessage(at + 1, message));
}

export function headOf(uid: number, { octets, internalDate, flags }: StoredMessage): MessageHead {
  return { uid, size: octets.length, internalDate, flags, header: headerBlock(octets) };
}

export function subjectOf({ octets }: StoredMessage): string {
  return /^Subject: (.*)\r$/m.exec(Buffer.from(octets).toString("latin1"))?.[1] ?? "";
}

export function octetText({ octets }: StoredMessage): string {
  return Buffer.from(octets).toString("latin1");
}

export function eightBit(): StoredMessage {
  return rawMessage(Buffer.from("Subject: gr\xfc\xdfe\r\n\r\n\xe4\xf6\xfc \x80\xff\r\n", "latin1"));
}

/** A content that changes how another one is read. */
export function around(
  content: MessageContent,
  chunks: () => AsyncGenerator<Uint8Array, void, undefined>,
): MessageContent {
  return { size: content.size, cancel: () => content.cancel(), [Symbol.asyncIterator]: chunks };
}

export function scopeOf(answer: PromiseSettledResult<unknown> | undefined): string {
  assert.equal(answer?.status, "rejected");
  assert.ok(MigrationError.is(answer.reason), `not a MigrationError: ${answer.reason}`);
  return answer.reason.scope;
}
