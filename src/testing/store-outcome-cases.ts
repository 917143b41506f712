import assert from "node:assert/strict";
import { emptyBooks, isBalanced, type Outcome } from "../outcome.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { begun, copied, failed, type OpenStore, oneOfEach, openInbox, sourceFolder, target } from "./store-fixtures.js";

export function storeOutcomeCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "R1 counts each outcome once, and the books balance when every message found has one",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.begin(begun(1, 2, 3, 4, 5, 6), target);
        await journal.settle(oneOfEach);
        await journal.settle([copied(7, { size: 5, uncertain: true })]);
        const counts = { ...emptyBooks, copied: 2, alreadyThere: 1, skipped: 1, refused: 1, failed: 1, vanished: 1 };
        const expected = { ...counts, uncertain: 1, octetsCopied: 1005 };
        assert.deepEqual(journal.books(), expected);
        assert.equal(isBalanced(journal.books()), false, "nothing is found before a pass is finished");
        await journal.finish(7, { uidNext: 8, messages: 7 });
        assert.deepEqual(journal.books(), { ...expected, found: 7 });
        assert.equal(isBalanced(journal.books()), true);
        assert.deepEqual((await resume()).books(), { ...expected, found: 7 });
      },
    },
    {
      title: "R2 keeps an outcome that stands, whatever a later call says of the message",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.settle(oneOfEach);
        const books = journal.books();
        const standing = oneOfEach.filter(({ kind }) => kind !== "failed");
        const later: Outcome[] = standing.map(({ uid }) => copied(uid, { size: 9, id: `other-${uid}` }));
        await journal.settle(later);
        await journal.settle(standing.map(({ uid }) => failed(uid)));
        assert.deepEqual(journal.books(), books);
        const resumed = await resume();
        assert.deepEqual(resumed.books(), books);
        await resumed.settle(later);
        assert.deepEqual(resumed.books(), books);
        assert.deepEqual(
          await resumed.idsAtTarget(),
          new Map([
            [1, "501"],
            [2, "77"],
          ]),
        );
      },
    },
    {
      title: "has every outcome but failed settled, also when the store is opened again",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.settle([...oneOfEach].reverse());
        for (const page of [journal, await resume()]) {
          const settled = [1, 2, 3, 4, 5, 6, 7].filter((uid) => page.isSettled(uid));
          assert.deepEqual(settled, [1, 2, 3, 4, 6]);
          assert.equal(page.settledCount, 5);
          assert.equal(page.highestUid, 6);
          assert.deepEqual(page.failedUids, [5]);
        }
      },
    },
    {
      title: "replaces failed by a later outcome, and the books follow",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.settle([failed(9), failed(8)]);
        assert.deepEqual(journal.failedUids, [8, 9]);
        assert.equal(journal.highestUid, 0, "a failed message is tried again");
        const resumed = await resume();
        await resumed.settle([copied(8, { size: 800 }), failed(9, { reason: "still no such part" })]);
        const expected = { ...emptyBooks, copied: 1, failed: 1, octetsCopied: 800 };
        assert.deepEqual(resumed.books(), expected);
        const again = await resume();
        assert.deepEqual(again.books(), expected);
        assert.deepEqual(again.failedUids, [9]);
        assert.equal(again.isSettled(8), true);
        assert.equal(again.highestUid, 8);
      },
    },
    {
      title: "takes the first outcome that stands when one call names a message twice",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.settle([failed(1), copied(1), copied(1, { size: 7 }), failed(1)]);
        const expected = { ...emptyBooks, copied: 1, octetsCopied: 1000 };
        assert.deepEqual(journal.books(), expected);
        const resumed = await resume();
        assert.deepEqual(resumed.books(), expected);
        assert.deepEqual(resumed.failedUids, []);
      },
    },
    {
      title: "knows the messages that the target holds, with their ids where it told them",
      async run() {
        const { journal, lease, store, resume } = await openInbox(open);
        const { id: _, ...withoutId } = copied(3);
        await journal.settle([
          copied(1, { id: "17" }),
          { uid: 2, kind: "alreadyThere", size: 1, id: "AAMk=" },
          withoutId,
          { uid: 4, kind: "refused", size: 1, code: "message-refused", reason: "no" },
          failed(5),
        ]);
        const other = await store.openJournal(lease, sourceFolder("Sent"));
        await other.settle([copied(1, { id: "99" })]);
        const there = new Map([
          [1, "17"],
          [2, "AAMk="],
          [3, undefined],
        ]);
        assert.deepEqual(await journal.idsAtTarget(), there);
        assert.deepEqual(await (await resume()).idsAtTarget(), there);
      },
    },
    {
      title: "tells UIDs up to 4294967295 apart, however they are scattered",
      async run() {
        const { journal, resume } = await openInbox(open);
        const uids = [4_294_967_295, 1, 2_147_483_648, 2_147_483_647, 4_294_967_293, 3];
        await journal.begin(begun(...uids), target);
        await journal.settle(uids.map((uid) => copied(uid)));
        await journal.begin(begun(4_294_967_294), target);
        for (const page of [journal, await resume()]) {
          assert.ok(uids.every((uid) => page.isSettled(uid)));
          assert.ok(![0, 2, 2_147_483_649, 4_294_967_294].some((uid) => page.isSettled(uid)));
          assert.equal(page.highestUid, 4_294_967_295);
          assert.deepEqual(page.doubts, [{ messages: begun(4_294_967_294), target }]);
        }
      },
    },
    {
      title: "remembers tens of thousands of messages with gaps between them",
      async run() {
        const { journal, resume } = await openInbox(open);
        const uids = Array.from({ length: 25_000 }, (_, index) => index * 2 + 1);
        for (let start = 0; start < uids.length; start += 5000) {
          await journal.settle(uids.slice(start, start + 5000).map((uid) => copied(uid)));
        }
        await journal.settle([failed(50_000), failed(2)]);
        const resumed = await resume();
        assert.equal(resumed.settledCount, 25_000);
        assert.equal(resumed.highestUid, 49_999);
        assert.deepEqual(resumed.failedUids, [2, 50_000]);
        const wrong = uids.filter((uid) => !resumed.isSettled(uid) || resumed.isSettled(uid + 1));
        assert.deepEqual(wrong, []);
        assert.equal((await resumed.idsAtTarget()).size, 25_000);
      },
    },
  ];
}
