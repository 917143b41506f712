import { MigrationError } from "../errors.js";
import type { TargetFolder } from "../mail/folder.js";
import type { Appended, Loss } from "../mail/mail-target.js";
import type { Message } from "../mail/message.js";
import { addAttachment } from "./attachment-upload.js";
import type { GraphAnswer, GraphClient } from "./graph-client.js";
import { type GraphSubject, graphError } from "./graph-errors.js";
import { textOf } from "./graph-json.js";
import { ImportDates } from "./import-dates.js";
import { layOutMessage, MAX_BODY } from "./message-json.js";
import { completion, type MessageMarks, marksOf } from "./message-marks.js";
import { buildingKey, KEY_PROPERTY } from "./migration-key.js";
import { parseEntity } from "./mime/header-fields.js";
import { mimeToGraph } from "./mime-to-graph.js";
import { removeMessage } from "./remove-message.js";

/** MIME goes as base64 within 4 MB. */
const MAX_MIME = 3 * 1024 * 1024;

/** How messages are made. */
export interface WritingRules {
  readonly route: "json" | "importMime";
  readonly fallback: "json" | undefined;
  readonly acceptWrongDates: boolean;
  readonly attachOriginals: boolean;
}

/** What goes with the octets of a message. */
export interface Letter {
  readonly message: Omit<Message, "content">;
  /** By which it is found again. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** A message that was read, on its way into a folder. */
interface Delivery {
  readonly folder: TargetFolder;
  readonly octets: Buffer;
  readonly internalDate: Date;
  readonly marks: MessageMarks;
  readonly key: string;
  readonly signal: AbortSignal;
}

/** Makes messages in one mailbox. */
export class MessageWriter {
  readonly #client: GraphClient;
  /** `/users/...` */
  readonly #mailbox: string;
  readonly #rules: WritingRules;
  readonly #importDates: ImportDates;

  constructor(client: GraphClient, mailbox: string, rules: WritingRules) {
    this.#client = client;
    this.#mailbox = mailbox;
    this.#rules = rules;
    this.#importDates = new ImportDates(rules.acceptWrongDates);
  }

  /**
   * Resolves when the message stands in the folder with all that belongs to it. `octets` are used up.
   * @throws MigrationError of scope `message` where the folder does not hold it, nor a piece of it
   */
  async write(folder: TargetFolder, octets: Buffer, { message, key, signal }: Letter): Promise<Appended> {
    const { internalDate, flags } = message;
    const delivery = { folder, octets, internalDate, marks: marksOf(flags), key, signal };
    if (delivery.marks.isDraft) return await this.#draft(delivery);
    if (this.#rules.route === "json") return await this.#json(delivery);
    if (octets.length <= MAX_MIME) return await this.#import(delivery);
    if (this.#rules.fallback === "json") return await this.#json(delivery);
    throw new MigrationError("message-too-large", "importMime takes messages up to 3 MiB, and no fallback is set");
  }

  /** Whole and editable by MIME; where that is refused, or the draft could not be found again, by JSON. */
  async #draft(delivery: Delivery): Promise<Appended> {
    const { octets, folder } = delivery;
    if (octets.length > MAX_MIME || !hasMessageId(octets)) return await this.#json(delivery);
    try {
      const path = `${this.#folderPath(folder)}/messages`;
      return await this.#mime(delivery, await this.#post({ path, text: octets.toString("base64") }, delivery));
    } catch (error) {
      if (MigrationError.is(error) && error.scope === "message") return await this.#json(delivery);
      throw error;
    }
  }

  #import(delivery: Delivery): Promise<Appended> {
    return this.#importDates.oneFirst(delivery.signal, async (judge) => {
      const path = `${this.#folderPath(delivery.folder)}/importMime`;
      const text = delivery.octets.toString("base64");
      const answer = await this.#post({ path, text, version: "beta" }, delivery);
      const objection = judge(receivedDate(answer), delivery.internalDate);
      if (objection) {
        await removeMessage(this.#client, this.#mailbox, textOf(answer.json, "id"), delivery.signal);
        throw objection;
      }
      return await this.#mime(delivery, answer);
    });
  }

