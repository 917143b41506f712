import { MigrationError } from "../errors.js";
import type { SourceFolder, TargetFolder } from "../mail/folder.js";
import { headerDigest, secondsOf } from "../mail/header-key.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MessageHead } from "../mail/message.js";
import { identitySeconds, messageIdentity } from "../mail/message-identity.js";
import type { AlreadyThere, MovedFrom } from "../outcome.js";
import type { FolderRecord, Lease, MigrationStore, RecognisableRecord } from "../store/migration-store.js";
import type { FolderRun } from "./folder-run.js";
import { pageKey } from "./folders/gone-pages.js";
import { LikenessFilter } from "./likeness-filter.js";

/** For so many messages the store is asked by their sizes; for more, everything that it has is read, once in a pass. */
const FEW = 1_000;

/** A message at the target, with every place that it has had at the source. */
interface Copy {
  readonly key: string;
  readonly identity: Uint8Array;
  /** The first is where it was copied from, unless that page was set aside. */
  readonly places: RecognisableRecord[];
}

/** What became of a page of the ledger: its UIDs can be asked for, are gone for certain, or nobody knows. */
type PageState = "listed" | "gone" | "unknown";

/** What a pass needs to recognise moved messages. */
export interface MovedMessagesRun {
  readonly store: MigrationStore;
  readonly lease: Lease;
  readonly source: MailSource;
  /** Every folder of the source. */
  readonly listed: readonly SourceFolder[];
  /** The pages as they stood when the pass began. */
  readonly records: readonly FolderRecord[];
  readonly signal: AbortSignal;
}

/**
 * Recognises messages that the source has moved since they were copied, in one pass over a mailbox: to another folder, or
 * with a folder that was given another name. One is recognised where size, INTERNALDATE and header block are those of a
 * message that the target holds and that the source lists no more under any UID that the ledger has for it; equal messages by
 * count. A message that is still listed there was copied, not moved, and is a new one.
 */
export class MovedMessages {
  readonly #run: MovedMessagesRun;
  readonly #pages: ReadonlyMap<string, FolderRecord>;
  /** Copies that a message of this pass was recognised as. */
  readonly #claimed = new Set<string>();
  #filter: Promise<LikenessFilter> | undefined;

  /** Undefined where nothing was copied before this pass, or where the store cannot tell. */
  static of(run: MovedMessagesRun): MovedMessages | undefined {
    const wasCopied = run.records.some(({ books }) => books.copied + books.alreadyThere > 0);
    return wasCopied && run.store.listRecognisable ? new MovedMessages(run) : undefined;
  }

  private constructor(run: MovedMessagesRun) {
    this.#run = run;
    this.#pages = new Map(run.records.map((record) => [pageKey(record), record]));
  }

  /** The outcomes of those that the target holds already. `heads` are those without an outcome, in UID order. */
  async recognise({ plan, source, signal }: FolderRun, heads: readonly MessageHead[]): Promise<AlreadyThere[]> {
    const copies = await this.#copiesLike(heads);
    const labels = new Set(
      copies.map(({ identity, places: [place] }) => label(place?.size, identitySeconds(identity))),
    );
    const uids = heads
      .filter(({ size, internalDate }) => labels.has(label(size, secondsOf(internalDate))))
      .map(({ uid }) => uid);
    if (uids.length === 0) return [];
    const alike: { head: MessageHead; identity: Uint8Array; copies: readonly Copy[] }[] = [];
    for await (const head of source.listMessages(plan.source, { uids, headers: true, signal })) {
      const identity = head.header && messageIdentity(head.internalDate, headerDigest(head.header));
      if (!identity) continue;
      const same = copies.filter(
        (copy) => copy.places[0]?.size === head.size && Buffer.compare(copy.identity, identity) === 0,
      );
      if (same.length > 0) alike.push({ head, identity, copies: same });
    }
    const left = await this.#leftBySource(new Set(alike.flatMap((one) => one.copies)));
    return alike.flatMap(({ head, identity, copies: same }) => {
      const copy = same.find((one) => left.has(one) && !this.#claimed.has(one.key));
      const outcome = copy && this.#outcome(head, identity, copy);
      if (!outcome) return [];
      this.#claimed.add(copy.key);
      return [outcome];
    });
  }

  /** Ids in a target folder of messages that were copied there and stand elsewhere at the source by now. */
  async idsIn(folder: TargetFolder, heads: readonly MessageHead[]): Promise<string[]> {
    const copies = await this.#copiesLike(heads);
    return copies.flatMap(({ places }) =>
      places.flatMap(({ id, movedFrom }) => (id !== undefined && movedFrom?.target.name === folder.name ? [id] : [])),
    );
  }

  async #copiesLike(heads: readonly MessageHead[]): Promise<Copy[]> {
    const dated = heads.filter(({ size, internalDate }) => size > 0 && secondsOf(internalDate) !== undefined);
    const sizes = (await this.#withoutNew(dated)).map(({ size }) => size);
    const copies = new Map<string, Copy>();
    if (sizes.length === 0) return [];
    for await (const record of this.#recognisable(sizes)) {
      const key = placeKey(record.movedFrom ?? record);
      const copy = copies.get(key) ?? { key, identity: record.identity, places: [] };
      copies.set(key, copy);
      if (record.movedFrom) copy.places.push(record);
      else copy.places.unshift(record);
    }
    return [...copies.values()];
  }

  async #withoutNew(heads: readonly MessageHead[]): Promise<readonly MessageHead[]> {
    if (heads.length <= FEW) return heads;
    this.#filter ??= LikenessFilter.of(this.#recognisable());
    const filter = await this.#filter;
    return heads.filter((head) => filter.mayHold(head));
  }

