import type { AlreadyThere, Copied, Outcome } from "../outcome.js";
import type { FolderRecord, HeldFlags, HeldRecord, ItemRecord, RecognisableRecord } from "./migration-store.js";

/** What a report shows of an outcome, besides whose it is. */
export type OutcomeFacts = Omit<ItemRecord, "emailAddress" | "folder">;

export function outcomeFacts(outcome: Outcome): OutcomeFacts {
  const { uid, kind, size } = outcome;
  const dated = outcome.internalDate === undefined ? {} : { internalDate: outcome.internalDate };
  switch (outcome.kind) {
    case "skipped":
      return { uid, kind, size, reason: outcome.rule, ...dated };
    case "refused":
    case "failed":
      return { uid, kind, size, reason: outcome.code, ...(outcome.reason && { detail: outcome.reason }), ...dated };
    case "copied":
    case "alreadyThere":
      return {
        uid,
        kind,
        size,
        ...(outcome.lost && outcome.lost.length > 0 && { lost: [...outcome.lost] }),
        ...(outcome.kind === "copied" && outcome.uncertain && { uncertain: true }),
        ...(outcome.kind === "alreadyThere" && outcome.movedFrom && { movedFrom: outcome.movedFrom }),
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

/** True when it stands where the page of its folder goes to: not for what the source has moved since it was copied. */
export function isHeldHere(outcome: Outcome): outcome is AlreadyThere | Copied {
  return isAtTarget(outcome) && movedFrom(outcome) === undefined;
}

function movedFrom(outcome: AlreadyThere | Copied) {
  return outcome.kind === "alreadyThere" ? outcome.movedFrom : undefined;
}

export function heldFlags(outcome: AlreadyThere | Copied): HeldFlags {
  const moved = movedFrom(outcome);
  const { id, flags, inDoubt } = outcome;
  return {
    ...(id !== undefined && { id }),
    ...(flags && { flags }),
    ...(inDoubt && { inDoubt }),
    ...(moved && { movedFrom: moved }),
  };
}

/** Undefined where nothing is known to recognise it by. */
export function recognisableRecord(
  { name, uidValidity }: Pick<FolderRecord, "name" | "uidValidity">,
  outcome: AlreadyThere | Copied,
): RecognisableRecord | undefined {
  const { uid, size, identity } = outcome;
  return identity && { name, uidValidity, uid, size, identity, ...heldFlags(outcome) };
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
