import { createHash } from "node:crypto";
import type { FolderNameRules } from "../../mail/mail-target.js";

const HASH_DIGITS = 8;

/** One level of a folder's name as a target can hold it. */
export interface FittedLevel {
  readonly name: string;
  /** Why it differs from the level it was made from; empty where it does not. */
  readonly reasons: readonly string[];
}

/**
 * Fits one level into a target's rules; undefined where they leave it too little room.
 *
 * In this order: every character that cannot stand in a level becomes `_` (the delimiter, forbidden and control
 * characters, halves of surrogate pairs); blanks around it go; a level of dots, which servers that keep folders as
 * directories refuse, becomes as many `_`, and an empty one `_`; a level too long is cut and ends in `~` and eight
 * digits of its hash, so that levels that differ only beyond the cut still differ. A name at the top that is reserved gets
 * one more character.
 */
export function fitLevel(level: string, rules: FolderNameRules, isTop = false): FittedLevel | undefined {
  const reasons: string[] = [];
  const step = (next: string, reason: string): string => {
    if (next !== name) reasons.push(reason);
    return next;
  };
  let name = level;
  name = step(withoutForbidden(name, rules), "it held characters that a name there cannot hold");
  name = step(name.trim(), "blanks around a name are left out there");
  name = step(
    name.replace(/^\.+$/, (dots) => placeholder(rules).repeat(dots.length)),
    "dots alone are no name there",
  );
  name = step(name || placeholder(rules), "a name cannot be empty there");
  if (isTop && isReserved(name, rules)) name = step(name + placeholder(rules), "that name is reserved there");
  if (name.length <= longestLevel(rules)) return { name, reasons };
  const cut = cutTo(name, withoutForbidden(`~${hashOf(level)}`, rules), rules);
  return cut === undefined ? undefined : { name: cut, reasons: [...reasons, "it was too long there"] };
}

/** The level with ` (2)` or another number behind it, within the rules; undefined where they leave too little room. */
export function numberedLevel(name: string, number: number, rules: FolderNameRules): string | undefined {
  const suffix = withoutForbidden(` (${number})`, rules);
  return name.length + suffix.length <= longestLevel(rules) ? name + suffix : cutTo(name, suffix, rules);
}

function longestLevel(rules: FolderNameRules): number {
  return rules.maxLevelLength ?? Number.POSITIVE_INFINITY;
}

/** The beginning of the level and all of its ending; whole characters, and at least one. */
function cutTo(name: string, ending: string, rules: FolderNameRules): string | undefined {
  const beginning = name.slice(0, Math.max(0, longestLevel(rules) - ending.length)).replace(/\p{Cs}$/u, "");
  return beginning === "" ? undefined : beginning + ending;
}

function withoutForbidden(text: string, rules: FolderNameRules): string {
  return Array.from(text, (character) =>
    isForbidden(character, rules) || /[\p{Cc}\p{Cs}]/u.test(character) ? placeholder(rules) : character,
  ).join("");
}

function isForbidden(character: string, { delimiter, forbidden = "" }: FolderNameRules): boolean {
  return character === delimiter || forbidden.includes(character);
}

function isReserved(name: string, { reserved = [] }: FolderNameRules): boolean {
  return reserved.some((taken) => taken.toLowerCase() === name.toLowerCase());
}

function placeholder(rules: FolderNameRules): string {
  return ["_", "-"].find((character) => !isForbidden(character, rules)) ?? "x";
}

function hashOf(level: string): string {
  return createHash("sha256").update(level).digest("hex").slice(0, HASH_DIGITS);
}
