import { describe, expect, it } from "vitest";
import type { BeginTarget } from "../../../src/store/migration-store.js";
import { rawMessage, type StoredMessage, sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH, collect } from "../../../src/testing/store-fixtures.js";
import { intercepting } from "../../recovery/world.js";
import { FolderFixture, type FolderOptions, texts } from "./folder-run-fixture.js";

const [one, two, three] = [sampleMessage("One"), sampleMessage("Two"), sampleMessage("Three")];

/** A folder whose messages `uids` were begun by a process that died; `arrived` of them stand at the target. */
async function inDoubt(
  messages: readonly StoredMessage[],
  uids: readonly number[],
  arrived: readonly StoredMessage[],
  options: FolderOptions = {},
): Promise<FolderFixture> {
  const folder = new FolderFixture(messages, options);
  const { name, uidValidity, uidNext } = folder.targetInbox;
  const target: BeginTarget = { name, path: name, uidValidity, uidNext };
  const journal = await folder.journal();
  const heads = folder.sourceInbox.messages.filter(({ uid }) => uids.includes(uid));
  await journal.begin(
    heads.map(({ uid, octets, internalDate }) => ({ uid, size: octets.length, internalDate: internalDate.getTime() })),
    target,
  );
  for (const message of arrived) folder.targetInbox.add(message);
  return folder;
}

describe("R2 a message in doubt", () => {
  it("that arrived is not appended again", async () => {
    const folder = await inDoubt([one, two], [1], [one]);
    expect(await folder.copy()).toMatchObject({ found: 2, copied: 1, alreadyThere: 1 });
    expect(folder.outcomes().get(1)).toMatchObject({ kind: "alreadyThere", id: "1" });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([one, two]));
  });

  it("that did not arrive is appended", async () => {
    const folder = await inDoubt([one, two], [1, 2], []);
    expect(await folder.copy()).toMatchObject({ found: 2, copied: 2, alreadyThere: 0 });
  });

  it("that the source has no more is vanished, with the size it had", async () => {
    const folder = await inDoubt([one, two], [1], []);
    folder.sourceInbox.expunge(1);
    expect(await folder.copy()).toMatchObject({ found: 2, copied: 1, vanished: 1 });
    expect(folder.outcomes().get(1)).toMatchObject({ kind: "vanished", size: one.octets.length });
  });

  it("is not taken for an equal message that stood there before it was begun", async () => {
    const folder = await inDoubt([one], [1], [], { target: [{ levels: ["INBOX"], messages: [one] }] });
    const journal = await folder.journal();
    await journal.finish(0, { uidNext: 1, messages: 0 }); // no first pass: nothing is adopted
    expect(await folder.copy()).toMatchObject({ copied: 1, alreadyThere: 0 });
    expect(folder.targetInbox.messages).toHaveLength(2);
  });

  it("is looked for only when the settle delay has passed", async () => {
    const folder = await inDoubt([one], [1], [one]);
    await folder.copy({ lookFrom: 30_000 });
    expect(folder.clock.pauses).toEqual([30_000]);
    expect(folder.calls.findIndex(({ call }) => call === "find")).toBeGreaterThan(-1);
  });

  it("that the target stored late, but within the settle delay, is found", async () => {
    const folder = await inDoubt([one], [1], []);
    void folder.clock.passed(29_000).then(() => folder.targetInbox.add(one));
    expect(await folder.copy({ lookFrom: 30_000 })).toMatchObject({ copied: 0, alreadyThere: 1 });
  });

  it("is found by its Message-ID at a target that rebuilds messages", async () => {
    const rebuilt = { ...one, octets: Buffer.concat([Buffer.from("X-Server: rebuilt\r\n"), one.octets]) };
    const folder = await inDoubt([one, two], [1, 2], [rebuilt], { targetOptions: { rewrites: true } });
    expect(await folder.copy()).toMatchObject({ copied: 1, alreadyThere: 1 });
  });

  it("whose size the listing names wrong is found by the size with which it was begun", async () => {
    for (const claimedSize of [3, 70_000]) {
      const folder = await inDoubt([{ ...one, claimedSize } as StoredMessage], [1], [one]);
      expect(await folder.copy()).toMatchObject({ copied: 0, alreadyThere: 1 });
    }
  });

  it("whose size nobody names is measured", async () => {
    const folder = new FolderFixture([{ ...one, claimedSize: 0 }]);
    const { name, uidValidity, uidNext } = folder.targetInbox;
    const journal = await folder.journal();
    await journal.begin([{ uid: 1, size: 0, internalDate: 0 }], { name, path: name, uidValidity, uidNext });
    folder.targetInbox.add(one);
    expect(await folder.copy()).toMatchObject({ copied: 0, alreadyThere: 1 });
  });

  it("is found in whatever place after the target was given other UIDs", async () => {
    const folder = await inDoubt([one, two], [1, 2], [one]);
    folder.targetInbox.renumber(900);
    expect(await folder.copy()).toMatchObject({ copied: 1, alreadyThere: 1 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([one, two]));
  });
});

