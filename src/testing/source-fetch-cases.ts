import assert from "node:assert/strict";
import type { Message } from "../mail/message.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { flagNames } from "./case-assertions.js";
import { readOctets } from "./fake-content.js";
import {
  arrivedOf,
  assertOctets,
  breakOff,
  cancelAfterFirstChunk,
  cancelUnread,
  collect,
  holding,
  INBOX,
  type MailboxKeeps,
  MEGABYTE,
  subjects,
  type WithSource,
} from "./opened-source.js";
import { rawMessage, type StoredMessage, sampleMessage } from "./sample-message.js";

export function sourceFetchCases(withSource: WithSource, keeps: MailboxKeeps): BehaviourCase[] {
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

export function sourceFlowCases(withSource: WithSource): BehaviourCase[] {
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
      title: "gives at once what has arrived as a whole, the same as piece by piece, and nothing more of it",
      run: () =>
        withSource(holding(small, small, large, small), async (opened) => {
          const folder = await opened.folder("INBOX");
          const messages = opened.source.fetch(folder, await opened.uidsOf(INBOX))[Symbol.asyncIterator]();
          for (const { octets } of [small, small, large, small]) {
            const { content } = arrivedOf(await messages.next());
            await new Promise(setImmediate); // whatever came along may be there now
            const whole = content.whole?.();
            const rest = await readOctets(content);
            assertOctets(whole ? Buffer.concat(whole) : rest, octets);
            if (whole) assert.equal(rest.length, 0);
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
