import type { FolderPlan, ListedFolder, SourceFolder } from "../../mail/folder.js";
import { foldLevel } from "../../mail/folder-pattern.js";
import type { FolderNameRules } from "../../mail/mail-target.js";
import { specialUseOfName } from "../../mail/special-folder-names.js";
import type { SpecialUse } from "../../mail/special-use.js";
import { fitLevel, numberedLevel } from "./fit-level.js";

/** Why a folder is numbered, among the changes of its plan. */
export const NAME_TAKEN = "another folder has that name";

/** What a plan has to know of a target. */
export interface PlanTarget {
  /** The folders that exist there. */
  readonly folders: readonly ListedFolder[];
  readonly names: FolderNameRules;
  /** Where the messages of an earlier pass went: the target folder of a source folder, both by their raw names. */
  readonly kept?: ReadonlyMap<string, string>;
}

/**
 * Where each source folder goes: INBOX first, then as listed. One plan for every folder that can hold messages, and for
 * every other that has no folders below it, so that the structure is kept. A folder listed twice is planned once.
 *
 * - INBOX goes to INBOX, and a folder that messages were copied to stays theirs as long as it exists.
 * - The first folder of a special use (`\Sent`, `\Drafts`, `\Trash`, `\Junk`, `\Archive`) goes to the target's own folder
 *   of that use, wherever it stands and whatever it is called. Where no source folder says that it has the use, one
 *   whose name says so in one of five languages is taken for it, if it stands at the top or right below INBOX and none is
 *   called what the target's own is called: otherwise a mailbox from a server without RFC 6154 would have its sent mail
 *   in a second folder beside the one that every client shows.
 * - Every other folder goes below the place of its parent, by its name: fitted to the target's rules ({@link fitLevel}),
 *   in the spelling of a folder that is there already, below the target's prefix. A target without levels gets the
 *   levels joined with `_`.
 * - Two folders never meet: the later one gets ` (2)` behind its name. Special uses choose before names, then the order
 *   of the list decides, so that the same lists give the same plan.
 *
 * A folder that cannot be named at the target has a `refusal`, and so have those below it.
 */
export function planFolders(source: readonly SourceFolder[], target: PlanTarget): FolderPlan[] {
  const folders = foldersToPlan(source);
  const places = new Places(target);
  const ownFolders = new Map<SourceFolder, { specialUse?: SpecialUse | undefined; place: Place }>();
  for (const folder of folders) {
    const name = target.kept?.get(folder.name);
    const own =
      name === undefined ? undefined : target.folders.find((there) => there.selectable && there.name === name);
    if (!own || isInbox(folder)) continue;
    const place = places.assign(folder.levels, own);
    if (place) ownFolders.set(folder, { specialUse: ownUse(own), place });
  }
  for (const specialUse of OWN_FOLDER_USES) {
    const own = target.folders.find((folder) => folder.selectable && folder.specialUse === specialUse);
    const claimant = own && claimantOf(specialUse, folders, own);
    const place = claimant && !ownFolders.has(claimant) && places.assign(claimant.levels, own);
    if (place) ownFolders.set(claimant, { specialUse, place });
  }
  return folders.map((folder) => {
    const { specialUse, place } = ownFolders.get(folder) ?? { place: places.take(folder.levels) };
    const { levels, changes, refusal } = place;
    return { source: folder, target: levels, changes, ...(specialUse && { specialUse }), ...(refusal && { refusal }) };
  });
}

/** `\All` and `\Flagged` are views of other folders: nothing is ever copied into the target's. */
const OWN_FOLDER_USES: readonly SpecialUse[] = ["\\Sent", "\\Drafts", "\\Trash", "\\Junk", "\\Archive"];

/** The folders that get a plan, INBOX first: those that can hold messages, and those that have nothing below them. */
export function foldersToPlan(source: readonly SourceFolder[]): SourceFolder[] {
  const first = new Map<string, SourceFolder>();
  for (const folder of source) if (!first.has(folder.name)) first.set(folder.name, folder);
  const parents = new Set(source.flatMap(({ levels }) => levels.map((_, depth) => keyOf(levels.slice(0, depth)))));
  const planned = [...first.values()].filter((folder) => folder.selectable || !parents.has(keyOf(folder.levels)));
  const inbox = planned.find(isInbox);
  return inbox ? [inbox, ...planned.filter((folder) => folder !== inbox)] : planned;
}

function ownUse({ specialUse }: ListedFolder): SpecialUse | undefined {
  return specialUse && OWN_FOLDER_USES.includes(specialUse) ? specialUse : undefined;
}

function claimantOf(use: SpecialUse, folders: readonly SourceFolder[], own: ListedFolder): SourceFolder | undefined {
  const candidates = folders.filter((folder) => folder.selectable && !isInbox(folder));
  const said = candidates.find((folder) => folder.specialUse === use);
  if (said || candidates.some((folder) => nameKey(folder.levels) === nameKey(own.levels))) return said;
  return candidates.find(({ levels, specialUse }) => {
    const [name = "", ...deeper] = levels[0] === "INBOX" ? levels.slice(1) : levels;
    return specialUse === undefined && deeper.length === 0 && specialUseOfName(name) === use;
  });
}

/** Where a path of the source stands at the target. */
interface Place {
  readonly levels: readonly string[];
  readonly changes: readonly string[];
  readonly refusal?: string;
}