describe("twins in doubt", () => {
  it("are settled by count: two in doubt, one there, one appended", async () => {
    const folder = await inDoubt([one, one, two], [1, 2], [one]);
    expect(await folder.copy()).toMatchObject({ copied: 2, alreadyThere: 1 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([one, one, two]));
  });

  for (const tellsIds of [true, false]) {
    const told = tellsIds ? "" : ", even where the target tells no UIDs";
    it(`R1 are not taken for a twin that is settled${told}`, async () => {
      const folder = new FolderFixture([one], { targetOptions: { tellsIds } });
      await folder.copy();
      folder.sourceInbox.add(one);
      const { name, uidValidity } = folder.targetInbox;
      const journal = await folder.journal();
      const begun = [{ uid: 2, size: one.octets.length, internalDate: one.internalDate.getTime() }];
      // Noted low on purpose: the settled twin stands in the window of the look.
      await journal.begin(begun, { name, path: name, uidValidity, uidNext: 1 });
      expect(await folder.copy()).toMatchObject({ found: 2, copied: 2, alreadyThere: 0 });
      expect(folder.targetInbox.messages).toHaveLength(2);
    });

    it(`R2 are found beside a twin that is settled${told}`, async () => {
      const folder = new FolderFixture([one], { targetOptions: { tellsIds } });
      await folder.copy();
      folder.sourceInbox.add(one);
      const { name, uidValidity } = folder.targetInbox;
      const journal = await folder.journal();
      const begun = [{ uid: 2, size: one.octets.length, internalDate: one.internalDate.getTime() }];
      await journal.begin(begun, { name, path: name, uidValidity, uidNext: 1 });
      folder.targetInbox.add(one);
      expect(await folder.copy()).toMatchObject({ found: 2, copied: 1, alreadyThere: 1 });
      expect(folder.targetInbox.messages).toHaveLength(2);
    });
  }

  it("R2 are found where the target told the UIDs of some of their twins only", async () => {
    const folder = new FolderFixture([one, one, one], { targetOptions: { tellsIds: false } });
    const [first, second] = [folder.targetInbox.add(one), folder.targetInbox.add(one)];
    folder.targetInbox.add(one);
    const journal = await folder.journal();
    const { name, uidValidity } = folder.targetInbox;
    const sizes = { size: one.octets.length, internalDate: one.internalDate.getTime() };
    await journal.settle([
      { uid: 1, size: one.octets.length, kind: "copied", sha256: new Uint8Array(32) },
      { uid: 2, size: one.octets.length, kind: "alreadyThere", id: String(second) },
    ]);
    await journal.begin([{ uid: 3, ...sizes }], { name, path: name, uidValidity, uidNext: first });
    expect(await folder.copy()).toMatchObject({ found: 3, copied: 1, alreadyThere: 2 });
    expect(folder.targetInbox.messages).toHaveLength(3);
  });

  it("R2 are not hidden by a twin that was left out", async () => {
    const folder = new FolderFixture([one, one], { targetOptions: { tellsIds: false } });
    const journal = await folder.journal();
    const { name, uidValidity } = folder.targetInbox;
    await journal.settle([
      { uid: 1, size: one.octets.length, kind: "skipped", rule: "too-many" },
      { uid: 2, size: one.octets.length, kind: "failed", code: "message-unreadable", reason: "" },
    ]);
    const begun = [{ uid: 2, size: one.octets.length, internalDate: one.internalDate.getTime() }];
    await journal.begin(begun, { name, path: name, uidValidity, uidNext: 1 });
    folder.targetInbox.add(one);
    expect(await folder.copy()).toMatchObject({ found: 2, skipped: 1, alreadyThere: 1, copied: 0 });
    expect(folder.targetInbox.messages).toHaveLength(1);
  });

  it("R1 are told apart from settled ones after the target was given other UIDs", async () => {
    const folder = new FolderFixture([one]);
    await folder.copy();
    folder.sourceInbox.add(one);
    const { name, uidValidity, uidNext } = folder.targetInbox;
    const journal = await folder.journal();
    const begun = [{ uid: 2, size: one.octets.length, internalDate: one.internalDate.getTime() }];
    await journal.begin(begun, { name, path: name, uidValidity, uidNext });
    folder.targetInbox.renumber(900);
    expect(await folder.copy()).toMatchObject({ copied: 2, alreadyThere: 0 });
    expect(folder.targetInbox.messages).toHaveLength(2);
  });
});

/** As `sampleMessage`, with a body of so many octets, so that only the body tells two apart. */
function withBody(body: string): StoredMessage {
  return rawMessage(`Message-ID: <same@example>\r\nSubject: Same\r\n\r\n${body}`);
}

describe("R1 a look that cannot tell", () => {
  const [some, others] = [withBody("some"), withBody("more")];

  it("which of two messages arrived that only their bodies tell apart sends both, and counts them as uncertain", async () => {
    const folder = await inDoubt([some, others], [1, 2], [others]);
    expect(await folder.copy()).toMatchObject({ found: 2, copied: 2, alreadyThere: 0, uncertain: 2 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([some, others, others]));
    expect(folder.outcomes().get(1)).toMatchObject({ kind: "copied", uncertain: true });
    const items = await collect(folder.store.listItems(BATCH, "terry.adams@contoso.com", []));
    expect(items).toMatchObject([{ uncertain: true }, { uncertain: true }]);
  });

  it("is none where both arrived, or neither", async () => {
    const both = await inDoubt([some, others], [1, 2], [others, some]);
    expect(await both.copy()).toMatchObject({ alreadyThere: 2, uncertain: 0 });
    const neither = await inDoubt([some, others], [1, 2], []);
    expect(await neither.copy()).toMatchObject({ copied: 2, uncertain: 0 });
  });

  it("is none where one of two equal messages can no longer be read: the other one arrived", async () => {
    const folder = await inDoubt([one, one], [1, 2], [one], {
      faults: [{ on: "fetch", uid: 1, do: { breakOffAfter: 10, breakOffCode: "message-truncated" } }],
    });
    await expect(folder.copy()).rejects.toMatchObject({ code: "connection-lost" });
    expect(folder.outcomes().get(2)).toMatchObject({ kind: "alreadyThere" });
    expect(folder.targetInbox.messages).toHaveLength(1);
  });

  it("sends a message again whose like the target holds with another header, and counts it as uncertain", async () => {
    const rebuilt = { ...one, octets: Buffer.concat([Buffer.from("X-Server: rebuilt\r\n"), one.octets]) };
    const folder = await inDoubt([one, two], [1, 2], [rebuilt]);
    expect(await folder.copy()).toMatchObject({ copied: 2, alreadyThere: 0, uncertain: 1 });
    expect(folder.outcomes().get(1)).toMatchObject({ uncertain: true });
    expect(folder.outcomes().get(2)).not.toHaveProperty("uncertain");
  });

  for (const fault of [{ throw: "message-unreadable" }, { throw: "access-denied" }] as const) {
    it(`because the target refuses it with ${fault.throw} sends everything in doubt, and counts it as uncertain`, async () => {
      const folder = await inDoubt([one, two], [1], [one], { faults: [{ on: "find", do: fault }] });
      await (await folder.journal()).finish(0, { uidNext: 1, messages: 0 }); // nothing is adopted
      expect(await folder.copy()).toMatchObject({ copied: 2, alreadyThere: 0, uncertain: 1 });
    });
  }

  it("because settled messages cannot be told from those in doubt decides nothing either", async () => {
    const folder = await inDoubt([one, one], [2], [one], {
      targetOptions: { tellsIds: false },
      faults: [{ on: "find", nth: 1, do: { throw: "message-unreadable" } }],
    });
    const journal = await folder.journal();
    await journal.settle([{ uid: 1, size: one.octets.length, kind: "copied", sha256: new Uint8Array(32) }]);
    await journal.finish(1, { uidNext: 1, messages: 0 });
    expect(await folder.copy()).toMatchObject({ copied: 2, uncertain: 1 });
    expect(folder.targetInbox.messages).toHaveLength(2);
  });

  it("is none where the folder is gone: nothing stands there", async () => {
    const folder = await inDoubt([one], [1], [], { faults: [{ on: "find", nth: 1, do: { throw: "folder-missing" } }] });
    expect(await folder.copy()).toMatchObject({ copied: 1, uncertain: 0 });
  });

  it("waits for another attempt where it may come to know", async () => {
    const folder = await inDoubt([one], [1], [one], { faults: [{ on: "find", nth: 1, do: { throw: "throttled" } }] });
    await expect(folder.copy()).rejects.toMatchObject({ code: "throttled" });
    expect(await folder.copy()).toMatchObject({ copied: 0, alreadyThere: 1, uncertain: 0 });
  });
});

describe("R2 a message in doubt that a server changed", () => {
  const bare = rawMessage("Subject: Bare\r\n\r\none\rtwo\nthree");

  it.each([
    ["dropped every CR without LF (Courier)", (text: string) => text.replace(/\r(?!\n)/g, "")],
    ["added the CRLF that was missing at the end (Courier)", (text: string) => `${text.replace(/\r(?!\n)/g, "")}\r\n`],
    ["made every LF without CR a CRLF (Dovecot)", (text: string) => text.replace(/(?<!\r)\n/g, "\r\n")],
  ])("by what it %s is found, though its size is another", async (_, change) => {
    const stored = { ...bare, octets: Buffer.from(change(Buffer.from(bare.octets).toString("latin1")), "latin1") };
    const folder = await inDoubt([bare], [1], [stored]);
    expect(await folder.copy()).toMatchObject({ copied: 0, alreadyThere: 1 });
  });

  it("by more than that is not", async () => {
    const stored = { ...bare, octets: Buffer.concat([bare.octets, Buffer.from("more")]) };
    const folder = await inDoubt([bare], [1], [stored]);
    expect(await folder.copy()).toMatchObject({ copied: 1, alreadyThere: 0, uncertain: 1 });
  });
});

describe("ids that the target told", () => {
  it("R1 are forgotten once it gives out others, and name no other message then", async () => {
    const folder = new FolderFixture([one, two]);
    const { name } = folder.targetInbox;
    const journal = await folder.journal();
    await journal.begin([], { name, path: name, uidValidity: 7, uidNext: 1 });
    await journal.settle([{ uid: 1, size: one.octets.length, kind: "copied", id: "1", sha256: new Uint8Array(32) }]);
    // The folder was made anew with other numbers: message 1 stands there under the UID 2 now, two under 1.
    folder.targetInbox.add(two);
    folder.targetInbox.add(one);
    expect(await folder.copy()).toMatchObject({ copied: 1, alreadyThere: 1 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([one, two]));
    expect(await (await folder.journal()).idsAtTarget()).toEqual(
      new Map([
        [1, undefined],
        [2, "1"],
      ]),
    );
  });
});

describe("R7 adopting what the target holds already", () => {
  it("R2 recognises it in every part of a folder that is listed in parts", async () => {
    const messages = Array.from({ length: 9_000 }, (_, at) => sampleMessage(`m${at}`));
    const fixture = new FolderFixture(messages, {
      target: [{ levels: ["INBOX"], messages: messages.slice(-1_000) }],
    });
    expect(await fixture.copy()).toMatchObject({ found: 9_000, copied: 8_000, alreadyThere: 1_000 });
    expect(fixture.targetInbox.messages).toHaveLength(9_000);
  });

  const half = [{ levels: ["INBOX"], messages: [two, sampleMessage("Welcome")] }];

  it("reads the target's folder once, however many parts the source is listed in", async () => {
    const messages = Array.from({ length: 9_000 }, (_, at) => sampleMessage(`m${at}`));
    const fixture = new FolderFixture(messages, { target: [{ levels: ["INBOX"], messages: messages.slice(0, 10) }] });
    const snapshots: unknown[] = [];
    const inner = fixture.openTarget();
    const target = intercepting(inner, {
      find: (folder, heads, options) => {
        snapshots.push(options?.snapshot);
        return inner.find(folder, heads, options);
      },
    });
    expect(await fixture.copy({ target })).toMatchObject({ copied: 8_990, alreadyThere: 10 });
    expect(snapshots).toHaveLength(3);
    expect(new Set(snapshots)).toEqual(new Set([expect.any(Object)]));
  });

  it("notes where the messages stand though nothing was sent", async () => {
    const folder = new FolderFixture([one], { target: [{ levels: ["INBOX"], messages: [one] }] });
    await folder.copy();
    const [page] = await folder.store.listFolders(BATCH, "terry.adams@contoso.com");
    const { name, uidValidity } = folder.targetInbox;
    expect(page).toMatchObject({ target: "INBOX", targetFolder: { name, uidValidity } });
  });

  it("R1 of messages that only their bodies tell apart sends those too that may be there, as uncertain", async () => {
    const [some, others] = [withBody("some"), withBody("more")];
    const folder = new FolderFixture([some, others], { target: [{ levels: ["INBOX"], messages: [others] }] });
    expect(await folder.copy()).toMatchObject({ copied: 2, uncertain: 2 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([some, others, others]));
  });

  it("copies only what is missing", async () => {
    const folder = new FolderFixture([one, two, three], { target: half });
    expect(await folder.copy()).toMatchObject({ found: 3, copied: 2, alreadyThere: 1 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([one, two, three, sampleMessage("Welcome")]));
  });

  it("goes by count where messages are equal", async () => {
    const folder = new FolderFixture([one, one, one], { target: [{ levels: ["INBOX"], messages: [one] }] });
    expect(await folder.copy()).toMatchObject({ copied: 2, alreadyThere: 1 });
    expect(folder.targetInbox.messages).toHaveLength(3);
  });

  it("rebuilds a lost ledger without copying anything", async () => {
    const messages = [one, two, three, one, rawMessage("no header at all")];
    const folder = new FolderFixture(messages, { target: [{ levels: ["INBOX"], messages }] });
    expect(await folder.copy()).toMatchObject({ found: 5, copied: 0, alreadyThere: 5 });
    expect(folder.count("append")).toBe(0);
  });

  it("does not look at a target that holds nothing else", async () => {
    const folder = new FolderFixture([one, two]);
    await folder.copy();
    expect(folder.count("find")).toBe(0);
  });

  it("takes messages under another UIDVALIDITY for those that were copied, also after a complete pass", async () => {
    const folder = new FolderFixture([one, two, one]);
    await folder.copy();
    folder.sourceInbox.renumber(40);
    folder.sourceInbox.add(three);
    expect(await folder.copy()).toMatchObject({ found: 4, copied: 1, alreadyThere: 3 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([one, two, one, three]));
  });

  it("does not copy again when the source goes back to an earlier UIDVALIDITY", async () => {
    const folder = new FolderFixture([one, two]);
    await folder.copy();
    folder.sourceInbox.renumber();
    folder.sourceInbox.add(three);
    await folder.copy();
    folder.sourceInbox.uidValidity -= 1;
    expect(await folder.copy()).toMatchObject({ found: 3, copied: 2, alreadyThere: 1 });
    expect(folder.targetInbox.messages).toHaveLength(3);
  });
});
