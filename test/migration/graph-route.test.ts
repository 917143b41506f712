import assert from "node:assert/strict";
import { afterAll, describe, expect, it } from "vitest";
import { memoryStore } from "../../src/index.js";
import { headerBlock } from "../../src/mail/header-key.js";
import { FakeMailbox } from "../../src/testing/fake-mailbox.js";
import type { SimulatedMessage } from "../../src/testing/microsoft365/mailbox.js";
import { type ClassifiedMessage, messagesOfEveryClass } from "../fixtures/mail/message-classes.js";
import { graphBatch } from "../unit/graph/graph-batch.js";
import { GraphWorld } from "../unit/graph/graph-fixture.js";
import { property } from "../unit/graph/stored-messages.js";

const messages = messagesOfEveryClass();
const world = new GraphWorld();
afterAll(() => world.close());

/** What differs, by which losses explain it: one of them must have been told. */
const EXPLANATIONS: Readonly<Record<string, readonly string[]>> = {
  received: ["internal-date"],
  flags: ["flag"],
  keywords: ["keyword"],
  header: ["header-block", "charset", "characters"],
  body: ["charset", "characters", "body-as-attachment", "mime-structure", "broken-mime"],
  messageId: ["message-id", "sender"],
};

/** Where the stored message differs from the octets, compared without the code that made it. */
function differences(source: ClassifiedMessage, stored: SimulatedMessage): string[] {
  const { flags, internalDate, octets } = source;
  const has = (flag: string) => flags.includes(flag);
  const header = Buffer.from(headerBlock(octets));
  const holdsFields = /^[!-9;-~]+:/m.test(header.toString("latin1")) || header.length < octets.length;
  const body = holdsFields ? octets.subarray(header.length) : octets;
  const keywords = flags.filter((flag) => !flag.startsWith("\\") && flag !== "$Forwarded");
  const [, messageId] = /^message-id:\s*(<[^>]*>)/im.exec(header.toString("latin1")) ?? [];
  const isSame: Record<string, boolean> = {
    received: stored.receivedDateTime.getTime() === internalDate.getTime(),
    flags:
      stored.isRead === has("\\Seen") &&
      (stored.flagStatus === "flagged") === has("\\Flagged") &&
      stored.isDraft === has("\\Draft") &&
      (property(stored, "Integer 0x1081") === "102") === has("\\Answered") &&
      !has("\\Deleted"),
    keywords:
      stored.categories.join() === keywords.join() &&
      (has("$Forwarded") ? property(stored, "Integer 0x1081") === "104" : true),
    header:
      stored.mime !== undefined ||
      Buffer.from(property(stored, "String 0x7d") ?? "").equals(holdsFields ? crlf(header) : Buffer.alloc(0)),
    body: stored.mime?.equals(octets) ?? Buffer.from(stored.body.content, "utf8").equals(body),
    messageId: messageId === undefined || stored.internetMessageId === messageId,
  };
  return Object.keys(isSame).filter((name) => !isSame[name]);
}

/** The header block with CRLF, and without its empty line. */
function crlf(header: Buffer): Buffer {
  const text = header.toString("latin1").replace(/\r?\n/g, "\r\n");
  return Buffer.from(text.replace(/^\r\n$/, "").replace(/\r\n\r\n$/, "\r\n"), "latin1");
}

describe("200 messages of every class, over the Graph route", () => {
  const user = world.addUser();
  const source = new FakeMailbox([
    { levels: ["INBOX"], messages: messages.map((message) => ({ ...message, flags: new Set(message.flags) })) },
  ]);
  const store = memoryStore();

  it("R3 arrive true to their source, or with what they lost told of each", async () => {
    const report = await graphBatch({ world, user, source, store }).start();
    expect(report).toMatchObject({ balanced: true, books: { found: 200, copied: 200 } });
    const mailbox = world.mailbox(user);
    expect(mailbox.wellKnown("inbox").messages).toHaveLength(200);
    const untold: string[] = [];
    const seen = new Set<string>();
    const [page] = await store.listFolders("IMAPBatch1", user);
    assert.ok(page);
    for await (const { uid, id = "", lost = [] } of store.listHeld("IMAPBatch1", user, page)) {
      const message = messages[uid - 1];
      const stored = mailbox.findMessage(id);
      assert.ok(message && stored, `${uid} is not there`);
      seen.add(stored.immutableId);
      for (const difference of differences(message, stored)) {
        if (EXPLANATIONS[difference]?.some((loss) => lost.includes(loss))) continue;
        untold.push(`${uid} ${message.class}: ${difference}, told: ${lost.join()}`);
      }
    }
    expect(untold).toEqual([]);
    expect(seen.size).toBe(200);
  });

  it("R4 a second run changes nothing", async () => {
    const before = world.simulator.requests.length;
    const report = await graphBatch({ world, user, source, store }).start();
    expect(report).toMatchObject({ balanced: true, run: { copied: 0 } });
    const since = world.simulator.requests.slice(before).filter(({ method }) => method !== "GET");
    expect(since).toEqual([]);
  });

  it("R2 are recognised by a run that has lost its ledger: none is copied again", async () => {
    const report = await graphBatch({ world, user, source, store: memoryStore() }).start();
    expect(report.books).toMatchObject({ found: 200, copied: 0, alreadyThere: 200 });
    expect(world.mailbox(user).wellKnown("inbox").messages).toHaveLength(200);
  });
});
