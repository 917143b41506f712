import { parseArgs } from "node:util";
import type { Comparison, Contestant } from "./comparison.js";
import type { TargetKind } from "./mail-servers.js";
import { type MailSetName, mailSets } from "./mail-sets.js";
import { fullPlan, quickPlan } from "./plans.js";
import { type ToolName, tools } from "./tools.js";

export interface Arguments {
  readonly plan: readonly Comparison[];
  /** Whether the plan is the one that the marks are measured by. */
  readonly isFull: boolean;
  /** The Markdown file to write the results into. */
  readonly write: string | undefined;
}

export const USAGE = `usage: npm run bench -- --quick | --all [--rounds 5]
       npm run bench -- --set ${Object.keys(mailSets).join("|")} [--rtt MS] [--tls] [--second] [--mailboxes N]
                        [--rounds 5] [--tools ours,ours@plain,ours@sync,mbsync,…]
  --write FILE  put the results between the marks of this Markdown file as well
  --tools       ${Object.keys(tools).join(", ")}; behind "@" the target, ${targetKinds().join(", ")}`;

/** @throws Error that says which argument is wrong */
export function readArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      all: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      set: { type: "string", default: "S" },
      rtt: { type: "string", default: "0" },
      tls: { type: "boolean", default: false },
      second: { type: "boolean", default: false },
      mailboxes: { type: "string", default: "1" },
      rounds: { type: "string", default: "5" },
      tools: { type: "string", default: "ours,ours@plain,mbsync,node-floor" },
      write: { type: "string" },
    },
  });
  const rounds = wholeNumber("--rounds", values.rounds, 1);
  const one = (): Comparison => ({
    set: setName(values.set),
    rttMs: wholeNumber("--rtt", values.rtt, 0),
    tls: values.tls,
    pass: values.second ? "second" : "copy",
    mailboxes: wholeNumber("--mailboxes", values.mailboxes, 1),
    rounds,
    contestants: values.tools.split(",").map(contestant),
  });
  const plan = values.all ? fullPlan(rounds) : values.quick ? quickPlan() : [one()];
  return { plan, isFull: values.all, write: values.write };
}

function contestant(word: string): Contestant {
  const [tool = "", target = "multiappend"] = word.trim().split("@");
  const kind = targetKinds().find((known) => known === target);
  if (!isTool(tool) || kind === undefined) throw new Error(`--tools: ${word} is none`);
  return { tool, target: kind };
}

function isTool(name: string): name is ToolName {
  return Object.hasOwn(tools, name);
}

function setName(name: string): MailSetName {
  if (isSet(name)) return name;
  throw new Error(`--set: ${name} is none`);
}

function isSet(name: string): name is MailSetName {
  return Object.hasOwn(mailSets, name);
}

function wholeNumber(name: string, text: string, lowest: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < lowest) throw new Error(`${name}: a whole number from ${lowest} on`);
  return number;
}

function targetKinds(): readonly TargetKind[] {
  return ["multiappend", "plain", "sync"];
}
