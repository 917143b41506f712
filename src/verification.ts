import { MigrationError } from "./errors.js";

/**
 * How much of each message is asked for at the target, each level with all those before it:
 *
 * - 0 accepted: nothing is asked; what the ledger says.
 * - 1 present: its UID is there.
 * - 2 size, INTERNALDATE and flags.
 * - 3 the header block, but for what servers are known to change in it.
 * - 4 every octet, by SHA-256; of all messages or of a sample.
 */
export type VerificationLevel = 0 | 1 | 2 | 3 | 4;

/** The data consistency score of Microsoft's migration, best first; `docs/verification.md` says when which is given. */
export type DataConsistencyScore = "Perfect" | "Good" | "Investigate" | "Poor";

/** How many messages may be lost or damaged before a mailbox is `Poor` instead of `Investigate`. */
export interface GradeThresholds {
  /** A share of the messages found: 0.001 is one in a thousand. */
  readonly share: number;
  /** So many, where that is more than the share. */
  readonly messages: number;
  /** But never more than this share, so that a small mailbox is not lost by half; one message always may. */
  readonly mostShare: number;
}

/** 0.1 %, or 10 messages where that is more, but never more than a tenth of the mailbox. */
export const defaultGradeThresholds: GradeThresholds = Object.freeze({ share: 0.001, messages: 10, mostShare: 0.1 });

/** What a verification looked at and found, in messages. */
export interface VerificationCounts {
  /** Those that the source listed, by the ledger. */
  readonly found: number;
  /** Those that the target said it holds, looked for by this verification. At level 0 nobody looked. */
  readonly checked: number;
  /** Those whose every octet was compared. */
  readonly contentsChecked: number;
  /** Not at the target, though it said that it holds them. */
  readonly missing: number;
  /** At the target, and different in anything. */
  readonly changed: number;
  /** Of the changed: different in octets, and no server is known to do that. */
  readonly damaged: number;
  /** At the target in a folder that was migrated, and not in the ledger: there before, arrived since, or stored twice. */
  readonly surplus: number;
  /** Of which the target told, when they were copied, that it could not keep a flag, a keyword or the date. */
  readonly lost: number;
  /** Skipped, refused or failed, by the ledger. */
  readonly notCopied: number;
  /** Listed, and without an outcome: the last pass did not end. */
  readonly unaccounted: number;
  /** Of the checked: gone from the source since, so that flags, date and header block could not be compared. */
  readonly withoutSource: number;
  /** Could not be looked for; `errors` tells why. */
  readonly unverified: number;
}

export const noVerificationCounts: VerificationCounts = Object.freeze({
  found: 0,
  checked: 0,
  contentsChecked: 0,
  missing: 0,
  changed: 0,
  damaged: 0,
  surplus: 0,
  lost: 0,
  notCopied: 0,
  unaccounted: 0,
  withoutSource: 0,
  unverified: 0,
});

/** In what a message at the target differs from what was sent. */
export type Difference = "size" | "internal-date" | "flags" | "keywords" | "header" | "content" | "unreadable";

/**
 * What real servers are known to do to messages: `line-ends` (Dovecot and Courier serve a bare LF as CRLF), `bare-cr`
 * (Courier drops a CR without LF, Dovecot one in front of a line end), `nul` (Dovecot keeps NUL as 0x80),
 * `final-line-end` (Courier adds a CRLF that is missing at the end).
 */
export type KnownChange = "line-ends" | "bare-cr" | "nul" | "final-line-end";

/** What every item says. */
export interface VerificationItemOf<Kind extends string> {
  readonly kind: Kind;
  /** The target folder as people read it. */
  readonly target: string;
}

/** The target said that it holds this message, and does not. */
export interface MissingMessage extends VerificationItemOf<"missing"> {
  /** The source folder as people read it. */
  readonly folder: string;
  /** UID at the source. */
  readonly uid: number;
  /** The id that the target told; absent where it told none. */
  readonly id?: string;
}

/** The target holds this message, and not as it was sent. */
export interface ChangedMessage extends VerificationItemOf<"changed"> {
  /** The source folder as people read it. */
  readonly folder: string;
  /** UID at the source. */
  readonly uid: number;
  readonly id: string;
  readonly differs: readonly Difference[];
  /** All that happened to its octets, where servers are known to do it; absent for damage, and where no octet differs. */
  readonly explained?: readonly KnownChange[];
}

/** The target holds a message that the ledger does not know. */
export interface SurplusMessage extends VerificationItemOf<"surplus"> {
  readonly id: string;
}

/** One message that somebody may have to look at. */
export type VerificationItem = MissingMessage | ChangedMessage | SurplusMessage;

