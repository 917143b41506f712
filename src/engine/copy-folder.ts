import { MigrationError } from "../errors.js";
import { folderPath } from "../mail/folder.js";
import type { MessageHead } from "../mail/message.js";
import { ruleAgainst } from "../mail/message-filter.js";
import type { Outcome } from "../outcome.js";
import { splitRest } from "../providers/split-rest.js";
import type { SyncPoint } from "../store/migration-store.js";
import { Adoption } from "./adopt.js";
import { copyMessages } from "./copy-messages.js";
import { type FlagRange, followFlags } from "./flag-changes.js";
import type { FolderRun } from "./folder-run.js";
import { OutcomeLedger } from "./outcome-ledger.js";
import { reconcile } from "./reconcile.js";

/** Messages listed at a time where a folder holds more: what is known of them has to fit in memory. */
const LISTING_WINDOW = 4_000;
/** Two parts are known at a time anyhow, and between them every answer is waited for. */
const WHOLE_FOLDER = 2 * LISTING_WINDOW;

/** One folder: settle what is in doubt, list, copy what has no outcome yet, close the page. */
export async function copyFolder(run: FolderRun): Promise<void> {
  const { plan, journal, tell } = run;
  if (plan.refusal !== undefined)
    throw new MigrationError("folder-name", plan.refusal, { folder: folderPath(plan.source.levels) });
  const ledger = new OutcomeLedger(journal, run.clock, (outcomes) => tell.settled(plan, outcomes, journal.books()));
  for (const outcome of await reconcile(run)) ledger.add(outcome);
  for (const outcome of await vanishedSinceTheyFailed(run)) ledger.add(outcome);
  await ledger.flush();
  const [found, target] = await Promise.all([
    plan.source.selectable ? firstListing(run) : { heads: [], rest: undefined },
    run.target.ensureFolder(plan, { signal: run.signal }),
  ]);
  // Asked once: what this pass copies itself must not hide what stood there before it.
  const adoption = Adoption.of(run, target);
  if (adoption) await journal.begin([], target);
  let listing: Listing = found;
  let excess = Math.max(0, plan.source.messages - run.allowance - journal.books().skipped);
  let total = journal.settledCount;
  let highest = journal.highestUid;
  const followed: FlagRange = { upTo: highest, moved: [] };
  while (true) {
    let todo = listing.heads.filter((head) => !journal.isSettled(head.uid));
    total += todo.length;
    highest = Math.max(highest, listing.heads.at(-1)?.uid ?? 0);
    tell.started(plan, total);
    todo = withoutHeld(run, todo, ledger);
    // The newest are worth most: the excess is taken from the lowest UIDs.
    const skipped = todo.splice(0, excess);
    excess -= skipped.length;
    for (const head of skipped) ledger.add({ uid: head.uid, size: head.size, kind: "skipped", rule: "too-many" }, head);
    todo = withoutFiltered(run, todo, ledger);
    if (adoption) {
      for (const outcome of await adoption.adopt(todo)) ledger.add(outcome);
      await ledger.flush();
      todo = todo.filter((head) => !journal.isSettled(head.uid));
    }
    const moved = (await run.moved?.recognise(run, todo)) ?? [];
    for (const outcome of moved) ledger.add(outcome);
    if (moved.length > 0) {
      await ledger.flush();
      if (run.followsFlags) followed.moved.push(...todo.filter((head) => journal.isSettled(head.uid)));
      todo = todo.filter((head) => !journal.isSettled(head.uid));
    }
    // The next part is listed meanwhile: the source answers in order, and never waits for us.
    const next = listing.rest === undefined ? undefined : listFrom(run, listing.rest);
    next?.catch(() => {});
    await copyMessages(run, target, todo, ledger);
    if (!next) break;
    listing = await next;
  }
  if (run.followsFlags) await followFlags(run, target, followed);
  // Where nothing was sent, the place is kept all the same: the next plan must not choose another.
  if (!journal.target) await journal.begin([], target);
  await journal.finish(total, syncPoint(run, highest));
  tell.completed(plan, journal.books());
}

