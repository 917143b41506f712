import assert from "node:assert/strict";
import type { SourceFolder } from "../mail/folder.js";
import { headerBlock } from "../mail/header-key.js";
import type { MailSource } from "../mail/mail-source.js";
import type { Message } from "../mail/message.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { assertRejects, flagNames, isSamePath } from "./case-assertions.js";
import { readOctets } from "./fake-content.js";
import type { FolderContent } from "./fake-mailbox.js";
import { rawMessage, type StoredMessage, sampleMessage } from "./sample-message.js";

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

/**
 * What every {@link MailSource} does, as cases for any test runner:
 * `for (const { title, run } of sourceCases(open)) it(title, run)`.
 */
export function sourceCases(open: OpenSource, keeps: MailboxKeeps = {}): BehaviourCase[] {
  const withSource = async (content: readonly FolderContent[], check: (opened: Opened) => Promise<void>) => {
    const { source, uidsOf } = await open(content);
    try {
      await check(new Opened(source, uidsOf));
    } finally {
      await source.close();
    }
  };
  return [
    ...folderCases(withSource, keeps),
    ...listingCases(withSource, keeps),
    ...fetchCases(withSource, keeps),
  ].concat(flowCases(withSource), errorCases(withSource));
}

type WithSource = (content: readonly FolderContent[], check: (opened: Opened) => Promise<void>) => Promise<void>;

