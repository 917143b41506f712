/** The well-known folders of New-MigrationBatch, ExcludeFolders. */
const WELL_KNOWN = [
  ...(["Root", "Inbox", "SentItems", "Outbox", "DeletedItems", "Calendar", "Contacts"] as const),
  ...(["Drafts", "Journal", "Tasks", "Notes", "AllItems", "JunkEmail", "Archive"] as const),
];

export type WellKnownFolder = (typeof WELL_KNOWN)[number];

/** One pattern, read. */
export interface FolderPattern {
  /** As it was written. */
  readonly text: string;
  /** The folder that `levels` stand below; absent: the root. */
  readonly wellKnown?: WellKnownFolder;
  /** Folded, from the top. */
  readonly levels: readonly string[];
  /** True where everything below is meant too. */
  readonly subtree: boolean;
}

/** Why a text is no pattern. */
export interface FolderPatternFault {
  readonly fault: string;
  /** The first character at fault, counted from 1. */
  readonly column: number;
}

/** Characters that a backslash takes their meaning from; in front of any other it stands for itself. */
const ESCAPABLE = "#*/\\";
const CONTROL = /\p{Cc}/u;

/** How two levels are compared: without regard to case, and composed as Unicode's NFC. */
export function foldLevel(level: string): string {
  return level.normalize("NFC").toLowerCase();
}

export function parseFolderPattern(text: string): FolderPattern | FolderPatternFault {
  if (typeof text !== "string" || text === "") return { fault: "the pattern is empty", column: 1 };
  const control = text.search(CONTROL);
  if (control >= 0) return { fault: "control characters cannot stand in a folder name", column: control + 1 };
  const levels = splitLevels(text);
  const subtree = isBare(levels.at(-1), "*");
  if (subtree) levels.pop();
  if (levels.length === 0) return { fault: "no folder is named, and all of them are #Root#/*", column: 1 };
  for (const level of levels) {
    const [first] = level;
    if (!first) return { fault: "a name between two slashes is missing", column: level.column };
    const star = level.find(({ char, escaped }) => char === "*" && !escaped);
    if (star)
      return { fault: "* stands only behind the last slash: write \\* for a name with it", column: star.column };
  }
  const [top] = levels;
  const word = top && wellKnownWord(top);
  const wellKnown = WELL_KNOWN.find((name) => name.toLowerCase() === word?.toLowerCase());
  if (word !== undefined && !wellKnown) {
    const fault = `no well-known folder is called so (${WELL_KNOWN.join(", ")}): write \\#${word}\\# for a folder's own name`;
    return { fault, column: 1 };
  }
  const named = levels.slice(wellKnown ? 1 : 0).map(nameOf);
  return { text, ...(wellKnown && { wellKnown }), levels: named, subtree };
}

interface Letter {
  readonly char: string;
  readonly escaped: boolean;
  readonly column: number;
}

/** The letters of one level, and where it begins. */
type Level = Letter[] & { column: number };

function splitLevels(text: string): Level[] {
  const levelAt = (column: number): Level => Object.assign([], { column });
  const levels = [levelAt(1)];
  for (let at = 0; at < text.length; at++) {
    const column = at + 1;
    const next = text[at + 1];
    const escaped = text[at] === "\\" && next !== undefined && ESCAPABLE.includes(next);
    if (escaped) at += 1;
    if (text[at] === "/" && !escaped) levels.push(levelAt(at + 2));
    else levels.at(-1)?.push({ char: text[at] ?? "", escaped, column });
  }
  return levels;
}

/** What stands between two bare `#`; undefined for all other levels. */
function wellKnownWord(level: Level): string | undefined {
  const isMarked = level.length > 1 && isBare([level[0]], "#") && isBare([level.at(-1)], "#");
  return isMarked
    ? level
        .slice(1, -1)
        .map(({ char }) => char)
        .join("")
    : undefined;
}

function isBare(level: readonly (Letter | undefined)[] | undefined, char: string): boolean {
  return level?.length === 1 && level[0]?.char === char && !level[0].escaped;
}

function nameOf(level: Level): string {
  return foldLevel(level.map(({ char }) => char).join(""));
}
