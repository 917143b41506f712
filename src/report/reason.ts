import { MigrationError, type MigrationErrorCode, migrationErrorCodes } from "../errors.js";
import type { SkipRule } from "../outcome.js";
import type { ItemRecord } from "../store/migration-store.js";

/** Why a message is in the report, for people. */
export interface Reason {
  /** A rule, a code or what was lost: equal for equal reasons. */
  readonly reason: string;
  /** In one sentence, with the server's words where there are any. */
  readonly text: string;
  /** What can be done about it. */
  readonly remedy: string;
}

/** What to do about what a filter leaves out. */
export const FILTERED = "Nothing to do, if the filter is as you want it.";

const RULES: Readonly<Record<SkipRule, readonly [text: string, remedy: string]>> = {
  "too-large": [
    "Larger than the migration or the target takes.",
    "Raise maxMessageSize if the target allows it, or have the message saved by hand.",
  ],
  "too-many": [
    "The mailbox holds more items than the limit; this is one of the oldest.",
    "Raise maxItems, or move the rest in another batch.",
  ],
  "held-elsewhere": [
    "The same message stands in another folder of the source, and was copied from there.",
    "Nothing to do: the target has it.",
  ],
  "filter-received": ["Outside the dates of the filter.", FILTERED],
  "filter-size": ["Larger than the filter lets through.", FILTERED],
  "filter-flags": ["Its flags are not those of the filter.", FILTERED],
};

export function reasonOf({ kind, reason = "", detail, lost, uncertain }: ItemRecord): Reason {
  if (kind === "skipped") {
    const [text, remedy] = isRule(reason) ? RULES[reason] : [`Left out by the rule ${reason}.`, ""];
    return { reason, text, remedy };
  }
  if (kind === "vanished") {
    const text = "It was deleted or moved at the source after it was listed.";
    return { reason: "vanished", text, remedy: "Nothing to do: what was moved arrives with its new folder." };
  }
  if (lost) {
    const text = `It arrived, but the target could not keep: ${lost.join(", ")}.`;
    return { reason: `lost: ${lost.join(", ")}`, text, remedy: "Nothing to do, if that can be spared." };
  }
  if (uncertain) {
    const text = "It arrived, and may stand there twice.";
    return { reason: "uncertain", text, remedy: "Look for it in the target folder, and delete one." };
  }
  return { reason, text: detail ?? reason, remedy: remedyOf(reason) };
}

/** What to do about a code; empty for one that this version does not know. */
export function remedyOf(code: string): string {
  return isCode(code) ? new MigrationError(code, "").remedy : "";
}

function isRule(text: string): text is SkipRule {
  return Object.hasOwn(RULES, text);
}

function isCode(text: string): text is MigrationErrorCode {
  return (migrationErrorCodes as readonly string[]).includes(text); // includes() takes only members otherwise
}
