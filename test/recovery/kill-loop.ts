import type { ChildMigration } from "./child-migration.js";
import { type KillMoment, killHistory } from "./kill-history.js";
import type { TwoDovecots } from "./two-dovecots.js";

const MOST_KILLS = 10;
const MOST_FAILURES = 3;

/** What a loop has seen. */
export interface KillCount {
  readonly kills: number;
  readonly histories: number;
  /** Messages that were in doubt, and found. */
  readonly found: number;
  /** The first histories that went wrong, each with what was wrong. */
  readonly failures: readonly { readonly user: string; readonly kills: number; readonly faults: readonly string[] }[];
}

export interface KillLoopOptions {
  readonly kills: number;
  readonly moment: KillMoment;
  /** What each history migrates; default from one server straight to the other. */
  readonly next?: () => ChildMigration | Promise<ChildMigration>;
}

/** History after history, each into an empty mailbox, until there were so many kills or three failures. */
export async function killLoop(
  dovecots: TwoDovecots,
  { kills: wanted, moment, next = () => dovecots.migration() }: KillLoopOptions,
): Promise<KillCount> {
  const count = { kills: 0, histories: 0, found: 0 };
  const failures: KillCount["failures"][number][] = [];
  while (count.kills < wanted && failures.length < MOST_FAILURES) {
    const migration = await next();
    const mostKills = Math.min(MOST_KILLS, wanted - count.kills);
    const history = await killHistory(dovecots.program, migration, { moment, mostKills });
    count.kills += history.kills;
    count.histories += 1;
    count.found += history.last.report?.books.alreadyThere ?? 0;
    const faults = await dovecots.faults(history, migration);
    if (faults.length > 0) {
      failures.push({ user: migration.target.user, kills: history.kills, faults: faults.slice(0, 5) });
    }
  }
  return { ...count, failures };
}
