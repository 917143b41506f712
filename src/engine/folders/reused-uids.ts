import type { SourceFolder } from "../../mail/folder.js";
import type { MailSource } from "../../mail/mail-source.js";
import { isReadable, type MailTarget } from "../../mail/mail-target.js";
import type { MessageHead } from "../../mail/message.js";
import type { FolderJournal, HeldRecord } from "../../store/migration-store.js";

/** Messages that are compared: the newest, whose UIDs are given out again first. */
const SAMPLE = 16;

/** Both ends, before anything is sent. */
interface BothEnds {
  readonly source: MailSource;
  readonly target: MailTarget;
  readonly signal: AbortSignal;
}

/**
 * Whether a folder's UIDs name other messages than the ledger has under them, though its UIDVALIDITY has stayed: a server
 * that was restored from a backup, or a mailbox made anew by one that always gives the same value. What tells it:
 *
 * - UIDNEXT is lower than it was, and no message stands at or above it;
 * - of the newest 16 messages that the target holds, some have another size here, and each of those has another
 *   INTERNALDATE than its copy at the target. A size alone proves nothing: servers serve a message otherwise after an
 *   update.
 */
export async function hasReusedUids(ends: BothEnds, folder: SourceFolder, journal: FolderJournal): Promise<boolean> {
  if (!folder.selectable || journal.highestUid === 0) return false;
  return (await hasGoneBack(ends, folder, journal)) || (await areOthers(ends, folder, journal));
}

async function hasGoneBack({ source, signal }: BothEnds, folder: SourceFolder, journal: FolderJournal) {
  const { uidNext } = folder;
  const known = Math.max(journal.highestUid + 1, journal.syncPoint?.uidNext ?? 0);
  if (uidNext === 0 || uidNext >= known) return false;
  for await (const _head of source.listMessages(folder, { fromUid: uidNext, signal })) return false;
  return true;
}

async function areOthers(
  { source, target, signal }: BothEnds,
  folder: SourceFolder,
  journal: FolderJournal,
): Promise<boolean> {
  if (!isReadable(target) || !journal.target) return false;
  const sample = await journal.newestAtTarget(SAMPLE);
  const differing = await withAnotherSize(source.listMessages(folder, { uids: uidsOf(sample), signal }), sample);
  if (differing.size === 0) return false;
  const place = await target.examineFolder(journal.target, { signal });
  if (place?.uidValidity !== journal.target.uidValidity) return false;
  const uids = [...differing.keys()].sort((one, other) => one - other);
  let compared = 0;
  for await (const { uid, internalDate } of target.listMessages(place, { uids, signal })) {
    const here = differing.get(uid);
    if (!here) continue;
    if (seconds(here.internalDate) === seconds(internalDate)) return false;
    compared += 1;
  }
  return compared > 0;
}

function uidsOf(sample: readonly HeldRecord[]): number[] {
  return sample.map(({ uid }) => uid).sort((one, other) => one - other);
}

/** The heads of those whose size is another than the ledger has, by their ids at the target. */
async function withAnotherSize(
  heads: AsyncIterable<MessageHead>,
  sample: readonly HeldRecord[],
): Promise<Map<number, MessageHead>> {
  const records = new Map(sample.map((record) => [record.uid, record]));
  const differing = new Map<number, MessageHead>();
  for await (const head of heads) {
    const { id, size, lost } = records.get(head.uid) ?? {};
    const isDated = !lost?.includes("internal-date") && !Number.isNaN(head.internalDate.getTime());
    if (id !== undefined && isDated && head.size > 0 && size !== head.size) differing.set(Number(id), head);
  }
  return differing;
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
