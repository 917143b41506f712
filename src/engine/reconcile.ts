import type { TargetFolder } from "../mail/folder.js";
import type { Appended } from "../mail/mail-target.js";
import type { MessageHead } from "../mail/message.js";
import type { Outcome } from "../outcome.js";
import type { Doubt } from "../store/migration-store.js";
import type { FolderRun } from "./folder-run.js";

/** Messages whose header blocks are held at a time. */
const LOOK_WINDOW = 5_000;

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
  const outcomes: Outcome[] = [];
  for (const doubt of byTarget(journal.doubts)) outcomes.push(...(await settleDoubt(run, doubt)));
  return outcomes;
}

/**
 * True when a first pass may find messages at the target that the ledger knows nothing of: another tool copied them,
 * the ledger was lost, or the source has given its messages other UIDs.
 */
export function isAdoptable({ journal }: FolderRun, target: TargetFolder): boolean {
  const { copied, alreadyThere } = journal.books();
  return !journal.syncPoint && target.messages > copied + alreadyThere;
}

/** Which of these messages the target holds already, so that only what is missing is copied. */
export async function adopt(run: FolderRun, target: TargetFolder, heads: readonly MessageHead[]): Promise<Outcome[]> {
  const taken = await occupiedIds(run, target, true);
  const outcomes: Outcome[] = [];
  await look(run, target, heads, { taken }, (head, there) => outcomes.push(alreadyThere(head, there)));
  return outcomes;
}

/** One look for each target folder, from the lowest of the noted UIDs on. */
function byTarget(doubts: readonly Doubt[]): Doubt[] {
  const merged = new Map<string, Doubt>();
  for (const doubt of doubts) {
    const key = `${doubt.target.uidValidity} ${doubt.target.name}`;
    const known = merged.get(key);
    const uidNext = Math.min(doubt.target.uidNext, known?.target.uidNext ?? Number.POSITIVE_INFINITY);
    const messages = [...(known?.messages ?? []), ...doubt.messages];
    merged.set(key, { messages, target: { ...doubt.target, uidNext } });
  }
  return [...merged.values()];
}

async function settleDoubt(run: FolderRun, doubt: Doubt): Promise<Outcome[]> {
  const { target, plan, journal, signal } = run;
  const begun = new Map(doubt.messages.filter(({ uid }) => !journal.isSettled(uid)).map((message) => [message.uid, message]));
  const uids = [...begun.keys()].sort((one, other) => one - other);
  const now = await target.ensureFolder(plan, { signal });
  const folder: TargetFolder = { ...doubt.target, messages: now.messages };
  // Renumbered since, the noted UIDs mean nothing: the message can stand anywhere.
  const sameNumbers = now.name !== folder.name || now.uidValidity === folder.uidValidity;
  const taken = await occupiedIds(run, folder, sameNumbers);
  const outcomes: Outcome[] = [];
  const where = sameNumbers ? { taken, fromUid: folder.uidNext } : { taken };
  const listed = await look(
    run,
    folder,
    uids.map((uid) => ({ uid })),
    where,
    (head, there) => outcomes.push(alreadyThere(head, there)),
  );
  for (const uid of uids) {
    if (!listed.has(uid)) outcomes.push({ uid, size: begun.get(uid)?.size ?? 0, kind: "vanished" });
  }
  return outcomes;
}

function alreadyThere({ uid, size }: MessageHead, { id }: Appended): Outcome {
  return { uid, size, kind: "alreadyThere", ...(id === undefined ? {} : { id }) };
}

/**
 * Ids at the target that belong to settled messages. Where the target told none (no UIDPLUS), or has given out others
 * since, the settled messages are looked up first, so that a twin in doubt is not mistaken for one of them.
 */
async function occupiedIds(run: FolderRun, folder: TargetFolder, sameNumbers: boolean): Promise<Set<string>> {
  const { journal, source, plan, signal } = run;
  const { copied, alreadyThere: there } = journal.books();
  const taken = sameNumbers ? await journal.takenIds() : new Set<string>();
  if (taken.size >= copied + there) return taken;
  const settled: MessageHead[] = [];
  for await (const head of source.listMessages(plan.source, { signal })) if (journal.isSettled(head.uid)) settled.push(head);
  await look(run, folder, settled, { taken }, () => {});
  return taken;
}

/**
 * Asks the target for these messages, a window at a time; what is found is added to `taken`. Returns the UIDs that the
 * source still lists.
 */
async function look(
  run: FolderRun,
  folder: TargetFolder,
  messages: readonly Pick<MessageHead, "uid">[],
  where: { taken: Set<string>; fromUid?: number },
  onFound: (head: MessageHead, there: Appended) => void,
): Promise<Set<number>> {
  const { source, target, plan, signal } = run;
  const listed = new Set<number>();
  for (let at = 0; at < messages.length; at += LOOK_WINDOW) {
    const uids = messages.slice(at, at + LOOK_WINDOW).map(({ uid }) => uid);
    const heads: MessageHead[] = [];
    for await (const head of source.listMessages(plan.source, { uids, headers: true, signal })) heads.push(head);
    const found = await target.find(folder, heads, { ...where, signal });
    for (const head of heads) {
      listed.add(head.uid);
      const there = found.get(head.uid);
      if (!there) continue;
      if (there.id !== undefined) where.taken.add(there.id);
      onFound(head, there);
    }
  }
  return listed;
}