  /** What a message made from MIME still lacks: its marks and its key. */
  async #mime(delivery: Delivery, answer: GraphAnswer): Promise<Appended> {
    const { marks, internalDate, key } = delivery;
    const id = textOf(answer.json, "id");
    await this.#finish(delivery, id, () => this.#patch(id, completion(marks, key), delivery));
    const lost = new Set<Loss>(marks.lost);
    if (!isSameSecond(receivedDate(answer), internalDate)) lost.add("internal-date");
    return appended(id, lost);
  }

  async #json(delivery: Delivery): Promise<Appended> {
    const { octets, internalDate, marks, key, signal } = delivery;
    const mail = mimeToGraph(octets, { attachOriginals: this.#rules.attachOriginals, maxBodyOctets: MAX_BODY });
    const keyWith = (isBuilding: boolean) => (isBuilding ? buildingKey(key) : key);
    const { create, withoutIdentity, late } = layOutMessage(mail, { marks, internalDate }, keyWith);
    const lost = new Set<Loss>([...mail.lost, ...marks.lost]);
    const path = `${this.#folderPath(delivery.folder)}/messages`;
    const answer = await this.#post({ path, json: create }, delivery).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      lost.add("sender");
      // The first refusal says more than that of the second attempt.
      return this.#post({ path, json: withoutIdentity() }, delivery).catch((second: unknown) => {
        throw isRefusal(second) ? error : second;
      });
    });
    const id = textOf(answer.json, "id");
    if (late.length > 0) {
      await this.#finish(delivery, id, async () => {
        let attachments = mail.attachments.length - late.length;
        for (const attachment of late) {
          await addAttachment(this.#client, { path: this.#messagePath(id), attachments }, attachment, signal);
          attachments += 1;
        }
        await this.#patch(id, { singleValueExtendedProperties: [{ id: KEY_PROPERTY, value: key }] }, delivery);
      });
    }
    return appended(id, lost);
  }

  /** Runs what a message still needs. Where that will never be granted, our piece goes again. */
  async #finish({ signal }: Delivery, id: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!MigrationError.is(error) || error.retry !== "never") throw error;
      const removal = removeMessage(this.#client, this.#mailbox, id, signal);
      // A refused message must not be there; any other stays in doubt, and the next look removes what is left.
      if (error.scope === "message") await removal;
      else await removal.catch(() => {});
      throw error;
    }
  }

  /** An answer of 201 with an id; an early report tells of 200 where nothing was stored (microsoft-graph-docs 13979). */
  async #post(
    request: { path: string; json?: string; text?: string; version?: "beta" },
    { folder, signal }: Delivery,
  ): Promise<GraphAnswer> {
    const answer = await this.#client.send({ method: "POST", ...request }, { signal });
    if (answer.status === 201 && textOf(answer.json, "id") !== "") return answer;
    if (answer.status === 200) {
      throw new MigrationError("message-refused", "Graph answered 200 where it answers 201 to what it has stored");
    }
    if (answer.status === 201) throw new MigrationError("protocol-error", "Graph answered 201 without an id");
    throw graphError(answer, appending(folder));
  }

  async #patch(id: string, change: object, { folder, signal }: Delivery): Promise<void> {
    const request = { method: "PATCH", path: this.#messagePath(id), json: JSON.stringify(change) } as const;
    const answer = await this.#client.send(request, { signal });
    if (answer.status !== 200) throw graphError(answer, appending(folder));
  }

  #folderPath({ name }: TargetFolder): string {
    return `${this.#mailbox}/mailFolders/${encodeURIComponent(name)}`;
  }

  #messagePath(id: string): string {
    return `${this.#mailbox}/messages/${encodeURIComponent(id)}`;
  }
}

function appending({ path }: TargetFolder): GraphSubject {
  return { doing: "append", folder: path };
}

/** Worth another attempt without the members that say who sent it. */
function isRefusal(error: unknown): error is MigrationError {
  return MigrationError.is(error) && error.code === "message-refused";
}

function appended(id: string, lost: ReadonlySet<Loss>): Appended {
  return { id, ...(lost.size > 0 && { lost: [...lost] }) };
}

function receivedDate(answer: GraphAnswer): Date {
  return new Date(textOf(answer.json, "receivedDateTime"));
}

/** An invalid Date has nothing to lose here: the engine tells that. */
function isSameSecond(received: Date, internalDate: Date): boolean {
  if (Number.isNaN(internalDate.getTime())) return true;
  return Math.floor(received.getTime() / 1000) === Math.floor(internalDate.getTime() / 1000);
}

function hasMessageId(octets: Buffer): boolean {
  return parseEntity(octets).header.raw("message-id") !== "";
}
