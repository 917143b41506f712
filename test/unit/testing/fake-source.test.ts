import { describe, expect, it } from "vitest";
import type { MailSource } from "../../../src/mail/mail-source.js";
import type { Message } from "../../../src/mail/message.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import { readOctets } from "../../../src/testing/fake-content.js";
import { type FakeFault, FaultScript } from "../../../src/testing/fake-faults.js";
import { FakeMailbox } from "../../../src/testing/fake-mailbox.js";
import { fakeSource, openFakeSource } from "../../../src/testing/fake-source.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { sourceCases } from "../../../src/testing/source-cases.js";

describe("a fake source", () => {
  const cases = sourceCases(async (content) => {
    const mailbox = new FakeMailbox(content);
    const uidsOf = (levels: readonly string[]) => mailbox.folder(levels.join("/")).messages.map(({ uid }) => uid);
    return { source: fakeSource(mailbox), uidsOf };
  });
  for (const { title, run } of cases) it(title, run);
});

function mailboxOf(count: number): FakeMailbox {
  const messages = Array.from({ length: count }, (_, at) => sampleMessage(`message ${at + 1}`));
  return new FakeMailbox([{ levels: ["INBOX"], messages }]);
}

async function uidsFetched(source: MailSource, fetched: number[] = []): Promise<number[]> {
  const [folder] = await source.listFolders();
  if (!folder) throw new Error("no folder");
  for await (const { uid, content } of source.fetch(folder, [1, 2, 3, 4, 5])) {
    await readOctets(content);
    fetched.push(uid);
  }
  return fetched;
}

describe("the faults of a fake source", () => {
  it("strike the nth time only, or every so many times, or always", async () => {
    const leftOut = (when: object) => {
      const faults = [{ on: "fetch", ...when, do: { unreadable: true } } as FakeFault]; // `when` holds only its own members
      return uidsFetched(fakeSource(mailboxOf(5), { faults }));
    };
    expect(await leftOut({ nth: 2 })).toEqual([1, 3, 4, 5]);
    expect(await leftOut({ every: 2 })).toEqual([1, 3, 5]);
    expect(await leftOut({ uid: 4 })).toEqual([1, 2, 3, 5]);
    expect(await leftOut({ folder: "INBOX" })).toEqual([]);
    expect(await leftOut({ folder: "Elsewhere" })).toEqual([1, 2, 3, 4, 5]);
  });

  it("count on over sources that share a script, and strike on opening too", async () => {
    const faults = new FaultScript([
      { on: "open", nth: 2, do: { throw: "connection-refused" } },
      { on: "fetch", nth: 7, do: { unreadable: true } },
    ]);
    const mailbox = mailboxOf(5);
    expect(await uidsFetched(await openFakeSource(mailbox, { faults }))).toEqual([1, 2, 3, 4, 5]);
    await expect(openFakeSource(mailbox, { faults })).rejects.toMatchObject({ code: "connection-refused" });
    expect(await uidsFetched(await openFakeSource(mailbox, { faults }))).toEqual([1, 3, 4, 5]);
  });

  it("expunge a message that vanishes, and keep one that is unreadable", async () => {
    const mailbox = mailboxOf(3);
    const faults: FakeFault[] = [
      { on: "fetch", uid: 1, do: { vanish: true } },
      { on: "fetch", uid: 2, do: { unreadable: true } },
    ];
    expect(await uidsFetched(fakeSource(mailbox, { faults }))).toEqual([3]);
    expect(mailbox.folder("INBOX").messages.map(({ uid }) => uid)).toEqual([2, 3]);
  });

  it("break a content off after the octets they say, and close the source", async () => {
    const source = fakeSource(mailboxOf(3), { faults: [{ on: "fetch", uid: 2, do: { breakOffAfter: 10 } }] });
    const [folder] = await source.listFolders();
    const octets: number[] = [];
    const reading = async (message: Message) => {
      for await (const chunk of message.content) octets.push(chunk.length);
    };
    const fetching = async () => {
      for await (const message of source.fetch(folder ?? never(), [2, 3])) {
        await expect(reading(message)).rejects.toMatchObject({ code: "connection-lost", scope: "user" });
      }
    };
    await expect(fetching()).rejects.toMatchObject({ code: "connection-lost" });
    expect(octets).toEqual([10]);
    await expect(source.listFolders()).rejects.toMatchObject({ code: "connection-lost" });
  });

  it("break a content off as truncated, and go on with the next message", async () => {
    const faults: FakeFault[] = [{ on: "fetch", uid: 1, do: { breakOffAfter: 5, breakOffCode: "message-truncated" } }];
    const source = fakeSource(mailboxOf(2), { faults });
    const [folder] = await source.listFolders();
    const ends: unknown[] = [];
    for await (const { uid, content } of source.fetch(folder ?? never(), [1, 2])) {
      ends.push(
        await readOctets(content).then(
          () => uid,
          (error) => error.code,
        ),
      );
    }
    expect(ends).toEqual(["message-truncated", 2]);
  });

  it("deliver other octets than were listed", async () => {
    const faults: FakeFault[] = [{ on: "fetch", do: { rewrite: (octets) => octets.subarray(0, 9) } }];
    const source = fakeSource(mailboxOf(1), { faults });
    const [folder] = await source.listFolders();
    for await (const { size, content } of source.fetch(folder ?? never(), [1])) {
      expect(content.size).toBe(9);
      expect(size).toBeGreaterThan(9);
      expect(await readOctets(content)).toHaveLength(9);
    }
  });

  it("throw just before a head of a listing, and hold a call until it may go on", async () => {
    let release = (): void => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const faults: FakeFault[] = [
      { on: "listFolders", do: { hold } },
      { on: "listMessages", uid: 2, do: { throw: "throttled", retryAfterMs: 5000 } },
    ];
    const source = fakeSource(mailboxOf(3), { faults });
    const listing = source.listFolders();
    release();
    const [folder] = await listing;
    const heads: number[] = [];
    const list = async () => {
      for await (const { uid } of source.listMessages(folder ?? never())) heads.push(uid);
    };
    await expect(list()).rejects.toMatchObject({ code: "throttled", retryAfterMs: 5000 });
    expect(heads).toEqual([1]);
  });
});