/** Gives every path of the source its own place at the target. */
class Places {
  readonly #names: FolderNameRules;
  /** The spelling of every folder that exists there, and of those above it. */
  readonly #existing = new Map<string, readonly string[]>();
  /** Places by the source path that they belong to. */
  readonly #placed = new Map<string, Place>();
  /** Source paths whose place a plan has already. */
  readonly #taken = new Set<string>();
  /** Target paths in use, each with the number that its next namesake tries first. */
  readonly #inUse = new Map<string, number>();
  readonly #top: Place;

  constructor({ folders, names }: PlanTarget) {
    this.#names = names;
    for (const { levels } of folders) {
      for (let depth = 1; depth <= levels.length; depth++) {
        const path = levels.slice(0, depth);
        if (!this.#existing.has(this.#key(path))) this.#existing.set(this.#key(path), path);
      }
    }
    const prefix = names.delimiter === undefined ? [] : names.prefix;
    this.#top = { levels: prefix, changes: prefix.length > 0 ? [`Folders stand below ${quoted(prefix)} there.`] : [] };
    this.#put(["INBOX"], { levels: ["INBOX"], changes: [] });
  }

  /** Gives a path a folder that is there; undefined where that, or the path, is somebody's already. */
  assign(path: readonly string[], own: ListedFolder): Place | undefined {
    if (this.#inUse.has(this.#key(own.levels)) || this.#taken.has(keyOf(path))) return undefined;
    this.#taken.add(keyOf(path));
    const use = ownUse(own);
    const change = use
      ? `${quoted(path)} is the ${use} folder, which is ${quoted(own.levels)} there.`
      : `${quoted(path)} is ${quoted(own.levels)} there since an earlier pass.`;
    return this.#put(path, { levels: own.levels, changes: keyOf(path) === keyOf(own.levels) ? [] : [change] });
  }

  /** The place of one listed folder. A second folder with the same levels gets another place than the first. */
  take(path: readonly string[]): Place {
    const key = keyOf(path);
    if (this.#taken.has(key)) return this.#newPlace(path);
    this.#taken.add(key);
    return this.#at(path);
  }

  #at(path: readonly string[]): Place {
    return this.#placed.get(keyOf(path)) ?? this.#put(path, this.#newPlace(path));
  }

  #put(path: readonly string[], place: Place): Place {
    this.#placed.set(keyOf(path), place);
    if (place.refusal === undefined) this.#inUse.set(this.#key(place.levels), 2);
    return place;
  }

  #newPlace(path: readonly string[]): Place {
    if (path.length === 0) return { levels: [], changes: [], refusal: "The folder has no name." };
    if (this.#names.delimiter === undefined) return this.#below(this.#top, path.join("_"), path);
    const parent = path.length === 1 ? this.#top : this.#at(path.slice(0, -1));
    return this.#below(this.#notTooDeep(parent), path.at(-1) ?? "", path);
  }

  /** Where the target has no further level, a folder stands beside the one that it stood in. */
  #notTooDeep(parent: Place): Place {
    const { maxLevels = Number.POSITIVE_INFINITY } = this.#names;
    if (parent.levels.length < maxLevels) return parent;
    const change = `Folders stand no deeper than ${maxLevels} levels there.`;
    const changes = parent.changes.includes(change) ? parent.changes : [...parent.changes, change];
    return { ...parent, levels: parent.levels.slice(0, maxLevels - 1), changes };
  }

  #below(parent: Place, level: string, path: readonly string[]): Place {
    const refused = (refusal: string): Place => ({ levels: [...parent.levels, level], changes: [], refusal });
    if (parent.refusal !== undefined) return refused(parent.refusal);
    const fitted = fitLevel(level, this.#names, parent.levels.length === 0);
    const name = fitted && this.#free(parent.levels, fitted.name);
    if (!fitted || name === undefined) return refused(`${quoted(path)} does not fit into a name there.`);
    const levels = this.#existing.get(this.#key([...parent.levels, name])) ?? [...parent.levels, name];
    this.#inUse.set(this.#key(levels), 2);
    const reasons = [...fitted.reasons];
    if (path.length > 1 && parent === this.#top) reasons.unshift("there are no levels there");
    if (keyOf(levels) === keyOf(path)) return { levels, changes: [] };
    if (name !== fitted.name) reasons.push(NAME_TAKEN);
    if (levels.at(-1) !== name) reasons.push("a folder is there already in that spelling");
    if (reasons.length === 0) return { levels, changes: parent.changes };
    const change = `${quoted(path)} is called ${JSON.stringify(levels.at(-1))}: ${reasons.join(", ")}.`;
    return { levels, changes: [...parent.changes, change] };
  }

  /** The name itself, or with the first number that no other folder of this plan has below this parent. */
  #free(parent: readonly string[], name: string): string | undefined {
    const key = this.#key([...parent, name]);
    const first = this.#inUse.get(key);
    if (first === undefined) return name;
    for (let number = first; ; number++) {
      const numbered = numberedLevel(name, number, this.#names);
      this.#inUse.set(key, number + 1);
      if (numbered === undefined || !this.#inUse.has(this.#key([...parent, numbered]))) return numbered;
    }
  }

  /** Equal for two paths that are one folder at the target. */
  #key(path: readonly string[]): string {
    const key = this.#names.caseInsensitive ? path.map(foldLevel) : [...path];
    if (key[0]?.toUpperCase() === "INBOX") key[0] = "INBOX";
    return keyOf(key);
  }
}

function isInbox({ levels }: ListedFolder): boolean {
  return levels.length === 1 && levels[0] === "INBOX";
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

function nameKey(path: readonly string[]): string {
  return keyOf(path.map(foldLevel));
}

/** Control characters come out escaped. */
function quoted(path: readonly string[]): string {
  return JSON.stringify(path.join("/"));
}
