import assert from "node:assert/strict";
import { inspect } from "node:util";
import { outcomeKinds } from "../outcome.js";
import type { BehaviourCase } from "./behaviour-case.js";
import {
  BATCH,
  begun,
  claimOf,
  collect,
  copied,
  failed,
  type OpenStore,
  oneOfEach,
  openInbox,
  sourceFolder,
  target,
} from "./store-fixtures.js";

const USER = "terry.adams@contoso.com";
const inInbox = { emailAddress: USER, folder: "INBOX" };

/** What a report reads. */
export function storeItemCases(open: OpenStore): readonly BehaviourCase[] {
  return [
    {
      title: "lists one message of each kind with its reason, its date and the server's words",
      async run() {
        const { store, journal } = await openInbox(open);
        await journal.settle([...oneOfEach].reverse());
        await journal.settle([failed(7, { reason: "" })]);
        assert.deepEqual(await collect(store.listItems(BATCH, "TERRY.adams@contoso.com", outcomeKinds)), [
          { ...inInbox, uid: 1, kind: "copied", size: 1000 },
          { ...inInbox, uid: 2, kind: "alreadyThere", size: 20 },
          { ...inInbox, uid: 3, kind: "skipped", size: 30, reason: "too-large" },
          {
            ...{ ...inInbox, uid: 4, kind: "refused", size: 40, reason: "message-refused" },
            ...{ detail: "Ünknown encoding ✗", internalDate: -86_400_000 },
          },
          { ...inInbox, uid: 5, kind: "failed", size: 30, reason: "message-unreadable", detail: "no such part" },
          { ...inInbox, uid: 6, kind: "vanished", size: 60 },
          { ...inInbox, uid: 7, kind: "failed", size: 30, reason: "message-unreadable" },
        ]);
      },
    },
    {
      title: "lists only the kinds it is asked for, folder by folder in UID order",
      async run() {
        const { store, lease, journal } = await openInbox(open);
        const sent = await store.openJournal(lease, sourceFolder("A"));
        await sent.settle([failed(4_294_967_295), failed(1), copied(2)]);
        await journal.settle([...oneOfEach, failed(9)]);
        const items = await collect(store.listItems(BATCH, USER, ["failed", "vanished"]));
        assert.deepEqual(
          items.map(({ folder, uid }) => [folder, uid]),
          [
            ["INBOX", 5],
            ["INBOX", 6],
            ["INBOX", 9],
            ["A", 1],
            ["A", 4_294_967_295],
          ],
        );
      },
    },
    {
      title: "lists a message of which something was lost or is uncertain whatever kinds it is asked for",
      async run() {
        const { store, journal } = await openInbox(open);
        await journal.settle([
          copied(1, { lost: ["keyword", "internal-date"] }),
          copied(2, { lost: [] }),
          copied(3, { uncertain: true }),
          copied(4, { uncertain: false }),
        ]);
        const changed = [
          { ...inInbox, uid: 1, kind: "copied", size: 1000, lost: ["keyword", "internal-date"] },
          { ...inInbox, uid: 3, kind: "copied", size: 1000, uncertain: true },
        ];
        assert.deepEqual(await collect(store.listItems(BATCH, USER, [])), changed);
        assert.deepEqual(await collect(store.listItems(BATCH, USER, ["refused"])), changed);
        assert.equal((await collect(store.listItems(BATCH, USER, ["copied"]))).length, 4);
      },
    },
    {
      title: "lists the outcome that replaced a failed one, with nothing left of it",
      async run() {
        const { store, journal } = await openInbox(open);
        await journal.settle([failed(1)]);
        await journal.settle([copied(1)]);
        assert.deepEqual(await collect(store.listItems(BATCH, USER, outcomeKinds)), [
          { ...inInbox, uid: 1, kind: "copied", size: 1000 },
        ]);
      },
    },
    {
      title: "lists thousands of messages, each once, while others are being settled",
      async run() {
        const { store, journal } = await openInbox(open);
        await journal.settle(Array.from({ length: 3000 }, (_, index) => failed(3000 - index)));
        const uids: number[] = [];
        for await (const { uid } of store.listItems(BATCH, USER, ["failed"])) {
          uids.push(uid);
          if (uid % 1000 === 0) await journal.settle([failed(5000 + uid)]);
        }
        assert.deepEqual(
          uids.filter((uid) => uid <= 3000),
          Array.from({ length: 3000 }, (_, index) => index + 1),
        );
        assert.equal(new Set(uids).size, uids.length);
      },
    },
    {
      title: "lists what the target holds of one page in UID order, with id, size and digest as they were settled",
      async run() {
        const { store, lease, journal, reopen } = await openInbox(open);
        const other = await store.openJournal(lease, sourceFolder("INBOX", 8));
        await other.settle([copied(9)]);
        await journal.settle([copied(7, { lost: ["keyword"] }), ...oneOfEach]);
        await journal.settle([{ uid: 8, kind: "alreadyThere", size: 80 }]);
        const next = await reopen();
        const listed = await collect(next.listHeld(BATCH, "TERRY.adams@contoso.com", sourceFolder("INBOX")));
        assert.deepEqual(
          listed.map(({ sha256, ...rest }) => ({ ...rest, ...(sha256 && { sha256: [...sha256] }) })),
          [
            { uid: 1, size: 1000, id: "501", sha256: Array(32).fill(1) },
            { uid: 2, size: 20, id: "77" },
            { uid: 7, size: 1000, id: "507", sha256: Array(32).fill(7), lost: ["keyword"] },
            { uid: 8, size: 80 },
          ],
        );
        assert.deepEqual(await collect(next.listHeld(BATCH, USER, sourceFolder("INBOX", 9))), []);
        assert.deepEqual(await collect(next.listHeld("unknown", USER, sourceFolder("INBOX"))), []);
      },
    },
    {
      title: "lists by which id the source knows each message at the target, of folders that were set aside too",
      async run() {
        const { store, lease, journal, reopen } = await openInbox(open);
        await journal.settle([
          copied(1, { emailId: "1278455344230334865" }),
          { uid: 2, kind: "alreadyThere", size: 20, emailId: "M6d99ac3275bb4e" },
          { uid: 3, kind: "skipped", size: 30, rule: "held-elsewhere" },
          failed(4),
          copied(5),
        ]);
        await journal.settle([copied(4, { emailId: "copied after all" }), copied(2, { emailId: "kept as it was" })]);
        await store.setAside(lease, sourceFolder("INBOX"));
        const sent = await store.openJournal(lease, sourceFolder("Sent"));
        await sent.settle([copied(1, { emailId: "1278455344230334866" })]);
        const next = await reopen();
        const ids = ["1278455344230334865", "1278455344230334866", "M6d99ac3275bb4e", "copied after all"];
        assert.deepEqual((await collect(next.listEmailIds(BATCH, USER))).sort(), ids);
        assert.deepEqual(await collect(next.listEmailIds("unknown", USER)), []);
      },
    },
    {
      title: "keeps what an account has moved lately, apart from every batch",
      async run() {
        const { store, reopen } = await openInbox(open);
        assert.equal(await store.getDailyOctets("gmail terry"), undefined);
        await store.setDailyOctets("gmail terry", { "490800": 25_000_000, "490801": 1 });
        await store.setDailyOctets("gmail ann", { "490800": 7 });
        await store.setDailyOctets("gmail terry", { "490801": 2_500_000_000 });
        await store.removeBatch(BATCH);
        const next = await reopen();
        assert.deepEqual(await next.getDailyOctets("gmail terry"), { "490801": 2_500_000_000 });
        assert.deepEqual(await next.getDailyOctets("gmail ann"), { "490800": 7 });
      },
    },
    {
      title: "R10 keeps nothing that it was not asked to keep, such as a password that an object carries along",
      async run() {
        const { store, lease, journal, reopen } = await openInbox(open);
        const secret = { password: "p4ssw0rd-of-terry", accessToken: "p4ssw0rd-of-terry" };
        const heldWithSecret = { ...lease, ...secret };
        await store.updateUser(heldWithSecret, { status: "Failed", error: { code: "x", message: "y", ...secret } });
        await journal.begin(
          begun(1).map((message) => ({ ...message, ...secret })),
          { ...target, ...secret },
        );
        await journal.settle([{ ...copied(2), ...secret }]);
        await journal.finish(2, { uidNext: 3, messages: 2, ...secret });
        await store.claimUser(BATCH, { ...claimOf(), ...secret });
        const next = await reopen();
        const told = [
          await collect(next.listUsers(BATCH)),
          await next.listFolders(BATCH, USER),
          await collect(next.listItems(BATCH, USER, outcomeKinds)),
          journal.doubts,
          journal.syncPoint,
        ];
        assert.equal(inspect(told, { depth: null }).includes("p4ssw0rd"), false);
      },
    },
  ];
}
