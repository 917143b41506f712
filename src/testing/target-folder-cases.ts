import assert from "node:assert/strict";
import type { BehaviourCase } from "./behaviour-case.js";
import { isSamePath } from "./case-assertions.js";
import type { TargetMailbox, WithTarget } from "./opened-target.js";
import { sampleMessage } from "./sample-message.js";

export function targetFolderCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  const cases: BehaviourCase[] = [
    {
      title: "lists INBOX",
      run: () =>
        withTarget(async ({ target }) => {
          const inboxes = (await target.listFolders()).filter(({ levels }) => isSamePath(levels, ["INBOX"]));
          assert.equal(inboxes.length, 1);
          assert.equal(inboxes[0]?.selectable, true);
        }),
    },
    {
      title: "makes a folder with the levels above it, and lists it",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["One", "Two", "Three"]);
          const made = await opened.target.ensureFolder(plan);
          assert.equal(made.path, plan.target.join("/"));
          const listed = await opened.target.listFolders();
          assert.ok(listed.some(({ name, levels }) => name === made.name && isSamePath(levels, plan.target)));
          await opened.assertHolds(plan, []);
        }),
    },
    {
      title: "takes a folder that is there already, and changes nothing in it",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Projects"]);
          const made = await opened.target.ensureFolder(plan);
          await opened.append(made, sampleMessage("kept"));
          const folders = await opened.target.listFolders();
          const again = await opened.target.ensureFolder(await opened.plan(["Projects"]));
          assert.equal(again.name, made.name);
          assert.equal(again.uidValidity, made.uidValidity);
          assert.deepEqual(await opened.target.listFolders(), folders);
          await opened.assertHolds(plan, [sampleMessage("kept")]);
        }),
    },
    {
      title: "takes INBOX for INBOX",
      run: () =>
        withTarget(async (opened) => {
          const folders = await opened.target.listFolders();
          const plan = await opened.plan(["INBOX"]);
          await opened.append(await opened.target.ensureFolder(plan), sampleMessage("for INBOX"));
          assert.deepEqual(await opened.target.listFolders(), folders);
          await opened.assertHolds({ ...plan, target: ["INBOX"] }, [sampleMessage("for INBOX")]);
        }),
    },
    {
      title: "makes folders whose names are not ASCII, hold an ampersand or look like modified UTF-7",
      run: () =>
        withTarget(async (opened) => {
          for (const name of ["Entwürfe & Pläne", "日本語 😀", "R&D", "&AOk-", "50 % [alt] {9}", 'Der "Rest"']) {
            const plan = await opened.plan([name]);
            const folder = await opened.target.ensureFolder(plan);
            await opened.append(folder, sampleMessage("here"));
            const listed = await opened.target.listFolders();
            assert.ok(
              listed.some(({ levels }) => isSamePath(levels, plan.target)),
              `${name} is not listed`,
            );
            await opened.assertHolds(plan, [sampleMessage("here")]);
          }
        }),
    },
  ];
  if (mailbox.specialUse !== false) {
    cases.push({
      title: "puts a special-use folder's messages into the mailbox's own folder of that use",
      run: () =>
        withTarget(async (opened) => {
          const own = (await opened.target.listFolders()).find(({ specialUse }) => specialUse === "\\Sent");
          assert.ok(own, "the mailbox has no \\Sent folder");
          const plan = await opened.plan(["Verschickt"], "\\Sent");
          const folder = await opened.target.ensureFolder(plan);
          assert.equal(folder.name, own.name);
          await opened.append(folder, sampleMessage("sent"));
          await opened.assertHolds({ ...plan, target: own.levels }, [sampleMessage("sent")]);
        }),
    });
  }
  return cases;
}
