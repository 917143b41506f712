import type { SourceFolder } from "../mail/folder.js";
import type { SpecialUse } from "../mail/special-use.js";
import type { ProviderProfile } from "./provider-profile.js";

/** One folder to read, and how much of it. */
export interface ProviderFolder {
  readonly folder: SourceFolder;
  /** `all` of its messages, or the `rest`: those that the target has from no other folder, in this pass or an earlier one. */
  readonly copies: "all" | "rest";
}

/** One folder that is left out. */
export interface ExcludedFolder {
  readonly folder: SourceFolder;
  /** What is lost by that, one sentence. */
  readonly reason: string;
}

export interface ProviderFolderPlan {
  /** In the order to read them. One that copies the rest begins when all before it have ended. */
  readonly folders: readonly ProviderFolder[];
  readonly excluded: readonly ExcludedFolder[];
  /** What cannot be migrated because the server does not show it, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * In which order the folders of a source are read, and which are left out because they only show messages of others.
 *
 * - Without labels: as listed. With labels: INBOX, `\Drafts`, `\Sent`, then the labels as listed, `\Junk`, `\Trash`. With
 *   `labels: "one"` each of them copies the rest, so that this order says which folder gets the copy.
 * - Folders that show the messages of all others, and some that stand nowhere else (Gmail's All Mail), come last and copy
 *   the rest: left out, they would take archived mail without a label with them; copied whole, they would double all.
 * - Views are left out, unless the server hides the folder that has everything: then a view may be the only place where
 *   an archived message shows, and it copies the rest too.
 *
 * Nothing is left out by its name.
 */
export function planProviderFolders(
  source: readonly SourceFolder[],
  { name, folders: rules }: ProviderProfile,
): ProviderFolderPlan {
  const has = (uses: readonly SpecialUse[], { specialUse }: SourceFolder) =>
    specialUse !== undefined && uses.includes(specialUse);
  const rest = source.filter((folder) => has(rules.rest, folder));
  const isHidden = rules.rest.length > 0 && !rest.some(({ selectable }) => selectable);
  const lossOf = ({ specialUse }: SourceFolder) => (specialUse === undefined ? undefined : rules.views[specialUse]);
  const views = source.filter((folder) => lossOf(folder) !== undefined && !rest.includes(folder));
  const own = source.filter((folder) => !rest.includes(folder) && !views.includes(folder));
  const ordered = rules.labels ? inReadingOrder(own) : own;
  return {
    folders: [
      ...ordered.map((folder) => plan(folder, rules.labels === "one" ? "rest" : "all")),
      ...[...(isHidden ? views : []), ...rest].map((folder) => plan(folder, "rest")),
    ],
    excluded: isHidden ? [] : views.map((folder) => ({ folder, reason: lossOf(folder) ?? "" })),
    warnings: isHidden ? [`${name} does not show its folder of all mail over IMAP: ${HIDDEN}`] : [],
  };
}

const HIDDEN =
  "archived messages without a label cannot be seen and are not migrated. Switch the folder on for IMAP, then start again.";

const plan = (folder: SourceFolder, copies: ProviderFolder["copies"]): ProviderFolder => ({ folder, copies });

/** Own folders before labels: a sent message that has a label is looked for among the sent ones. */
const BEFORE: readonly SpecialUse[] = ["\\Drafts", "\\Sent"];
const AFTER: readonly SpecialUse[] = ["\\Junk", "\\Trash"];

function inReadingOrder(folders: readonly SourceFolder[]): SourceFolder[] {
  return [...folders].sort((one, other) => rank(one) - rank(other)); // stable: the labels stay as listed
}

function rank({ levels, specialUse }: SourceFolder): number {
  if (levels.length === 1 && levels[0] === "INBOX") return 0;
  if (specialUse === undefined) return 1 + BEFORE.length;
  const before = BEFORE.indexOf(specialUse);
  if (before >= 0) return 1 + before;
  return 2 + BEFORE.length + AFTER.indexOf(specialUse);
}
