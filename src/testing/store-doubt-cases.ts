import assert from "node:assert/strict";
import { emptyBooks } from "../outcome.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { begun, copied, failed, type OpenStore, openInbox, target } from "./store-fixtures.js";

export function storeDoubtCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "starts a folder with an empty page",
      async run() {
        const { journal } = await openInbox(open);
        assert.equal(journal.isSettled(1), false);
        assert.equal(journal.highestUid, 0);
        assert.equal(journal.settledCount, 0);
        assert.deepEqual(journal.failedUids, []);
        assert.deepEqual(journal.doubts, []);
        assert.equal(journal.syncPoint, undefined);
        assert.equal(journal.renumbered, false);
        assert.deepEqual(await journal.idsAtTarget(), new Map());
        assert.deepEqual(journal.books(), emptyBooks);
      },
    },
    {
      title: "R7 finds what was begun in doubt when the store is opened again, with its target",
      async run() {
        const { journal, resume } = await openInbox(open);
        const undated = { uid: 3, size: 0, internalDate: Number.NaN };
        const before1970 = { uid: 4, size: 4_294_967_296, internalDate: -86_400_000 };
        const elsewhere = { name: "&AOk-", path: "é", uidValidity: 4_294_967_295, uidNext: 1 };
        await journal.begin(begun(1, 2), target);
        await journal.begin([undated, before1970], elsewhere);
        const expected = [
          { messages: begun(1, 2), target },
          { messages: [undated, before1970], target: elsewhere },
        ];
        assert.deepEqual(journal.doubts, expected);
        assert.equal(journal.highestUid, 4);
        const resumed = await resume();
        assert.deepEqual(resumed.doubts, expected);
        assert.equal(resumed.highestUid, 4);
        assert.equal(resumed.isSettled(1), false);
        assert.equal(resumed.settledCount, 0);
      },
    },
    {
      title: "takes a message out of doubt when it is settled, and leaves the rest of its group there",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.begin(begun(1, 2, 3), target);
        await journal.begin(begun(4), target);
        await journal.settle([copied(2), copied(4)]);
        const expected = [{ messages: begun(1, 3), target }];
        assert.deepEqual(journal.doubts, expected);
        const resumed = await resume();
        assert.deepEqual(resumed.doubts, expected);
        await resumed.settle([failed(1), { uid: 3, kind: "alreadyThere", size: 103 }]);
        assert.deepEqual(resumed.doubts, []);
        assert.deepEqual((await resume()).doubts, []);
      },
    },
    {
      title: "has a message that failed in doubt when it is begun again",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.begin(begun(1), target);
        await journal.settle([failed(1)]);
        await journal.begin(begun(1), target);
        const resumed = await resume();
        assert.deepEqual(resumed.doubts, [{ messages: begun(1), target }]);
        assert.deepEqual(resumed.failedUids, [1]);
      },
    },
    {
      title: "clears every doubt about a message that was begun twice",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.begin(begun(1), target);
        await journal.begin(begun(1, 2), { ...target, uidNext: 600 });
        assert.equal(journal.doubts.length, 2);
        await journal.settle([copied(1)]);
        assert.deepEqual((await resume()).doubts, [{ messages: begun(2), target: { ...target, uidNext: 600 } }]);
      },
    },
    {
      title: "has no doubt about a message whose outcome stands",
      async run() {
        const { journal, resume } = await openInbox(open);
        await journal.settle([copied(1)]);
        await journal.begin(begun(1), target);
        await journal.begin([], target);
        assert.deepEqual(journal.doubts, []);
        assert.deepEqual((await resume()).doubts, []);
      },
    },
    {
      title: "keeps what begin was given even when the caller changes it afterwards",
      async run() {
        const { journal } = await openInbox(open);
        const messages = begun(1, 2);
        const elsewhere = { ...target };
        await journal.begin(messages, elsewhere);
        messages.length = 0;
        elsewhere.uidNext = 1;
        assert.deepEqual(journal.doubts, [{ messages: begun(1, 2), target }]);
      },
    },
  ];
}
