import assert from "node:assert/strict";
import type { BehaviourCase } from "./behaviour-case.js";
import { isSamePath } from "./case-assertions.js";
import type { FolderContent } from "./fake-mailbox.js";
import { INBOX, type MailboxKeeps, subjects, type WithSource } from "./opened-source.js";

export function sourceFolderCases(withSource: WithSource, keeps: MailboxKeeps): BehaviourCase[] {
  const content: FolderContent[] = [
    { levels: INBOX, messages: subjects(2) },
    { levels: ["Projects"] },
    { levels: ["Projects", "2001"], messages: subjects(3) },
    { levels: ["Entwürfe & Pläne"], messages: subjects(1) },
    { levels: ["日本語 😀"] },
  ];
  const cases: BehaviourCase[] = [
    {
      title: "lists every folder with its decoded levels, each under its own name",
      run: () =>
        withSource(content, async ({ source }) => {
          const listed = await source.listFolders();
          for (const { levels } of content) {
            const found = listed.filter((folder) => isSamePath(folder.levels, levels));
            assert.equal(found.length, 1, `${levels.join("/")} is listed ${found.length} times`);
            assert.equal(found[0]?.selectable, true);
          }
          assert.equal(new Set(listed.map(({ name }) => name)).size, listed.length);
        }),
    },
    {
      title: "lists with each folder how many messages it holds, a UIDVALIDITY, and a UIDNEXT above every UID",
      run: () =>
        withSource(content, async (opened) => {
          for (const { levels, messages = [] } of content) {
            const folder = await opened.folder(...levels);
            const uids = await opened.uidsOf(levels);
            assert.equal(folder.messages, messages.length);
            assert.ok(folder.uidNext > Math.max(0, ...uids), `UIDNEXT ${folder.uidNext} after ${uids}`);
            assert.ok(folder.uidValidity > 0);
            assert.equal((await opened.folder(...levels)).uidValidity, folder.uidValidity);
          }
        }),
    },
  ];
  const special: FolderContent[] = [
    { levels: INBOX },
    { levels: ["Sent"], specialUse: "\\Sent" },
    { levels: ["Trash"], specialUse: "\\Trash" },
  ];
  if (keeps.specialUse !== false) {
    cases.push({
      title: "lists the special use of the folders that have one",
      run: () =>
        withSource(special, async (opened) => {
          assert.equal((await opened.folder("Sent")).specialUse, "\\Sent");
          assert.equal((await opened.folder("Trash")).specialUse, "\\Trash");
          assert.equal((await opened.folder("INBOX")).specialUse, undefined);
        }),
    });
  }
  return cases;
}
