import type { TargetKind } from "./mail-servers.js";
import { type MailSetName, mailSets } from "./mail-sets.js";
import type { Measurement } from "./measure.js";
import type { ToolName } from "./tools.js";

/** A tool and the kind of target that it writes to. */
export interface Contestant {
  readonly tool: ToolName;
  readonly target: TargetKind;
}

/** Several tools at the same work, in turns. */
export interface Comparison {
  readonly set: MailSetName;
  readonly rttMs: number;
  readonly tls: boolean;
  /** `copy` into an empty mailbox; `second`: once more, with nothing new. */
  readonly pass: "copy" | "second";
  /** How many mailboxes of the set at once. */
  readonly mailboxes: number;
  readonly rounds: number;
  readonly contestants: readonly Contestant[];
}

export interface ComparisonResult {
  readonly comparison: Comparison;
  /** In one mailbox. */
  readonly octets: number;
  /** By {@link contestantName}. */
  readonly runs: ReadonlyMap<string, readonly Measurement[]>;
}

/** `ours`, `ours@plain`. */
export function contestantName({ tool, target }: Contestant): string {
  return target === "multiappend" ? tool : `${tool}@${target}`;
}

/** `M, 20 ms, TLS, second pass`. */
export function comparisonName({ set, rttMs, tls, pass, mailboxes }: Comparison): string {
  const words = [mailboxes > 1 ? `${mailboxes} × ${set}` : set, `${rttMs} ms`];
  return [...words, ...(tls ? ["TLS"] : []), ...(pass === "second" ? ["second pass"] : [])].join(", ");
}

/** In all mailboxes together. */
export function messagesOf({ set, mailboxes }: Comparison): number {
  return mailSets[set].messages * mailboxes;
}
