import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { LEASE_MS, LeaseHold } from "../../../src/engine/lease-hold.js";
import { MigrationError } from "../../../src/errors.js";
import { isBalanced } from "../../../src/outcome.js";
import { rawMessage, sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH } from "../../../src/testing/store-fixtures.js";
import { intercepting } from "../../recovery/world.js";
import { FolderFixture, texts } from "./folder-run-fixture.js";

const [one, two, three] = [sampleMessage("One"), sampleMessage("Two"), sampleMessage("Three")];

function sha256(octets: Uint8Array): Uint8Array {
  return createHash("sha256").update(octets).digest();
}

describe("copying a folder", () => {
  it("R1 R3 copies every message as it is and keeps the SHA-256 of what was sent", async () => {
    const messages = [
      sampleMessage("One", { flags: ["\\Seen", "$Forwarded"], internalDate: new Date("2010-11-12T13:14:15Z") }),
      rawMessage("Subject: no line end"),
      rawMessage(Buffer.from([0x41, 0x00, 0xff, 0x0a])),
    ];
    const folder = new FolderFixture(messages);
    const books = await folder.copy();
    expect(books).toMatchObject({
      found: 3,
      copied: 3,
      octetsCopied: messages.reduce((sum, { octets }) => sum + octets.length, 0),
    });
    expect(folder.target.content()).toEqual(folder.source.content());
    for (const { uid, octets } of folder.sourceInbox.messages) {
      const outcome = folder.outcomes().get(uid);
      expect(outcome).toMatchObject({ kind: "copied", size: octets.length, id: String(uid) });
      expect(outcome?.kind === "copied" && Buffer.compare(outcome.sha256, sha256(octets))).toBe(0);
    }
  });

  it("R17 does not append anything in a second pass, and copies only what came since in a third", async () => {
    const folder = new FolderFixture([one, two]);
    await folder.copy();
    await folder.copy();
    expect(folder.count("append")).toBe(2);
    folder.sourceInbox.add(three);
    expect(await folder.copy()).toMatchObject({ found: 3, copied: 3 });
    expect(folder.count("append")).toBe(3);
    expect(folder.calls.filter(({ call }) => call === "find")).toEqual([]);
  });

  it("lists a large folder in parts, and never more than one part ahead of what is copied (R11)", async () => {
    const folder = new FolderFixture(Array.from({ length: 12_001 }, (_, at) => sampleMessage(`m${at}`)));
    const inner = folder.openSource();
    const listed: number[] = [];
    const ahead: number[] = [];
    const source = intercepting(inner, {
      listMessages: async function* (plan, options) {
        let heads = 0;
        for await (const head of inner.listMessages(plan, options)) {
          heads += 1;
          yield head;
        }
        listed.push(heads);
        ahead.push(listed.reduce((sum, each) => sum + each, 0) - folder.count("append"));
      },
    });
    expect(await folder.copy({ source })).toMatchObject({ found: 12_001, copied: 12_001 });
    expect(listed).toEqual([4_000, 4_000, 4_000, 1]);
    expect(Math.max(...ahead)).toBeLessThanOrEqual(8_000);
  });

  it("makes the folder at the target even where there is nothing to copy", async () => {
    const folder = new FolderFixture([]);
    folder.target.removeFolder("INBOX");
    expect(await folder.copy()).toMatchObject({ found: 0 });
    expect(folder.targetInbox.messages).toEqual([]);
    const [page] = await folder.store.listFolders(BATCH, "terry.adams@contoso.com");
    expect(page?.targetFolder?.name).toBe("INBOX");
  });

  it("refuses a folder that the plan refuses, without asking either end", async () => {
    const folder = new FolderFixture([one]);
    const { plan } = await folder.run();
    await expect(folder.copy({ plan: { ...plan, refusal: "too long" } })).rejects.toMatchObject({
      code: "folder-name",
    });
    expect(folder.calls).toEqual([]);
  });

  it("copies mail that arrives while the folder is being listed, once", async () => {
    const folder = new FolderFixture([one, two]);
    const run = await folder.run();
    folder.sourceInbox.add(three);
    expect(await folder.copy({ plan: run.plan })).toMatchObject({ found: 3, copied: 3 });
    await folder.copy();
    expect(folder.count("append")).toBe(3);
  });

  it("leaves mail that arrives after the listing to the next pass, and loses none of it", async () => {
    const folder = new FolderFixture([one, two], {
      faults: [
        {
          on: "append",
          nth: 1,
          do: {
            get hold() {
              folder.sourceInbox.add(three);
              return Promise.resolve();
            },
          },
        },
      ],
    });
    expect(await folder.copy()).toMatchObject({ found: 2, copied: 2 });
    expect(await folder.copy()).toMatchObject({ found: 3, copied: 3 });
  });
});

