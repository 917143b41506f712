import type { TargetFolder } from "../mail/folder.js";
import type { MessageHead } from "../mail/message.js";
import type { Outcome } from "../outcome.js";
import type { BeginTarget, Doubt } from "../store/migration-store.js";
import type { FolderRun } from "./folder-run.js";

/**
 * Finds out which messages in doubt have arrived: begun by an earlier attempt, whose answer nobody heard. They can
 * stand only in the target folder's UIDs from the noted UIDNEXT on, so the look is as small as the doubt.
 * Messages that are not there stay without an outcome, and are copied like any other.
 */
export async function reconcile(run: FolderRun): Promise<Outcome[]> {
  const { journal, clock, signal } = run;
  if (journal.doubts.length === 0) return [];
  const waitMs = run.lookFrom - clock.now();
  if (waitMs > 0) await clock.sleep(waitMs, signal);
  const taken = await journal.takenIds();
  const outcomes: Outcome[] = [];
  for (const doubt of byTarget(journal.doubts)) outcomes.push(...(await settleDoubt(run, doubt, taken)));
  return outcomes;
}

/** One look for each target folder, from the lowest of the noted UIDs on. */
function byTarget(doubts: readonly Doubt[]): Doubt[] {
  const merged = new Map<string, Doubt>();
  for (const doubt of doubts) {
    const key = `${doubt.target.uidValidity} ${doubt.target.name}`;
    const known = merged.get(key);
    merged.set(key, {
      messages: [...(known?.messages ?? []), ...doubt.messages],
      target: { ...doubt.target, uidNext: Math.min(doubt.target.uidNext, known?.target.uidNext ?? Number.POSITIVE_INFINITY) },
    });
  }
  return [...merged.values()];
}

async function settleDoubt(run: FolderRun, doubt: Doubt, taken: ReadonlySet<string>): Promise<Outcome[]> {
  const { source, target, plan, journal, signal } = run;
  const sizes = new Map(doubt.messages.filter(({ uid }) => !journal.isSettled(uid)).map(({ uid, size }) => [uid, size]));
  const uids = [...sizes.keys()].sort((one, other) => one - other);
  const heads: MessageHead[] = [];
  for await (const head of source.listMessages(plan.source, { uids, headers: true, signal })) heads.push(head);
  const now = await target.ensureFolder(plan, { signal });
  const folder = noted(doubt.target);
  // Renumbered since, the noted UIDs mean nothing: the message can stand anywhere.
  const sameNumbers = now.name !== folder.name || now.uidValidity === folder.uidValidity;
  const arrived = await target.find(folder, heads, sameNumbers ? { fromUid: folder.uidNext, taken, signal } : { signal });
  const listed = new Set(heads.map(({ uid }) => uid));
  return uids.flatMap((uid): Outcome[] => {
    const size = sizes.get(uid) ?? 0;
    if (!listed.has(uid)) return [{ uid, size, kind: "vanished" }];
    const there = arrived.get(uid);
    return there ? [{ uid, size, kind: "alreadyThere", ...(there.id === undefined ? {} : { id: there.id }) }] : [];
  });
}

function noted(target: BeginTarget): TargetFolder {
  return { name: target.name, path: target.path, uidValidity: target.uidValidity, uidNext: target.uidNext };
}
