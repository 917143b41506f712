import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sqliteStore } from "../../src/index.js";
import type { Random } from "../fixtures/mail/random.js";
import type { ChildMigration, ChildReport } from "./child-migration.js";
import { type ChildEnd, MigratingProcess, type MigrationProgram } from "./migrating-process.js";

/** Resolves when the process is to be killed, whose batch has just begun. */
export type KillMoment = (migration: ChildMigration) => Promise<unknown>;

export function randomMoment(random: Random, usualMs: number): KillMoment {
  return () => sleep(random.below(usualMs));
}

/** One migration over several processes: some killed, one that comes to the end, and one more. */
export interface History {
  readonly kills: number;
  readonly last: ChildEnd;
  readonly rerun: ChildEnd;
  /** What was told and not durable. */
  readonly faults: readonly string[];
}

let ledgers = 0;

export function newLedger({ folder }: MigrationProgram): string {
  ledgers += 1;
  return join(folder, `ledger-${ledgers}.db`);
}

/**
 * Kills each process at a moment of its own, until one comes to the end before or there were enough kills; then lets one
 * run to the end, and another one after it.
 */
export async function killHistory(
  program: MigrationProgram,
  migration: ChildMigration,
  { moment, mostKills }: { moment: KillMoment; mostKills: number },
): Promise<History> {
  const faults: string[] = [];
  let kills = 0;
  while (kills < mostKills) {
    const process = new MigratingProcess(program, migration);
    await process.begun;
    await Promise.race([moment(migration), process.ended]);
    process.kill();
    const { killed, told } = await process.ended;
    if (!killed) break;
    kills += 1;
    const durable = await settledMessages(migration.ledger);
    if (told > durable) faults.push(`told ${told} messages, and ${durable} were durable`);
  }
  const last = await new MigratingProcess(program, migration).ended;
  const rerun = await new MigratingProcess(program, migration).ended;
  return { kills, last, rerun, faults };
}

/** Read from a copy: the next process must find the file as the dead one left it. */
async function settledMessages(ledger: string): Promise<number> {
  const copy = `${ledger}.copy`;
  for (const part of ["", "-wal"]) await copyFile(ledger + part, copy + part).catch(() => {}); // not made yet
  const store = sqliteStore(copy);
  try {
    const folders = await store.listFolders("IMAPBatch1", "user@contoso.com");
    return folders.reduce((sum, { books }) => sum + books.copied + books.alreadyThere, 0);
  } finally {
    await store.close();
    await rm(copy, { force: true });
  }
}

/** R1 and R17: every message accounted for, none failed, and nothing left to do for another run. */
export function historyFaults({ last, rerun, faults }: History, messages: number): string[] {
  return [...faults, ...reportFaults("the last run", last.report, messages), ...rerunFaults(rerun.report, messages)];
}

function reportFaults(run: string, report: ChildReport | undefined, messages: number): string[] {
  if (!report) return [`${run} has no report`];
  const { status, balanced, books, code } = report;
  const { found, copied, alreadyThere, uncertain } = books;
  const accountedFor = balanced && found === messages && copied + alreadyThere === messages && uncertain === 0;
  if (status === "Synced" && accountedFor) return [];
  return [`${run} ended ${status} ${code ?? ""} with the books ${JSON.stringify(books)} for ${messages} messages`];
}

function rerunFaults(report: ChildReport | undefined, messages: number): string[] {
  const copied = report?.copied ?? 0;
  return [
    ...reportFaults("one more run", report, messages),
    ...(copied > 0 ? [`one more run copied ${copied} messages`] : []),
  ];
}
