import type { TargetFolder } from "../../mail/folder.js";
import { UidSet } from "../../mail/uid-set.js";
import type { HeldRecord } from "../../store/migration-store.js";
import { missing, pairByHeader } from "./pair-by-header.js";
import { PairVerification } from "./verify-pairs.js";
import type { FolderVerification, Pair, VerifiedPage } from "./verify-run.js";
import { windows } from "./windows.js";

/** Heads held at a time for each end; with header blocks, fewer. */
const WINDOW = 10_000;
const HEADER_WINDOW = 2_000;

/**
 * Looks at the target for every message that the ledger says stands in one folder: first those that it knows the ids of,
 * then the others, among the messages that are left. What is left in the end is surplus.
 */
export async function verifyFolder(check: FolderVerification): Promise<void> {
  const { name, path, target, pages, tally, signal } = check;
  const folder = name === undefined ? undefined : await target.examineFolder({ name, path }, { signal });
  if (!folder) {
    for (const page of pages) for await (const row of looked(check, page)) missing(check, page, row);
    return;
  }
  const present = await listUids(check, folder);
  const known = new Map(pages.map((page) => [page, new UidSet()]));
  const pairs = new PairVerification(check);
  const unnumbered: PageVerification[] = [];
  for (const [page, own] of known) {
    const under = { page, folder, pairs, present, known: own };
    if (await verifyNumbered(check, under)) unnumbered.push(under);
  }
  for (const under of unnumbered)
    await verifyUnnumbered(check, under, without(present, claimsAgainst(under.page, known)));
  await pairs.finish();
  for (const uid of without(present, [...known.values()]))
    tally.add({ kind: "surplus", target: path, id: String(uid) });
}

/**
 * The messages that are not left for a page to find its own among. What another page of the same source folder has, under
 * another UIDVALIDITY, is left: they are the same messages.
 */
function claimsAgainst(page: VerifiedPage, known: ReadonlyMap<VerifiedPage, UidSet>): UidSet[] {
  return [...known].filter(([other]) => other === page || other.name !== page.name).map(([, uids]) => uids);
}

function without(present: UidSet, claimed: readonly UidSet[]): UidSet {
  const left = new UidSet();
  for (const uid of present) if (!claimed.some((uids) => uids.has(uid))) left.add(uid);
  return left;
}

/** One page while it is verified. */
interface PageVerification {
  readonly page: VerifiedPage;
  readonly folder: TargetFolder;
  readonly pairs: PairVerification;
  /** What stands in the target folder. */
  readonly present: UidSet;
  /** What of that is a message of this page. */
  readonly known: UidSet;
}

/** The messages whose ids the ledger knows; true where there are others. */
async function verifyNumbered(check: FolderVerification, under: PageVerification): Promise<boolean> {
  const { page, folder, present, known } = under;
  let hasOthers = false;
  for await (const rows of windows(check.held(page), check.level < 3 ? WINDOW : HEADER_WINDOW)) {
    const pairs: Pair[] = [];
    for (const row of rows) {
      const here = idOf(row, page, folder);
      if (here === undefined) {
        hasOthers = true;
        continue;
      }
      check.tally.count({ checked: 1 });
      known.add(here);
      if (present.has(here)) pairs.push({ row, here });
      else missing(check, page, row);
    }
    await under.pairs.compare({ page, folder, pairs });
  }
  return hasOthers;
}

async function verifyUnnumbered(check: FolderVerification, under: PageVerification, candidates: UidSet): Promise<void> {
  const { page, folder, known } = under;
  const rows = looked(check, page, (row) => idOf(row, page, folder) === undefined);
  for await (const pairs of pairByHeader(check, { page, folder }, rows, candidates)) {
    for (const { here } of pairs) known.add(here);
    await under.pairs.compare({ page, folder, pairs });
  }
}

async function* looked(
  { held, tally }: FolderVerification,
  page: VerifiedPage,
  isMeant: (row: HeldRecord) => boolean = () => true,
): AsyncGenerator<HeldRecord> {
  for await (const row of held(page)) {
    if (!isMeant(row)) continue;
    tally.count({ checked: 1 });
    yield row;
  }
}

/** The UID that the target told; undefined where it told none, or has given out others since. */
function idOf({ id }: HeldRecord, { idsOf }: VerifiedPage, { uidValidity }: TargetFolder): number | undefined {
  return id !== undefined && idsOf === uidValidity && /^\d+$/.test(id) ? Number(id) : undefined;
}

/** Every UID below the UIDNEXT that the folder was examined with: what arrives meanwhile is nobody's concern. */
async function listUids({ target, signal }: FolderVerification, folder: TargetFolder): Promise<UidSet> {
  const present = new UidSet();
  const last = folder.uidNext === 0 ? Number.POSITIVE_INFINITY : folder.uidNext - 1;
  const whole = folder.messages <= WINDOW || folder.uidNext === 0;
  for (let fromUid = 1, size = WINDOW; fromUid <= last && folder.messages > 0; ) {
    const toUid = whole ? last : Math.min(last, fromUid + size - 1);
    const range = toUid === Number.POSITIVE_INFINITY ? { fromUid } : { fromUid, toUid };
    const before = present.size;
    for await (const { uid } of target.listMessages(folder, { ...range, signal })) present.add(uid);
    // UIDs can lie far apart: a gap is crossed in ever larger steps.
    size = present.size === before ? size * 16 : WINDOW;
    fromUid = toUid + 1;
  }
  return present;
}
