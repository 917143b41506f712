import { type ComparisonResult, comparisonName, messagesOf } from "./comparison.js";
import { mailSets } from "./mail-sets.js";
import { type Mark, marks, standing } from "./marks.js";
import type { Measurement } from "./measure.js";
import { median, type Results, type StartUp } from "./results.js";

/** The results as Markdown: where and when, a table for each comparison and, if wanted, one of all marks. */
export function report(results: Results, surroundings: readonly string[], withMarks: boolean): string {
  const { startUp } = results;
  const sections = [
    surroundings.map((line) => `- ${line}`).join("\n"),
    ...(startUp ? [startUpText(startUp)] : []),
    ...(withMarks ? [marksTable(results)] : []),
    ...results.all.map((result) => comparisonTable(result, startUp)),
  ];
  return `${sections.join("\n\n")}\n`;
}

function startUpText({ node, ours }: StartUp): string {
  return `Start-up: \`node -e 0\` ${seconds(node)} s, Node with this library loaded ${seconds(ours)} s.`;
}

function marksTable(results: Results): string {
  const row = (mark: Mark) => {
    const reached = mark.reached(results);
    const limit = (value: number | undefined) =>
      value === undefined ? "" : `${mark.isLowerBetter ? "≤" : "≥"} ${value} ${mark.unit}`;
    const measured = reached === undefined ? "" : `${rounded(reached)} ${mark.unit}`;
    return [mark.work, limit(mark.atLeast), limit(mark.toBeat), measured, standing(mark, reached)];
  };
  return `### Marks\n\n${table(["work", "at least", "mark to beat", "measured", "standing"], marks.map(row))}`;
}

function comparisonTable(result: ComparisonResult, startUp: StartUp | undefined): string {
  const { comparison, octets } = result;
  const { set, pass } = comparison;
  const megabytes = (octets * comparison.mailboxes) / 1e6;
  const messages = messagesOf(comparison);
  const wall = (name: string) => wallOf(result.runs.get(name));
  const rows = [...result.runs].map(([name, runs]) => {
    const took = wallOf(runs) ?? Number.NaN;
    const [, target] = name.split("@");
    const floor = wall(target === "plain" ? "node-floor@plain" : "node-floor");
    const mbsync = wall("mbsync");
    const rates =
      pass === "copy"
        ? [(messages / took).toFixed(0), (megabytes / took).toFixed(1)]
        : [startUp && isNode(name) ? spread(runs, (run) => run.wallSeconds - startUp.node, 3) : ""];
    const ratios = [
      mbsync ? rounded(mbsync / took) : "",
      ...(pass === "copy" ? [floor ? rounded(floor / took) : ""] : []),
    ];
    return [
      name,
      String(runs.length),
      spread(runs, (run) => run.wallSeconds, took < 1 ? 3 : 2),
      ...rates,
      ...ratios,
      spread(runs, (run) => run.cpuSeconds, 2),
      spread(runs, (run) => run.peakMebibytes, 0),
    ];
  });
  const rateNames = pass === "copy" ? ["messages/s", "MB/s"] : ["less Node's start-up, s"];
  const ratioNames = pass === "copy" ? ["× mbsync", "× floor"] : ["× mbsync"];
  const head = ["tool", "runs", "wall s", ...rateNames, ...ratioNames, "CPU s", "peak MiB"];
  const size = `${messages.toLocaleString("en")} messages, ${megabytes.toFixed(1)} MB`;
  return `### ${comparisonName(comparison)}\n\n${mailSets[set].what}: ${size}.\n\n${table(head, rows)}`;
}

function wallOf(runs: readonly Measurement[] | undefined): number | undefined {
  return runs && median(runs.map((run) => run.wallSeconds));
}

function isNode(contestant: string): boolean {
  return !/^(mbsync|imapsync)/.test(contestant);
}

/** Median (lowest–highest). */
function spread(runs: readonly Measurement[], of: (run: Measurement) => number, digits: number): string {
  const values = runs.map(of);
  const middle = median(values).toFixed(digits);
  if (values.length < 2) return middle;
  return `${middle} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

function seconds(value: number): string {
  return value.toFixed(3);
}

/** Three digits that say something. */
function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
