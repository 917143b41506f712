import { createHash } from "node:crypto";
import { MigrationError } from "../../errors.js";
import type { Message } from "../../mail/message.js";
import type { KnownChange } from "../../verification.js";
import { type ContentTraits, contentTraits, knownChanges } from "./content-traits.js";
import type { FolderVerification, Pair, PairWindow } from "./verify-run.js";

/** What comparing the octets of a message came to. */
export type ContentVerdict =
  | { readonly kind: "same" }
  /** The octets that were sent are nowhere to be had: the ledger has no digest, and the source no message. */
  | { readonly kind: "unknown" }
  /** The target lists it and does not deliver it. */
  | { readonly kind: "unreadable" }
  | { readonly kind: "explained"; readonly changes: readonly KnownChange[] }
  | { readonly kind: "different" }
  /** The same for a message that was paired by its header, and may be another's twin. */
  | { readonly kind: "crossed" };

/**
 * Compares the octets of each pair with those that were sent: by the digest in the ledger, or, for what the ledger has none
 * of, with those at the source. Contents that differ are read once more at both ends to tell what servers are known to do
 * from damage. No more than a chunk of a content is held.
 * @param twinsTogether - every message that was paired by the same header is in this window, so that it can be told which
 * of them is which
 */
export async function compareContents(
  check: FolderVerification,
  window: PairWindow,
  twinsTogether: boolean,
): Promise<Map<Pair, ContentVerdict>> {
  const [sent, held] = await Promise.all([sentDigests(check, window), heldDigests(check, window)]);
  const verdicts = new Map<Pair, ContentVerdict>();
  const different: Pair[] = [];
  for (const pair of twinsTogether ? uncrossed(window.pairs, sent, held) : window.pairs) {
    const expected = sent.get(pair.row.uid);
    const digest = held.get(pair.here);
    if (digest === undefined) verdicts.set(pair, { kind: "unreadable" });
    else if (expected === undefined) verdicts.set(pair, { kind: "unknown" });
    else if (digest === expected) verdicts.set(pair, { kind: "same" });
    else if (pair.label !== undefined && !twinsTogether) verdicts.set(pair, { kind: "crossed" });
    else different.push(pair);
  }
  const changes = await explain(check, { ...window, pairs: different });
  for (const pair of different) {
    const explained = changes.get(pair);
    verdicts.set(pair, explained ? { kind: "explained", changes: explained } : { kind: "different" });
  }
  return verdicts;
}

/** SHA-256 in hex of what was sent, by UID at the source. */
async function sentDigests(check: FolderVerification, { page, pairs }: PairWindow): Promise<Map<number, string>> {
  const digests = new Map<number, string>();
  const unknown: number[] = [];
  for (const { row } of pairs) {
    if (row.sha256) digests.set(row.uid, Buffer.from(row.sha256).toString("hex"));
    else unknown.push(row.uid);
  }
  const source = unknown.length > 0 ? await check.sourceOf(page) : undefined;
  if (!source) return digests;
  const messages = source.mailbox.fetch(source.folder, ascending(unknown), { signal: check.signal });
  await readEach(messages, digest, digests);
  return digests;
}

/** The same of what the target holds, by its UID. What does not come with the others is asked for once more, by itself. */
async function heldDigests(
  { target, signal }: FolderVerification,
  { folder, pairs }: PairWindow,
): Promise<Map<number, string>> {
  const digests = new Map<number, string>();
  const uids = ascending(pairs.map(({ here }) => here));
  await readEach(target.fetch(folder, uids, { signal }), digest, digests);
  for (const uid of uids) {
    if (!digests.has(uid)) await readEach(target.fetch(folder, [uid], { signal }), digest, digests);
  }
  return digests;
}

/** The same messages, paired anew among twins: those whose octets belong together first, the others as they come. */
function uncrossed(
  pairs: readonly Pair[],
  sent: ReadonlyMap<number, string>,
  held: ReadonlyMap<number, string>,
): readonly Pair[] {
  const byOctets = grouped(pairs, ({ label, here }) => `${label} ${held.get(here)}`);
  const certain = pairs.map((pair) => byOctets.get(`${pair.label} ${sent.get(pair.row.uid)}`)?.shift());
  const byLabel = grouped([...byOctets.values()].flat(), ({ label }) => `${label}`);
  return pairs.map((pair, at) => {
    const { here } = certain[at] ?? byLabel.get(`${pair.label}`)?.shift() ?? pair;
    return { ...pair, here };
  });
}

function grouped(pairs: readonly Pair[], nameOf: (pair: Pair) => string): Map<string, Pair[]> {
  const groups = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const name = nameOf(pair);
    const group = groups.get(name);
    if (group) group.push(pair);
    else groups.set(name, [pair]);
  }
  return groups;
}

async function explain(check: FolderVerification, window: PairWindow): Promise<Map<Pair, KnownChange[]>> {
  const { page, folder, pairs } = window;
  const explained = new Map<Pair, KnownChange[]>();
  const source = pairs.length > 0 ? await check.sourceOf(page) : undefined;
  if (!source) return explained;
  const there = new Map<number, ContentTraits>();
  const here = new Map<number, ContentTraits>();
  const options = { signal: check.signal };
  await Promise.all([
    readEach(source.mailbox.fetch(source.folder, ascending(pairs.map(({ row }) => row.uid)), options), traits, there),
    readEach(check.target.fetch(folder, ascending(pairs.map((pair) => pair.here)), options), traits, here),
  ]);
  for (const pair of pairs) {
    const [one, other] = [there.get(pair.row.uid), here.get(pair.here)];
    const changes = one && other && knownChanges(one, other);
    if (changes) explained.set(pair, changes);
  }
  return explained;
}

/** Reads every message of a fetch to its end; one that breaks off by itself is left out. */
async function readEach<Result>(
  messages: AsyncIterable<Message>,
  read: (message: Message) => Promise<Result>,
  results: Map<number, Result>,
): Promise<void> {
  for await (const message of messages) {
    try {
      results.set(message.uid, await read(message));
    } catch (error) {
      if (MigrationError.from(error).scope !== "message") throw error;
    } finally {
      message.content.cancel();
    }
  }
}

async function digest({ content }: Message): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
}

function traits({ content }: Message): Promise<ContentTraits> {
  return contentTraits(content);
}

/** Each once. */
export function ascending(uids: readonly number[]): number[] {
  return [...new Set(uids)].sort((one, other) => one - other);
}
