import { describe, expect, it } from "vitest";
import { BeginGroups } from "../../../src/engine/begin-groups.js";
import type { MessageHead } from "../../../src/mail/message.js";
import type { BeginTarget, BegunMessage, FolderJournal } from "../../../src/store/migration-store.js";
import { intercepting } from "../../recovery/world.js";
import { FolderFixture } from "./folder-run-fixture.js";

const target = { name: "INBOX", path: "INBOX", uidValidity: 9, uidNext: 100, messages: 0 };

interface Group {
  readonly uids: number[];
  readonly sizes: number[];
  readonly uidNext: number;
}

async function groups(change: Partial<FolderJournal> = {}, folder = target) {
  const begun: Group[] = [];
  const journal = intercepting(await new FolderFixture([]).journal(), {
    begin: async (messages: readonly BegunMessage[], { uidNext }: BeginTarget) => {
      const uids = messages.map(({ uid }) => uid);
      begun.push({ uids, sizes: messages.map(({ size }) => size), uidNext });
    },
    ...change,
  });
  return { begun, groups: new BeginGroups(journal, folder) };
}

function heads(count: number, size = 10, from = 1): MessageHead[] {
  return Array.from({ length: count }, (_, index) => ({
    uid: from + index,
    size,
    internalDate: new Date(0),
    flags: new Set(),
  }));
}

const MB = 1024 * 1024;

describe("beginning messages", () => {
  it("takes 256 together, in the order of the plan", async () => {
    const { begun, groups: begin } = await groups();
    begin.plan(heads(300));
    await begin.begin(1);
    expect(begun.map(({ uids }) => [uids[0], uids.length])).toEqual([[1, 256]]);
    expect([begin.isBegun(1), begin.isBegun(256), begin.isBegun(257)]).toEqual([true, true, false]);
    await begin.begin(257);
    expect(begun[1]?.uids).toEqual(heads(44, 10, 257).map(({ uid }) => uid));
  });

  it("takes 32 MB together, and a larger message by itself", async () => {
    const { begun, groups: begin } = await groups();
    begin.plan([...heads(3, 15 * MB), ...heads(1, 40 * MB, 4), ...heads(1, 1, 5)]);
    for (const uid of [1, 3, 4, 5]) if (!begin.isBegun(uid)) await begin.begin(uid);
    expect(begun.map(({ uids }) => uids)).toEqual([[1, 2], [3], [4], [5]]);
  });

  it("passes over messages that did not come", async () => {
    const { begun, groups: begin } = await groups();
    begin.plan(heads(5));
    await begin.begin(3);
    expect(begun.map(({ uids }) => uids)).toEqual([[3, 4, 5]]);
    expect(begin.isBegun(1)).toBe(false);
  });

  it("has begun nothing when the ledger could not be written", async () => {
    const full = new Error("no room");
    const { groups: begin } = await groups({ begin: () => Promise.reject(full) });
    begin.plan(heads(1));
    await expect(begin.begin(1)).rejects.toBe(full);
    expect(begin.isBegun(1)).toBe(false);
  });

  it("notes the target's UIDNEXT, which grows with every UID that it tells", async () => {
    const { begun, groups: begin } = await groups();
    begin.plan(heads(600));
    await begin.begin(1);
    begin.appended("103");
    begin.appended("101");
    begin.appended(undefined);
    await begin.begin(257);
    expect(begun.map(({ uidNext }) => uidNext)).toEqual([100, 104]);
  });

  it("does not take ids for UIDs where the target has none", async () => {
    const { begun, groups: begin } = await groups({}, { ...target, uidValidity: 0, uidNext: 0 });
    begin.plan(heads(300));
    await begin.begin(1);
    begin.appended("AAMkAD");
    begin.appended("17");
    await begin.begin(257);
    expect(begun.map(({ uidNext }) => uidNext)).toEqual([0, 0]);
  });

  it("begins a message once in all plans, and again only with another size", async () => {
    const { begun, groups: begin } = await groups();
    begin.plan(heads(3));
    await begin.begin(1);
    begin.plan(heads(3));
    expect(begin.isBegun(2)).toBe(true);
    begin.resized(2);
    expect(begin.isBegun(2)).toBe(false);
    begin.plan(heads(1, 77, 2));
    await begin.begin(2);
    expect(begun.map(({ uids, sizes }) => ({ uids, sizes }))).toEqual([
      { uids: [1, 2, 3], sizes: [10, 10, 10] },
      { uids: [2], sizes: [77] },
    ]);
    expect(begin.isBegun(2)).toBe(true);
  });
});
