import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChildMigration } from "./child-migration.js";
import { killHistory, randomMoment } from "./kill-history.js";
import { killLoop } from "./kill-loop.js";
import { LostAnswerProxy } from "./lost-answer-proxy.js";
import { MigratingProcess } from "./migrating-process.js";
import { countFor, isFull, seededRandom, tell } from "./recovery-run.js";
import { TwoDovecots } from "./two-dovecots.js";

const EVERY = 9;
/** Without MULTIAPPEND each message has an answer of its own that can be lost. */
const CAPABILITY = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE";

const kills = countFor("LOST_ANSWER_KILLS", { short: 3, full: 300 });
const random = seededRandom();
let dovecots: TwoDovecots;
let line: LostAnswerProxy;

beforeAll(async () => {
  dovecots = await TwoDovecots.start({ random, users: 10 + kills, target: { capability: CAPABILITY } });
  line = await LostAnswerProxy.start({ port: dovecots.target.port, every: EVERY });
});

afterAll(async () => {
  line?.close();
  await dovecots?.stop();
});

function next(changes: Partial<ChildMigration> = {}): ChildMigration {
  const { target, ...migration } = dovecots.migration(changes);
  const { user, password } = target;
  return { ...migration, target: { host: line.host, port: line.port, user, password } };
}

describe("a target whose every ninth answer is lost", () => {
  it(`R2 R7 gets every message once, though ${kills} processes are killed too`, {
    timeout: 60_000 + kills * 10_000,
  }, async () => {
    const began = performance.now();
    const { ms: usualMs } = await new MigratingProcess(dovecots.program, next()).ended;
    const { failures, ...count } = await killLoop(dovecots, {
      kills,
      moment: randomMoment(random, usualMs),
      next: () => next(),
    });
    const { lost } = line;
    tell("lost answers", { ...count, lost, usualMs: Math.round(usualMs), ms: Math.round(performance.now() - began) });
    expect(failures).toEqual([]);
    expect(count.kills).toBe(kills);
    expect(lost).toBeGreaterThanOrEqual(count.histories);
  });

  // Takes as long as twenty connections.
  it.runIf(isFull)("shows the doubles of an engine that never looks", async () => {
    const migration = next({ sabotage: "no look" });
    const history = await killHistory(dovecots.program, migration, { mostKills: 0, moment: never });
    expect(await dovecots.faults(history, migration)).toContainEqual(expect.stringMatching(/^doubled: /));
  });
});

function never(): Promise<never> {
  return new Promise(() => {});
}
