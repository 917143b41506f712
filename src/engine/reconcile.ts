import { followedFlags } from "../mail/flags.js";
import type { TargetFolder } from "../mail/folder.js";
import { headerDigest } from "../mail/header-key.js";
import type { Appended } from "../mail/mail-target.js";
import type { MessageHead } from "../mail/message.js";
import { messageIdentity } from "../mail/message-identity.js";
import type { AlreadyThere, Outcome } from "../outcome.js";
import type { Doubt } from "../store/migration-store.js";
import type { FolderRun } from "./folder-run.js";
import { look, occupiedIds } from "./target-look.js";

/**
 * Finds out which messages in doubt have arrived: begun by an earlier attempt, whose answer nobody heard. They can
 * stand only in the target folder's UIDs from the noted UIDNEXT on, so the look is as small as the doubt.
 * Messages that are not there stay without an outcome, and are copied like any other; where the look could not tell, they
 * are added to `run.uncertain` and copied too, for losing a message is worse than doubling it.
 */
export async function reconcile(run: FolderRun): Promise<Outcome[]> {
  const { journal, clock, signal } = run;
  if (!awaitsSettling(run)) return [];
  const waitMs = run.lookFrom - clock.now();
  if (waitMs > 0) await clock.sleep(waitMs, signal);
  const outcomes: Outcome[] = [];
  for (const doubt of byTarget(journal.doubts)) outcomes.push(...(await settleDoubt(run, doubt)));
  return outcomes;
}

/** Whether messages may still be arriving: those in doubt, and those that were so under an earlier UIDVALIDITY. */
export function awaitsSettling({ journal }: Pick<FolderRun, "journal">): boolean {
  return journal.doubts.length > 0 || (journal.renumbered && !journal.syncPoint);
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
  const { target, plan, journal, signal, uncertain } = run;
  // The last beginning knew the size best.
  const begun = new Map(
    doubt.messages.filter(({ uid }) => !journal.isSettled(uid)).map((message) => [message.uid, message]),
  );
  const messages = [...begun.values()].sort((one, other) => one.uid - other.uid);
  const now = await target.ensureFolder(plan, { signal });
  // Renumbered since, the noted UIDs mean nothing: the message can stand anywhere.
  const isRenumbered = now.name === doubt.target.name && now.uidValidity !== doubt.target.uidValidity;
  const folder: TargetFolder = isRenumbered ? now : { ...doubt.target, messages: now.messages };
  const taken = await occupiedIds(run, folder);
  const where = { folder, taken: taken ?? new Set<string>(), begun: true };
  const outcomes: Outcome[] = [];
  const { listed, unsure } = await look(
    run,
    messages,
    isRenumbered ? where : { ...where, fromUid: doubt.target.uidNext },
    (head, there) => {
      // What cannot be told from the messages that were there before decides nothing.
      if (taken) outcomes.push(alreadyThere(run, head, there));
      else uncertain.add(head.uid);
    },
  );
  for (const uid of unsure) uncertain.add(uid);
  for (const { uid, size } of messages) if (!listed.has(uid)) outcomes.push({ uid, size, kind: "vanished" });
  return outcomes;
}

export function alreadyThere(
  { followsFlags }: Pick<FolderRun, "followsFlags">,
  { uid, size, emailId, header, internalDate, flags }: MessageHead,
  { id, lost }: Appended,
): AlreadyThere {
  const identity = header && messageIdentity(internalDate, headerDigest(header));
  return {
    ...{ uid, size, kind: "alreadyThere" },
    ...(id !== undefined && { id }),
    ...(emailId !== undefined && { emailId }),
    ...(lost && { lost }),
    ...(identity && { identity }),
    ...(followsFlags && { flags: followedFlags(flags) }),
  };
}