  async *#recognisable(sizes?: readonly number[]): AsyncGenerator<RecognisableRecord> {
    const { store, lease } = this.#run;
    const records = store.listRecognisable?.(lease.batch, lease.emailAddress, sizes);
    if (records) yield* records;
  }

  /** Those that the source has in none of their places any more. */
  async #leftBySource(copies: ReadonlySet<Copy>): Promise<Set<Copy>> {
    const places = [...copies].flatMap((copy) => copy.places);
    const present = await this.#listedPlaces(places.filter((place) => this.#stateOf(place) === "listed"));
    const left = [...copies].filter(
      ({ places: all }) =>
        all.every((place) => !present.has(placeKey(place))) && all.some((place) => this.#stateOf(place) !== "unknown"),
    );
    return new Set(left);
  }

  #stateOf({ name, uidValidity }: RecognisableRecord): PageState {
    const { listed, records } = this.#run;
    // Its UIDs were given out again, and its messages may stand under new ones.
    if (uidValidity < 0) return "unknown";
    const folder = listed.find((each) => each.selectable && each.name === name);
    if (folder) return folder.uidValidity === uidValidity ? "listed" : "unknown";
    const last = records.filter((record) => record.name === name).at(-1);
    return !last || last.uidValidity === uidValidity ? "gone" : "unknown";
  }

  /** Which of these places the source still lists; one that cannot be asked for counts as listed. */
  async #listedPlaces(places: readonly RecognisableRecord[]): Promise<Set<string>> {
    const { source, listed, signal } = this.#run;
    const byPage = new Map<string, RecognisableRecord[]>();
    for (const place of places) {
      const page = byPage.get(pageKey(place));
      if (page) page.push(place);
      else byPage.set(pageKey(place), [place]);
    }
    const present = new Set<string>();
    for (const [key, onPage] of byPage) {
      const folder = listed.find((each) => pageKey(each) === key);
      const uids = onPage.map(({ uid }) => uid).sort((one, other) => one - other);
      try {
        if (!folder) throw new MigrationError("folder-missing", "The folder is gone");
        for await (const { uid } of source.listMessages(folder, { uids, signal })) {
          present.add(placeKey({ ...folder, uid }));
        }
      } catch (cause) {
        if (MigrationError.from(cause).scope !== "folder") throw cause;
        for (const place of onPage) present.add(placeKey(place));
      }
    }
    return present;
  }

  /** Undefined where the ledger does not say any more where the copy was put. */
  #outcome({ uid, size }: MessageHead, identity: Uint8Array, { places }: Copy): AlreadyThere | undefined {
    const [first] = places;
    const movedFrom = first && (first.movedFrom ?? this.#firstPlace(first));
    if (!movedFrom) return undefined;
    const { id } = first;
    const { flags, inDoubt } = places.at(-1) ?? first;
    return {
      ...{ uid, size, kind: "alreadyThere", identity, movedFrom },
      ...(id !== undefined && { id }),
      ...(flags && { flags }),
      ...(inDoubt && { inDoubt }),
    };
  }

  #firstPlace({ name, uidValidity, uid }: RecognisableRecord): MovedFrom | undefined {
    const { target, targetFolder } = this.#pages.get(pageKey({ name, uidValidity })) ?? {};
    if (!targetFolder) return undefined;
    return { name, uidValidity, uid, target: { ...targetFolder, path: target ?? targetFolder.name } };
  }
}

function label(size: number | undefined, seconds: number | undefined): string {
  return `${size} ${seconds}`;
}

function placeKey({ name, uidValidity, uid }: Pick<RecognisableRecord, "name" | "uidValidity" | "uid">): string {
  return `${uid} ${uidValidity} ${name}`;
}
