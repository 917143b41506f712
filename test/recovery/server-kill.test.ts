import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChildMigration } from "./child-migration.js";
import type { History } from "./kill-history.js";
import { MigratingProcess } from "./migrating-process.js";
import { countFor, seededRandom, tell } from "./recovery-run.js";
import { TwoDovecots } from "./two-dovecots.js";

/** Kills while messages were arriving; others do not count. */
const wanted = countFor("SERVER_KILLS", { short: 2, full: 100 });
const MOST_KILLS_OF_ONE = 5;
const random = seededRandom();
let dovecots: TwoDovecots;
let inMidAppend = 0;

beforeAll(async () => {
  const octets = () => random.below(200_000);
  // Killed between its messages and a folder's list of keywords, Dovecot calls those keywords unknown-0, unknown-1 …
  const compared = { keywords: false };
  dovecots = await TwoDovecots.start({ random, users: 10 + 10 * wanted, octets, compared });
});

afterAll(() => dovecots?.stop());

/*
 * No settle delay: all of the server is dead before it starts again, so nothing can be stored behind our back. Many
 * attempts, because each finds nobody listening until the server is back.
 */
describe("a target server that is killed in mid-append", () => {
  it(`R2 R7 holds every message once after ${wanted} kills`, { timeout: 60_000 + wanted * 20_000 }, async () => {
    const began = performance.now();
    const { ms: usualMs } = await new MigratingProcess(dovecots.program, dovecots.migration()).ended;
    const failures: object[] = [];
    let [histories, kills] = [0, 0];
    while (inMidAppend < wanted && failures.length < 3) {
      const migration = dovecots.migration({ attempts: 1_000 });
      const history = await killedServerHistory(migration, usualMs);
      const faults = await dovecots.faults(history, migration);
      if (faults.length > 0) failures.push({ user: migration.target.user, faults: faults.slice(0, 5), history });
      histories += 1;
      kills += history.kills;
    }
    const ms = Math.round(performance.now() - began);
    tell("server kills", { inMidAppend, kills, histories, usualMs: Math.round(usualMs), ms });
    expect(failures).toEqual([]);
  });
});

/** The process goes on over each kill; every other time it is killed as well, and another one goes on. */
async function killedServerHistory(migration: ChildMigration, usualMs: number): Promise<History> {
  const { program, target } = dovecots;
  const pieces = new Set<string>();
  let process = new MigratingProcess(program, migration);
  let serverKills = 0;
  while (serverKills < MOST_KILLS_OF_ONE && inMidAppend < wanted) {
    await process.begun;
    await Promise.race([sleep(random.below(usualMs)), process.ended]);
    if (process.hasEnded) break;
    await target.kill();
    serverKills += 1;
    if (await leftNewPiece(migration.target.user, pieces)) inMidAppend += 1;
    const dies = random.below(2) === 0;
    if (dies) process.kill();
    await target.restart();
    if (dies && (await process.ended).killed) process = new MigratingProcess(program, migration);
  }
  const last = await process.ended;
  const rerun = await new MigratingProcess(program, migration).ended;
  return { kills: serverKills, last, rerun, faults: [] };
}

/** Dovecot writes what arrives into a folder's `tmp` first; a kill leaves it there. */
async function leftNewPiece(user: string, known: Set<string>): Promise<boolean> {
  const maildir = join(dovecots.target.dir, "mail", user, "Maildir");
  const names = await readdir(maildir, { recursive: true }).catch(() => []); // not made yet
  const pieces = names.filter((name) => /(^|\/)tmp\/./.test(name) && !known.has(name));
  for (const piece of pieces) known.add(piece);
  return pieces.length > 0;
}
