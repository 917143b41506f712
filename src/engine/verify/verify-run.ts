import type { SourceFolder, TargetFolder } from "../../mail/folder.js";
import type { MailSource } from "../../mail/mail-source.js";
import type { TargetReading } from "../../mail/mail-target.js";
import type { HeldRecord } from "../../store/migration-store.js";
import type { VerificationLevel } from "../../verification.js";
import type { VerificationTally } from "./verification-tally.js";

/** How thoroughly to look. */
export interface VerifyDepth {
  readonly level: VerificationLevel;
  /** The share of messages whose octets are read at level 4. */
  readonly sample: number;
  readonly seed: number;
}

/** One page of the ledger whose messages went to the folder that is verified. */
export interface VerifiedPage {
  /** The source folder's raw name. */
  readonly name: string;
  /** As people read it. */
  readonly path: string;
  readonly uidValidity: number;
  /** UIDVALIDITY of the target folder that the ids of this page are of; absent where the ledger does not say. */
  readonly idsOf?: number;
}

/** A folder at the source, ready to be read. */
export interface OpenSourceFolder {
  readonly mailbox: MailSource;
  readonly folder: SourceFolder;
}

/** Everything that verifying one target folder needs. */
export interface FolderVerification extends VerifyDepth {
  readonly target: TargetReading;
  /** The target rebuilds messages: octets cannot be compared, and sizes are hints. */
  readonly rewrites: boolean;
  /**
   * The source folder of a page, opened when it is asked for: level 1 seldom needs it. Undefined where the folder is gone,
   * or was given another UIDVALIDITY.
   */
  sourceOf(page: VerifiedPage): Promise<OpenSourceFolder | undefined>;
  /** As people read it. */
  readonly path: string;
  /** Its raw name; absent where the target lists no such folder. */
  readonly name?: string;
  readonly pages: readonly VerifiedPage[];
  /** What the ledger says that the target holds of a page, in UID order. */
  held(page: VerifiedPage): AsyncIterable<HeldRecord>;
  readonly tally: VerificationTally;
  readonly signal: AbortSignal;
}

/** A message of the ledger with the one of the target that it is. */
export interface Pair {
  readonly row: HeldRecord;
  /** UID at the target. */
  readonly here: number;
  /**
   * What the messages have equal that this one was paired from; absent where the ledger knows the id. Twins may have been
   * paired crosswise.
   */
  readonly label?: string;
}

/** Pairs of one page, with the target folder as it was examined. */
export interface PairWindow {
  readonly page: VerifiedPage;
  readonly folder: TargetFolder;
  readonly pairs: readonly Pair[];
}
