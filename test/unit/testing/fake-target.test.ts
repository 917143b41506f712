import { describe, expect, it } from "vitest";
import type { FolderPlan, TargetFolder } from "../../../src/mail/folder.js";
import type { Appended, MailTarget } from "../../../src/mail/mail-target.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import { fakeMessage } from "../../../src/testing/fake-content.js";
import type { FakeFault } from "../../../src/testing/fake-faults.js";
import { FakeMailbox } from "../../../src/testing/fake-mailbox.js";
import { type FakeTargetOptions, fakeTarget, openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { targetCases } from "../../../src/testing/target-cases.js";

const emptyMailbox = () => new FakeMailbox([{ levels: ["INBOX"] }, { levels: ["Sent Items"], specialUse: "\\Sent" }]);
const refused = sampleMessage("refused");

function casesFor(options: FakeTargetOptions) {
  return targetCases(
    async () => {
      const box = emptyMailbox();
      return { target: fakeTarget(box, options), read: async () => box.content() };
    },
    { refused },
  );
}

// The refused message of the suite is the second of four, whose UIDs at the source are 1 to 4.
const refuseSecond = (folder: string): FakeFault => ({ on: "append", folder, uid: 2, do: { refuse: "no" } });

describe("a fake target", () => {
  for (const { title, run } of casesFor({ faults: [refuseSecond("Refused")] })) it(title, run);
});

describe("a fake target that takes one message at a time, tells no ids and keeps no keywords", () => {
  const options: FakeTargetOptions = {
    capabilities: { maxConcurrentAppends: 1, loses: ["keyword"] },
    permanentFlags: new Set(["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]),
    tellsIds: false,
    faults: [refuseSecond("Refused")],
  };
  for (const { title, run } of casesFor(options)) it(title, run);
});

describe("a fake target with a prefix, where case does not count", () => {
  const names = { delimiter: "/", caseInsensitive: true, prefix: ["INBOX"], maxLevelLength: 60, forbidden: "%" };
  for (const { title, run } of casesFor({ capabilities: { names }, faults: [refuseSecond("INBOX/Refused")] }))
    it(title, run);
});

const INBOX: FolderPlan = {
  source: {
    ...{ name: "INBOX", levels: ["INBOX"], selectable: true, uidValidity: 1, uidNext: 1, messages: 0 },
  },
  target: ["INBOX"],
  changes: [],
};

async function opened(
  options: FakeTargetOptions,
): Promise<{ mailbox: FakeMailbox; target: MailTarget; folder: TargetFolder }> {
  const mailbox = new FakeMailbox();
  const target = fakeTarget(mailbox, options);
  return { mailbox, target, folder: await target.ensureFolder(INBOX) };
}

function append(
  target: MailTarget,
  folder: TargetFolder,
  ...uids: number[]
): Promise<PromiseSettledResult<Appended>[]> {
  return Promise.allSettled(
    uids.map((uid) => target.append(folder, fakeMessage(uid, sampleMessage(`message ${uid}`)))),
  );
}

const codes = (answers: PromiseSettledResult<Appended>[]) =>
  answers.map((answer) => (answer.status === "fulfilled" ? "stored" : answer.reason.code));
const subjects = (mailbox: FakeMailbox) =>
  mailbox.folder("INBOX").messages.map(({ octets }) => /message (\d+)/.exec(Buffer.from(octets).toString())?.[1]);

describe("the faults of a fake target", () => {
  it("store a message and lose the answer, with the answers of those stored just before", async () => {
    const { mailbox, target, folder } = await opened({
      faults: [{ on: "append", uid: 3, do: { storeThenLose: true } }],
    });
    expect(codes(await append(target, folder, 1))).toEqual(["stored"]);
    const answers = codes(await append(target, folder, 2, 3, 4));
    expect(answers.slice(1)).toEqual(["connection-lost", "connection-lost"]);
    expect(subjects(mailbox)).toEqual(["1", "2", "3"]);
    await expect(target.listFolders()).rejects.toMatchObject({ code: "connection-lost" });
  });

  it("lose the connection, and store the message when the script says", async () => {
    let store = (): void => {};
    const loseThenStoreOn = new Promise<void>((resolve) => {
      store = resolve;
    });
    const { mailbox, target, folder } = await opened({ faults: [{ on: "append", do: { loseThenStoreOn } }] });
    expect(codes(await append(target, folder, 1))).toEqual(["connection-lost"]);
    expect(subjects(mailbox)).toEqual([]);
    store();
    await loseThenStoreOn;
    expect(subjects(mailbox)).toEqual(["1"]);
  });

  it("lose the connection in the middle of a message, and store nothing of it", async () => {
    const { mailbox, target, folder } = await opened({ faults: [{ on: "append", uid: 2, do: { breakOffAfter: 20 } }] });
    expect(codes(await append(target, folder, 1, 2, 3)).slice(1)).toEqual(["connection-lost", "connection-lost"]);
    expect(subjects(mailbox)).toEqual(["1"]);
  });

  it("let a message pass one that is held", async () => {
    let release = (): void => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { mailbox, target, folder } = await opened({ faults: [{ on: "append", uid: 1, do: { hold } }] });
    const first = append(target, folder, 1);
    await append(target, folder, 2);
    expect(subjects(mailbox)).toEqual(["2"]);
    release();
    expect(codes(await first)).toEqual(["stored"]);
    expect(subjects(mailbox)).toEqual(["2", "1"]);
  });

  it("refuse one message, and store another than was sent", async () => {
    const faults: FakeFault[] = [
      { on: "append", uid: 1, do: { refuse: "bare newlines" } },
      { on: "append", uid: 2, do: { rewrite: () => Buffer.from("message 222") } },
      { on: "append", uid: 3, do: { throw: "quota-exceeded" } },
    ];
    const { mailbox, target, folder } = await opened({ faults });
    expect(codes(await append(target, folder, 1, 2, 3, 4))).toEqual([
      "message-refused",
      "stored",
      "quota-exceeded",
      "stored",
    ]);
    expect(subjects(mailbox)).toEqual(["222", "4"]);
  });

  it("strike on opening, on naming a folder and on looking for messages", async () => {
    const faults: FakeFault[] = [
      { on: "ensureFolder", folder: "INBOX", nth: 2, do: { throw: "access-denied" } },
      { on: "find", do: { throw: "command-timeout" } },
    ];
    const { target, folder } = await opened({ faults });
    await expect(target.ensureFolder(INBOX)).rejects.toMatchObject({ code: "access-denied" });
    await expect(target.find(folder, [])).rejects.toMatchObject({ code: "command-timeout" });
    await expect(target.find(folder, [])).rejects.toMatchObject({ code: "connection-lost" });
    const open = openFakeTarget(new FakeMailbox(), { faults: [{ on: "open", do: { throw: "auth-failed" } }] });
    await expect(open).rejects.toMatchObject({ code: "auth-failed" });
  });
});

describe("a fake target holds its caller to the contract", () => {
  it("takes no more appends at a time than it said", async () => {
    const { target, folder } = await opened({ capabilities: { maxConcurrentAppends: 2 } });
    expect(codes(await append(target, folder, 1, 2, 3))).toEqual(["stored", "stored", "unexpected"]);
  });

  it("looks for nothing while an append is under way", async () => {
    const { target, folder } = await opened({});
    const appending = append(target, folder, 1);
    await expect(target.find(folder, [])).rejects.toMatchObject({ code: "unexpected" });
    expect(codes(await appending)).toEqual(["stored"]);
  });

  it("refuses a message over its largest size, and a folder that its names cannot hold", async () => {
    const names = { delimiter: "/", caseInsensitive: false, prefix: [], forbidden: ":" };
    const { target, folder } = await opened({ capabilities: { maxMessageSize: 5, names } });
    expect(codes(await append(target, folder, 1))).toEqual(["message-too-large"]);
    await expect(target.ensureFolder({ ...INBOX, target: ["a:b"] })).rejects.toMatchObject({ code: "folder-name" });
    await expect(target.ensureFolder({ ...INBOX, refusal: "no" })).rejects.toMatchObject({ code: "folder-name" });
  });

  it("finds rebuilt messages by Message-ID when it is told that it rebuilds them", async () => {
    const rewrite = (octets: Uint8Array) => Buffer.concat([Buffer.from("X-Rebuilt: yes\r\n"), octets]);
    const faults: FakeFault[] = [{ on: "append", do: { rewrite } }];
    for (const rewrites of [true, false]) {
      const { target, folder } = await opened({ rewrites, faults });
      await append(target, folder, 1);
      const { octets, ...head } = sampleMessage("message 1");
      const found = await target.find(folder, [
        { ...head, uid: 1, size: octets.length, header: octets.subarray(0, -15) },
      ]);
      expect(found.get(1)?.unsure).toBe(rewrites ? undefined : true);
      expect(found.size).toBe(1);
    }
  });
});

describe("the journal of a fake target", () => {
  it("notes every call when it comes, and how it ended", async () => {
    const journal: JournalEntry[] = [];
    const { target, folder } = await opened({ journal, faults: [{ on: "append", uid: 2, do: { refuse: "no" } }] });
    const appending = append(target, folder, 1, 2);
    expect(journal.slice(1)).toEqual([
      { call: "append", folder: "INBOX", uid: 1 },
      { call: "append", folder: "INBOX", uid: 2 },
    ]);
    await appending;
    expect(journal.map(({ result }) => result)).toEqual(["done", "done", "message-refused"]);
  });
});