/** Those that no other folder gave the target; the others get their outcome. */
function withoutHeld({ held }: FolderRun, heads: MessageHead[], ledger: OutcomeLedger): MessageHead[] {
  if (!held) return heads;
  const split = splitRest(heads, held);
  for (const head of split.held)
    ledger.add({ uid: head.uid, size: head.size, kind: "skipped", rule: "held-elsewhere" }, head);
  return split.rest;
}

/** Those that the filter leaves in; the others get their outcome. */
function withoutFiltered({ messageFilter }: FolderRun, heads: MessageHead[], ledger: OutcomeLedger): MessageHead[] {
  if (!messageFilter) return heads;
  return heads.filter((head) => {
    const rule = ruleAgainst(messageFilter, head);
    if (rule) ledger.add({ uid: head.uid, size: head.size, kind: "skipped", rule }, head);
    return rule === undefined;
  });
}

/** Those that failed in an earlier pass, and that the source does not list any more. */
async function vanishedSinceTheyFailed({ journal, plan, source, signal }: FolderRun): Promise<Outcome[]> {
  const uids = journal.failedUids;
  if (uids.length === 0) return [];
  const listed = new Set<number>();
  for await (const { uid } of source.listMessages(plan.source, { uids, signal })) listed.add(uid);
  return uids.filter((uid) => !listed.has(uid)).map((uid) => ({ uid, size: 0, kind: "vanished" }));
}

/** Heads in ascending UID order, and where the next part of the listing begins; absent where this was the last. */
interface Listing {
  readonly heads: MessageHead[];
  readonly rest?: number | undefined;
}

/** Every message after a first pass that did not end; after one that did, what came since and what failed then. */
async function firstListing(run: FolderRun): Promise<Listing> {
  const { journal, plan, source, signal } = run;
  // UIDNEXT is 0 where a filter left the folder out until now.
  if (!journal.syncPoint?.uidNext) return await listFrom(run, 1);
  const failed: MessageHead[] = [];
  if (journal.failedUids.length > 0) {
    for await (const head of source.listMessages(plan.source, { uids: journal.failedUids, signal })) failed.push(head);
  }
  const since = await listFrom(run, journal.syncPoint.uidNext);
  return { heads: [...failed, ...since.heads], rest: since.rest };
}

async function listFrom(run: FolderRun, fromUid: number): Promise<Listing> {
  const { plan, source, signal } = run;
  const { messages, uidNext } = plan.source;
  const whole = messages <= WHOLE_FOLDER || uidNext === 0;
  // What came since may still be about to be given by another folder.
  const last = run.held && uidNext > 0 ? uidNext - 1 : undefined;
  let size = LISTING_WINDOW;
  let from = fromUid;
  while (true) {
    const isLast = whole || from + size >= uidNext;
    const toUid = isLast ? last : from + size - 1;
    const heads: MessageHead[] = [];
    const range = toUid === undefined ? { fromUid: from } : { fromUid: from, toUid };
    if (from > (toUid ?? from)) return { heads };
    for await (const head of source.listMessages(plan.source, { ...range, signal })) heads.push(head);
    if (isLast || toUid === undefined) return { heads };
    if (heads.length > 0) return { heads, rest: toUid + 1 };
    // UIDs can lie far apart: a gap is crossed in ever larger steps.
    from = toUid + 1;
    size *= 16;
  }
}

/** How far this pass has read. What arrives while it goes on lies above, and is the next pass's. */
function syncPoint({ plan, followsFlags }: FolderRun, highest: number): SyncPoint {
  const { uidNext, messages, highestModSeq } = plan.source;
  return {
    uidNext: Math.max(uidNext, highest + 1),
    messages,
    ...(highestModSeq === undefined ? {} : { highestModSeq }),
    ...(followsFlags && { flags: true }),
  };
}
