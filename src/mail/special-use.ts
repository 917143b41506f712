/** The special uses that a mailbox has one folder for: those of RFC 6154, and `\Important` of RFC 8457. */
export type SpecialUse =
  | "\\Sent"
  | "\\Drafts"
  | "\\Trash"
  | "\\Junk"
  | "\\Archive"
  | "\\All"
  | "\\Flagged"
  | "\\Important";

const SPECIAL_USES: readonly SpecialUse[] = [
  "\\Sent",
  "\\Drafts",
  "\\Trash",
  "\\Junk",
  "\\Archive",
  "\\All",
  "\\Flagged",
  "\\Important",
];

/** The special use among the attributes of a LIST answer; undefined where there is none. */
export function specialUseOf(attributes: readonly string[]): SpecialUse | undefined {
  const lower = new Set(attributes.map((attribute) => attribute.toLowerCase()));
  return SPECIAL_USES.find((use) => lower.has(use.toLowerCase()));
}
