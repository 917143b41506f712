import type { AlreadyThere, Copied, Outcome } from "../outcome.js";
import type { HeldRecord, ItemRecord } from "./migration-store.js";

/** What a report shows of an outcome, besides whose it is. */
export type OutcomeFacts = Omit<ItemRecord, "emailAddress" | "folder">;

export function outcomeFacts(outcome: Outcome): OutcomeFacts {
  const { uid, kind, size } = outcome;
  switch (outcome.kind) {
    case "skipped":
      return { uid, kind, size, reason: outcome.rule };
    case "refused":
    case "failed":
      return { uid, kind, size, reason: outcome.code, ...(outcome.reason && { detail: outcome.reason }) };
    case "copied":
      return {
        uid,
        kind,
        size,
        ...(outcome.lost && outcome.lost.length > 0 && { lost: [...outcome.lost] }),
        ...(outcome.uncertain && { uncertain: true }),
      };
    default:
      return { uid, kind, size };
  }
}

/** True for what a report names whatever it is asked for: something was lost or is uncertain. */
export function isChanged({ lost, uncertain }: OutcomeFacts): boolean {
  return lost !== undefined || uncertain === true;
}

/** True when the target holds the message. */
export function isAtTarget(outcome: Outcome): outcome is AlreadyThere | Copied {
  return outcome.kind === "copied" || outcome.kind === "alreadyThere";
}

export function heldRecord(outcome: AlreadyThere | Copied): HeldRecord {
  const { uid, size, id } = outcome;
  const { lost } = outcomeFacts(outcome);
  return {
    uid,
    size,
    ...(id !== undefined && { id }),
    ...(outcome.kind === "copied" && { sha256: outcome.sha256 }),
    ...(lost && { lost }),
  };
}
