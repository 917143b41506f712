import { describe, expect, it } from "vitest";
import type { SourceFolder } from "../../../src/mail/folder.js";
import type { MailSource } from "../../../src/mail/mail-source.js";
import type { MailTarget } from "../../../src/mail/mail-target.js";
import type { Message, MessageHead } from "../../../src/mail/message.js";
import type { BehaviourCase } from "../../../src/testing/behaviour-case.js";
import { fakeMessage, readOctets } from "../../../src/testing/fake-content.js";
import { FakeMailbox } from "../../../src/testing/fake-mailbox.js";
import { fakeSource } from "../../../src/testing/fake-source.js";
import { fakeTarget } from "../../../src/testing/fake-target.js";
import { sourceCases } from "../../../src/testing/source-cases.js";
import { targetCases } from "../../../src/testing/target-cases.js";

/** Every case with these words in its title fails, and there is one. */
async function expectNoticed(cases: readonly BehaviourCase[], words: string): Promise<void> {
  const concerned = cases.filter(({ title }) => title.includes(words));
  expect(concerned).not.toEqual([]);
  for (const { title, run } of concerned) await expect(run(), title).rejects.toThrow();
}

/** The same adapter with some of its methods replaced. */
function withDefect<Adapter extends object>(adapter: Adapter, defect: Partial<Adapter>): Adapter {
  return new Proxy(adapter, {
    get: (_, name: string & keyof Adapter) => {
      const member = defect[name] ?? adapter[name];
      return typeof member === "function" ? member.bind(adapter) : member;
    },
  });
}

async function* each<In, Out>(items: AsyncIterable<In>, change: (item: In) => Out[]): AsyncGenerator<Out> {
  for await (const item of items) yield* change(item);
}

const sourceDefects: [string, (source: MailSource) => Partial<MailSource>, string][] = [
  [
    "drops a header octet",
    (source) => ({
      listMessages: (folder, options) =>
        each(source.listMessages(folder, options), (head: MessageHead) => [
          { ...head, ...(head.header && { header: head.header.subarray(1) }) },
        ]),
    }),
    "lists the octets of the header blocks",
  ],
  [
    "ignores `uids`",
    (source) => ({ listMessages: (folder, { uids: _, ...options } = {}) => source.listMessages(folder, options) }),
    "lists only the UIDs asked for",
  ],
  [
    "forgets the flags",
    (source) => ({
      listMessages: (folder, options) =>
        each(source.listMessages(folder, options), (head: MessageHead) => [{ ...head, flags: new Set<string>() }]),
    }),
    "exact size, INTERNALDATE and flags",
  ],
  [
    "reads everything before it delivers anything",
    (source) => ({
      fetch: async function* (folder, uids, options) {
        const read: Message[] = [];
        for await (const message of source.fetch(folder, uids, options)) {
          read.push({
            ...message,
            ...fakeMessage(message.uid, { ...message, octets: await readOctets(message.content) }),
          });
        }
        yield* read;
      },
    }),
    "only after the one before was read",
  ],
  [
    "delivers in the order of the request",
    (source) => ({
      fetch: async function* (folder, uids, options) {
        for (const uid of uids) yield* source.fetch(folder, [uid], options);
      },
    }),
    "delivers in ascending order once each",
  ],
  [
    "does not look at UIDVALIDITY",
    (source) => ({
      listMessages: async function* (folder, options) {
        const current = (await source.listFolders()).find(({ name }) => name === folder.name) ?? folder;
        yield* source.listMessages(current, options);
      },
    }),
    "`uidvalidity-changed`",
  ],
  [
    "does not look at the host's signal",
    (source) => ({ fetch: (folder: SourceFolder, uids: readonly number[]) => source.fetch(folder, uids) }),
    "the host gives up in the middle",
  ],
];

describe("the cases for sources notice a source that", () => {
  for (const [defect, make, words] of sourceDefects) {
    it(defect, async () => {
      const cases = sourceCases(async (content) => {
        const mailbox = new FakeMailbox(content);
        const source = fakeSource(mailbox);
        const uidsOf = (levels: readonly string[]) => mailbox.folder(levels.join("/")).messages.map(({ uid }) => uid);
        return { source: withDefect(source, make(source)), uidsOf };
      });
      await expectNoticed(cases, words);
    });
  }
});

const targetDefects: [string, (target: MailTarget) => Partial<MailTarget>, string][] = [
  [
    "pads what ends early",
    (target) => ({
      append: async (folder, message, options) => {
        const octets = await readOctets(message.content).catch(() => Buffer.alloc(message.content.size));
        return target.append(folder, fakeMessage(message.uid, { ...message, octets }), options);
      },
    }),
    "a content that ends early",
  ],
  [
    "adds a header field",
    (target) => ({
      append: async (folder, message, options) => {
        const octets = Buffer.concat([Buffer.from("X-Migrated: yes\r\n"), await readOctets(message.content)]);
        return target.append(folder, fakeMessage(message.uid, { ...message, octets }), options);
      },
    }),
    "keeps the octets of a message of 1 MB",
  ],
  [
    "reads contents at the same time",
    (target) => ({
      append: async (folder, message, options) => {
        const octets = await readOctets(message.content);
        return target.append(folder, fakeMessage(message.uid, { ...message, octets }), options);
      },
    }),
    "one after the other",
  ],
  [
    "sends twice",
    (target) => ({
      append: async (folder, message, options) => {
        const stored = { ...message, octets: await readOctets(message.content) };
        await target.append(folder, fakeMessage(message.uid, stored), options);
        return target.append(folder, fakeMessage(message.uid, stored), options);
      },
    }),
    "as many as there are",
  ],
  [
    "loses keywords and says nothing",
    (target) => ({
      append: (folder, message, options) => {
        const flags = new Set([...message.flags].filter((flag) => flag.startsWith("\\")));
        return target.append(folder, { ...message, flags }, options);
      },
    }),
    "or tells that it lost them",
  ],
  [
    "uses the time of now",
    (target) => ({
      append: (folder, message, options) => target.append(folder, { ...message, internalDate: new Date() }, options),
    }),
    "keeps INTERNALDATE to the second",
  ],
  [
    "finds every message everywhere",
    () => ({ find: async (_, heads) => new Map(heads.map(({ uid }) => [uid, { id: String(uid) }])) }),
    "finds the messages that it holds, and no others",
  ],
  [
    "looks below `fromUid`",
    (target) => ({ find: (folder, heads, { fromUid: _, ...options } = {}) => target.find(folder, heads, options) }),
    "does not find below `fromUid`",
  ],
  [
    "does not look at what is taken",
    (target) => ({ find: (folder, heads, { taken: _, ...options } = {}) => target.find(folder, heads, options) }),
    "under an id that is taken",
  ],
];

describe("the cases for targets notice a target that", () => {
  for (const [defect, make, words] of targetDefects) {
    it(defect, async () => {
      const cases = targetCases(async () => {
        const mailbox = new FakeMailbox([{ levels: ["INBOX"] }, { levels: ["Sent Items"], specialUse: "\\Sent" }]);
        const target = fakeTarget(mailbox);
        return { target: withDefect(target, make(target)), read: async () => mailbox.content() };
      });
      await expectNoticed(cases, words);
    });
  }
});
