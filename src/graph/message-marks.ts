import { type Flag, isSystemFlag } from "../mail/flags.js";
import type { GraphLoss } from "./losses.js";
import { KEY_PROPERTY } from "./migration-key.js";

/** A MAPI property, as Graph names it. */
export interface ExtendedProperty {
  readonly id: string;
  readonly value: string;
}

/** Flags and keywords as Exchange keeps them. */
export interface MessageMarks {
  readonly isRead: boolean;
  readonly isFlagged: boolean;
  readonly isDraft: boolean;
  readonly categories: readonly string[];
  /** PR_LAST_VERB_EXECUTED and PR_ICON_INDEX: answered or forwarded. */
  readonly verbs: readonly ExtendedProperty[];
  readonly lost: ReadonlySet<GraphLoss>;
}

const MAX_CATEGORY = 255;
const ANSWERED = verb(102, 261);
const FORWARDED = verb(104, 262);

/**
 * `\Seen`, `\Flagged` and `\Draft` have members of their own; `\Answered` and `$Forwarded` are the last thing done with a
 * message, of which there is one; keywords become categories. `\Deleted` has no counterpart, and `$MDNSent` would be
 * shown to people as a category.
 */
export function marksOf(flags: ReadonlySet<Flag>): MessageMarks {
  const names = new Map([...flags].map((flag) => [flag.toLowerCase(), flag]));
  const lost = new Set<GraphLoss>();
  const isAnswered = names.has("\\answered");
  const isForwarded = names.has("$forwarded");
  const categories: string[] = [];
  for (const [name, flag] of names) {
    if (isSystemFlag(flag) || name === "\\recent" || (name === "$forwarded" && !isAnswered)) continue;
    if (name.startsWith("\\")) lost.add("flag");
    else if (name === "$mdnsent" || name === "$forwarded" || flag.length > MAX_CATEGORY) lost.add("keyword");
    else categories.push(flag);
  }
  if (names.has("\\deleted")) lost.add("flag");
  return {
    isRead: names.has("\\seen"),
    isFlagged: names.has("\\flagged"),
    isDraft: names.has("\\draft"),
    categories,
    verbs: isAnswered ? ANSWERED : isForwarded ? FORWARDED : [],
    lost,
  };
}

/** The members that may be changed on any message, for JSON. */
export function markMembers({ isRead, isFlagged, categories }: MessageMarks): object {
  return {
    isRead,
    ...(isFlagged && { flag: { flagStatus: "flagged" } }),
    ...(categories.length > 0 && { categories }),
  };
}

/** What a message from MIME still lacks once it is there: its marks, and the key by which it is found again. */
export function completion(marks: MessageMarks, key: string): object {
  return { ...markMembers(marks), singleValueExtendedProperties: [...marks.verbs, { id: KEY_PROPERTY, value: key }] };
}

function verb(executed: number, icon: number): readonly ExtendedProperty[] {
  return [
    { id: "Integer 0x1081", value: String(executed) },
    { id: "Integer 0x1080", value: String(icon) },
  ];
}
