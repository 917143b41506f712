import assert from "node:assert/strict";
import type { TargetFolder } from "../mail/folder.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { assertRejects, flagNames } from "./case-assertions.js";
import { headOf, type Opened, subjectOf, type TargetMailbox, type WithTarget } from "./opened-target.js";
import { sampleMessage } from "./sample-message.js";

export function targetFlagCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  if (mailbox.updatesFlags === false || mailbox.uids === false) return [];
  /** A folder with these messages, and their ids. */
  const withMessages = (check: (opened: Opened, folder: TargetFolder, ids: readonly string[]) => Promise<void>) =>
    withTarget(async (opened) => {
      const folder = await opened.ensure("Flags");
      const messages = ["one", "two", "three"].map((subject) => sampleMessage(subject, { flags: ["\\Answered"] }));
      await opened.append(folder, ...messages);
      const found = await opened.target.find(
        folder,
        messages.map((message, at) => headOf(at + 1, message)),
      );
      const ids = messages.flatMap((_, at) => found.get(at + 1)?.id ?? []);
      assert.equal(ids.length, messages.length);
      await check(opened, folder, ids);
    });
  const assertFlags = async (opened: Opened, expected: Readonly<Record<string, readonly string[]>>) => {
    const held = await opened.held(await opened.plan(["Flags"]));
    const found = held.map((message) => [subjectOf(message), flagNames(message.flags)] as const);
    assert.deepEqual(Object.fromEntries(found), expected);
  };
  return [
    {
      title: "sets and clears flags of the messages it is told, and of no others; twice is as once",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const [one = "", two = ""] = ids;
          const updates = [
            { ids: [two, one], add: ["\\Seen"], remove: [] },
            { ids: [two], add: ["\\Flagged"], remove: ["\\Answered", "\\Draft"] },
          ];
          for (let times = 0; times < 2; times++) await opened.target.updateFlags?.(folder, updates);
          const [answered, flagged, seen] = ["\\answered", "\\flagged", "\\seen"] as const;
          await assertFlags(opened, { one: [answered, seen], two: [flagged, seen], three: [answered] });
        }),
    },
    {
      title: "takes no offence at a message that is gone, or at a keyword that it does not take",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const gone = String(folder.uidNext + 1_000);
          const add = ["\\Seen", "projekt-x", "not a flag"];
          await opened.target.updateFlags?.(folder, [{ ids: [gone, ...ids.slice(0, 1)], add, remove: ["$Nothing"] }]);
          const [first] = await opened.held(await opened.plan(["Flags"]));
          assert.ok(flagNames(first?.flags).includes("\\seen"));
        }),
    },
    {
      title: "changes flags while messages are appended to other folders",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const other = await opened.ensure("Other");
          const messages = ["four", "five"].map((subject) => sampleMessage(subject, { octets: 5000 }));
          const appends = opened.append(other, ...messages);
          await opened.target.updateFlags?.(folder, [{ ids, add: ["\\Seen"], remove: [] }]);
          await appends;
          await opened.assertHolds(await opened.plan(["Other"]), messages);
          const both = ["\\answered", "\\seen"];
          await assertFlags(opened, { one: both, two: both, three: both });
        }),
    },
    {
      title: "rejects flags for a folder under another UIDVALIDITY",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const renumbered = { ...folder, uidValidity: folder.uidValidity + 1 };
          const update = { ids, add: ["\\Seen"], remove: [] };
          await assertRejects(async () => opened.target.updateFlags?.(renumbered, [update]), "uidvalidity-changed");
        }),
    },
  ];
}
