import type { Comparison, ComparisonResult } from "./comparison.js";
import type { Measurement } from "./measure.js";

/** Seconds that Node itself takes, to be told apart from what a tool written for it takes. */
export interface StartUp {
  /** `node -e 0` */
  readonly node: number;
  /** Node with our library loaded, and nothing done. */
  readonly ours: number;
}

/** A comparison by what matters of it: by default a copy of one mailbox, without delay or TLS. */
export type Work = Pick<Comparison, "set"> & Partial<Pick<Comparison, "rttMs" | "tls" | "pass" | "mailboxes">>;

/** Everything that was measured. */
export class Results {
  readonly #all: ComparisonResult[] = [];
  startUp: StartUp | undefined;

  get all(): readonly ComparisonResult[] {
    return this.#all;
  }

  add(result: ComparisonResult): void {
    this.#all.push(result);
  }

  /** The median of a contestant's runs at this work; undefined when it was not measured. */
  median(work: Work, contestant: string, of: keyof Measurement): number | undefined {
    const { set, rttMs = 0, tls = false, pass = "copy", mailboxes = 1 } = work;
    const result = this.#all.find(
      ({ comparison: done }) =>
        done.set === set &&
        done.rttMs === rttMs &&
        done.tls === tls &&
        done.pass === pass &&
        done.mailboxes === mailboxes,
    );
    const runs = result?.runs.get(contestant);
    return runs && median(runs.map((run) => run[of]));
  }
}

/** The one in the middle, or halfway between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}