describe("the mailbox behind a fake source", () => {
  it("claims another size for a message when it is told to", async () => {
    const mailbox = new FakeMailbox();
    mailbox.folder("INBOX").add({ ...sampleMessage("liar"), claimedSize: 7 });
    const source = fakeSource(mailbox);
    const [folder] = await source.listFolders();
    for await (const { size } of source.listMessages(folder ?? never())) expect(size).toBe(7);
  });

  it("gives its messages other UIDs under another UIDVALIDITY", async () => {
    const mailbox = mailboxOf(2);
    const source = fakeSource(mailbox);
    const [before] = await source.listFolders();
    mailbox.folder("INBOX").renumber(50);
    const [after] = await source.listFolders();
    expect(after?.uidValidity).not.toBe(before?.uidValidity);
    expect(after?.uidNext).toBe(52);
    await expect(uidsListed(source, before ?? never())).rejects.toMatchObject({ code: "uidvalidity-changed" });
    expect(await uidsListed(source, after ?? never())).toEqual([50, 51]);
  });
});

describe("the journal of a fake source", () => {
  it("notes every call when it comes, and how it ended", async () => {
    const journal: JournalEntry[] = [];
    const source = fakeSource(mailboxOf(3), { journal });
    await uidsFetched(source);
    const [folder] = await source.listFolders();
    for await (const _head of source.listMessages(folder ?? never(), { uids: [1, 2] })) break;
    await source.close();
    await expect(source.listFolders()).rejects.toThrow();
    expect(journal).toEqual([
      { call: "listFolders", result: "done" },
      { call: "fetch", folder: "INBOX", uids: [1, 2, 3, 4, 5], result: "done" },
      { call: "listFolders", result: "done" },
      { call: "listMessages", folder: "INBOX", uids: [1, 2], result: "abandoned" },
      { call: "close", result: "done" },
      { call: "listFolders", result: "connection-lost" },
    ]);
  });
});

async function uidsListed(source: MailSource, folder: Parameters<MailSource["listMessages"]>[0]): Promise<number[]> {
  const uids: number[] = [];
  for await (const { uid } of source.listMessages(folder)) uids.push(uid);
  return uids;
}

function never(): never {
  throw new Error("the folder is not listed");
}
