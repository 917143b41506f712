import type { TargetFolder } from "../mail/folder.js";
import type { FindOptions, Found } from "../mail/mail-target.js";
import type { MessageHead } from "../mail/message.js";
import type { GraphClient } from "./graph-client.js";
import { graphError } from "./graph-errors.js";
import { listOf, record, textOf } from "./graph-json.js";
import { itemsOfPages } from "./graph-pages.js";
import { completion, marksOf } from "./message-marks.js";
import { KEY_PROPERTY, keyOfHead, readKey } from "./migration-key.js";
import { parseEntity } from "./mime/header-fields.js";
import { parseMailDate } from "./mime/mail-date.js";
import { removeMessage } from "./remove-message.js";

/** The most that Graph gives at a time. */
const PAGE = 1_000;

/** A message of the folder, as far as it can be told from others. */
interface Candidate {
  readonly id: string;
  /** Absent where it is none of ours. */
  readonly key: ReturnType<typeof readKey>;
  /** How a message that is none of ours is recognised; absent where it cannot be. */
  readonly likeness: readonly string[];
}

/**
 * Finds messages by the key that we gave them, twins by count. What carries no key, being another tool's work, is taken
 * for a message of the same Message-ID and received date.
 *
 * Of messages that we began, a crash may have left two things: an unfinished one counts as not arrived, and is removed, so
 * that it can be made again; one from MIME that has its marks and its key still to come gets them now.
 */
export class MessageSearch {
  readonly #client: GraphClient;
  /** `/users/...` */
  readonly #mailbox: string;
  /** Imports have not the received date of their source, so that only the date in their header can tell. */
  readonly #hasWrongDates: boolean;
  /** Folders as they were when a snapshot was first asked for. */
  readonly #snapshots = new WeakMap<object, Map<string, Promise<readonly Candidate[]>>>();

  constructor(client: GraphClient, mailbox: string, { hasWrongDates }: { hasWrongDates: boolean }) {
    this.#client = client;
    this.#mailbox = mailbox;
    this.#hasWrongDates = hasWrongDates;
  }

  async find(
    folder: TargetFolder,
    heads: readonly MessageHead[],
    signal: AbortSignal,
    { taken, begun = false, snapshot }: FindOptions = {},
  ): Promise<Map<number, Found>> {
    if (heads.length === 0) return new Map();
    const listed = await (snapshot ? this.#asOf(snapshot, folder, signal) : this.#list(folder, signal));
    const candidates = listed.filter(({ id }) => !taken?.has(id));
    const keys = new Map(heads.map((head) => [head, keyOfHead(head)] as const));
    await this.#removeUnfinished(candidates, new Set(keys.values()), signal);
    const piles = new CandidatePiles(candidates);
    const found = new Map<number, Found>();
    // Those that are certain first, so that no likeness takes another's message.
    const rest = heads.filter((head) => {
      const id = piles.take(keys.get(head));
      if (id !== undefined) found.set(head.uid, { id });
      return id === undefined;
    });
    for (const head of rest) {
      const likeness = likenessOfHead(head, { begun, hasWrongDates: this.#hasWrongDates });
      const id = likeness.map((label) => piles.take(label)).find((each) => each !== undefined);
      if (id === undefined) continue;
      found.set(head.uid, { id });
      const key = keys.get(head);
      if (begun && key !== undefined) await this.#complete(id, head, key, signal);
    }
    return found;
  }

  /** Only what carries our key, marked as unfinished, of a message that is asked for: no foreign message can be meant. */
  async #removeUnfinished(
    candidates: readonly Candidate[],
    wanted: ReadonlySet<string | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const { id, key } of candidates) {
      if (key?.isBuilding && wanted.has(key.key)) await removeMessage(this.#client, this.#mailbox, id, signal);
    }
  }

  async #complete(id: string, { flags }: MessageHead, key: string, signal: AbortSignal): Promise<void> {
    const path = `${this.#mailbox}/messages/${encodeURIComponent(id)}`;
    const json = JSON.stringify(completion(marksOf(flags), key));
    const answer = await this.#client.send({ method: "PATCH", path, json }, { signal });
    if (answer.status !== 200) throw graphError(answer, { doing: "look" });
  }

  #asOf(snapshot: object, folder: TargetFolder, signal: AbortSignal): Promise<readonly Candidate[]> {
    const known = this.#snapshots.get(snapshot) ?? new Map<string, Promise<readonly Candidate[]>>();
    this.#snapshots.set(snapshot, known);
    const listing = known.get(folder.name) ?? this.#list(folder, signal);
    known.set(folder.name, listing);
    listing.catch(() => known.delete(folder.name));
    return listing;
  }

