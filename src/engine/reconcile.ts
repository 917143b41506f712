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
  return (!journal.syncPoint || journal.renumbered) && target.messages > copied + alreadyThere;
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
  // The last beginning knew the size best.
  const begun = new Map(
    doubt.messages.filter(({ uid }) => !journal.isSettled(uid)).map((message) => [message.uid, message]),
  );
  const messages = [...begun.values()].sort((one, other) => one.uid - other.uid);
  const now = await target.ensureFolder(plan, { signal });
  const folder: TargetFolder = { ...doubt.target, messages: now.messages };
  // Renumbered since, the noted UIDs mean nothing: the message can stand anywhere.
  const sameNumbers = now.name !== folder.name || now.uidValidity === folder.uidValidity;
  const taken = await occupiedIds(run, folder, sameNumbers);
  const outcomes: Outcome[] = [];
  const where = sameNumbers ? { taken, fromUid: folder.uidNext } : { taken };
  const listed = await look(run, folder, messages, where, (head, there) => outcomes.push(alreadyThere(head, there)));
  for (const { uid, size } of messages) if (!listed.has(uid)) outcomes.push({ uid, size, kind: "vanished" });
  return outcomes;
}

function alreadyThere({ uid, size }: MessageHead, { id }: Appended): Outcome {
  return { uid, size, kind: "alreadyThere", ...(id === undefined ? {} : { id }) };
}

/**
 * Ids at the target that belong to messages which it is known to hold. Where it told none (no UIDPLUS), or has given out
 * others since, these messages are looked up first, so that a twin in doubt is not mistaken for one of them.
 */
async function occupiedIds(run: FolderRun, folder: TargetFolder, sameNumbers: boolean): Promise<Set<string>> {
  const taken = new Set<string>();
  const unknown: { uid: number }[] = [];
  for (const [uid, id] of await run.journal.idsAtTarget()) {
    if (sameNumbers && id !== undefined) taken.add(id);
    else unknown.push({ uid });
  }
  unknown.sort((one, other) => one.uid - other.uid);
  await look(run, folder, unknown, { taken }, () => {});
  return taken;
}

/**
 * Asks the target for these messages, a window at a time; what is found is added to `taken`. A message of a known size
 * is looked for by that, whatever the listing says. Returns the UIDs that the source still lists.
 */
async function look(
  run: FolderRun,
  folder: TargetFolder,
  messages: readonly { readonly uid: number; readonly size?: number }[],
  where: { taken: Set<string>; fromUid?: number },
  onFound: (head: MessageHead, there: Appended) => void,
): Promise<Set<number>> {
  const { source, target, plan, signal } = run;
  const listed = new Set<number>();
  for (let at = 0; at < messages.length; at += LOOK_WINDOW) {
    const sizes = new Map(messages.slice(at, at + LOOK_WINDOW).map(({ uid, size }) => [uid, size]));
    const listing = source.listMessages(plan.source, { uids: [...sizes.keys()], headers: true, signal });
    const heads: MessageHead[] = [];
    for await (const head of listing) heads.push({ ...head, size: sizes.get(head.uid) || head.size });
    await measure(run, heads);
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

/** Where the source names no size, only the message itself tells it. */
async function measure({ source, plan, signal }: FolderRun, heads: MessageHead[]): Promise<void> {
  const unsized = new Map(heads.flatMap(({ uid, size }, at) => (size === 0 ? [[uid, at]] : [])));
  if (unsized.size === 0) return;
  for await (const { uid, content } of source.fetch(plan.source, [...unsized.keys()], { signal })) {
    const { size } = content;
    content.cancel();
    const at = unsized.get(uid);
    const head = at === undefined ? undefined : heads[at];
    if (at !== undefined && head) heads[at] = { ...head, size };
  }
}