describe("messages that are left out by rule", () => {
  it("skips the oldest where there are more than may be, and tells the rule", async () => {
    const folder = new FolderFixture([one, two, three]);
    expect(await folder.copy({ allowance: 2 })).toMatchObject({ found: 3, copied: 2, skipped: 1 });
    expect(folder.outcomes().get(1)).toMatchObject({ kind: "skipped", rule: "too-many" });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([two, three]));
  });

  it("skips none more in the next pass than the rule wants", async () => {
    const folder = new FolderFixture([one, two, three]);
    await folder.copy({ allowance: 2 });
    expect(await folder.copy({ allowance: 2 })).toMatchObject({ found: 3, copied: 2, skipped: 1 });
  });

  it("skips what is too large for the migration or for the target, whichever is less", async () => {
    const messages = [one, sampleMessage("Large", { octets: 2_000 }), sampleMessage("Larger", { octets: 4_000 })];
    const folder = new FolderFixture(messages);
    const limits = { maxItems: 10, maxMessageSize: 3_000 };
    expect(await folder.copy({ limits })).toMatchObject({ copied: 2, skipped: 1 });

    const narrow = new FolderFixture(messages, { targetOptions: { capabilities: { maxMessageSize: 1_000 } } });
    expect(await narrow.copy({ limits })).toMatchObject({ copied: 1, skipped: 2 });
    expect(narrow.outcomes().get(2)).toMatchObject({ rule: "too-large", size: 2_000 });
    expect(narrow.calls.find(({ call }) => call === "fetch")?.uids).toEqual([1]);
  });

  it("skips what turns out too large though the listing says otherwise", async () => {
    const folder = new FolderFixture([{ ...sampleMessage("Large", { octets: 4_000 }), claimedSize: 100 }, one]);
    const books = await folder.copy({ limits: { maxItems: 10, maxMessageSize: 3_000 } });
    expect(books).toMatchObject({ found: 2, copied: 1, skipped: 1 });
  });
});

describe("messages that the source does not deliver", () => {
  it("R15 fails one that is listed and not delivered after three attempts; the others are copied", async () => {
    const folder = new FolderFixture([one, two, three], {
      faults: [{ on: "fetch", uid: 2, do: { unreadable: true } }],
    });
    expect(await folder.copy()).toMatchObject({ found: 3, copied: 2, failed: 1 });
    expect(folder.outcomes().get(2)).toMatchObject({ kind: "failed", code: "message-unreadable" });
    expect(folder.calls.filter(({ call, uids }) => call === "fetch" && uids?.includes(2))).toHaveLength(3);
  });

  it("tries one that failed again in the next pass", async () => {
    const unreadable = { unreadable: true } as const;
    const folder = new FolderFixture([one, two], {
      faults: [1, 2, 3].map((nth) => ({ on: "fetch", uid: 2, nth, do: unreadable })),
    });
    expect(await folder.copy()).toMatchObject({ copied: 1, failed: 1 });
    expect(await folder.copy()).toMatchObject({ found: 2, copied: 2, failed: 0 });
  });

  it("R1 has one that failed and was expunged then vanished, and the books balance", async () => {
    const folder = new FolderFixture([one, two], { faults: [{ on: "fetch", uid: 2, do: { unreadable: true } }] });
    await folder.copy();
    folder.sourceInbox.expunge(2);
    const books = await folder.copy();
    expect(books).toMatchObject({ found: 2, copied: 1, failed: 0, vanished: 1 });
    expect(isBalanced(books)).toBe(true);
  });

  it("has one that is expunged before it is fetched vanished, proven by asking again", async () => {
    const folder = new FolderFixture([one, two], { faults: [{ on: "fetch", uid: 1, do: { vanish: true } }] });
    expect(await folder.copy()).toMatchObject({ found: 2, copied: 1, vanished: 1 });
    const asked = folder.calls.filter(({ call, uids }) => call === "listMessages" && uids?.includes(1));
    expect(asked).toHaveLength(1);
  });

  it("reads a message twice whose size the listing named wrong, then copies it", async () => {
    const folder = new FolderFixture([
      { ...one, claimedSize: 5 },
      { ...two, claimedSize: 90_000 },
      { ...three, claimedSize: 0 },
    ]);
    expect(await folder.copy()).toMatchObject({ copied: 3 });
    const fetched = (uid: number) => folder.calls.filter(({ call, uids }) => call === "fetch" && uids?.includes(uid));
    expect([fetched(1).length, fetched(2).length, fetched(3).length]).toEqual([2, 2, 1]);
    expect(texts(folder.targetInbox.messages)).toEqual(texts([one, two, three]));
  });

  it("fails a message that comes with other octets each time", async () => {
    let longer = 0;
    const rewrite = (octets: Uint8Array) => Buffer.concat([octets, Buffer.alloc(++longer, "x")]);
    const folder = new FolderFixture([one, two], { faults: [{ on: "fetch", uid: 1, do: { rewrite } }] });
    expect(await folder.copy()).toMatchObject({ copied: 1, failed: 1 });
    expect(texts(folder.targetInbox.messages)).toEqual(texts([two]));
  });

  it("fails a message of which nothing comes, though it is said to have octets", async () => {
    const rewrite = () => new Uint8Array();
    const folder = new FolderFixture([one], { faults: [{ on: "fetch", uid: 1, do: { rewrite } }] });
    expect(await folder.copy()).toMatchObject({ copied: 0, failed: 1 });
  });

  it("refuses a message without octets", async () => {
    const folder = new FolderFixture([rawMessage(""), one]);
    expect(await folder.copy()).toMatchObject({ copied: 1, refused: 1 });
    expect(folder.outcomes().get(1)).toMatchObject({ code: "message-empty" });
    expect(folder.count("append")).toBe(1);
  });
});

