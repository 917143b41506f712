import type { Comparison, Contestant } from "./comparison.js";
import { imapsyncPath, tools } from "./tools.js";

const ours: Contestant = { tool: "ours", target: "multiappend" };
const oursPlain: Contestant = { tool: "ours", target: "plain" };
const oursSync: Contestant = { tool: "ours", target: "sync" };
const oursSync4: Contestant = { tool: "ours-4", target: "sync" };
const mbsync: Contestant = { tool: "mbsync", target: "multiappend" };
const floor: Contestant = { tool: "node-floor", target: "multiappend" };
const floorPlain: Contestant = { tool: "node-floor", target: "plain" };
const naive: Contestant = { tool: "imapflow-naive", target: "multiappend" };
const imapsync: readonly Contestant[] = imapsyncPath === undefined ? [] : [{ tool: "imapsync", target: "multiappend" }];

const race = [ours, oursPlain, mbsync, floor, floorPlain];
const copy = { rttMs: 0, tls: false, pass: "copy", mailboxes: 1 } as const;
const second = { ...copy, pass: "second", contestants: [ours, mbsync] } as const;

/** A look at everything in twenty seconds. */
export function quickPlan(): Comparison[] {
  return [
    { ...copy, set: "S", rounds: 1, contestants: race },
    { ...second, set: "S", rounds: 1 },
  ];
}

/** What all marks are measured by. */
export function fullPlan(rounds: number): Comparison[] {
  const plan: Omit<Comparison, "rounds">[] = [
    { ...copy, set: "M", contestants: [...race, naive, ...imapsync] },
    { ...copy, set: "M", tls: true, contestants: race },
    { ...copy, set: "M", rttMs: 20, contestants: race },
    { ...copy, set: "S", rttMs: 20, contestants: [...race, oursSync, oursSync4, naive, ...imapsync] },
    { ...copy, set: "S", rttMs: 20, tls: true, contestants: race },
    { ...copy, set: "S", rttMs: 100, contestants: race },
    { ...second, set: "S", rttMs: 20 },
    { ...second, set: "M", rttMs: 20 },
    { ...second, set: "L" },
    { ...second, set: "L", rttMs: 20 },
    { ...copy, set: "G", contestants: [ours, oursPlain, mbsync, floor] },
    { ...copy, set: "S", mailboxes: 50, contestants: [ours] },
    { ...copy, set: "L10k", contestants: [ours, floor] },
    { ...copy, set: "L", contestants: [ours, floor] },
  ];
  return plan.map((comparison) => ({ ...comparison, rounds }));
}

/** @throws Error when a tool has no second pass, or cannot copy several mailboxes at once */
export function checkPlan(plan: readonly Comparison[]): void {
  for (const { pass, mailboxes, contestants } of plan) {
    for (const { tool } of contestants) {
      if (pass === "second" && !tools[tool].hasSecondPass) throw new Error(`${tool} has no second pass`);
      if (mailboxes > 1 && tool !== "ours") throw new Error(`${tool} copies one mailbox at a time`);
      if (tool === "imapsync" && imapsyncPath === undefined) throw new Error("Set IMAPSYNC to the path of imapsync");
    }
  }
}
