import assert from "node:assert/strict";
import type { TargetFolder } from "../mail/folder.js";
import { headerBlock } from "../mail/header-key.js";
import { isReadable, type MailTarget, type TargetReading } from "../mail/mail-target.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { assertRejects, flagNames } from "./case-assertions.js";
import { readOctets } from "./fake-content.js";
import type { Opened, WithTarget } from "./opened-target.js";
import { type StoredMessage, sampleMessage } from "./sample-message.js";

/** What a target does that can be read back ({@link TargetReading}). */
export function targetReadingCases(withTarget: WithTarget): BehaviourCase[] {
  const messages = [
    sampleMessage("plain", { octets: 5000 }),
    sampleMessage("flagged", { flags: ["\\Seen", "\\Flagged"], internalDate: new Date("1999-12-31T23:59:59Z") }),
    sampleMessage("large", { octets: 300_000 }),
    sampleMessage("last"),
  ];
  /** A folder that holds them, as it is examined. */
  const withMessages = (check: (reading: Reading) => Promise<void>) =>
    withTarget(async (opened) => {
      const { target } = opened;
      assert.ok(isReadable(target), "the target cannot be read back");
      const made = await opened.ensure("Read");
      const ids = (await opened.append(made, ...messages)).map(({ id }) => id);
      const folder = await target.examineFolder(made);
      assert.ok(folder, "the folder is not there");
      await check({ opened, target, folder, ids });
    });
  return [
    {
      title: "examines a folder as it stands, and makes none that is not there (R5)",
      run: () =>
        withMessages(async ({ opened, target, folder }) => {
          const { name, path, uidValidity, uidNext } = await opened.ensure("Read");
          assert.deepEqual(folder, { name, path, uidValidity, uidNext, messages: messages.length });
          const before = await target.listFolders();
          const missing = { name: `${name}-missing`, path: `${path}-missing` };
          assert.equal(await target.examineFolder(missing), undefined);
          assert.deepEqual(await target.listFolders(), before);
        }),
    },
    {
      title: "lists what it holds under the ids that it told, with size, INTERNALDATE and flags",
      run: () =>
        withMessages(async ({ target, folder, ids }) => {
          const heads = await collect(target.listMessages(folder));
          assert.equal(heads.length, messages.length);
          assert.deepEqual(
            heads.map(({ uid }) => uid),
            heads.map(({ uid }) => uid).sort((one, other) => one - other),
          );
          for (const [at, { uid, size, internalDate, flags }] of heads.entries()) {
            const message = bySize(size);
            assert.ok(message, `no message of ${size} octets was appended`);
            assert.deepEqual(internalDate, message.internalDate);
            assert.deepEqual(flagNames(flags), flagNames(message.flags));
            const id = ids[messages.indexOf(message)];
            if (id !== undefined) assert.equal(String(uid), id);
            assert.ok(uid < folder.uidNext, `message ${at + 1} stands at UIDNEXT`);
          }
        }),
    },
    {
      title: "lists header blocks when it is asked for them, and only the UIDs that are asked for",
      run: () =>
        withMessages(async ({ target, folder }) => {
          const heads = await collect(target.listMessages(folder, { headers: true }));
          for (const { size, header } of heads) {
            const { octets = new Uint8Array() } = bySize(size) ?? {};
            assert.deepEqual(Buffer.from(header ?? []), Buffer.from(headerBlock(octets)));
          }
          const uids = heads.map(({ uid }) => uid);
          const list = async (options: Parameters<TargetReading["listMessages"]>[1]) =>
            (await collect(target.listMessages(folder, options))).map(({ uid }) => uid);
          const [one = 0, two = 0, three = 0, four = 0] = uids;
          assert.deepEqual(await list({ uids: [two, four, folder.uidNext + 5] }), [two, four]);
          assert.deepEqual(await list({ fromUid: two, toUid: three }), [two, three]);
          assert.deepEqual(await list({ toUid: one }), [one]);
          assert.deepEqual(await list({ fromUid: folder.uidNext }), []);
        }),
    },
    {
      title: "fetches the octets that it holds, and changes no flag by it (R3, R5)",
      run: () =>
        withMessages(async ({ target, folder }) => {
          const heads = await collect(target.listMessages(folder));
          const uids = heads.map(({ uid }) => uid);
          const fetched: number[] = [];
          for await (const { uid, content } of target.fetch(folder, [folder.uidNext + 5, ...uids])) {
            const octets = await readOctets(content);
            assert.deepEqual(Buffer.from(octets), Buffer.from(bySize(octets.length)?.octets ?? []));
            fetched.push(uid);
          }
          assert.deepEqual(fetched, uids);
          assert.deepEqual(await collect(target.listMessages(folder)), heads);
        }),
    },
    {
      title: "reads one folder after the other, and takes messages again afterwards",
      run: () =>
        withMessages(async ({ opened, target, folder }) => {
          const more = await opened.ensure("More");
          await opened.append(more, sampleMessage("more"));
          const sizes = async (from: TargetFolder) =>
            (await collect(target.listMessages(from))).map(({ size }) => size);
          assert.equal((await sizes(folder)).length, messages.length);
          assert.deepEqual(await sizes(more), [sampleMessage("more").octets.length]);
          await opened.append(folder, sampleMessage("once more"));
          assert.equal((await sizes(folder)).length, messages.length + 1);
          await opened.append(more, sampleMessage("and again"));
          assert.equal((await sizes(more)).length, 2);
        }),
    },
    {
      title: "rejects reading where the folder has another UIDVALIDITY or is not there, and goes on",
      run: () =>
        withMessages(async ({ target, folder }) => {
          const renumbered = { ...folder, uidValidity: folder.uidValidity + 1 };
          for (const call of readings(target, renumbered)) await assertRejects(call, "uidvalidity-changed");
          const missing = { ...folder, name: `${folder.name}-missing`, path: `${folder.path}-missing` };
          for (const call of readings(target, missing)) await assertRejects(call, "folder-missing");
          assert.equal((await collect(target.listMessages(folder))).length, messages.length);
        }),
    },
    {
      title: "rejects reading with `aborted` where the host had given up, and with `connection-lost` once it is closed",
      run: () =>
        withMessages(async ({ target, folder }) => {
          const options = { signal: AbortSignal.abort() };
          await assertRejects(() => target.examineFolder(folder, options), "aborted");
          await assertRejects(() => collect(target.listMessages(folder, options)), "aborted");
          await assertRejects(() => collect(target.fetch(folder, [1], options)), "aborted");
          await target.close();
          await assertRejects(() => target.examineFolder(folder), "connection-lost");
          for (const call of readings(target, folder)) await assertRejects(call, "connection-lost");
        }),
    },
  ];

  /** Every message has a size of its own, and targets may hold them in any order. */
  function bySize(size: number): StoredMessage | undefined {
    return messages.find(({ octets }) => octets.length === size);
  }
}

interface Reading {
  readonly opened: Opened;
  readonly target: MailTarget & TargetReading;
  readonly folder: TargetFolder;
  readonly ids: readonly (string | undefined)[];
}

function readings(target: TargetReading, folder: TargetFolder): (() => Promise<unknown>)[] {
  return [() => collect(target.listMessages(folder)), () => collect(target.fetch(folder, [1]))];
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
