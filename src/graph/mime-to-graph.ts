import type { GraphLoss } from "./losses.js";
import { type AddressList, type MailAddress, parseAddresses } from "./mime/address-list.js";
import { decodeHeaderOctets } from "./mime/charset.js";
import type { HeaderFields } from "./mime/header-fields.js";
import { parseMailDate } from "./mime/mail-date.js";
import { type MimePart, parseMime } from "./mime/mime-part.js";
import { type Attachment, originalAsAttachment, sortParts } from "./sort-parts.js";
import { cleanText, cutText } from "./text-limits.js";

/** Exchange keeps no longer subject. */
const MAX_SUBJECT = 255;
/** PR_TRANSPORT_MESSAGE_HEADERS, in octets. */
const MAX_HEADERS = 32 * 1024;
/** A longer Message-ID is none that Exchange takes; header values end at about 995 characters. */
const MAX_MESSAGE_ID = 995;

/** The one body that a message has in Exchange. */
export interface GraphBody {
  readonly contentType: "text" | "html";
  readonly content: string;
}

/** A message as Graph takes it; nothing in it is JSON yet. */
export interface GraphMail {
  readonly subject: string;
  readonly body: GraphBody;
  readonly from: MailAddress | undefined;
  readonly sender: MailAddress | undefined;
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly bcc: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  /** With its angle brackets; "" where the message has none. */
  readonly messageId: string;
  readonly inReplyTo: string;
  readonly references: string;
  readonly importance: "low" | "normal" | "high";
  /** From the `Date:` field; absent where that is none. */
  readonly sentAt: Date | undefined;
  /** The header block as text. */
  readonly headers: string;
  readonly attachments: readonly Attachment[];
  /** What of the message is not in it. */
  readonly lost: ReadonlySet<GraphLoss>;
}

/** How a message is taken apart. */
export interface MimeToGraphOptions {
  /** Signed and encrypted mail carries its original octets as one attached `.eml` in place of its parts. */
  readonly attachOriginals?: boolean;
  /** Most octets of JSON that the body may have; a longer one becomes an attachment. */
  readonly maxBodyOctets: number;
}

/**
 * Takes a message apart for Graph: one body, HTML rather than text, and everything else as attachments. Never throws:
 * whatever is broken is taken as it stands, and told in `lost`.
 *
 * `octets` are used up: attachments are decoded in their place, so that a large message needs no second room.
 */
export function mimeToGraph(octets: Buffer, options: MimeToGraphOptions): GraphMail {
  const lost = new Set<GraphLoss>();
  const root = parseMime(octets);
  const { header } = root;
  const sorted = sortParts(root, options.maxBodyOctets, lost);
  const isSealed = lost.has("signature") || lost.has("encryption");
  const attachments =
    options.attachOriginals && isSealed ? [originalAsAttachment(octets, subjectOf(header))] : sorted.attachments();
  if (options.attachOriginals && isSealed) for (const kept of SEALS) lost.delete(kept);
  const from = addresses(header, "from", lost);
  return {
    subject: cutText(clean(subjectOf(header), lost), MAX_SUBJECT, () => lost.add("subject")),
    body: { ...sorted.body, content: clean(sorted.body.content, lost) },
    from: from[0],
    sender: addresses(header, "sender", lost)[0] ?? from[0],
    to: addresses(header, "to", lost),
    cc: addresses(header, "cc", lost),
    bcc: addresses(header, "bcc", lost),
    replyTo: addresses(header, "reply-to", lost),
    messageId: messageIdOf(header, lost),
    inReplyTo: clean(header.text("in-reply-to"), lost),
    references: cutText(clean(header.text("references"), lost), MAX_HEADERS, () => lost.add("header-block")),
    importance: importanceOf(header),
    sentAt: parseMailDate(header.raw("date")),
    headers: headerText(root, lost),
    attachments,
    lost,
  };
}

const SEALS = ["signature", "encryption"] as const;

function clean(text: string, lost: Set<GraphLoss>): string {
  return cleanText(text, () => lost.add("characters"));
}

function subjectOf(header: HeaderFields): string {
  return header.text("subject").replace(/\s+/g, " ");
}

function addresses(header: HeaderFields, name: string, lost: Set<GraphLoss>): readonly MailAddress[] {
  const field = header.list(name);
  const list: AddressList = field === "" ? { addresses: [], isDamaged: false } : parseAddresses(field);
  if (list.isDamaged) lost.add("recipient");
  return list.addresses.map(({ name: person, address }) => ({ name: clean(person, lost), address }));
}

function messageIdOf(header: HeaderFields, lost: Set<GraphLoss>): string {
  const field = header.raw("message-id");
  const id = /<[^<>]*>/.exec(field)?.[0].replace(/\s+/g, "") ?? "";
  if (field !== "" && (id === "" || id.length > MAX_MESSAGE_ID || !/^[!-~]+$/.test(id))) {
    lost.add("message-id");
    return "";
  }
  return id;
}

function importanceOf(header: HeaderFields): GraphMail["importance"] {
  const stated = header.raw("importance").toLowerCase();
  if (stated === "high" || stated === "low") return stated;
  const priority = /^\s*([1-5])/.exec(header.raw("x-priority"))?.[1] ?? "3";
  return priority < "3" ? "high" : priority > "3" ? "low" : "normal";
}

/** Whole fields only, as many as there is room for. */
function headerText({ block }: MimePart, lost: Set<GraphLoss>): string {
  let kept = block;
  if (block.length > MAX_HEADERS) {
    lost.add("header-block");
    kept = block.subarray(0, endOfLastField(block, MAX_HEADERS));
  }
  const { text, isGuess } = decodeHeaderOctets(kept);
  if (isGuess) lost.add("charset");
  return clean(text, lost).replace(/\r?\n/g, "\r\n");
}

function endOfLastField(block: Buffer, most: number): number {
  for (let at = most - 1; at > 0; at--) {
    if (block[at - 1] === 0x0a && block[at] !== 0x20 && block[at] !== 0x09) return at;
  }
  return 0;
}
