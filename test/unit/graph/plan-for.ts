import type { FolderPlan } from "../../../src/mail/folder.js";

/** A plan for a folder with these levels at the target, wherever it comes from. */
export function planFor(target: readonly string[]): FolderPlan {
  const source = { name: target.join("/"), levels: target, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 };
  return { source, target, changes: [] };
}
