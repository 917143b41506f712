import assert from "node:assert/strict";
import type { SourceFolder } from "../mail/folder.js";
import type { MailSource } from "../mail/mail-source.js";
import type { Message } from "../mail/message.js";
import { isSamePath } from "./case-assertions.js";
import { readOctets } from "./fake-content.js";
import type { FolderContent } from "./fake-mailbox.js";
import { type StoredMessage, sampleMessage } from "./sample-message.js";

/** A source over a mailbox that was filled for one case. */
export interface OpenedSource {
  readonly source: MailSource;
  /** The UIDs of a folder in the order of its messages, learnt in another way than through the source. */
  uidsOf(levels: readonly string[]): Promise<readonly number[]> | readonly number[];
}

/** Opens a new mailbox that holds these folders and these messages. More folders may be there, but no more messages. */
export type OpenSource = (content: readonly FolderContent[]) => Promise<OpenedSource>;

/** What the mailbox behind a source keeps as it was filled. What it does not keep is left out of the cases. Default: all. */
export interface MailboxKeeps {
  /** A NUL in a message (Dovecot serves 0x80 instead, Cyrus refuses it). */
  nul?: boolean;
  /** A LF without CR (Dovecot serves CRLF, Cyrus refuses it). */
  bareLineFeeds?: boolean;
  /** A message that does not end in CRLF (Courier adds one). */
  missingFinalCrlf?: boolean;
  keywords?: boolean;
  /** The special uses that folders are filled with. */
  specialUse?: boolean;
}

export type WithSource = (content: readonly FolderContent[], check: (opened: Opened) => Promise<void>) => Promise<void>;

/** An open source, with what the cases ask of it again and again. */
export class Opened {
  constructor(
    readonly source: MailSource,
    readonly uidsOf: OpenedSource["uidsOf"],
  ) {}

  async folder(...levels: string[]): Promise<SourceFolder> {
    const folder = (await this.source.listFolders()).find((listed) => isSamePath(listed.levels, levels));
    assert.ok(folder, `the folder ${levels.join("/")} is not listed`);
    return folder;
  }

  async fetchAll(folder: SourceFolder, uids: readonly number[]): Promise<{ message: Message; octets: Uint8Array }[]> {
    const fetched: { message: Message; octets: Uint8Array }[] = [];
    for await (const message of this.source.fetch(folder, uids)) {
      fetched.push({ message, octets: await readOctets(message.content) });
    }
    return fetched;
  }

  /** Everything in the folder, fetched, is exactly these messages in this order. */
  async assertFetches(levels: readonly string[], messages: readonly StoredMessage[]): Promise<void> {
    const uids = await this.uidsOf(levels);
    const fetched = await this.fetchAll(await this.folder(...levels), uids);
    assert.deepEqual(
      fetched.map(({ message }) => message.uid),
      uids,
    );
    for (const [at, { message, octets }] of fetched.entries()) {
      assertOctets(octets, messages[at]?.octets);
      assert.equal(message.content.size, octets.length);
    }
  }
}

export const INBOX = ["INBOX"];

export const MEGABYTE = 1024 * 1024;

export const holding = (...messages: StoredMessage[]): FolderContent[] => [{ levels: INBOX, messages }];

export const subjects = (count: number): StoredMessage[] =>
  Array.from({ length: count }, (_, at) => sampleMessage(`message ${at + 1}`, { octets: 400 + at }));

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export async function readAll(messages: AsyncIterable<Message>): Promise<void> {
  for await (const { content } of messages) await readOctets(content);
}

export async function restOf(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  while (!(await chunks.next()).done);
}

export function arrivedOf<T>(result: IteratorResult<T>): T {
  assert.notEqual(result.done, true, "a further message was expected");
  return result.value;
}

export function numbers(...values: (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

export function assertOctets(actual: Uint8Array, expected: Uint8Array | undefined): void {
  assert.ok(expected, "there is a message more than expected");
  if (Buffer.compare(actual, expected) === 0) return;
  assert.equal(Buffer.from(actual).toString("latin1"), Buffer.from(expected).toString("latin1"));
}

export async function cancelUnread({ content }: Message): Promise<void> {
  content.cancel();
  assert.equal((await readOctets(content)).length, 0, "a cancelled content yields nothing");
}

export async function cancelAfterFirstChunk({ content }: Message): Promise<void> {
  const chunks = content[Symbol.asyncIterator]();
  assert.notEqual((await chunks.next()).done, true);
  content.cancel();
  assert.equal((await chunks.next()).done, true, "a cancelled content yields nothing more");
}

export async function breakOff({ content }: Message): Promise<void> {
  for await (const _chunk of content) break;
}
