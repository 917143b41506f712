import assert from "node:assert/strict";
import { emptyBooks } from "../outcome.js";
import type { HeldRecord } from "../store/migration-store.js";
import type { BehaviourCase } from "./behaviour-case.js";
import {
  BATCH,
  begun,
  claimed,
  claimOf,
  collect,
  copied,
  failed,
  type OpenStore,
  openInbox,
  rejectsWith,
  sourceFolder,
  target,
} from "./store-fixtures.js";

export function storePageCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "remembers how far a folder was read, with numbers beyond 2^53",
      async run() {
        const { journal, resume } = await openInbox(open);
        const syncPoint = { uidNext: 4_294_967_295, messages: 12, highestModSeq: 2n ** 63n - 1n };
        await journal.finish(12, syncPoint);
        assert.deepEqual(journal.syncPoint, syncPoint);
        const resumed = await resume();
        assert.deepEqual(resumed.syncPoint, syncPoint);
        assert.equal(resumed.books().found, 12);
        await resumed.finish(13, { uidNext: 14, messages: 0 });
        assert.deepEqual((await resume()).syncPoint, { uidNext: 14, messages: 0 });
      },
    },
    {
      title: "is renumbered once a page under another UIDVALIDITY holds an outcome or a doubt",
      async run() {
        const { store, lease, journal } = await openInbox(open);
        assert.equal((await store.openJournal(lease, sourceFolder("INBOX", 8))).renumbered, false);
        await journal.begin(begun(1), target);
        const begunBefore = await store.openJournal(lease, sourceFolder("INBOX", 8));
        assert.equal(begunBefore.renumbered, true);
        assert.equal(begunBefore.highestUid, 0);
        await journal.settle([copied(1)]);
        const settledBefore = await store.openJournal(lease, sourceFolder("INBOX", 8));
        assert.equal(settledBefore.renumbered, true);
        assert.equal(settledBefore.isSettled(1), false, "the UIDs of the new page are others");
        assert.deepEqual(await settledBefore.idsAtTarget(), new Map());
        assert.equal((await store.openJournal(lease, sourceFolder("INBOX"))).renumbered, false);
        assert.equal((await store.openJournal(lease, sourceFolder("Inbox", 8))).renumbered, false);
      },
    },
    {
      title: "begins a new page for UIDs that are given out again, and keeps the old one under a negative UIDVALIDITY",
      async run() {
        const { store, lease, journal } = await openInbox(open);
        await journal.begin(begun(2), target);
        await journal.settle([copied(1)]);
        await journal.finish(1, { uidNext: 2, messages: 1 });
        await store.setAside(lease, sourceFolder("INBOX"));
        await rejectsWith("lease-lost", journal.settle([copied(2)]));
        const next = await store.openJournal(lease, sourceFolder("INBOX"));
        assert.equal(next.renumbered, true);
        assert.equal(next.isSettled(1), false);
        assert.deepEqual([next.doubts, next.syncPoint, next.books()], [[], undefined, emptyBooks]);
        const [old, now] = await store.listFolders(BATCH, "terry.adams@contoso.com");
        assert.ok((old?.uidValidity ?? 0) < 0);
        assert.equal(old?.books.copied, 1);
        assert.equal(now?.uidValidity, 7);
        const held: HeldRecord[] = [];
        for await (const record of store.listHeld(BATCH, "terry.adams@contoso.com", old ?? sourceFolder("INBOX"))) {
          held.push(record);
        }
        assert.deepEqual(
          held.map(({ uid }) => uid),
          [1],
        );
      },
    },
    {
      title: "keeps where a folder's messages go, also where nothing was begun",
      async run() {
        const { store, journal, resume } = await openInbox(open);
        assert.equal(journal.target, undefined);
        await journal.begin([], target);
        const { uidNext: _, ...place } = target;
        const [record] = await store.listFolders(BATCH, "terry.adams@contoso.com");
        assert.deepEqual(record?.targetFolder, { name: "INBOX", uidValidity: 99 });
        for (const page of [journal, await resume()]) {
          assert.deepEqual(page.target, place);
          assert.deepEqual(page.doubts, []);
        }
      },
    },
    {
      title: "forgets the ids that a folder told, once the messages go to another, or to it under another UIDVALIDITY",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.begin(begun(1), target);
        await journal.settle([copied(1, { id: "17" })]);
        await journal.begin(begun(2), { ...target, path: "also called", uidNext: 600 });
        await journal.settle([copied(2, { id: "18" })]);
        assert.equal((await journal.idsAtTarget()).get(1), "17");
        await journal.begin(begun(3), { ...target, uidValidity: 100 });
        await journal.settle([copied(3, { id: "1" })]);
        const ids = new Map([
          [1, undefined],
          [2, undefined],
          [3, "1"],
        ]);
        assert.deepEqual(await journal.idsAtTarget(), ids);
        const resumed = await resume();
        assert.deepEqual(await resumed.idsAtTarget(), ids);
        await resumed.begin([], { ...target, name: "Other", uidValidity: 100 });
        assert.deepEqual([...(await resumed.idsAtTarget()).values()], [undefined, undefined, undefined]);
      },
    },
    {
      title: "knows the newest messages at the target",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.settle([copied(5, { id: "50", size: 9 }), copied(1, { id: "10" }), failed(7), copied(3)]);
        const before = await journal.newestAtTarget(2);
        const resumed = await (await resume()).newestAtTarget(2);
        for (const newest of [before, resumed]) {
          assert.deepEqual(
            newest.map(({ uid, size }) => [uid, size]),
            [
              [5, 9],
              [3, 1000],
            ],
          );
          assert.equal(newest[0]?.id, "50");
        }
      },
    },
    {
      title: "keeps the flags of the messages at the target, and those that are in doubt",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.settle([
          copied(1, { flags: ["$Forwarded", "\\Seen"] }),
          copied(2, { flags: [] }),
          copied(3),
          failed(4),
        ]);
        const before = new Map([
          [1, { id: "501", flags: ["$Forwarded", "\\Seen"] }],
          [2, { id: "502", flags: [] }],
          [3, { id: "503" }],
        ]);
        assert.deepEqual(await journal.heldFlags?.([1, 2, 3, 4, 5]), before);
        const resumed = await resume();
        assert.deepEqual(await resumed.heldFlags?.([1, 2, 3, 4, 5]), before);
        await resumed.keepFlags?.(
          new Map([
            [1, { flags: [], inDoubt: ["\\Seen"] }],
            [3, { flags: ["\\Draft"] }],
            [4, { flags: ["\\Draft"] }],
          ]),
        );
        const after = new Map([
          [1, { id: "501", flags: [], inDoubt: ["\\Seen"] }],
          [2, { id: "502", flags: [] }],
          [3, { id: "503", flags: ["\\Draft"] }],
        ]);
        const again = await resume();
        assert.deepEqual(await again.heldFlags?.([1, 2, 3, 4]), after);
        await again.keepFlags?.(new Map([[1, { flags: ["\\Seen"] }]]));
        assert.deepEqual(await again.heldFlags?.([1]), new Map([[1, { id: "501", flags: ["\\Seen"] }]]));
      },
    },
    {
      title: "remembers whether flags were followed",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.finish(0, { uidNext: 1, messages: 0, flags: true });
        assert.deepEqual(journal.syncPoint, { uidNext: 1, messages: 0, flags: true });
        const resumed = await resume();
        assert.deepEqual(resumed.syncPoint, { uidNext: 1, messages: 0, flags: true });
        await resumed.finish(0, { uidNext: 1, messages: 0 });
        assert.deepEqual((await resume()).syncPoint, { uidNext: 1, messages: 0 });
      },
    },
    {
      title: "keeps a message that was moved apart from those that stand where its folder goes",
      async run() {
        const { store, lease, journal, resume } = await openInbox(open);
        const { uidNext: _, ...place } = target;
        const movedFrom = { name: "Sent", uidValidity: 7, uid: 3, target: place };
        const identity = new Uint8Array(24).fill(9);
        await journal.begin([], { ...target, uidValidity: 98 });
        await journal.settle([
          copied(1, { identity, size: 5 }),
          { uid: 2, kind: "alreadyThere", size: 5, id: "77", identity, flags: ["\\Seen"], movedFrom },
          copied(3, { size: 6, identity }),
          copied(4, { size: 5 }),
        ]);
        const sent = await store.openJournal(lease, sourceFolder("Sent"));
        await sent.settle([copied(3, { identity, size: 5 })]);
        // The ids of this page mean nothing any more; that of the moved one is another folder's.
        await journal.begin([], target);
        assert.deepEqual([...(await journal.idsAtTarget()).keys()], [1, 3, 4]);
        assert.deepEqual(
          (await journal.newestAtTarget(9)).map(({ uid }) => uid),
          [4, 3, 1],
        );
        const user = "terry.adams@contoso.com";
        const held = await collect(store.listHeld(BATCH, user, sourceFolder("INBOX")));
        assert.deepEqual(
          held.map(({ uid }) => uid),
          [1, 3, 4],
        );
        const [item] = (await collect(store.listItems(BATCH, user, ["alreadyThere"]))).filter(({ uid }) => uid === 2);
        assert.deepEqual(item?.movedFrom, movedFrom);
        assert.equal((await collect(store.listRecognisable?.(BATCH, user) ?? nothing())).length, 4);
        const found = await collect(store.listRecognisable?.(BATCH, user, [5, 7, 5]) ?? nothing());
        const inOrder = found.sort((one, other) => one.name.localeCompare(other.name) || one.uid - other.uid);
        assert.deepEqual(
          inOrder.map(({ identity: octets, ...record }) => ({ ...record, octets: [...octets] })),
          [
            { name: "INBOX", uidValidity: 7, uid: 1, size: 5, octets: [...identity] },
            {
              ...{ name: "INBOX", uidValidity: 7, uid: 2, size: 5, octets: [...identity] },
              ...{ id: "77", flags: ["\\Seen"], movedFrom },
            },
            { name: "Sent", uidValidity: 7, uid: 3, size: 5, id: "503", octets: [...identity] },
          ],
        );
        assert.equal((await (await resume()).heldFlags?.([2]))?.get(2)?.id, "77");
      },
    },
    {
      title: "is not renumbered by the same folder of another user or batch",
      async run() {
        const { store, journal } = await openInbox(open);
        await journal.settle([copied(1)]);
        await store.addUsers(BATCH, ["other@contoso.com"]);
        await store.addUsers("another", ["terry.adams@contoso.com"]);
        const otherUser = await store.openJournal(await claimed(store), sourceFolder("INBOX", 8));
        const otherBatch = await store.openJournal(await claimed(store, "another"), sourceFolder("INBOX", 7));
        assert.equal(otherUser.renumbered, false);
        assert.equal(otherBatch.renumbered, false);
        assert.equal(otherBatch.isSettled(1), false);
      },
    },
    {
      title: "tells folders apart by the octets of their names",
      async run() {
        const { store, lease, reopen } = await openInbox(open);
        const octets = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join("");
        const names = [
          "x".repeat(1000),
          octets,
          "&AOA",
          "&AOA-",
          "Sent",
          "SENT",
          "Sent ",
          " ",
          "..",
          "'; --",
          "%",
          "?",
        ];
        for (const [index, name] of names.entries()) {
          await (await store.openJournal(lease, sourceFolder(name))).settle([copied(index + 1)]);
        }
        const next = await reopen();
        await next.queueUsers(BATCH);
        const held = (await next.claimUser(BATCH, claimOf({ worker: "worker-2" }))) ?? lease;
        for (const [index, name] of names.entries()) {
          const journal = await next.openJournal(held, sourceFolder(name));
          assert.equal(journal.settledCount, 1, JSON.stringify(name));
          assert.equal(journal.isSettled(index + 1), true, JSON.stringify(name));
        }
        const folders = await next.listFolders(BATCH, lease.emailAddress);
        assert.deepEqual(
          folders.map(({ source }) => source),
          ["INBOX", ...names],
        );
      },
    },
    {
      title:
        "lists the folders of a user in the order in which they were first opened, with target, books and sync point",
      async run() {
        const { store, lease, journal } = await openInbox(open);
        const sent = await store.openJournal(lease, { ...sourceFolder("INBOX.Sent"), levels: ["INBOX", "Sent"] });
        await sent.begin(begun(1), { ...target, name: "Sent Items", path: "Sent Items" });
        await sent.settle([copied(1)]);
        await store.openJournal(lease, sourceFolder("INBOX", 8));
        await journal.finish(0, { uidNext: 1, messages: 0 });
        assert.deepEqual(await store.listFolders(BATCH, "TERRY.ADAMS@contoso.com"), [
          { name: "INBOX", source: "INBOX", uidValidity: 7, books: emptyBooks, syncPoint: { uidNext: 1, messages: 0 } },
          {
            name: "INBOX.Sent",
            source: "INBOX/Sent",
            target: "Sent Items",
            targetFolder: { name: "Sent Items", uidValidity: 99 },
            uidValidity: 7,
            books: { ...emptyBooks, copied: 1, octetsCopied: 1000 },
          },
          { name: "INBOX", source: "INBOX", uidValidity: 8, books: emptyBooks },
        ]);
      },
    },
  ];
}

async function* nothing(): AsyncGenerator<never> {}