describe("messages that the target does not take as they are", () => {
  it("R15 records a refusal with the server's words; the others are copied", async () => {
    const folder = new FolderFixture([one, two, three], {
      faults: [{ on: "append", uid: 2, do: { refuse: "NO virus" } }],
    });
    expect(await folder.copy()).toMatchObject({ copied: 2, refused: 1 });
    expect(folder.outcomes().get(2)).toMatchObject({ kind: "refused", code: "message-refused", reason: "NO virus" });
    expect(folder.calls.filter(({ call, uid }) => call === "append" && uid === 2)).toHaveLength(1);
  });

  it("sends each message of a refused group again by itself", async () => {
    const folder = new FolderFixture([one, two, three], {
      faults: [1, 2, 3].map((nth) => ({ on: "append", nth, do: { throw: "group-refused" } })),
    });
    expect(await folder.copy()).toMatchObject({ copied: 3, refused: 0 });
    const singles = folder.calls.filter(({ call, uids }) => call === "fetch" && uids?.length === 1);
    expect(singles.map(({ uids }) => uids?.[0])).toEqual([1, 2, 3]);
  });

  it("appends a message from before 1970 again with 1970-01-01 when it is refused, and tells the loss", async () => {
    const old = sampleMessage("Old", { internalDate: new Date("1969-07-20T20:17:00Z") });
    const folder = new FolderFixture([old, one], {
      faults: [{ on: "append", uid: 1, nth: 1, do: { refuse: "bad date" } }],
    });
    expect(await folder.copy()).toMatchObject({ copied: 2, refused: 0 });
    expect(folder.outcomes().get(1)).toMatchObject({ kind: "copied", lost: ["internal-date"] });
    expect(folder.targetInbox.messages.map(({ internalDate }) => internalDate.getTime())).toContain(0);
    expect(folder.outcomes().get(2)).not.toHaveProperty("lost");
  });

  it("keeps a date before 1970 where the target takes it", async () => {
    const internalDate = new Date("1969-07-20T20:17:00Z");
    const folder = new FolderFixture([sampleMessage("Old", { internalDate })]);
    await folder.copy();
    expect(folder.targetInbox.messages[0]?.internalDate).toEqual(internalDate);
    expect(folder.outcomes().get(1)).not.toHaveProperty("lost");
  });

  it("refuses a message from before 1970 that is refused with the other date too", async () => {
    const old = sampleMessage("Old", { internalDate: new Date("1960-01-01T00:00:00Z") });
    const folder = new FolderFixture([old], { faults: [{ on: "append", do: { refuse: "virus" } }] });
    expect(await folder.copy()).toMatchObject({ copied: 0, refused: 1 });
    expect(folder.count("append")).toBe(2);
  });

  it("tells of a message without a date that its date is lost", async () => {
    const folder = new FolderFixture([sampleMessage("Undated", { internalDate: new Date(Number.NaN) })]);
    await folder.copy();
    expect(folder.outcomes().get(1)).toMatchObject({ kind: "copied", lost: ["internal-date"] });
  });

  it("tells of a keyword that the target cannot keep", async () => {
    const folder = new FolderFixture([sampleMessage("One", { flags: ["$Label1", "\\Seen"] })], {
      targetOptions: { permanentFlags: new Set(["\\Seen"]) },
    });
    await folder.copy();
    expect(folder.outcomes().get(1)).toMatchObject({ kind: "copied", lost: ["keyword"] });
    expect(folder.targetInbox.messages[0]?.flags).toEqual(new Set(["\\Seen"]));
  });

  it("stops at the tenth refusal in a row, and at no earlier one", async () => {
    const messages = Array.from({ length: 12 }, (_, index) => sampleMessage(`Message ${index}`));
    const targetOptions = { capabilities: { maxConcurrentAppends: 1 } };
    const closed = new FolderFixture(messages, { targetOptions, faults: [{ on: "append", do: { refuse: "closed" } }] });
    await expect(closed.copy()).rejects.toMatchObject({ code: "too-many-refusals", scope: "user" });
    expect(closed.count("append")).toBeLessThanOrEqual(11);

    const faults = messages.flatMap((_, index) =>
      index === 9 ? [] : [{ on: "append", uid: index + 1, do: { refuse: "no" } } as const],
    );
    expect(await new FolderFixture(messages, { targetOptions, faults }).copy()).toMatchObject({
      copied: 1,
      refused: 11,
    });
  });
});

