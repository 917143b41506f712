import { watch } from "node:fs";
import { appendFile, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TERRY } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import type { ChildMigration, Sabotage } from "./child-migration.js";
import { randomMoment } from "./kill-history.js";
import { killLoop } from "./kill-loop.js";
import { differences, mailboxMultiset } from "./mailbox-multisets.js";
import { MigratingProcess } from "./migrating-process.js";
import { countFor, seededRandom, tell } from "./recovery-run.js";
import { TwoDovecots } from "./two-dovecots.js";

const kills = countFor("KILLS", { short: 12, full: 1000 });
const random = seededRandom();
let dovecots: TwoDovecots;

beforeAll(async () => {
  dovecots = await TwoDovecots.start({ random, users: 10 + kills });
});

afterAll(() => dovecots?.stop());

/*
 * No settle delay: the kernel closes a killed process's connections at once, Dovecot is done in milliseconds with what had
 * arrived by then, and the next process needs many times as long before it looks.
 */
describe("a process that is killed while it copies 150 messages from Dovecot to Dovecot", () => {
  it(`R1 R2 R3 R6 R7 R17 loses, doubles and alters nothing in ${kills} kills`, {
    timeout: 60_000 + kills * 5_000,
  }, async () => {
    const began = performance.now();
    const { ms: usualMs } = await new MigratingProcess(dovecots.program, dovecots.migration()).ended;
    const { failures, ...count } = await killLoop(dovecots, { kills, moment: randomMoment(random, usualMs) });
    tell("kills", { ...count, usualMs: Math.round(usualMs), ms: Math.round(performance.now() - began) });
    expect(failures).toEqual([]);
    expect(count.kills).toBe(kills);
  });

  it("R4 leaves the source as it was", async () => {
    expect(differences(dovecots.mail, await mailboxMultiset(dovecots.source, TERRY.name))).toEqual([]);
  });
});

describe("the comparison of two mailboxes", () => {
  it("sees one octet that is altered, and one message that is lost", async () => {
    const { target, ...migration } = dovecots.migration();
    await new MigratingProcess(dovecots.program, { ...migration, target }).ended;
    const cur = join(dovecots.target.dir, "mail", target.user, "Maildir", "cur");
    const [altered = "", lost = ""] = (await readdir(cur)).map((file) => join(cur, file));
    const { atime, mtime } = await stat(altered);
    await appendFile(altered, "x");
    await utimes(altered, atime, mtime);
    await rm(lost);
    const faults = differences(dovecots.mail, await mailboxMultiset(dovecots.target, target.user));
    expect(faults).toContainEqual(expect.stringMatching(/^altered: 1 instead of 0 /));
    const missing = faults.map((fault) => /^lost: (\d+) instead of (\d+) /.exec(fault) ?? []);
    expect(missing.reduce((sum, [, here = 0, there = 0]) => sum + Number(there) - Number(here), 0)).toBe(2);
  });
});

describe("an engine that is wrong on purpose", () => {
  it.each<Sabotage>(["no begin", "no look"])("%s: one kill is enough to show doubles", async (sabotage) => {
    const next = () => withInbox(dovecots.migration({ sabotage }));
    const { failures } = await killLoop(dovecots, { kills: 1, moment: firstArrival, next });
    expect(failures.flatMap(({ faults }) => faults)).toContainEqual(expect.stringMatching(/^doubled: /));
  });
});

/** The target's INBOX is there before anybody signs in, so that it can be watched. */
async function withInbox(migration: ChildMigration): Promise<ChildMigration> {
  await writeMaildir(dovecots.target, migration.target.user, [{ name: "INBOX", messages: [] }]);
  return migration;
}

/** The first message stands in the target's INBOX, and its answer is on the way. */
async function firstArrival({ target }: ChildMigration): Promise<void> {
  const inbox = join(dovecots.target.dir, "mail", target.user, "Maildir");
  await new Promise<void>((resolve) => {
    const watchers = ["cur", "new"].map((part) => watch(join(inbox, part), arrived));
    function arrived(): void {
      for (const watcher of watchers) watcher.close();
      resolve();
    }
  });
}
