import type { GraphLoss } from "./losses.js";
import { decodeCharset } from "./mime/charset.js";
import type { MimePart } from "./mime/mime-part.js";
import { decodeTransfer } from "./mime/transfer-encoding.js";
import type { GraphBody } from "./mime-to-graph.js";
import { cleanText, cutText, jsonOctets } from "./text-limits.js";

const MAX_NAME = 200;

/** A file on a message. */
export interface Attachment {
  readonly name: string;
  readonly contentType: string;
  /** Without its angle brackets; absent where the part has none. */
  readonly contentId?: string;
  /** Shown within the body, by its contentId. */
  readonly isInline: boolean;
  readonly octets: Buffer;
}

/** What becomes of the parts of a message. */
export interface SortedParts {
  readonly body: GraphBody;
  /** Decoded in the place of the message's own octets: to be called once. */
  attachments(): Attachment[];
}

/**
 * Chooses the body among the parts, and makes attachments of all others:
 *
 * - of a `multipart/alternative` HTML, or else the last text; other texts that say the same are dropped, anything else
 *   (an invitation) is attached;
 * - otherwise the first text that is not called an attachment;
 * - parts of a `multipart/related`, and images that the body points to by their Content-ID, are inline.
 */
export function sortParts(root: MimePart, maxBodyOctets: number, lost: Set<GraphLoss>): SortedParts {
  const sorting = new Sorting(lost);
  sorting.sort(root, { isRelated: false });
  // A file or a message by itself comes to stand on an empty message.
  if (root.parts.length === 0 && !isDisplayable(root)) lost.add("mime-structure");
  const body = sorting.bodyText(maxBodyOctets);
  return { body: body.body, attachments: () => sorting.attachments(body.attached) };
}

/** The whole message as a file on itself. */
export function originalAsAttachment(octets: Buffer, subject: string): Attachment {
  return { name: fileName(subject, "original.eml", ".eml"), contentType: "message/rfc822", isInline: false, octets };
}

interface Waiting {
  readonly part: MimePart;
  readonly isRelated: boolean;
}

class Sorting {
  readonly #lost: Set<GraphLoss>;
  readonly #waiting: Waiting[] = [];
  #body: MimePart | undefined;
  #html = "";

  constructor(lost: Set<GraphLoss>) {
    this.#lost = lost;
  }

  sort(part: MimePart, place: { isRelated: boolean }): void {
    const { type, parts } = part;
    if (part.isBroken) this.#lost.add("broken-mime");
    const kind = type.value;
    if (kind === "multipart/signed" || isPkcs7(kind, type.parameters.get("smime-type"), "signed-data"))
      this.#lost.add("signature");
    if (kind === "multipart/encrypted" || isPkcs7(kind, type.parameters.get("smime-type"), "enveloped-data"))
      this.#lost.add("encryption");
    if (parts.length === 0) {
      this.#leaf(part, place);
      return;
    }
    this.#lost.add("mime-structure");
    if (kind === "multipart/alternative" && !this.#body) this.#alternative(part, place);
    else if (kind === "multipart/related") this.#related(part);
    else for (const child of parts) this.sort(child, place);
  }

  #leaf(part: MimePart, { isRelated }: { isRelated: boolean }): void {
    // What only pretended to be a multipart, and holds nothing.
    if (part.isBroken && part.body.length === 0) return;
    if (!this.#body && isDisplayable(part)) this.#body = part;
    else this.#waiting.push({ part, isRelated });
  }

  #alternative({ parts }: MimePart, place: { isRelated: boolean }): void {
    // The last is the sender's best (RFC 2046 section 5.1.4).
    const ranked = [...parts].reverse();
    const chosen = ranked.find((part) => bestOf(part) === "html") ?? ranked.find((part) => bestOf(part) === "text");
    for (const part of parts) {
      if (part === chosen) this.sort(part, place);
      else if (chosen && isDisplayable(part)) this.#lost.add("alternative-body");
      else this.#others(part);
    }
  }

