import { createHash } from "node:crypto";
import { MigrationError } from "../errors.js";
import type { TargetFolder } from "../mail/folder.js";
import { headerDigest, secondsOf } from "../mail/header-key.js";
import type { FindOptions, Found } from "../mail/mail-target.js";
import type { MessageContent, MessageHead } from "../mail/message.js";
import type { PageTarget } from "../store/migration-store.js";
import type { FolderRun } from "./folder-run.js";
import { contentTraits } from "./verify/content-traits.js";

/** Messages whose header blocks are held at a time. */
const LOOK_WINDOW = 5_000;

/** A message that is looked for; one of a known size by that, whatever the listing says. */
export interface LookFor {
  readonly uid: number;
  readonly size?: number;
}

/** Where to look, and how. */
export interface LookWhere extends Pick<FindOptions, "fromUid" | "begun" | "snapshot"> {
  readonly folder: TargetFolder;
  /** Ids that other messages have; those that are found are added. */
  readonly taken: Set<string>;
}

/** What a look has told besides what it found. */
export interface Looked {
  /** UIDs that the source still lists. */
  readonly listed: Set<number>;
  /** UIDs of messages that may be there or not. */
  readonly unsure: Set<number>;
}

type OnFound = (head: MessageHead, there: Found) => void;

/** Asks the target for these messages, a window at a time. */
export async function look(
  run: FolderRun,
  messages: readonly LookFor[],
  where: LookWhere,
  onFound: OnFound,
): Promise<Looked> {
  const looked: Looked = { listed: new Set(), unsure: new Set() };
  for (let at = 0; at < messages.length; at += LOOK_WINDOW) {
    const heads = await headsOf(run, messages.slice(at, at + LOOK_WINDOW));
    for (const { uid } of heads) looked.listed.add(uid);
    const found = await find(run, heads, where);
    if (found && where.begun) await explainSizes(run, heads, found, where);
    const contested = found ? await contestedTwins(run, heads, found) : new Set<number>();
    for (const head of heads) {
      const there = found?.get(head.uid);
      if (!found || there?.unsure || contested.has(head.uid)) looked.unsure.add(head.uid);
      else if (there) {
        if (there.id !== undefined) where.taken.add(there.id);
        onFound(head, there);
      }
    }
  }
  return looked;
}

/**
 * Ids at the target that belong to messages which it is known to hold. Where it told none (no UIDPLUS), or has given out
 * others since, these messages are looked up first, so that a twin is not mistaken for one of them. Undefined where
 * that could not be done.
 */
export async function occupiedIds(
  run: FolderRun,
  folder: TargetFolder,
  where: Pick<FindOptions, "snapshot"> = {},
): Promise<Set<string> | undefined> {
  const { journal } = run;
  const taken = new Set<string>();
  const unknown: LookFor[] = [];
  const areIdsOf = isSame(journal.target, folder);
  for (const [uid, id] of await journal.idsAtTarget()) {
    if (areIdsOf && id !== undefined) taken.add(id);
    else unknown.push({ uid });
  }
  unknown.sort((one, other) => one.uid - other.uid);
  let couldLook = true;
  for (let at = 0; at < unknown.length && couldLook; at += LOOK_WINDOW) {
    const heads = await headsOf(run, unknown.slice(at, at + LOOK_WINDOW));
    const found = await find(run, heads, { ...where, folder, taken });
    couldLook = found !== undefined;
    for (const { id, unsure } of found?.values() ?? []) if (id !== undefined && !unsure) taken.add(id);
  }
  return couldLook ? taken : undefined;
}

function isSame(known: PageTarget | undefined, { name, uidValidity }: TargetFolder): boolean {
  return known?.name === name && known.uidValidity === uidValidity;
}

/** Those that the source still lists, with their header blocks. */
async function headsOf(run: FolderRun, messages: readonly LookFor[]): Promise<MessageHead[]> {
  const { source, plan, signal } = run;
  const sizes = new Map(messages.map(({ uid, size }) => [uid, size]));
  const heads: MessageHead[] = [];
  for await (const head of source.listMessages(plan.source, { uids: [...sizes.keys()], headers: true, signal })) {
    heads.push({ ...head, size: sizes.get(head.uid) || head.size });
  }
  // Where the source names no size, only the message itself tells it.
  const unsized = new Set(heads.flatMap(({ uid, size }) => (size === 0 ? [uid] : [])));
  await replaceEach(run, heads, unsized, async (head, content) => {
    content.cancel();
    return { ...head, size: content.size };
  });
  return heads;
}

