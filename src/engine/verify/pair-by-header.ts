import { headerKey } from "../../mail/header-key.js";
import type { MessageHead } from "../../mail/message.js";
import { stableHeader } from "../../mail/stable-header.js";
import { UidSet } from "../../mail/uid-set.js";
import type { HeldRecord } from "../../store/migration-store.js";
import { flagNames } from "./compare-heads.js";
import type { FolderVerification, Pair, PairWindow, VerifiedPage } from "./verify-run.js";
import { windows } from "./windows.js";

/** Header blocks held at a time for each end. */
const WINDOW = 2_000;
const NO_DATE = new Date(Number.NaN);

/** What is kept of a message until its other half is found. */
interface Seen<Which> {
  readonly which: Which;
  /** The key of its header block without its date. */
  readonly key: string;
  readonly seconds: number;
  readonly size: number;
  readonly flags: string;
}

/**
 * Pairs messages whose ids the ledger does not know, or no more, with those of the target that no other message is: by
 * header key, INTERNALDATE, size and flags, then by less and less of that, at last by header key alone; equal messages by
 * count. Both ends
 * are read side by side in windows. They have about the same order, so that few messages wait for their other half.
 *
 * Rows that nothing was found for are counted as missing; those that the source does not list any more as unverified.
 */
export async function* pairByHeader(
  check: FolderVerification,
  { page, folder }: Omit<PairWindow, "pairs">,
  rows: AsyncIterable<HeldRecord>,
  candidates: UidSet,
): AsyncGenerator<Pair[]> {
  const pool = new Pool();
  const there = windows(rows, WINDOW);
  const here = windows(each(candidates), WINDOW);
  for (;;) {
    const [rowWindow, uidWindow] = await Promise.all([there.next(), here.next()]);
    if (rowWindow.done && uidWindow.done) break;
    await Promise.all([
      rowWindow.done ? undefined : addRows(check, page, rowWindow.value, pool),
      uidWindow.done ? undefined : addCandidates(check, folder, uidWindow.value, pool),
    ]);
    yield* pool.take(({ key, seconds, size, flags }) => `${key} ${seconds} ${size} ${flags}`);
  }
  yield* pool.take(({ key, seconds, size }) => `${key} ${seconds} ${size}`);
  yield* pool.take(({ key, seconds }) => `${key} ${seconds}`);
  yield* pool.take(({ key }) => key);
  for (const { which } of pool.rows) missing(check, page, which);
}

async function* each(uids: Iterable<number>): AsyncGenerator<number> {
  yield* uids;
}

async function addRows(
  check: FolderVerification,
  page: VerifiedPage,
  rows: readonly HeldRecord[],
  pool: Pool,
): Promise<void> {
  const byUid = new Map(rows.map((row) => [row.uid, row]));
  const source = await check.sourceOf(page);
  if (source) {
    const options = { uids: [...byUid.keys()], headers: true, signal: check.signal };
    for await (const head of source.mailbox.listMessages(source.folder, options)) {
      const row = byUid.get(head.uid);
      if (!row || !byUid.delete(head.uid)) continue;
      pool.rows.push({ ...seen(head, check.rewrites), which: row, size: row.size || head.size });
    }
  }
  check.tally.count({ unverified: byUid.size, withoutSource: byUid.size });
}

async function addCandidates(
  { target, rewrites, signal }: FolderVerification,
  folder: PairWindow["folder"],
  uids: number[],
  pool: Pool,
): Promise<void> {
  for await (const head of target.listMessages(folder, { uids, headers: true, signal })) {
    pool.candidates.push({ ...seen(head, rewrites), which: head.uid });
  }
}

function seen(head: MessageHead, rewrites: boolean) {
  const { header = new Uint8Array(), internalDate, size } = head;
  const seconds = Math.floor(internalDate.getTime() / 1000);
  const key = rewrites ? stableHeader(header).digest : headerKey(header, NO_DATE);
  return { key, seconds, size, flags: [...flagNames(head)].sort().join(" ") };
}

/** A message that the target said it holds, and does not. */
export function missing({ path, tally }: FolderVerification, page: VerifiedPage, { uid, id }: HeldRecord): void {
  tally.add({ kind: "missing", folder: page.path, target: path, uid, ...(id !== undefined && { id }) }, false);
}

class Pool {
  rows: Seen<HeldRecord>[] = [];
  candidates: Seen<number>[] = [];

  /** Pairs what has the same label, each once; a window of pairs at a time. */
  *take(labelOf: (seen: Omit<Seen<unknown>, "which">) => string): Generator<Pair[]> {
    const waiting = new Map<string, Seen<number>[]>();
    for (const candidate of this.candidates) {
      const label = labelOf(candidate);
      const group = waiting.get(label);
      if (group) group.push(candidate);
      else waiting.set(label, [candidate]);
    }
    for (const group of waiting.values()) group.reverse(); // the lowest UID is taken first
    const pairs: Pair[] = [];
    const taken = new UidSet();
    this.rows = this.rows.filter((row) => {
      const candidate = waiting.get(labelOf(row))?.pop();
      if (!candidate) return true;
      taken.add(candidate.which);
      pairs.push({ row: row.which, here: candidate.which, label: row.key });
      return false;
    });
    this.candidates = this.candidates.filter(({ which }) => !taken.has(which));
    for (let at = 0; at < pairs.length; at += WINDOW) yield pairs.slice(at, at + WINDOW);
  }
}