  /** Of an alternative that was not chosen: its texts go, whatever else is in it stays. */
  #others(part: MimePart): void {
    if (part.parts.length === 0) {
      if (isDisplayable(part)) this.#lost.add("alternative-body");
      else this.#waiting.push({ part, isRelated: false });
      return;
    }
    for (const child of part.parts) this.#others(child);
  }

  /** The root comes first (RFC 2387 section 3.2), unless `start` names another. */
  #related({ parts, type }: MimePart): void {
    const start = contentIdOf(type.parameters.get("start") ?? "");
    const root = parts.find((part) => start !== "" && contentIdOf(part.header.raw("content-id")) === start) ?? parts[0];
    if (root) this.sort(root, { isRelated: false });
    for (const part of parts) if (part !== root) this.sort(part, { isRelated: true });
  }

  bodyText(maxOctets: number): { body: GraphBody; attached: Attachment | undefined } {
    const part = this.#body;
    if (!part) return { body: { contentType: "text", content: "" }, attached: undefined };
    const contentType = part.type.value === "text/html" ? "html" : "text";
    // Not in its place: a signed message is still needed as it was.
    const encoding = part.header.raw("content-transfer-encoding");
    const { octets, isDamaged } = decodeTransfer(part.body, encoding, Buffer.allocUnsafe(part.body.length));
    const { text, isGuess } = decodeCharset(octets, part.type.parameters.get("charset"));
    if (isDamaged) this.#lost.add("broken-mime");
    if (isGuess) this.#lost.add("charset");
    if (contentType === "html") this.#html = text;
    if (jsonOctets(text) <= maxOctets) return { body: { contentType, content: text }, attached: undefined };
    this.#lost.add("body-as-attachment");
    const attached: Attachment = {
      name: contentType === "html" ? "message.html" : "message.txt",
      contentType: `${part.type.value}; charset=utf-8`,
      isInline: false,
      octets: Buffer.from(text),
    };
    return { body: { contentType: "text", content: "" }, attached };
  }

  attachments(body: Attachment | undefined): Attachment[] {
    const attachments = this.#waiting.map((waiting) => this.#attachment(waiting));
    return body ? [body, ...attachments] : attachments;
  }

  #attachment({ part, isRelated }: Waiting): Attachment {
    const { header, type, disposition, body } = part;
    const { octets, isDamaged } = decodeTransfer(body, header.raw("content-transfer-encoding"), body);
    if (isDamaged) this.#lost.add("broken-mime");
    const given = disposition.parameters.get("filename") ?? type.parameters.get("name") ?? "";
    const contentId = contentIdOf(header.raw("content-id"));
    const isShown = contentId !== "" && this.#html.includes(`cid:${contentId}`);
    return {
      name: clean(nameOf(part, given, octets)),
      contentType: clean(type.value),
      ...(contentId === "" ? {} : { contentId: clean(contentId) }),
      isInline: disposition.value !== "attachment" && contentId !== "" && (isRelated || isShown),
      octets,
    };
  }
}

function isPkcs7(kind: string, smimeType: string | undefined, wanted: string): boolean {
  if (kind !== "application/pkcs7-mime" && kind !== "application/x-pkcs7-mime") return false;
  // Without a word it is encrypted (RFC 8551 section 3.2.2 gives none by default, and old mail is).
  return (smimeType?.toLowerCase() ?? "enveloped-data") === wanted;
}

/** A text to read, and no file. */
function isDisplayable({ type, disposition, parts }: MimePart): boolean {
  if (parts.length > 0 || disposition.value === "attachment" || disposition.parameters.has("filename")) return false;
  return ["text/plain", "text/html", "text/enriched", "text/richtext", "text/x-amp-html"].includes(type.value);
}

/** The best body that a part has to offer. */
function bestOf(part: MimePart): "html" | "text" | undefined {
  if (part.parts.length > 0) {
    const offers = part.parts.map(bestOf);
    return offers.includes("html") ? "html" : offers.find((offer) => offer !== undefined);
  }
  if (!isDisplayable(part) || part.type.value === "text/x-amp-html") return undefined;
  return part.type.value === "text/html" ? "html" : "text";
}

function contentIdOf(value: string): string {
  return value
    .trim()
    .replace(/^<(.*)>$/s, "$1")
    .trim();
}

function nameOf({ type }: MimePart, given: string, octets: Buffer): string {
  if (type.value === "message/rfc822")
    return fileName(given === "" ? innerSubject(octets) : given, "message.eml", ".eml");
  return fileName(given, `attachment${ENDINGS.get(type.value) ?? ""}`, "");
}

const ENDINGS: ReadonlyMap<string, string> = new Map([
  ...[["text/plain", ".txt"] as const, ["text/html", ".html"] as const, ["text/calendar", ".ics"] as const],
  ...[["image/png", ".png"] as const, ["image/jpeg", ".jpg"] as const, ["image/gif", ".gif"] as const],
  ...[["application/pdf", ".pdf"] as const, ["application/pgp-signature", ".asc"] as const],
  ...[["application/pkcs7-signature", ".p7s"] as const, ["application/pkcs7-mime", ".p7m"] as const],
]);

function innerSubject(octets: Buffer): string {
  const [, subject = ""] = /^subject:[ \t]*([\x20-\x7e]{1,200})\r?$/im.exec(octets.toString("latin1", 0, 8192)) ?? [];
  return subject;
}

/** A name without what no file name may hold. */
function fileName(given: string, otherwise: string, ending: string): string {
  const name = clean(given)
    .replace(/[/\\:*?"<>|\s]+/g, " ")
    .trim();
  const cut = cutText(name, MAX_NAME, () => {});
  if (cut === "") return otherwise;
  return cut.toLowerCase().endsWith(ending) ? cut : cut + ending;
}

function clean(text: string): string {
  return cleanText(text, () => {});
}
