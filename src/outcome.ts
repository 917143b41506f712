import type { MigrationErrorCode } from "./errors.js";
import type { Flag } from "./mail/flags.js";
import type { Loss } from "./mail/mail-target.js";
import type { MessageFilterRule } from "./mail/message-filter.js";

/** Why a message was not tried, by our own rules. */
export type SkipRule = "too-large" | "too-many" | "held-elsewhere" | MessageFilterRule;

/** What every outcome says. */
export interface OutcomeOf<Kind extends string> {
  /** UID at the source. */
  readonly uid: number;
  readonly kind: Kind;
  /** Octets: those that were sent for `copied`, the server's claim for all others. */
  readonly size: number;
  /** INTERNALDATE in milliseconds since 1970, of what was skipped, refused or failed; absent where it is not known. */
  readonly internalDate?: number;
}

/** What every outcome says of a message that the target holds. */
export interface AtTarget {
  /** What the message is recognised by once the source has moved it (`messageIdentity`); absent where it is not known. */
  readonly identity?: Uint8Array;
  /** The flags that the source had for it, without those that are never followed; absent where flags are not followed. */
  readonly flags?: readonly Flag[];
  /** Of these nobody knows whether the target has them so; absent: of none. */
  readonly inDoubt?: readonly Flag[];
}

/** The target said that it holds the message. */
export interface Copied extends OutcomeOf<"copied">, AtTarget {
  /** The target's UID or id; absent where the target did not tell. */
  readonly id?: string;
  /** By which the source knows the message in every folder; absent where nobody asked for it. */
  readonly emailId?: string;
  /** SHA-256 of the octets that were sent. */
  readonly sha256: Uint8Array;
  /** What the target could not keep of it; absent where it kept everything. */
  readonly lost?: readonly Loss[];
  /** True when it could not be decided whether an earlier attempt had arrived, so that it may stand there twice. */
  readonly uncertain?: boolean;
}

/** Where a message stood at the source when it was copied, and where its copy stayed. */
export interface MovedFrom {
  /** The source folder by its raw name and UIDVALIDITY, and the UID that the message had there. */
  readonly name: string;
  readonly uidValidity: number;
  readonly uid: number;
  /** The target folder in which the copy was put: by its raw name, as people read it, and its UIDVALIDITY. */
  readonly target: { readonly name: string; readonly path: string; readonly uidValidity: number };
}

/**
 * The target held the message before this run sent it: an earlier attempt had arrived, another tool copied it, or the
 * source has moved it since it was copied.
 */
export interface AlreadyThere extends OutcomeOf<"alreadyThere">, AtTarget {
  readonly id?: string;
  readonly emailId?: string;
  /** The source has moved it here; its copy, with this `id`, stands where it was put. Absent for all others. */
  readonly movedFrom?: MovedFrom;
  /** What the target is known to lack of it; absent where nothing is known. */
  readonly lost?: readonly Loss[];
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
