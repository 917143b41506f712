import { describe, expect, it } from "vitest";
import type { MigrationStore } from "../../../src/store/migration-store.js";
import type { FolderContent } from "../../../src/testing/fake-mailbox.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { rawMessage, sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH } from "../../../src/testing/store-fixtures.js";
import { intercepting } from "../../recovery/world.js";
import { inbox, Mailbox, messages } from "./mailbox-fixture.js";

describe("one mailbox", () => {
  it("R1 is copied folder by folder, with books that balance", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Sent"], messages }, { levels: ["Empty"] }));
    expect(await mailbox.migrate()).toMatchObject({ found: 6, copied: 6 });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    expect([mailbox.sourceCalls.at(-1)?.call, mailbox.targetCalls.at(-1)?.call]).toEqual(["close", "close"]);
  });

  it("R17 leaves the target alone when nothing has changed, whatever the structure", async () => {
    const tree: FolderContent[] = [
      { levels: ["Projects"], selectable: false },
      { levels: ["Projects", "2024"], messages },
      { levels: ["Nothing"], selectable: false },
      { levels: ["Empty"] },
    ];
    const mailbox = new Mailbox(inbox(...tree));
    const first = await mailbox.migrate();
    mailbox.targetCalls.length = 0;
    expect(await mailbox.migrate()).toEqual(first);
    expect(mailbox.targetCalls).toEqual([]);
  });

  it("tells progress whose total is never less than what has an outcome", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Sent"], messages: [...messages, rawMessage("")] }));
    await mailbox.migrate();
    const last = mailbox.progress.at(-1);
    expect(last).toMatchObject({ found: 7, copied: 6, refused: 1 });
    for (const { found, copied, refused } of mailbox.progress) expect(copied + refused).toBeLessThanOrEqual(found);
  });

  it("R1 is not synced when the books of one folder do not balance", async () => {
    const mailbox = new Mailbox(inbox());
    const openJournal: MigrationStore["openJournal"] = async (lease, folder) => {
      const journal = await mailbox.store.openJournal(lease, folder);
      return intercepting(journal, { finish: (found, point) => journal.finish(found + 1, point) });
    };
    const store = intercepting(mailbox.store, { openJournal });
    await expect(mailbox.migrate({ store })).rejects.toMatchObject({ code: "books-unbalanced", scope: "user" });
  });
});

describe("R15 a folder that fails", () => {
  it("does not keep the others from being copied, and fails the user in the end", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Secret"], messages }, { levels: ["Sent"], messages }), [
      { on: "listMessages", folder: "Secret", do: { throw: "access-denied" } },
    ]);
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "access-denied", scope: "folder" });
    expect(mailbox.failedFolders).toEqual(["Secret access-denied"]);
    expect(mailbox.target.folder("Sent").messages).toHaveLength(3);
    expect(mailbox.waits).toEqual([]);
  });

  it("because its UIDVALIDITY changed is listed again at once, and nothing is doubled", async () => {
    const mailbox: Mailbox = new Mailbox(inbox(), [
      {
        on: "fetch",
        uid: 2,
        nth: 1,
        do: {
          get hold() {
            mailbox.source.folder("INBOX").renumber(70);
            return Promise.resolve();
          },
        },
      },
    ]);
    await mailbox.migrate();
    expect(mailbox.failedFolders).toEqual(["INBOX uidvalidity-changed"]);
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
  });
});