/** Undefined where the target cannot look through this folder, now or later. */
async function find(
  { target, signal }: FolderRun,
  heads: readonly MessageHead[],
  { folder, ...where }: LookWhere,
): Promise<Map<number, Found> | undefined> {
  try {
    return await target.find(folder, heads, { ...where, signal });
  } catch (cause) {
    const error = MigrationError.from(cause);
    // Nothing stands in a folder that is gone.
    if (error.code === "folder-missing") return new Map();
    if (error.scope === "message" || (error.scope === "folder" && error.retry === "never")) return undefined;
    throw error;
  }
}

/** What is there in another size may have been changed as servers do: the octets tell what sizes that can make. */
async function explainSizes(
  run: FolderRun,
  heads: readonly MessageHead[],
  found: Map<number, Found>,
  where: LookWhere,
): Promise<void> {
  const unsure = new Set([...found].flatMap(([uid, { unsure: isUnsure }]) => (isUnsure ? [uid] : [])));
  if (unsure.size === 0) return;
  const measured = heads.filter(({ uid }) => unsure.has(uid));
  await replaceEach(run, measured, unsure, async (head, content) => {
    const { size } = content;
    const { bareCarriageReturns, bareLineFeeds, endsInLineEnd } = await contentTraits(content);
    return { ...head, size, changes: { fewer: bareCarriageReturns, more: bareLineFeeds + (endsInLineEnd ? 0 : 2) } };
  });
  const taken = new Set(where.taken);
  for (const { id, unsure: isUnsure } of found.values()) if (id !== undefined && !isUnsure) taken.add(id);
  const again = await find(run, measured, { ...where, taken });
  for (const [uid, there] of again ?? []) found.set(uid, there);
}

/**
 * Messages that only their bodies tell apart, where some of them are there and some are not: which ones, nobody can say.
 * Equal in every octet, they are settled by count, and those that cannot be read come last.
 */
async function contestedTwins(
  run: FolderRun,
  heads: readonly MessageHead[],
  found: Map<number, Found>,
): Promise<Set<number>> {
  const partial = twins(heads)
    .map((group) => ({ group, there: group.flatMap(({ uid }) => surely(found.get(uid))) }))
    .filter(({ group, there }) => there.length > 0 && there.length < group.length);
  const all = partial.flatMap(({ group }) => group);
  const digests = new Map<number, string>();
  await replaceEach(run, all, new Set(all.map(({ uid }) => uid)), async (head, content) => {
    digests.set(head.uid, await digestOf(content));
    return head;
  });
  const contested = new Set<number>();
  for (const { group, there } of partial) {
    const uids = group.map(({ uid }) => uid);
    const readable = uids.filter((uid) => digests.has(uid));
    const areEqual = new Set(readable.map((uid) => digests.get(uid))).size <= 1;
    const inOrder = [...readable, ...uids.filter((uid) => !digests.has(uid))];
    inOrder.forEach((uid, at) => {
      const one = there[at];
      if (!areEqual && there.length < readable.length) contested.add(uid);
      else if (one) found.set(uid, one);
      else found.delete(uid);
    });
  }
  return contested;
}

/** Two and more messages with equal header blocks, dates and sizes. */
function twins(heads: readonly MessageHead[]): MessageHead[][] {
  const groups = new Map<string, MessageHead[]>();
  for (const head of heads) {
    const key = `${headerDigest(head.header ?? new Uint8Array())} ${secondsOf(head.internalDate)} ${head.size}`;
    const group = groups.get(key);
    if (group) group.push(head);
    else groups.set(key, [head]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

function surely(found: Found | undefined): Found[] {
  return found && !found.unsure ? [found] : [];
}

async function digestOf(content: MessageContent): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
}

/** Puts what `replace` makes of the message in place of each of these heads; one that cannot be read stays as it is. */
async function replaceEach(
  { source, plan, signal }: FolderRun,
  heads: MessageHead[],
  uids: ReadonlySet<number>,
  replace: (head: MessageHead, content: MessageContent) => Promise<MessageHead>,
): Promise<void> {
  if (uids.size === 0) return;
  const places = new Map(heads.map(({ uid }, at) => [uid, at]));
  const ascending = [...uids].sort((one, other) => one - other);
  for await (const { uid, content } of source.fetch(plan.source, ascending, { signal })) {
    const at = places.get(uid);
    const head = at === undefined ? undefined : heads[at];
    if (at === undefined || !head) {
      content.cancel();
      continue;
    }
    try {
      heads[at] = await replace(head, content);
    } catch (cause) {
      const error = MigrationError.from(cause);
      if (error.scope !== "message") throw error;
    }
  }
}
