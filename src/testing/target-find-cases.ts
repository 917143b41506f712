import assert from "node:assert/strict";
import type { TargetFolder } from "../mail/folder.js";
import type { FindOptions } from "../mail/mail-target.js";
import type { MessageHead } from "../mail/message.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { eightBit, headOf, type Opened, type TargetMailbox, type WithTarget } from "./opened-target.js";
import { sampleMessage } from "./sample-message.js";

export function targetFindCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  const uidsFound = async ({ target }: Opened, folder: TargetFolder, heads: MessageHead[], options?: FindOptions) =>
    [...(await target.find(folder, heads, options)).keys()].sort((one, other) => one - other);
  const cases: BehaviourCase[] = [
    {
      title: "finds the messages that it holds, and no others",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Found");
          const messages = ["one", "two", "three"].map((subject) => sampleMessage(subject));
          const appended = await opened.append(folder, ...messages);
          const found = await opened.target.find(folder, [
            ...messages.map((message, at) => headOf(at + 1, message)),
            headOf(8, sampleMessage("four")),
            headOf(9, sampleMessage("one", { internalDate: new Date("2011-11-11T11:11:11Z") })),
          ]);
          assert.deepEqual([...found.keys()].sort(), [1, 2, 3]);
          for (const [at, { id }] of appended.entries()) {
            if (id !== undefined) assert.equal(found.get(at + 1)?.id, id);
          }
        }),
    },
    {
      title: "finds nothing in an empty folder, and nothing for no messages",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Found");
          assert.deepEqual(await uidsFound(opened, folder, [headOf(1, sampleMessage("one"))]), []);
          await opened.append(folder, sampleMessage("one"));
          assert.deepEqual(await uidsFound(opened, folder, []), []);
        }),
    },
    {
      title: "finds what was appended in 8 bit, and flagged",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Found");
          const messages = [eightBit(), sampleMessage("flagged", { flags: ["\\Seen", "\\Flagged"] })];
          await opened.append(folder, ...messages);
          const heads = messages.map((message, at) => headOf(at + 1, message));
          assert.deepEqual(await uidsFound(opened, folder, heads), [1, 2]);
        }),
    },
    {
      title: "finds equal messages by count, each under an id of its own (R2)",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Twins");
          const twin = sampleMessage("twin");
          await opened.append(folder, twin, twin);
          const found = await opened.target.find(
            folder,
            [11, 12, 13].map((uid) => headOf(uid, twin)),
          );
          assert.equal(found.size, 2);
          assert.equal(new Set([...found.values()].map(({ id }) => id)).size, 2);
        }),
    },
    {
      title: "does not find under an id that is taken",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Taken");
          const twin = sampleMessage("twin");
          await opened.append(folder, twin, twin);
          const first = (await opened.target.find(folder, [headOf(1, twin)])).get(1)?.id;
          assert.ok(first !== undefined);
          const second = (await opened.target.find(folder, [headOf(1, twin)], { taken: new Set([first]) })).get(1)?.id;
          assert.ok(second !== undefined && second !== first);
          assert.deepEqual(await uidsFound(opened, folder, [headOf(1, twin)], { taken: new Set([first, second]) }), []);
        }),
    },
  ];
  if (mailbox.uids !== false) {
    cases.push({
      title: "does not find below `fromUid`",
      run: () =>
        withTarget(async (opened) => {
          await opened.append(await opened.ensure("Window"), sampleMessage("early"), sampleMessage("twin"));
          const folder = await opened.ensure("Window");
          await opened.append(folder, sampleMessage("late"), sampleMessage("twin"));
          const heads = ["early", "late", "twin", "twin"].map((subject, at) => headOf(at + 1, sampleMessage(subject)));
          assert.deepEqual(await uidsFound(opened, folder, heads, { fromUid: folder.uidNext }), [2, 3]);
          assert.deepEqual(await uidsFound(opened, folder, heads), [1, 2, 3, 4]);
        }),
    });
  }
  return cases;
}
