import type { SpecialUse } from "./special-use.js";

/** A folder as a server lists it. */
export interface ListedFolder {
  /**
   * The folder's identity: its name exactly as listed, one character per octet. Two names that decode alike (`&AOA` and
   * `&AOA-`) are two folders.
   */
  readonly name: string;
  /** The levels of the name from the top, decoded for people. INBOX is `["INBOX"]`. */
  readonly levels: readonly string[];
  /** False for a level that only holds other folders (`\Noselect`, `\NonExistent`). */
  readonly selectable: boolean;
  /** What the server keeps the folder for; absent where it does not say. */
  readonly specialUse?: SpecialUse;
}

/** A folder to read from, with the numbers that tell whether anything changed in it since. */
export interface SourceFolder extends ListedFolder {
  /** UIDVALIDITY: under another value, the UIDs are others. 0 where the folder is not selectable or keeps none. */
  readonly uidValidity: number;
  /** UIDNEXT: every message has a lower UID. 0 where the server did not say. */
  readonly uidNext: number;
  /** MESSAGES: how many there are. */
  readonly messages: number;
  /** HIGHESTMODSEQ (RFC 7162): grows with every change; absent where the server keeps none. */
  readonly highestModSeq?: bigint;
}

/** A folder to write to. */
export interface TargetFolder {
  /** The folder's identity on the target: a raw IMAP name or an id. */
  readonly name: string;
  /** As people read it, levels joined with `/`. */
  readonly path: string;
  /** UIDVALIDITY of the target folder; 0 where the target has none. */
  readonly uidValidity: number;
  /** A UID that no message to be appended from now on goes below; 0 where the target has none. */
  readonly uidNext: number;
  /** How many messages it holds already. */
  readonly messages: number;
}

/** Where one source folder goes, and why. Made by `planFolders`. */
export interface FolderPlan {
  readonly source: SourceFolder;
  /** The levels of the target folder from the top. */
  readonly target: readonly string[];
  /** The special use by which the target's own folder was chosen; absent where the name decided. */
  readonly specialUse?: SpecialUse;
  /** What differs between the two names, one short sentence each; empty where nothing does. */
  readonly changes: readonly string[];
  /** Why this folder cannot be copied; absent for all others. */
  readonly refusal?: string;
}

/** The levels of a folder as one text, for people and reports. Never an identity. */
export function folderPath(levels: readonly string[]): string {
  return levels.join("/");
}
