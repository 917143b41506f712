import type { MigrationErrorCode } from "./errors.js";
import type { Loss } from "./mail/mail-target.js";

/** Why a message was not tried, by our own rules. */
export type SkipRule = "too-large" | "too-many";

/** What every outcome says. */
export interface OutcomeOf<Kind extends string> {
  /** UID at the source. */
  readonly uid: number;
  readonly kind: Kind;
  /** Octets: those that were sent for `copied`, the server's claim for all others. */
  readonly size: number;
}

/** The target said that it holds the message. */
export interface Copied extends OutcomeOf<"copied"> {
  /** The target's UID or id; absent where the target did not tell. */
  readonly id?: string;
  /** SHA-256 of the octets that were sent. */
  readonly sha256: Uint8Array;
  /** What the target could not keep of it; absent where it kept everything. */
  readonly lost?: readonly Loss[];
  /** True when it could not be decided whether an earlier attempt had arrived, so that it may stand there twice. */
  readonly uncertain?: boolean;
}

/** The target held the message before this run sent it: an earlier attempt had arrived, or another tool copied it. */
export interface AlreadyThere extends OutcomeOf<"alreadyThere"> {
  readonly id?: string;
}

/** A rule of the migration leaves the message out. */
export interface Skipped extends OutcomeOf<"skipped"> {
  readonly rule: SkipRule;
}

/** The target said no to this message. */
export interface Refused extends OutcomeOf<"refused"> {
  readonly code: MigrationErrorCode;
  /** The server's words, free of control characters. */
  readonly reason: string;
}

/** The source could not deliver the message. */
export interface Failed extends OutcomeOf<"failed"> {
  readonly code: MigrationErrorCode;
  readonly reason: string;
}

/** Listed first and gone afterwards, proven by asking again. */
export interface Vanished extends OutcomeOf<"vanished"> {}

/** What became of one message. Every listed message has exactly one. */
export type Outcome = Copied | AlreadyThere | Skipped | Refused | Failed | Vanished;

export type OutcomeKind = Outcome["kind"];

/** The kinds in the order in which reports name them. */
export const outcomeKinds: readonly OutcomeKind[] = [
  "copied",
  "alreadyThere",
  "skipped",
  "refused",
  "failed",
  "vanished",
];

/** The books of a folder, a user or a batch, in messages and octets. */
export interface Books {
  /** Distinct messages that the source listed. */
  readonly found: number;
  readonly copied: number;
  readonly alreadyThere: number;
  readonly skipped: number;
  readonly refused: number;
  readonly failed: number;
  readonly vanished: number;
  /** Copied messages that may stand at the target twice; they are counted in `copied` too. */
  readonly uncertain: number;
  /** Octets of the copied messages. */
  readonly octetsCopied: number;
}

export const emptyBooks: Books = Object.freeze({
  found: 0,
  copied: 0,
  alreadyThere: 0,
  skipped: 0,
  refused: 0,
  failed: 0,
  vanished: 0,
  uncertain: 0,
  octetsCopied: 0,
});

/** How many messages have an outcome. */
export function outcomeCount(books: Books): number {
  return outcomeKinds.reduce((sum, kind) => sum + books[kind], 0);
}

/** True when every message found has exactly one outcome. */
export function isBalanced(books: Books): boolean {
  return books.found === outcomeCount(books);
}

export function addBooks(one: Books, other: Books): Books {
  return {
    found: one.found + other.found,
    copied: one.copied + other.copied,
    alreadyThere: one.alreadyThere + other.alreadyThere,
    skipped: one.skipped + other.skipped,
    refused: one.refused + other.refused,
    failed: one.failed + other.failed,
    vanished: one.vanished + other.vanished,
    uncertain: one.uncertain + other.uncertain,
    octetsCopied: one.octetsCopied + other.octetsCopied,
  };
}