  async #list(folder: TargetFolder, signal: AbortSignal): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = [];
    const expand = `singleValueExtendedProperties($filter=id eq '${KEY_PROPERTY}')`;
    const path =
      `${this.#mailbox}/mailFolders/${encodeURIComponent(folder.name)}/messages?$top=${PAGE}` +
      `&$select=id,internetMessageId,receivedDateTime,sentDateTime,isDraft&$expand=${encodeURIComponent(expand)}`;
    const about = { doing: "look", folder: folder.path, signal } as const;
    for await (const message of itemsOfPages(this.#client, path, about)) candidates.push(readCandidate(message));
    return candidates;
  }
}

/** Finished messages by what they may be found by; each is taken once. */
class CandidatePiles {
  readonly #piles = new Map<string, string[]>();
  readonly #taken = new Set<string>();

  constructor(candidates: readonly Candidate[]) {
    for (const { id, key, likeness } of candidates) {
      if (key?.isBuilding) continue;
      for (const label of key ? [key.key] : likeness) {
        const pile = this.#piles.get(label);
        if (pile) pile.push(id);
        else this.#piles.set(label, [id]);
      }
    }
  }

  take(label: string | undefined): string | undefined {
    const pile = this.#piles.get(label ?? "") ?? [];
    for (let id = pile.shift(); id !== undefined; id = pile.shift()) {
      if (this.#taken.has(id)) continue;
      this.#taken.add(id);
      return id;
    }
    return undefined;
  }
}

function readCandidate(message: unknown): Candidate {
  // Only the property that was asked for is there; its id comes back in another spelling.
  const [property] = listOf(message, "singleValueExtendedProperties");
  const likeness = likenessOf({
    messageId: textOf(message, "internetMessageId").trim(),
    received: Date.parse(textOf(message, "receivedDateTime")),
    sent: Date.parse(textOf(message, "sentDateTime")),
    isDraft: record(message)["isDraft"] === true,
  });
  return { id: textOf(message, "id"), key: readKey(textOf(property, "value")), likeness };
}

/** Without a date only what we began ourselves is told by its Message-ID: drafts, and imports by the date they were sent. */
function likenessOfHead(
  { header, internalDate, flags }: MessageHead,
  { begun, hasWrongDates }: { begun: boolean; hasWrongDates: boolean },
): string[] {
  const fields = header && parseEntity(Buffer.from(header)).header;
  const [messageId = ""] = /<[^<>]*>/.exec(fields?.raw("message-id") ?? "") ?? [];
  const sent = begun && hasWrongDates ? parseMailDate(fields?.raw("date") ?? "") : undefined;
  return likenessOf({
    messageId: messageId.replace(/\s+/g, ""),
    received: internalDate.getTime(),
    sent: sent?.getTime() ?? Number.NaN,
    isDraft: begun && marksOf(flags).isDraft,
  });
}

/** What a message without our key is known by; nothing where it has no Message-ID. */
function likenessOf(seen: { messageId: string; received: number; sent: number; isDraft: boolean }): string[] {
  const { messageId, received, sent, isDraft } = seen;
  if (messageId === "") return [];
  const labels = isDraft ? [`draft ${messageId}`] : [];
  if (!Number.isNaN(sent)) labels.unshift(`sent ${Math.floor(sent / 1000)} ${messageId}`);
  if (!Number.isNaN(received)) labels.unshift(`received ${Math.floor(received / 1000)} ${messageId}`);
  return labels;
}
