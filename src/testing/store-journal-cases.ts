import assert from "node:assert/strict";
import { emptyBooks } from "../outcome.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { storeDoubtCases } from "./store-doubt-cases.js";
import {
  begun,
  copied,
  failed,
  type OpenStore,
  openInbox,
  rejectsWith,
  sourceFolder,
  target,
} from "./store-fixtures.js";
import { storeOutcomeCases } from "./store-outcome-cases.js";
import { storePageCases } from "./store-page-cases.js";

/** The pages of the ledger: intent before effect, one outcome for each message, books that balance. */
export function storeJournalCases(open: OpenStore): readonly BehaviourCase[] {
  return [...storeDoubtCases(open), ...storeOutcomeCases(open), ...storePageCases(open), ...concurrencyCases(open)];
}

function concurrencyCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "keeps two journals of one user apart while both are written",
      async run() {
        const { store, lease, journal, resume } = await openInbox(open);
        const sent = await store.openJournal(lease, sourceFolder("Sent"));
        await Promise.all([
          journal.begin(begun(1, 2), target),
          sent.begin(begun(1), target),
          journal.settle([copied(1)]),
          sent.settle([failed(1)]),
        ]);
        assert.deepEqual(journal.books(), { ...emptyBooks, copied: 1, octetsCopied: 1000 });
        assert.deepEqual(sent.books(), { ...emptyBooks, failed: 1 });
        assert.deepEqual((await resume()).doubts, [{ messages: begun(2), target }]);
      },
    },
    {
      title: "takes the calls to one journal in their order, also when none is waited for",
      async run() {
        const { journal, resume } = await openInbox(open);
        const calls: Promise<void>[] = [];
        for (let uid = 1; uid <= 40; uid += 2) {
          calls.push(journal.begin(begun(uid, uid + 1), target));
          calls.push(journal.settle([failed(uid), copied(uid + 1)]));
          calls.push(journal.settle([copied(uid)]));
        }
        await Promise.all(calls);
        const expected = { ...emptyBooks, copied: 40, octetsCopied: 40_000 };
        assert.deepEqual(journal.books(), expected);
        const resumed = await resume();
        assert.deepEqual(resumed.books(), expected);
        assert.deepEqual(resumed.doubts, []);
      },
    },
    {
      title: "lets only the last of two journals of the same folder write",
      async run() {
        const { store, lease, journal, resume } = await openInbox(open);
        const last = await store.openJournal(lease, sourceFolder("INBOX"));
        await rejectsWith("lease-lost", journal.begin(begun(1), target));
        await rejectsWith("lease-lost", journal.settle([copied(1)]));
        await rejectsWith("lease-lost", journal.finish(1, { uidNext: 2, messages: 1 }));
        await last.settle([copied(2)]);
        const resumed = await resume();
        assert.deepEqual(resumed.books(), { ...emptyBooks, copied: 1, octetsCopied: 1000 });
        assert.deepEqual(resumed.doubts, []);
        assert.equal(resumed.isSettled(2), true);
      },
    },
  ];
}