describe("what ends a pass", () => {
  it("R16 lets nothing begin in any folder until the pause that a server asked for is over", async () => {
    const many = Array.from({ length: 40 }, (_, index) => sampleMessage(`Many ${index}`));
    const mailbox = new Mailbox(
      [
        { levels: ["INBOX"], messages: many },
        { levels: ["Other"], messages: many },
      ],
      [{ on: "append", nth: 5, do: { throw: "throttled", retryAfterMs: 600_000 } }],
    );
    mailbox.maxConcurrentAppends = 2;
    expect(await mailbox.migrate()).toMatchObject({ found: 80, failed: 0, refused: 0 });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    expect(mailbox.waits[0]).toMatchObject({ waitMs: 600_000, error: { code: "throttled" } });
    const beforeThePause = mailbox.appendedAt.filter((at) => at < 600_000).length;
    expect(beforeThePause).toBeLessThan(5 + 4);
  });

  it("is tried again so many times without progress, and no more", async () => {
    const mailbox = new Mailbox(inbox(), [{ on: "append", do: { throw: "connection-lost" } }]);
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "connection-lost" });
    expect(mailbox.opened(mailbox.targetCalls)).toBe(3);
    expect(mailbox.waits).toHaveLength(2);
  });

  it("is tried again as long as each attempt gets a message further, and only then", async () => {
    const many = Array.from({ length: 12 }, (_, index) => sampleMessage(`Many ${index}`));
    const mailbox = new Mailbox(
      [{ levels: ["INBOX"], messages: many }],
      [{ on: "append", every: 2, do: { throw: "connection-lost" } }],
    );
    mailbox.maxConcurrentAppends = 1;
    expect(await mailbox.migrate()).toMatchObject({ found: 12, copied: 12 });
    expect(mailbox.waits.length).toBeGreaterThan(3);
  });

  it("takes what an earlier run has done for no progress more than once", async () => {
    const mailbox = new Mailbox(inbox());
    await mailbox.migrate();
    mailbox.source.folder("INBOX").add(sampleMessage("New"));
    const openTarget = () =>
      openFakeTarget(mailbox.target, { faults: [{ on: "append", do: { throw: "connection-lost" } }] });
    const openings: number[] = [];
    const counted = async () => {
      openings.push(mailbox.clock.now());
      return openTarget();
    };
    await expect(mailbox.migrate({ openTarget: counted })).rejects.toMatchObject({ code: "connection-lost" });
    expect(openings.length).toBeLessThanOrEqual(4);
  });

  it("is not tried again where that cannot help", async () => {
    for (const code of ["quota-exceeded", "auth-failed", "target-missing", "lease-lost"] as const) {
      const mailbox = new Mailbox(inbox(), [{ on: "append", do: { throw: code } }]);
      await expect(mailbox.migrate()).rejects.toMatchObject({ code });
      expect(mailbox.waits).toEqual([]);
    }
  });

  it("R15 is never a message that breaks off each time, nor are two of them", async () => {
    const truncated = { breakOffAfter: 10, breakOffCode: "message-truncated" } as const;
    const mailbox = new Mailbox(
      [{ levels: ["INBOX"], messages: [...messages, ...messages] }],
      [
        { on: "fetch", uid: 2, do: truncated },
        { on: "fetch", uid: 4, do: truncated },
      ],
    );
    expect(await mailbox.migrate()).toMatchObject({ found: 6, failed: 2 });
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(4);
  });

  it("is the host's stop, at once and without another attempt", async () => {
    const controller = new AbortController();
    const mailbox = new Mailbox(inbox(), [{ on: "append", do: { throw: "connection-lost" } }]);
    const running = mailbox.migrate({ signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "aborted" });
    expect(mailbox.waits).toEqual([]);
  });
});

describe("the settle delay", () => {
  it("keeps folders in doubt waiting while the others go on", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Other"], messages }), [
      { on: "append", folder: "INBOX", nth: 2, do: { storeThenLose: true } },
    ]);
    mailbox.maxConcurrentAppends = 1;
    expect(await mailbox.migrate()).toMatchObject({ found: 6, copied: 5, alreadyThere: 1 });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    const waited = mailbox.waits[0]?.waitMs ?? 0;
    // What it paused before the second attempt counts: no more than the rest is waited for.
    expect(mailbox.clock.pauses).toContainEqual(expect.closeTo(30_000 - waited, 3));
    const found = mailbox.targetCalls.findIndex(({ call }) => call === "find");
    const others = mailbox.targetCalls.findIndex(({ call, folder }) => call === "append" && folder === "Other");
    expect(others).toBeLessThan(found);
  });
});

describe("folders in doubt", () => {
  it("come last, however many they are, so that they keep no other folder waiting", async () => {
    const names = Array.from({ length: 12 }, (_, at) => `Folder ${at + 1}`);
    const inDoubt = names.slice(0, 9);
    const mailbox = new Mailbox(names.map((name) => ({ levels: [name], messages })));
    await mailbox.begin(inDoubt);
    await mailbox.migrate();
    const firstLook = mailbox.targetCalls.findIndex(({ call }) => call === "find");
    const others = mailbox.targetCalls.flatMap(({ call, folder = "" }, at) =>
      call === "append" && !inDoubt.includes(folder) ? [at] : [],
    );
    expect(others).toHaveLength(9);
    expect(Math.max(...others)).toBeLessThan(firstLook);
    expect(mailbox.target.folders.map((folder) => folder.messages.length)).toEqual([0, ...names.map(() => 3)]);
  });
});