/** An open source, with what the cases ask of it again and again. */
class Opened {
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

const INBOX = ["INBOX"];
const MEGABYTE = 1024 * 1024;
const holding = (...messages: StoredMessage[]): FolderContent[] => [{ levels: INBOX, messages }];
const subjects = (count: number): StoredMessage[] =>
  Array.from({ length: count }, (_, at) => sampleMessage(`message ${at + 1}`, { octets: 400 + at }));

function folderCases(withSource: WithSource, keeps: MailboxKeeps): BehaviourCase[] {
  const content: FolderContent[] = [
    { levels: INBOX, messages: subjects(2) },
    { levels: ["Projects"] },
    { levels: ["Projects", "2001"], messages: subjects(3) },
    { levels: ["Entwürfe & Pläne"], messages: subjects(1) },
    { levels: ["日本語 😀"] },
  ];
  const cases: BehaviourCase[] = [
    {
      title: "lists every folder with its decoded levels, each under its own name",
      run: () =>
        withSource(content, async ({ source }) => {
          const listed = await source.listFolders();
          for (const { levels } of content) {
            const found = listed.filter((folder) => isSamePath(folder.levels, levels));
            assert.equal(found.length, 1, `${levels.join("/")} is listed ${found.length} times`);
            assert.equal(found[0]?.selectable, true);
          }
          assert.equal(new Set(listed.map(({ name }) => name)).size, listed.length);
        }),
    },
    {
      title: "lists with each folder how many messages it holds, a UIDVALIDITY, and a UIDNEXT above every UID",
      run: () =>
        withSource(content, async (opened) => {
          for (const { levels, messages = [] } of content) {
            const folder = await opened.folder(...levels);
            const uids = await opened.uidsOf(levels);
            assert.equal(folder.messages, messages.length);
            assert.ok(folder.uidNext > Math.max(0, ...uids), `UIDNEXT ${folder.uidNext} after ${uids}`);
            assert.ok(folder.uidValidity > 0);
            assert.equal((await opened.folder(...levels)).uidValidity, folder.uidValidity);
          }
        }),
    },
  ];
  const special: FolderContent[] = [
    { levels: INBOX },
    { levels: ["Sent"], specialUse: "\\Sent" },
    { levels: ["Trash"], specialUse: "\\Trash" },
  ];
  if (keeps.specialUse !== false) {
    cases.push({
      title: "lists the special use of the folders that have one",
      run: () =>
        withSource(special, async (opened) => {
          assert.equal((await opened.folder("Sent")).specialUse, "\\Sent");
          assert.equal((await opened.folder("Trash")).specialUse, "\\Trash");
          assert.equal((await opened.folder("INBOX")).specialUse, undefined);
        }),
    });
  }
  return cases;
}

function listingCases(withSource: WithSource, keeps: MailboxKeeps): BehaviourCase[] {
  const keywords = keeps.keywords === false ? [] : ["$Forwarded", "projekt-x"];
  const messages = [
    sampleMessage("plain", { octets: 300 }),
    sampleMessage("flags", {
      flags: ["\\Seen", "\\Answered", ...keywords],
      internalDate: new Date("1999-12-31T23:59:59Z"),
    }),
    sampleMessage("more flags", { flags: ["\\Flagged", "\\Deleted", "\\Draft"], octets: 70_000 }),
    sampleMessage("now", { internalDate: new Date("2024-02-29T12:00:01Z") }),
  ];
  return [
    {
      title: "lists the messages in ascending order with exact size, INTERNALDATE and flags",
      run: () =>
        withSource(holding(...messages), async (opened) => {
          const heads = await collect(opened.source.listMessages(await opened.folder("INBOX")));
          assert.deepEqual(
            heads.map(({ uid }) => uid),
            await opened.uidsOf(INBOX),
          );
          for (const [at, head] of heads.entries()) {
            assert.equal(head.size, messages[at]?.octets.length);
            assert.deepEqual(head.internalDate, messages[at]?.internalDate);
            assert.deepEqual(flagNames(head.flags), flagNames(messages[at]?.flags));
          }
        }),
    },
    {
      title: "lists the octets of the header blocks when it is asked for them",
      run: () =>
        withSource(holding(...messages), async (opened) => {
          const heads = await collect(opened.source.listMessages(await opened.folder("INBOX"), { headers: true }));
          assert.equal(heads.length, messages.length);
          for (const [at, { header = new Uint8Array() }] of heads.entries()) {
            assertOctets(header, headerBlock(messages[at]?.octets ?? new Uint8Array()));
          }
        }),
    },
    {
      title: "lists only the UIDs asked for, and only those from and up to a UID",
      run: () =>
        withSource(holding(...subjects(6)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const [one, two, three, four, five, six] = await opened.uidsOf(INBOX);
          const list = async (options: Parameters<MailSource["listMessages"]>[1]) =>
            (await collect(opened.source.listMessages(folder, options))).map(({ uid }) => uid);
          assert.deepEqual(await list({ uids: numbers(two, three, six) }), [two, three, six]);
          assert.deepEqual(await list({ uids: [...numbers(five), folder.uidNext + 7] }), [five]);
          assert.deepEqual(await list({ uids: [] }), []);
          assert.deepEqual(await list({ fromUid: numbers(four)[0] ?? 0 }), [four, five, six]);
          assert.deepEqual(await list({ toUid: numbers(two)[0] ?? 0 }), [one, two]);
          assert.deepEqual(await list({ fromUid: numbers(three)[0] ?? 0, toUid: numbers(four)[0] ?? 0 }), [
            three,
            four,
          ]);
          assert.deepEqual(await list({ fromUid: folder.uidNext }), [], "nothing stands at UIDNEXT");
        }),
    },
    {
      title: "lists nothing that did not change since the folder's HIGHESTMODSEQ, where it keeps one",
      run: () =>
        withSource(holding(...subjects(3)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const { highestModSeq } = folder;
          if (highestModSeq === undefined) return;
          const uids = await opened.uidsOf(INBOX);
          const list = async (changedSince: bigint, toUid?: number) =>
            (await collect(opened.source.listMessages(folder, { changedSince, ...(toUid && { toUid }) }))).map(
              ({ uid }) => uid,
            );
          assert.deepEqual(await list(highestModSeq), []);
          // 0 is no mod-sequence, and some servers begin to count at 1 (RFC 7162 section 3.1).
          if (highestModSeq > 3n) assert.deepEqual((await list(highestModSeq - 1n)).at(-1), uids.at(-1));
          assert.deepEqual(await list(highestModSeq, uids[1]), []);
        }),
    },
    {
      title: "lists and fetches nothing of an empty folder",
      run: () =>
        withSource([{ levels: INBOX }, { levels: ["Empty"] }], async (opened) => {
          const folder = await opened.folder("Empty");
          assert.deepEqual(await collect(opened.source.listMessages(folder, { headers: true })), []);
          assert.deepEqual(await opened.fetchAll(folder, [1, 2, 3]), []);
          assert.deepEqual(await opened.fetchAll(folder, []), []);
        }),
    },
    {
      title: "changes no flag by listing and fetching (R4)",
      run: () =>
        withSource(holding(...subjects(3)), async (opened) => {
          const folder = await opened.folder("INBOX");
          await collect(opened.source.listMessages(folder, { headers: true }));
          await opened.fetchAll(folder, await opened.uidsOf(INBOX));
          for (const { flags } of await collect(opened.source.listMessages(folder))) {
            assert.deepEqual(flagNames(flags), []);
          }
        }),
    },
  ];
}

function fetchCases(withSource: WithSource, keeps: MailboxKeeps): BehaviourCase[] {
  const fetches = (title: string, ...messages: StoredMessage[]): BehaviourCase => ({
    title: `fetches exactly the octets of ${title}`,
    run: () => withSource(holding(...messages), (opened) => opened.assertFetches(INBOX, messages)),
  });
  const everyOctet = Uint8Array.from({ length: 256 }, (_, octet) => octet).filter(
    (octet) => ![0x00, 0x0a, 0x0d].includes(octet),
  );
  const eightBit = Buffer.concat([
    Buffer.from("Subject: gr\xfc\xdfe\r\n\r\n", "latin1"),
    everyOctet,
    Buffer.from("\r\n"),
  ]);
  const cases = [
    fetches(
      "a message that is a line end, and of one without a body",
      rawMessage("\r\n"),
      rawMessage("Subject: x\r\n\r\n"),
    ),
    fetches("a message without a header", rawMessage("\r\nno header at all\r\n")),
    fetches("messages in 8 bit", rawMessage(eightBit)),
    fetches(
      "a message that looks like an IMAP answer",
      rawMessage("Subject: {12}\r\n\r\n)\r\nA1 OK done\r\n* BYE {3}\r\n"),
    ),
    fetches("messages around 4,096 octets", ...[4095, 4096, 4097].map((octets) => sampleMessage("page", { octets }))),
    fetches("messages around 65,536 octets", ...[65_535, 65_536].map((octets) => sampleMessage("window", { octets }))),
    fetches(
      "a message of 1 MB between small ones",
      ...subjects(1),
      sampleMessage("1 MB", { octets: MEGABYTE }),
      ...subjects(1),
    ),
    fetches("a message of one line of 200,000 octets", sampleMessage("line", { body: `${"x".repeat(200_000)}\r\n` })),
    fetches("two hundred messages, in the order of their UIDs", ...subjects(200)),
  ];
  if (keeps.missingFinalCrlf !== false) {
    cases.push(fetches("messages without a final CRLF", rawMessage("x"), rawMessage("Subject: x\r\n\r\nno end")));
  }
  if (keeps.bareLineFeeds !== false) {
    cases.push(fetches("a message with bare line feeds", rawMessage("Subject: x\n\nbare\nlines\r\n")));
  }
  if (keeps.nul !== false) cases.push(fetches("a message with NUL in it", rawMessage("Subject: x\r\n\r\na\0b\r\n")));
  return [
    ...cases,
    {
      title:
        "delivers in ascending order once each, whatever order and however often it is asked, and leaves out what is not there",
      run: () =>
        withSource(holding(...subjects(4)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const [one = 0, two = 0, , four = 0] = await opened.uidsOf(INBOX);
          const fetched = await opened.fetchAll(folder, [folder.uidNext + 5, four, one, two, one]);
          assert.deepEqual(
            fetched.map(({ message }) => message.uid),
            [one, two, four],
          );
        }),
    },
    {
      title: "delivers with each message the head that a listing gives",
      run: () => {
        const flagged = sampleMessage("flagged", { flags: ["\\Flagged", "\\Seen"], octets: 5000 });
        return withSource(holding(flagged, ...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const heads = await collect(opened.source.listMessages(folder));
          const fetched = await opened.fetchAll(folder, await opened.uidsOf(INBOX));
          assert.equal(fetched.length, heads.length);
          for (const [at, { message }] of fetched.entries()) {
            assert.equal(message.uid, heads[at]?.uid);
            assert.equal(message.size, heads[at]?.size);
            assert.deepEqual(message.internalDate, heads[at]?.internalDate);
            assert.deepEqual(flagNames(message.flags), flagNames(heads[at]?.flags));
          }
        });
      },
    },
  ];
}

function flowCases(withSource: WithSource): BehaviourCase[] {
  const large = sampleMessage("large", { octets: MEGABYTE });
  const [small = large] = subjects(1);
  return [
    {
      title: "delivers the next message only after the one before was read",
      run: () =>
        withSource(holding(large, small), async (opened) => {
          const folder = await opened.folder("INBOX");
          const messages = opened.source.fetch(folder, await opened.uidsOf(INBOX))[Symbol.asyncIterator]();
          const first = arrivedOf(await messages.next());
          let arrived = false;
          const next = messages.next().then((result) => {
            arrived = true;
            return result;
          });
          let octets = 0;
          for await (const chunk of first.content) {
            octets += chunk.length;
            if (octets < first.content.size) assert.equal(arrived, false, `it arrived after ${octets} octets`);
          }
          assert.equal(octets, large.octets.length);
          assertOctets(await readOctets(arrivedOf(await next).content), small.octets);
          assert.equal((await messages.next()).done, true);
        }),
    },
    {
      title:
        "delivers the next message whole after a content was cancelled unread, in the middle, or left by its reader",
      run: () =>
        withSource(holding(large, small, large, small, large, small), async (opened) => {
          const folder = await opened.folder("INBOX");
          const messages = opened.source.fetch(folder, await opened.uidsOf(INBOX))[Symbol.asyncIterator]();
          const giveUps: ((message: Message) => Promise<void>)[] = [cancelUnread, cancelAfterFirstChunk, breakOff];
          for (const giveUp of giveUps) {
            await giveUp(arrivedOf(await messages.next()));
            assertOctets(await readOctets(arrivedOf(await messages.next()).content), small.octets);
          }
          assert.equal((await messages.next()).done, true);
        }),
    },
    {
      title: "answers on after a fetch or a listing was left in the middle",
      run: () =>
        withSource(holding(small, large, small), async (opened) => {
          const folder = await opened.folder("INBOX");
          const uids = await opened.uidsOf(INBOX);
          for await (const _unread of opened.source.fetch(folder, uids)) break;
          for await (const message of opened.source.fetch(folder, uids)) {
            if (message.uid === uids[1]) break;
            await readOctets(message.content);
          }
          for await (const _head of opened.source.listMessages(folder)) break;
          assert.equal((await collect(opened.source.listMessages(folder))).length, 3);
          await opened.assertFetches(INBOX, [small, large, small]);
        }),
    },
    {
      title: "answers calls that overlap, each with what it asked for",
      run: () => {
        const content = [
          { levels: INBOX, messages: subjects(5) },
          { levels: ["Other"], messages: [large, ...subjects(2)] },
        ];
        return withSource(content, async (opened) => {
          const inbox = await opened.folder("INBOX");
          await Promise.all([
            opened.assertFetches(INBOX, subjects(5)),
            opened.assertFetches(["Other"], [large, ...subjects(2)]),
            collect(opened.source.listMessages(inbox)).then((heads) => assert.equal(heads.length, 5)),
            opened.source.listFolders().then((folders) => assert.ok(folders.length >= 2)),
            opened.assertFetches(INBOX, subjects(5)),
          ]);
        });
      },
    },
  ];
}

function errorCases(withSource: WithSource): BehaviourCase[] {
  const large = sampleMessage("large", { octets: MEGABYTE });
  const listAndFetch = (source: MailSource, folder: SourceFolder) => [
    () => collect(source.listMessages(folder)),
    () => readAll(source.fetch(folder, [1])),
  ];
  return [
    {
      title: "rejects with `uidvalidity-changed` where the folder has another UIDVALIDITY, and goes on",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const other = { ...folder, uidValidity: folder.uidValidity + 1 };
          for (const call of listAndFetch(opened.source, other)) await assertRejects(call, "uidvalidity-changed");
          await opened.assertFetches(INBOX, subjects(1));
        }),
    },
    {
      title: "rejects with `folder-missing` where there is no such folder, and goes on",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const missing = { ...folder, name: "no-such-folder", levels: ["no-such-folder"] };
          for (const call of listAndFetch(opened.source, missing)) await assertRejects(call, "folder-missing");
          await opened.assertFetches(INBOX, subjects(1));
        }),
    },
    {
      title: "rejects with `aborted` where the host had given up before",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const options = { signal: AbortSignal.abort() };
          await assertRejects(() => opened.source.listFolders(options), "aborted");
          await assertRejects(() => collect(opened.source.listMessages(folder, options)), "aborted");
          await assertRejects(() => readAll(opened.source.fetch(folder, [1], options)), "aborted");
        }),
    },
    {
      title: "rejects with `aborted` where the host gives up in the middle of a content",
      run: () =>
        withSource(holding(large, large), async (opened) => {
          const folder = await opened.folder("INBOX");
          const giveUp = new AbortController();
          const messages = opened.source.fetch(folder, await opened.uidsOf(INBOX), giveUp)[Symbol.asyncIterator]();
          const { content } = arrivedOf(await messages.next());
          const chunks = content[Symbol.asyncIterator]();
          assert.notEqual((await chunks.next()).done, true);
          giveUp.abort();
          await restOf(chunks).catch(() => {}); // a content may end in its own way; what counts is the fetch
          await assertRejects(() => messages.next(), "aborted");
        }),
    },
    {
      title: "rejects every call after it was closed, and can be closed twice",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          await opened.source.close();
          await assertRejects(() => opened.source.listFolders(), "connection-lost");
          for (const call of listAndFetch(opened.source, folder)) await assertRejects(call, "connection-lost");
        }),
    },
    {
      title: "rejects what is under way when it is closed",
      run: () =>
        withSource(holding(large, large), async (opened) => {
          const folder = await opened.folder("INBOX");
          const messages = opened.source.fetch(folder, await opened.uidsOf(INBOX))[Symbol.asyncIterator]();
          await messages.next();
          const next = messages.next();
          await Promise.all([assertRejects(() => next, "connection-lost"), opened.source.close()]);
        }),
    },
  ];
}

async function cancelUnread({ content }: Message): Promise<void> {
  content.cancel();
  assert.equal((await readOctets(content)).length, 0, "a cancelled content yields nothing");
}

async function cancelAfterFirstChunk({ content }: Message): Promise<void> {
  const chunks = content[Symbol.asyncIterator]();
  assert.notEqual((await chunks.next()).done, true);
  content.cancel();
  assert.equal((await chunks.next()).done, true, "a cancelled content yields nothing more");
}

async function breakOff({ content }: Message): Promise<void> {
  for await (const _chunk of content) break;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

async function readAll(messages: AsyncIterable<Message>): Promise<void> {
  for await (const { content } of messages) await readOctets(content);
}

async function restOf(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  while (!(await chunks.next()).done);
}

function arrivedOf<T>(result: IteratorResult<T>): T {
  assert.notEqual(result.done, true, "a further message was expected");
  return result.value;
}

function numbers(...values: (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function assertOctets(actual: Uint8Array, expected: Uint8Array | undefined): void {
  assert.ok(expected, "there is a message more than expected");
  if (Buffer.compare(actual, expected) === 0) return;
  assert.equal(Buffer.from(actual).toString("latin1"), Buffer.from(expected).toString("latin1"));
}