describe("a fault that ends the pass", () => {
  it("keeps what was answered before it, and leaves the rest begun", async () => {
    const folder = new FolderFixture([one, two, three], {
      targetOptions: { capabilities: { maxConcurrentAppends: 1 } },
      faults: [{ on: "append", uid: 2, do: { throw: "quota-exceeded" } }],
    });
    await expect(folder.copy()).rejects.toMatchObject({ code: "quota-exceeded" });
    const journal = await folder.journal();
    expect(journal.isSettled(1)).toBe(true);
    expect(journal.doubts.flatMap(({ messages }) => messages.map(({ uid }) => uid))).toEqual([2, 3]);
  });

  it("begins nothing more once another folder has ended the pass", async () => {
    const pass: { fault?: MigrationError } = {};
    const folder = new FolderFixture([one, two, three], {
      targetOptions: { capabilities: { maxConcurrentAppends: 1 } },
    });
    const throttled = new MigrationError("throttled", "slow down");
    const inner = folder.openTarget();
    const target = intercepting(inner, {
      append: async (...parameters) => {
        const appended = await inner.append(...parameters);
        pass.fault = throttled;
        return appended;
      },
    });
    await expect(folder.copy({ target, pass })).rejects.toBe(throttled);
    expect(folder.targetInbox.messages.length).toBeLessThan(3);
  });

  it("R8 sends no further octet once the lease cannot be confirmed, though a group is begun", async () => {
    const folder = new FolderFixture([one, two, three], {
      targetOptions: { capabilities: { maxConcurrentAppends: 1 } },
    });
    const lost = new MigrationError("lease-lost", "taken over");
    const store = intercepting(folder.store, { renewLease: () => Promise.reject(lost) });
    const inner = folder.openTarget();
    const target = intercepting(inner, {
      append: async (...parameters) => {
        const appended = await inner.append(...parameters);
        // The process was stopped here for longer than a lease holds; what was begun is still to be sent.
        await folder.clock.sleep(LEASE_MS + 1, new AbortController().signal);
        return appended;
      },
    });
    const hold = new LeaseHold(store, await folder.lease(), folder.clock);
    await expect(folder.copy({ target, hold })).rejects.toBe(lost);
    expect(folder.targetInbox.messages).toHaveLength(1);
  });

  it("R8 goes on where nobody has taken the mailbox over meanwhile", async () => {
    const folder = new FolderFixture([one, two, three], {
      targetOptions: { capabilities: { maxConcurrentAppends: 1 } },
    });
    let renewals = 0;
    const store = intercepting(folder.store, { renewLease: async () => void renewals++ });
    const inner = folder.openTarget();
    const target = intercepting(inner, {
      append: async (...parameters) => {
        const appended = await inner.append(...parameters);
        await folder.clock.sleep(LEASE_MS + 1, new AbortController().signal);
        return appended;
      },
    });
    const hold = new LeaseHold(store, await folder.lease(), folder.clock);
    expect(await folder.copy({ target, hold })).toMatchObject({ copied: 3 });
    expect(renewals).toBe(2);
  });

  it("R6 rejects when the ledger cannot be written, and tells nothing of what it could not write", async () => {
    const folder = new FolderFixture([one, two]);
    const full = new Error("no room");
    const journal = intercepting(await folder.journal(), { settle: () => Promise.reject(full) });
    await expect(folder.copy({ journal })).rejects.toBe(full);
    expect(folder.told).toEqual([]);
  });

  it("appends nothing when the beginning cannot be written", async () => {
    const folder = new FolderFixture([one, two]);
    const full = new Error("no room");
    const journal = intercepting(await folder.journal(), { begin: () => Promise.reject(full) });
    await expect(folder.copy({ journal })).rejects.toBe(full);
    expect(folder.count("append")).toBe(0);
  });
});
