import { mailSets } from "./mail-sets.js";
import type { Results, Work } from "./results.js";

/** Something that the library has to reach. */
export interface Mark {
  readonly work: string;
  /** Undefined: there is none. */
  readonly atLeast: number | undefined;
  readonly toBeat: number | undefined;
  readonly isLowerBetter: boolean;
  readonly unit: string;
  /** Undefined when it was not measured. */
  reached(results: Results): number | undefined;
}

export type Standing = "beaten" | "reached" | "**short**" | "not measured";

export function standing(mark: Mark, reached: number | undefined): Standing {
  if (reached === undefined) return "not measured";
  const meets = (limit: number | undefined) =>
    limit !== undefined && (mark.isLowerBetter ? reached <= limit : reached >= limit);
  if (meets(mark.toBeat)) return "beaten";
  return meets(mark.atLeast) ? "reached" : "**short**";
}

const M20: Work = { set: "M", rttMs: 20 };
const S20: Work = { set: "S", rttMs: 20 };
const S20_TLS: Work = { ...S20, tls: true };
const M_TLS: Work = { set: "M", tls: true };

export const marks: readonly Mark[] = [
  speed("M, 0 ms, plain APPEND", { set: "M" }, "ours@plain", "mbsync", 0.95, 1.1),
  speed("M, 0 ms, MULTIAPPEND", { set: "M" }, "ours", "mbsync", 1.5, 2.2),
  speed("M, 20 ms, plain APPEND", M20, "ours@plain", "mbsync", 7, 11),
  speed("M, 20 ms, MULTIAPPEND", M20, "ours", "mbsync", 12, 18),
  speed("S, 20 ms, plain APPEND", S20, "ours@plain", "mbsync", 1.2, 1.8),
  speed("S, 20 ms, MULTIAPPEND", S20, "ours", "mbsync", 1.8, 3),
  speed("S, 100 ms, MULTIAPPEND", { set: "S", rttMs: 100 }, "ours", "mbsync", 2, 4),
  // imapsync appends one by one, so that both kinds of target are the same to it.
  speed("M, 0 ms, plain APPEND", { set: "M" }, "ours@plain", "imapsync", 5, 10),
  speed("M, 0 ms, MULTIAPPEND", { set: "M" }, "ours", "imapsync", 5, 10),
  speed("S, 20 ms, plain APPEND", S20, "ours@plain", "imapsync", 100, 250),
  speed("S, 20 ms, synchronising literals, one connection", S20, "ours@sync", "imapsync", 3),
  speed("S, 20 ms, synchronising literals, four connections", S20, "ours-4@sync", "imapsync", 10),
  secondPass("S, 20 ms", { set: "S", rttMs: 20 }),
  secondPass("M, 20 ms", { set: "M", rttMs: 20 }),
  secondPass("L, 0 ms", { set: "L" }),
  secondPass("L, 20 ms", { set: "L", rttMs: 20 }),
  speed("M, 0 ms, TLS, plain APPEND", M_TLS, "ours@plain", "mbsync", 0.9),
  speed("M, 0 ms, TLS, MULTIAPPEND", M_TLS, "ours", "mbsync", 1.3),
  speed("S, 20 ms, TLS, plain APPEND", S20_TLS, "ours@plain", "mbsync", 0.9),
  speed("S, 20 ms, TLS, MULTIAPPEND", S20_TLS, "ours", "mbsync", 1.3),
  processorTime("plain APPEND", "ours@plain"),
  processorTime("MULTIAPPEND", "ours"),
  memory("M", { set: "M" }, 120, 95),
  memory("G", { set: "G" }, 110, 80),
  memory("50 mailboxes of S at once", { set: "S", mailboxes: 50 }, 300, 180),
  memory("L", { set: "L" }, 150, 100),
  {
    work: "Growth: messages per second at 100,000 against 10,000, MULTIAPPEND",
    atLeast: 0.9,
    toBeat: undefined,
    isLowerBetter: false,
    unit: "×",
    reached: growth,
  },
  atMost("Growth: memory at 100,000 against 10,000", "×", 1.1, undefined, (results) =>
    ratio(
      results.median({ set: "L" }, "ours", "peakMebibytes"),
      results.median({ set: "L10k" }, "ours", "peakMebibytes"),
    ),
  ),
];

function speed(work: string, at: Work, ours: string, rival: string, atLeast: number, toBeat?: number): Mark {
  return {
    work,
    atLeast,
    toBeat,
    isLowerBetter: false,
    unit: `× ${rival}`,
    reached: (results) => ratio(results.median(at, rival, "wallSeconds"), results.median(at, ours, "wallSeconds")),
  };
}

/** The time of a pass with nothing new, less what Node takes to start. */
function secondPass(name: string, at: Work): Mark {
  const work: Work = { ...at, pass: "second" };
  return atMost(`Second pass, ${name}, less Node's start-up`, "× mbsync's time", 1, 0.5, (results) => {
    const ours = results.median(work, "ours", "wallSeconds");
    if (ours === undefined || !results.startUp) return undefined;
    return ratio(ours - results.startUp.node, results.median(work, "mbsync", "wallSeconds"));
  });
}

function processorTime(how: string, ours: string): Mark {
  return atMost(`Processor time, M, ${how}`, "s", 1.3, 0.8, (results) =>
    results.median({ set: "M" }, ours, "cpuSeconds"),
  );
}

function memory(name: string, at: Work, atMostMebibytes: number, toBeat: number): Mark {
  return atMost(`Peak memory, ${name}`, "MiB", atMostMebibytes, toBeat, (results) =>
    results.median(at, "ours", "peakMebibytes"),
  );
}

function atMost(
  work: string,
  unit: string,
  atLeast: number,
  toBeat: number | undefined,
  reached: Mark["reached"],
): Mark {
  return { work, atLeast, toBeat, isLowerBetter: true, unit, reached };
}

function growth(results: Results): number | undefined {
  const rate = (set: "L" | "L10k") => ratio(mailSets[set].messages, results.median({ set }, "ours", "wallSeconds"));
  return ratio(rate("L"), rate("L10k"));
}

function ratio(upper: number | undefined, lower: number | undefined): number | undefined {
  return upper === undefined || lower === undefined ? undefined : upper / lower;
}
