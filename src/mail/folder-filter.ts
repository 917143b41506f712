import { MigrationError } from "../errors.js";
import type { ListedFolder } from "./folder.js";
import { type FolderPattern, foldLevel, parseFolderPattern, type WellKnownFolder } from "./folder-pattern.js";
import { specialUseOfName } from "./special-folder-names.js";
import type { SpecialUse } from "./special-use.js";

/** Which folders of a mailbox are migrated (New-MigrationBatch, ExcludeFolders and IncludeFolders). */
export interface FolderFilterOptions {
  /** Folders to leave out. Wins over `includeFolders`. Absent or empty: none. */
  readonly excludeFolders?: readonly string[];
  /** The only folders to migrate. Absent or empty: all. */
  readonly includeFolders?: readonly string[];
}

/** Why a folder is left out. */
export interface FolderLeftOut {
  readonly by: keyof FolderFilterOptions;
  /** The pattern of `excludeFolders` that names it; absent where no pattern of `includeFolders` does. */
  readonly pattern?: string;
}

/**
 * Folders by Microsoft's patterns, relative to the root of the mailbox at the source, levels separated by `/`, without
 * regard to case: `Name`, `Name/*` for the folder with everything below it, `#Inbox#` and `#Inbox#/*` for a well-known
 * folder in any language, `\#Notes\#` for one really called so. `docs/filters.md` has the whole syntax.
 */
export class FolderFilter {
  readonly #exclude: readonly FolderPattern[];
  readonly #include: readonly FolderPattern[];

  /** @throws MigrationError `option-invalid`, naming every pattern at fault with the column */
  constructor({ excludeFolders = [], includeFolders = [] }: FolderFilterOptions) {
    const faults: string[] = [];
    this.#exclude = parseAll("excludeFolders", excludeFolders, faults);
    this.#include = parseAll("includeFolders", includeFolders, faults);
    if (faults.length > 0) throw new MigrationError("option-invalid", faults.join("; "));
  }

  /** Those of these folders that are left out, by name. `folders`: all of the mailbox, which tells what is well known. */
  leftOut(folders: readonly ListedFolder[]): Map<string, FolderLeftOut> {
    const exclude = this.#exclude.map((pattern) => new Selection(pattern, folders));
    const include = this.#include.map((pattern) => new Selection(pattern, folders));
    const leftOut = new Map<string, FolderLeftOut>();
    for (const folder of folders) {
      const excluding = exclude.find((selection) => selection.has(folder));
      const isIncluded = include.length === 0 || include.some((selection) => selection.has(folder));
      if (excluding) leftOut.set(folder.name, { by: "excludeFolders", pattern: excluding.text });
      else if (!isIncluded) leftOut.set(folder.name, { by: "includeFolders" });
    }
    return leftOut;
  }

  /** The patterns that name none of these folders: often a misspelling. */
  unused(folders: readonly ListedFolder[]): string[] {
    return [...this.#exclude, ...this.#include]
      .filter((pattern) => {
        const selection = new Selection(pattern, folders);
        return !folders.some((folder) => selection.has(folder));
      })
      .map(({ text }) => text);
  }
}

function parseAll(option: string, patterns: readonly string[], faults: string[]): FolderPattern[] {
  return patterns.flatMap((text, at) => {
    const parsed = parseFolderPattern(text);
    if (!("fault" in parsed)) return [parsed];
    faults.push(`${option}[${at}] ${JSON.stringify(text)}, column ${parsed.column}: ${parsed.fault}`);
    return [];
  });
}

/** One pattern in one mailbox. */
class Selection {
  readonly text: string;
  /** Folders that it names, and those that it names with everything below. */
  readonly #folders = new Set<string>();
  readonly #trees: readonly (readonly string[])[];

  constructor({ text, wellKnown, levels, subtree }: FolderPattern, folders: readonly ListedFolder[]) {
    this.text = text;
    const bases = wellKnown === undefined ? [[]] : placesOf(wellKnown, folders);
    const named = bases.map((base) => [...base, ...levels]);
    const trees = subtree ? named : [];
    for (const path of named) {
      this.#folders.add(keyOf(path));
      // A level that only holds others has nothing to leave out by itself: Microsoft advises to exclude "[Gmail]".
      const onlyHolds = folders.some((folder) => !folder.selectable && keyOf(folded(folder)) === keyOf(path));
      if (onlyHolds && !subtree) trees.push(path);
    }
    this.#trees = trees;
  }

  has(folder: ListedFolder): boolean {
    const path = folded(folder);
    return (
      this.#folders.has(keyOf(path)) ||
      this.#trees.some((tree) => tree.length <= path.length && tree.every((level, depth) => level === path[depth]))
    );
  }
}

/** The folders that the mailbox keeps for a use; Root is what holds them all. */
function placesOf(wellKnown: WellKnownFolder, folders: readonly ListedFolder[]): string[][] {
  if (wellKnown === "Root") return [[]];
  if (wellKnown === "Inbox") return [["inbox"]];
  const use = SPECIAL_USES[wellKnown];
  const said = use ? folders.filter(({ specialUse }) => specialUse === use) : [];
  return (said.length > 0 ? said : folders.filter((folder) => isNamed(folder, wellKnown))).map(folded);
}

const SPECIAL_USES: Readonly<Partial<Record<WellKnownFolder, SpecialUse>>> = {
  SentItems: "\\Sent",
  DeletedItems: "\\Trash",
  Drafts: "\\Drafts",
  JunkEmail: "\\Junk",
  Archive: "\\Archive",
  AllItems: "\\All",
};

/** As Outlook calls them in English, German, French, Spanish and Italian; IMAP has no attribute for them. */
const NAMES: Readonly<Partial<Record<WellKnownFolder, readonly string[]>>> = {
  Archive: ["archive", "archiv", "archives", "archivo", "archivio"],
  Outbox: ["outbox", "postausgang", "boîte d'envoi", "bandeja de salida", "posta in uscita"],
  Calendar: ["calendar", "kalender", "calendrier", "calendario"],
  Contacts: ["contacts", "kontakte", "contactos", "contatti"],
  Journal: ["journal", "diario"],
  Tasks: ["tasks", "aufgaben", "tâches", "tareas", "attività"],
  Notes: ["notes", "notizen", "notas", "note"],
};

/** True for a folder at the top or right below INBOX whose name says what it is for. */
function isNamed(folder: ListedFolder, wellKnown: WellKnownFolder): boolean {
  const path = folded(folder);
  const [name = "", ...deeper] = path[0] === "inbox" ? path.slice(1) : path;
  if (deeper.length > 0 || folder.specialUse !== undefined) return false;
  const use = SPECIAL_USES[wellKnown];
  return (use !== undefined && specialUseOfName(name) === use) || NAMES[wellKnown]?.includes(name) === true;
}

function folded({ levels }: ListedFolder): string[] {
  return levels.map(foldLevel);
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}
