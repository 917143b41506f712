import { MigrationError } from "../errors.js";
import { type Flag, followedFlags } from "../mail/flags.js";
import type { TargetFolder } from "../mail/folder.js";
import type { FlagUpdate, MailTarget } from "../mail/mail-target.js";
import type { MessageHead } from "../mail/message.js";
import type { HeldFlags, KeptFlags } from "../store/migration-store.js";
import type { FolderRun } from "./folder-run.js";

/** UIDs that are asked for at a time. */
const UID_WINDOW = 4_000;

/** The messages of a folder whose flags are compared. */
export interface FlagRange {
  /** The highest UID that had an outcome before this pass; flags of later ones came with their copies. */
  readonly upTo: number;
  /** Those of this pass whose copies stand at the target already. */
  readonly moved: MessageHead[];
}

type FlagChange = Pick<FlagUpdate, "add" | "remove">;

/** What is to be done in one target folder, by the change of flags. */
interface FolderUpdates {
  readonly folder: Pick<TargetFolder, "name" | "path" | "uidValidity">;
  readonly byChange: Map<string, FlagUpdate & { readonly ids: string[] }>;
}

/** @throws MigrationError `option-invalid` where the target cannot change flags */
export function checkFollowsFlags(target: MailTarget): void {
  if (target.updateFlags) return;
  throw new MigrationError("option-invalid", "syncFlags is set, and this target cannot change flags after the append");
}

/**
 * Carries to the target which flags the source has set and cleared since it was last asked, and nothing else. For each flag
 * there are three states: at the source then (the ledger), at the source now, at the target. One that the source has
 * changed and the target has not is changed there; one that both have changed is alike at both; one that only the target
 * has changed stays. So the target need not be asked: setting and clearing single flags does the same.
 *
 * The ledger notes which flags are about to change, and takes the source's over once the target has said OK: what a crash
 * comes between is done again.
 */
export async function followFlags(run: FolderRun, folder: TargetFolder, { upTo, moved }: FlagRange): Promise<void> {
  for (let at = 0; at < moved.length; at += UID_WINDOW) {
    await carryOver(run, folder, moved.slice(at, at + UID_WINDOW));
  }
  if (!run.plan.source.selectable) return;
  for await (const heads of changedHeads(run, upTo)) await carryOver(run, folder, heads);
}

/** Those whose flags may have changed; with CONDSTORE only those that have, and nothing is asked where none has. */
async function* changedHeads(
  { plan, journal, source, signal }: FolderRun,
  upTo: number,
): AsyncGenerator<MessageHead[]> {
  const { highestModSeq: now } = plan.source;
  const { flags: wereFollowed, highestModSeq: then } = journal.syncPoint ?? {};
  // A server that was restored from a backup counts from where it was then.
  const changedSince = wereFollowed && then !== undefined && now !== undefined && now >= then ? then : undefined;
  if (upTo === 0 || (changedSince !== undefined && changedSince === now)) return;
  let width = changedSince === undefined ? UID_WINDOW : upTo;
  for (let fromUid = 1; fromUid <= upTo; ) {
    const toUid = Math.min(upTo, fromUid + width - 1);
    const range = { fromUid, toUid, signal, ...(changedSince !== undefined && { changedSince }) };
    const heads: MessageHead[] = [];
    for await (const head of source.listMessages(plan.source, range)) heads.push(head);
    // UIDs can lie far apart: a gap is crossed in ever larger steps.
    width = heads.length === 0 ? width * 16 : UID_WINDOW;
    fromUid = toUid + 1;
    for (let at = 0; at < heads.length; at += UID_WINDOW) yield heads.slice(at, at + UID_WINDOW);
  }
}

async function carryOver(run: FolderRun, folder: TargetFolder, heads: readonly MessageHead[]): Promise<void> {
  const { journal, target, signal } = run;
  const held = await journal.heldFlags?.(heads.map(({ uid }) => uid));
  const begun = new Map<number, KeptFlags>();
  const done = new Map<number, KeptFlags>();
  const updates = new Map<string, FolderUpdates>();
  for (const head of heads) {
    const known = held?.get(head.uid);
    if (!known) continue;
    const now = followedFlags(head.flags);
    const { flags } = known;
    // Seen for the first time: what changed before, nobody knows.
    if (!flags) done.set(head.uid, { flags: now });
    const change = flags && changeOf({ ...known, flags }, now);
    const place = placeOf(run, folder, known);
    if (!change || known.id === undefined || !place) continue;
    enter(updates, place, known.id, change);
    begun.set(head.uid, { flags, inDoubt: [...change.add, ...change.remove] });
    done.set(head.uid, { flags: now });
  }
  // Intent before effect: after a crash these flags are set and cleared again, even if the source has changed them back.
  if (begun.size > 0) await journal.keepFlags?.(begun);
  for (const { folder: place, byChange } of updates.values()) {
    try {
      await target.updateFlags?.(place, [...byChange.values()], { signal });
    } catch (cause) {
      const { code } = MigrationError.from(cause);
      // A copy that stayed in another folder may be gone with it: there is nothing left to change.
      if (place.name === folder.name || (code !== "folder-missing" && code !== "uidvalidity-changed")) throw cause;
    }
  }
  if (done.size > 0) await journal.keepFlags?.(done);
}

/** Undefined where there is nothing to change. */
function changeOf({ flags, inDoubt = [] }: KeptFlags, now: readonly Flag[]): FlagChange | undefined {
  const add = now.filter((flag) => !has(flags, flag) || has(inDoubt, flag));
  const remove = [...flags, ...without(inDoubt, flags)].filter((flag) => !has(now, flag));
  return add.length + remove.length > 0 ? { add, remove } : undefined;
}

/** Where the copy stands; undefined where the ids that the ledger has are not those of the folder any more. */
function placeOf({ journal }: FolderRun, folder: TargetFolder, { movedFrom }: HeldFlags) {
  if (movedFrom) return movedFrom.target;
  const { name, uidValidity } = journal.target ?? {};
  return name === folder.name && uidValidity === folder.uidValidity ? folder : undefined;
}

function enter(
  updates: Map<string, FolderUpdates>,
  folder: FolderUpdates["folder"],
  id: string,
  { add, remove }: FlagChange,
): void {
  const place = `${folder.uidValidity} ${folder.name}`;
  const inFolder = updates.get(place) ?? { folder, byChange: new Map() };
  updates.set(place, inFolder);
  const change = `+${add.join(" ")} -${remove.join(" ")}`.toLowerCase();
  const update = inFolder.byChange.get(change) ?? { ids: [], add, remove };
  inFolder.byChange.set(change, update);
  update.ids.push(id);
}

function without(flags: readonly Flag[], others: readonly Flag[]): Flag[] {
  return flags.filter((flag) => !has(others, flag));
}

/** Flags are the same in whatever case. */
function has(flags: readonly Flag[], flag: Flag): boolean {
  return flags.some((other) => other.toLowerCase() === flag.toLowerCase());
}