describe("the target folder of a source folder", () => {
  it("R2 stays the same when a new folder would be planned there first", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Projects"], messages }));
    const capabilities = { names: { delimiter: "/", caseInsensitive: true, prefix: [] } };
    const openTarget = () => openFakeTarget(mailbox.target, { capabilities });
    await mailbox.migrate({ openTarget });
    const [, before] = mailbox.target.folders;
    // Listed before the other, it would have had the name.
    mailbox.source.addFolder({ levels: ["PROJECTS"], messages: [sampleMessage("Other")] });
    mailbox.source.folders.splice(1, 0, ...mailbox.source.folders.splice(-1));
    for (const subject of ["New", "Newer"]) mailbox.source.folder("Projects").add(sampleMessage(subject));
    await mailbox.migrate({ openTarget });
    expect(before?.messages).toHaveLength(5);
    expect(mailbox.target.folders).toHaveLength(3);
    expect(mailbox.target.folders.map((folder) => folder.messages.length)).toEqual([3, 5, 1]);
  });

  it("is planned anew where it is gone", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Old"], messages }));
    await mailbox.migrate();
    mailbox.target.removeFolder("Old");
    mailbox.source.folder("Old").add(sampleMessage("New"));
    await mailbox.migrate();
    expect(mailbox.target.folder("Old").messages).toHaveLength(1);
  });
});

describe("a target that refuses everything", () => {
  const many = Array.from({ length: 14 }, (_, at) => sampleMessage(`Many ${at}`));

  function closed(): { mailbox: Mailbox; mend: () => void } {
    let isClosed = true;
    const mailbox = new Mailbox(
      [{ levels: ["INBOX"], messages: many }],
      [
        {
          on: "append",
          do: {
            get refuse() {
              return (isClosed ? "NO closed" : undefined) as string; // absent is what the fault means then
            },
          },
        },
      ],
    );
    mailbox.maxConcurrentAppends = 1;
    const mend = () => {
      isClosed = false;
    };
    return { mailbox, mend };
  }

  it("R1 ends the pass, and its refusals are tried again when it is mended", async () => {
    const { mailbox, mend } = closed();
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "too-many-refusals" });
    const [page] = await mailbox.store.listFolders(BATCH, "terry.adams@contoso.com");
    expect(page?.books).toMatchObject({ refused: 0, failed: 10 });
    mend();
    expect(await mailbox.migrate()).toMatchObject({ found: 14, copied: 14, refused: 0, failed: 0 });
  });

  it("does not keep a mailbox for good from what comes after the refusals", async () => {
    const { mailbox } = closed();
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "too-many-refusals" });
    expect(await mailbox.migrate()).toMatchObject({ found: 14, refused: 14, failed: 0 });
  });
});

describe("pages of folders that are gone", () => {
  it("R1 count with what they hold, so that the books of the others can balance", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Old"], messages }), [
      { on: "append", folder: "Old", nth: 2, do: { throw: "quota-exceeded" } },
    ]);
    mailbox.maxConcurrentAppends = 1;
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "quota-exceeded" });
    mailbox.source.removeFolder("Old");
    expect(await mailbox.migrate()).toMatchObject({ found: 4, copied: 4 });
    const records = await mailbox.store.listFolders(BATCH, "terry.adams@contoso.com");
    expect(records.find(({ source }) => source === "Old")?.books).toMatchObject({ found: 1, copied: 1 });
  });

  it("R1 R2 lose and double nothing when the folder comes back", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Old"], messages }), [
      { on: "append", folder: "Old", nth: 2, do: { throw: "quota-exceeded" } },
    ]);
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "quota-exceeded" });
    const old = mailbox.source.folder("Old");
    mailbox.source.removeFolder("Old");
    await mailbox.migrate();
    mailbox.source.folders.push(old);
    expect(await mailbox.migrate()).toMatchObject({ found: 6 });
    expect(mailbox.target.folder("Old").messages).toHaveLength(3);
  });
});
