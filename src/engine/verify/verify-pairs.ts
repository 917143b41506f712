import { MigrationError } from "../../errors.js";
import type { MessageHead } from "../../mail/message.js";
import { isPlausibleSize } from "../../mail/rewritten-index.js";
import type { Difference, KnownChange } from "../../verification.js";
import { ascending, compareContents } from "./compare-contents.js";
import { isSameHeader, isSameRewrittenHeader, metadataDifferences } from "./compare-heads.js";
import { missing } from "./pair-by-header.js";
import { isSampled } from "./sample.js";
import type { FolderVerification, Pair, PairWindow } from "./verify-run.js";

/** Twins whose octets are compared at a time. */
const TWIN_WINDOW = 2_000;

/** What reading the octets adds to what differs. */
const PROVEN: Readonly<Record<"unreadable" | "different" | "unknown", readonly Difference[]>> = {
  unreadable: ["unreadable"],
  different: ["content"],
  unknown: [],
};

/** What is known of a pair before its octets are read. */
interface Suspicion {
  readonly pair: Pair;
  /** Flags, keywords and date: none of the octets. */
  readonly metadata: readonly Difference[];
  /** What hints at other octets; reading them decides. */
  readonly hints: readonly Difference[];
}

/** Compares the messages of one folder with those of the target that they are, as far as the level asks. */
export class PairVerification {
  readonly #check: FolderVerification;
  readonly #crossed: (Suspicion & Omit<PairWindow, "pairs">)[] = [];

  constructor(check: FolderVerification) {
    this.#check = check;
  }

  /**
   * Heads first; octets are read at level 4, and of each message whose size or header block is not what it should be, for
   * some servers claim wrong sizes and cut header blocks otherwise: only octets are proof.
   */
  async compare(window: PairWindow): Promise<void> {
    if (this.#check.level < 2 || window.pairs.length === 0) return;
    const suspicions = await this.#compareHeads(window);
    await this.#compareContents(window, suspicions, false);
  }

  /** To be called when the whole folder was compared: settles which twin is which. */
  async finish(): Promise<void> {
    const crossed = this.#crossed.sort(({ pair: one }, { pair: other }) => compareTexts(one.label, other.label));
    for (let at = 0; at < crossed.length; ) {
      const [first] = crossed.slice(at, at + 1);
      if (!first) return;
      let end = at + 1;
      const isTogether = (next: (typeof crossed)[number] | undefined) =>
        next?.page === first.page && (end - at < TWIN_WINDOW || next.pair.label === crossed[end - 1]?.pair.label);
      while (isTogether(crossed[end])) end++;
      const suspicions = crossed.slice(at, end);
      const { page, folder } = first;
      await this.#compareContents({ page, folder, pairs: suspicions.map(({ pair }) => pair) }, suspicions, true);
      at = end;
    }
  }

  /** The pairs whose octets have to be read; of all others, what differs is told. */
  async #compareHeads(window: PairWindow): Promise<Suspicion[]> {
    const { level, tally } = this.#check;
    const [there, here] = await this.#heads(window);
    const suspicions: Suspicion[] = [];
    for (const pair of window.pairs) {
      const held = here.get(pair.here);
      if (!held) {
        missing(this.#check, window.page, pair.row); // it went since the folder was listed
        continue;
      }
      const sent = there.get(pair.row.uid);
      if (!sent) tally.count({ withoutSource: 1 });
      const metadata = sent ? metadataDifferences(sent, held) : [];
      const hints = this.#hints(pair, sent, held);
      // Octets decide, where they can be compared.
      if (this.#check.rewrites && hints.length > 0) this.#damaged(window, pair, [...metadata, ...hints]);
      else if (hints.length > 0 || (level === 4 && this.#isSampled(window, pair)))
        suspicions.push({ pair, metadata, hints });
      else if (metadata.length > 0) this.#changed(window, pair, metadata);
    }
    return suspicions;
  }

  #hints(pair: Pair, sent: MessageHead | undefined, held: MessageHead): Difference[] {
    const { level, rewrites } = this.#check;
    const hints: Difference[] = [];
    if (!(rewrites ? isPlausibleSize(held.size, pair.row.size) : held.size === pair.row.size)) hints.push("size");
    const isSame = rewrites ? isSameRewrittenHeader : isSameHeader;
    if (level >= 3 && sent && !isSame(sent, held)) hints.push("header");
    return hints;
  }

  async #heads({ page, folder, pairs }: PairWindow): Promise<[Map<number, MessageHead>, Map<number, MessageHead>]> {
    const { level, target, signal } = this.#check;
    const options = { headers: level >= 3, signal };
    const here = byUid(target.listMessages(folder, { ...options, uids: ascending(pairs.map((pair) => pair.here)) }));
    here.catch(() => {}); // the other end may fail first
    const uids = ascending(pairs.map(({ row }) => row.uid));
    const source = await this.#check.sourceOf(page);
    const there = source
      ? await byUid(source.mailbox.listMessages(source.folder, { ...options, uids }))
      : new Map<number, MessageHead>();
    return [there, await here];
  }

  /** Twins are drawn together, so that it can be told which of them is which. */
  #isSampled({ page }: PairWindow, { row, label }: Pair): boolean {
    return isSampled(label ?? `${page.uidValidity} ${row.uid} ${page.name}`, this.#check);
  }

  async #compareContents(window: PairWindow, suspicions: readonly Suspicion[], twinsTogether: boolean): Promise<void> {
    if (suspicions.length === 0) return;
    const byUid = new Map(suspicions.map((suspicion) => [suspicion.pair.row.uid, suspicion]));
    const pairs = suspicions.map(({ pair }) => pair);
    for (const [pair, verdict] of await compareContents(this.#check, { ...window, pairs }, twinsTogether)) {
      const suspicion = byUid.get(pair.row.uid);
      if (!suspicion) throw new MigrationError("unexpected", "A message was compared that nobody asked for");
      const { metadata, hints } = suspicion;
      if (verdict.kind === "crossed") {
        this.#crossed.push({ ...suspicion, page: window.page, folder: window.folder });
        continue;
      }
      if (verdict.kind !== "unknown" && verdict.kind !== "unreadable") this.#check.tally.count({ contentsChecked: 1 });
      if (verdict.kind === "explained") {
        this.#changed(window, pair, [...metadata, ...hints, "content"], verdict.changes);
      } else if (verdict.kind === "same" || (verdict.kind === "unknown" && hints.length === 0)) {
        if (metadata.length > 0) this.#changed(window, pair, metadata);
      } else {
        this.#damaged(window, pair, [...metadata, ...hints, ...PROVEN[verdict.kind]]);
      }
    }
  }

  #changed(window: PairWindow, pair: Pair, differs: readonly Difference[], explained?: readonly KnownChange[]): void {
    this.#check.tally.add({ ...this.#item(window, pair), differs, ...(explained && { explained }) });
  }

  #damaged(window: PairWindow, pair: Pair, differs: readonly Difference[]): void {
    this.#check.tally.add({ ...this.#item(window, pair), differs }, true);
  }

  #item({ page }: PairWindow, { row, here }: Pair) {
    return { kind: "changed", folder: page.path, target: this.#check.path, uid: row.uid, id: String(here) } as const;
  }
}

async function byUid(listing: AsyncIterable<MessageHead>): Promise<Map<number, MessageHead>> {
  const heads = new Map<number, MessageHead>();
  for await (const head of listing) heads.set(head.uid, head);
  return heads;
}

function compareTexts(one = "", other = ""): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
