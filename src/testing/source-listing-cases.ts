import assert from "node:assert/strict";
import { headerBlock } from "../mail/header-key.js";
import type { MailSource } from "../mail/mail-source.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { flagNames } from "./case-assertions.js";
import {
  assertOctets,
  collect,
  holding,
  INBOX,
  type MailboxKeeps,
  numbers,
  subjects,
  type WithSource,
} from "./opened-source.js";
import { sampleMessage } from "./sample-message.js";

export function sourceListingCases(withSource: WithSource, keeps: MailboxKeeps): BehaviourCase[] {
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