/** What a verification found out about one mailbox. */
export interface UserVerification {
  /** The user's EmailAddress. */
  readonly user: string;
  readonly grade: DataConsistencyScore;
  readonly counts: VerificationCounts;
  /** The first 1,000 at most, folder by folder; 100,000 at most in a whole report. */
  readonly items: readonly VerificationItem[];
  /** How many there are: `missing`, `changed` and `surplus` together. */
  readonly itemsTotal: number;
  /** What kept the mailbox, or a folder of it (`error.folder`), from being verified. */
  readonly errors: readonly MigrationError[];
}

/** What a verification found out. The grade of a batch is that of its worst user. */
export interface VerificationReport {
  /** The batch's name. */
  readonly batch: string;
  readonly level: VerificationLevel;
  /** The share of messages whose octets were compared at level 4; 1: all. */
  readonly sample: number;
  /** What the sample was drawn by. */
  readonly seed: number;
  readonly thresholds: GradeThresholds;
  readonly grade: DataConsistencyScore;
  /** The sums over all users. */
  readonly counts: VerificationCounts;
  /** In the order of the user list. */
  readonly users: readonly UserVerification[];
}

/** What is to be verified. */
export interface VerifyOptions {
  readonly level: VerificationLevel;
  /** At level 4: the share of messages whose octets are read, above 0 up to 1. Default 1: all. */
  readonly sample?: number;
  /** At level 4: draws the sample. The same seed draws the same messages. Default 0. */
  readonly seed?: number;
  /** The EmailAddresses to verify. Default: every user of the batch. */
  readonly users?: readonly string[];
  /** Default: {@link defaultGradeThresholds}. */
  readonly thresholds?: GradeThresholds;
  /** Ends it; the promise rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/**
 * The options with every default filled in.
 * @throws MigrationError `option-invalid`
 */
export function checkVerifyOptions({
  level,
  sample = 1,
  seed = 0,
  thresholds = defaultGradeThresholds,
}: VerifyOptions) {
  const invalid = (text: string) => new MigrationError("option-invalid", text);
  if (![0, 1, 2, 3, 4].includes(level)) throw invalid(`level must be 0, 1, 2, 3 or 4, not ${level}`);
  if (!(sample > 0 && sample <= 1)) throw invalid(`sample must be above 0 and at most 1, not ${sample}`);
  if (!Number.isFinite(seed)) throw invalid(`seed must be a number, not ${seed}`);
  for (const [name, value] of Object.entries(thresholds)) {
    if (!(value >= 0)) throw invalid(`thresholds.${name} must be a number from 0, not ${value}`);
  }
  return { level, sample, seed, thresholds };
}

const GRADES: readonly DataConsistencyScore[] = ["Perfect", "Good", "Investigate", "Poor"];

export function worstGrade(grades: Iterable<DataConsistencyScore>): DataConsistencyScore {
  let worst = 0;
  for (const grade of grades) worst = Math.max(worst, GRADES.indexOf(grade));
  return GRADES[worst] ?? "Poor";
}

/**
 * The grade of a mailbox, in Microsoft's words; Microsoft keeps its thresholds to itself, these are ours:
 *
 * - `Perfect`: nothing is missing, changed or lost.
 * - `Good`: flags, keywords or dates differ or were lost, or octets as servers are known to change them.
 * - `Investigate`: messages are missing, damaged, were not copied or have no outcome, up to the thresholds; or some could
 *   not be verified.
 * - `Poor`: more of them.
 */
export function gradeOf(counts: VerificationCounts, thresholds: GradeThresholds): DataConsistencyScore {
  const troubled = counts.missing + counts.damaged + counts.notCopied + counts.unaccounted;
  if (troubled > mostTroubled(counts.found, thresholds)) return "Poor";
  if (troubled > 0 || counts.unverified > 0) return "Investigate";
  return counts.changed > 0 || counts.lost > 0 ? "Good" : "Perfect";
}

function mostTroubled(found: number, { share, messages, mostShare }: GradeThresholds): number {
  return Math.max(1, Math.min(Math.max(messages, share * found), mostShare * found));
}

export function addVerificationCounts(one: VerificationCounts, other: VerificationCounts): VerificationCounts {
  return {
    found: one.found + other.found,
    checked: one.checked + other.checked,
    contentsChecked: one.contentsChecked + other.contentsChecked,
    missing: one.missing + other.missing,
    changed: one.changed + other.changed,
    damaged: one.damaged + other.damaged,
    surplus: one.surplus + other.surplus,
    lost: one.lost + other.lost,
    notCopied: one.notCopied + other.notCopied,
    unaccounted: one.unaccounted + other.unaccounted,
    withoutSource: one.withoutSource + other.withoutSource,
    unverified: one.unverified + other.unverified,
  };
}
