import { MigrationError } from "../errors.js";
import type { Flag } from "./flags.js";
import type { MessageHead } from "./message.js";

/** Which messages are migrated. What is absent leaves nothing out; every other is skipped, with the rule that said so. */
export interface MessageFilter {
  /**
   * Only messages received (INTERNALDATE) at this instant or later (ContentFilter `Received -ge`). A message whose date
   * cannot be read is migrated.
   */
  readonly receivedAfter?: Date;
  /** Only messages received before this instant (ContentFilter `Received -lt`). */
  readonly receivedBefore?: Date;
  /** Only messages of at most so many octets (RFC822.SIZE, the source's claim). */
  readonly maxSize?: number;
  /** Only messages that have all of these flags or keywords, without regard to case. */
  readonly withFlags?: readonly Flag[];
  /** Only messages that have none of these, as `["\\Deleted"]`. */
  readonly withoutFlags?: readonly Flag[];
}

/** The rule by which a filter leaves a message out. */
export type MessageFilterRule = "filter-received" | "filter-size" | "filter-flags";

/** @throws MigrationError `option-invalid` for what could never be meant */
export function checkMessageFilter(filter: MessageFilter): MessageFilter {
  const { receivedAfter, receivedBefore, maxSize, withFlags = [], withoutFlags = [] } = filter;
  for (const [name, date] of Object.entries({ receivedAfter, receivedBefore })) {
    if (date !== undefined && !(date instanceof Date && !Number.isNaN(date.getTime()))) {
      throw invalid(`${name} must be a valid Date`);
    }
  }
  if (receivedAfter && receivedBefore && receivedAfter >= receivedBefore) {
    throw invalid("receivedAfter must be earlier than receivedBefore: no message would be left");
  }
  if (maxSize !== undefined && !(maxSize >= 1)) throw invalid("maxSize must be a number of octets from 1");
  const excluded = new Set(withoutFlags.map(fold));
  const both = withFlags.find((flag) => excluded.has(fold(flag)));
  if (both !== undefined) throw invalid(`${JSON.stringify(both)} stands in withFlags and in withoutFlags`);
  return filter;
}

/** The rule by which this message is left out; undefined for one to migrate. */
export function ruleAgainst(filter: MessageFilter, head: MessageHead): MessageFilterRule | undefined {
  const { receivedAfter, receivedBefore, maxSize, withFlags, withoutFlags } = filter;
  // Comparing with an invalid Date is always false, so that such a message is kept.
  if (receivedAfter && head.internalDate < receivedAfter) return "filter-received";
  if (receivedBefore && head.internalDate >= receivedBefore) return "filter-received";
  if (maxSize !== undefined && head.size > maxSize) return "filter-size";
  if (!withFlags && !withoutFlags) return undefined;
  const flags = new Set([...head.flags].map(fold));
  const lacks = withFlags?.some((flag) => !flags.has(fold(flag)));
  const has = withoutFlags?.some((flag) => flags.has(fold(flag)));
  return lacks || has ? "filter-flags" : undefined;
}

function fold(flag: Flag): string {
  return flag.toLowerCase();
}

function invalid(text: string): MigrationError {
  return new MigrationError("option-invalid", `Message filter: ${text}`);
}
