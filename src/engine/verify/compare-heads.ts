import { isSystemFlag } from "../../mail/flags.js";
import { headerKey, secondsOf } from "../../mail/header-key.js";
import type { MessageHead } from "../../mail/message.js";
import { stableHeader } from "../../mail/stable-header.js";
import type { Difference } from "../../verification.js";

const NO_DATE = new Date(Number.NaN);

/** In what the flags and the INTERNALDATE of a message differ between its two ends. */
export function metadataDifferences(there: MessageHead, here: MessageHead): Difference[] {
  const differs: Difference[] = [];
  if (secondsOf(there.internalDate) !== secondsOf(here.internalDate)) differs.push("internal-date");
  const changed = new Set([...flagNames(there)]);
  for (const flag of flagNames(here)) if (!changed.delete(flag)) changed.add(flag);
  if ([...changed].some(isSystemFlag)) differs.push("flags");
  if ([...changed].some((flag) => !isSystemFlag(flag))) differs.push("keywords");
  return differs;
}

/** Whether two header blocks say the same; what servers are known to change makes no difference, and no date counts. */
export function isSameHeader(there: MessageHead, here: MessageHead): boolean {
  const [one, other] = [there.header, here.header];
  if (!one || !other) return one === other;
  return Buffer.compare(one, other) === 0 || headerKey(one, NO_DATE) === headerKey(other, NO_DATE);
}

/** The same at a target that rebuilds messages: what stays in spite of that. It may have given a Message-ID. */
export function isSameRewrittenHeader(there: MessageHead, here: MessageHead): boolean {
  if (!there.header || !here.header) return there.header === here.header;
  const [one, other] = [stableHeader(there.header), stableHeader(here.header)];
  return one.digest === other.digest && (one.messageId === "" || one.messageId === other.messageId);
}

/** In lower case, for case does not count; without `\Recent`, which belongs to the server. */
export function flagNames({ flags }: MessageHead): Set<string> {
  const names = new Set([...flags].map((flag) => flag.toLowerCase()));
  names.delete("\\recent");
  return names;
}
