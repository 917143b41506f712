import { decodeBase64 } from "./attachments.js";
import { TRANSPORT_HEADERS } from "./extended-properties.js";
import { folderOf, type GraphCall, mailboxOf } from "./graph-call.js";
import type { SimulatedFolder, SimulatedMessage } from "./mailbox.js";
import { messageEntity } from "./message-entity.js";
import { decodeWords, fieldValue, headerFields, recipients, splitHeader } from "./mime-header.js";
import { type Reply, refuse } from "./reply.js";

/** Header lines longer than RFC 5322 allows are what "very long trace headers" come to. */
const LONGEST_LINE = 998;

/** Create from MIME: always a draft, received at the time of the call. */
export function createDraftFromMime(call: GraphCall, folder: SimulatedFolder): Reply {
  return create(call, folder, true);
}

/** importMime (beta): never a draft. */
export function importMime(call: GraphCall): Reply {
  return create(call, folderOf(call), false);
}

function create(call: GraphCall, folder: SimulatedFolder, isDraft: boolean): Reply {
  const text = call.body.toString("latin1");
  const octets = decodeBase64(text);
  if (!octets || text === "")
    refuse(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.");
  if (!isWellFormed(octets)) refuse(400, "UnableToDeserializePostBody", "were unable to deserialize ");
  const received = isDraft ? call.date : importedDate(call, octets);
  const content = { ...readMime(octets, received), created: call.date, isDraft, isRead: isDraft };
  const message = mailboxOf(call).addMessage(folder, content);
  return { status: 201, body: messageEntity(call, message) };
}

function importedDate(call: GraphCall, octets: Buffer): Date {
  if (call.importedMessagesAreReceived === "now") return call.date;
  const fields = headerFields(splitHeader(octets).header);
  const isReceived = call.importedMessagesAreReceived === "received-field";
  const text = isReceived ? fieldValue(fields, "Received")?.replace(/^.*;/s, "") : fieldValue(fields, "Date");
  const date = new Date(text?.replace(/\([^)]*\)\s*$/, "") ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? call.date : date;
}

/** CRLF everywhere, a body, and no header line that is too long. */
function isWellFormed(octets: Buffer): boolean {
  const text = octets.toString("latin1");
  if (/(?<!\r)\n|\r(?!\n)/.test(text)) return false;
  const { header, body } = splitHeader(octets);
  if (body.length === 0) return false;
  return header
    .toString("latin1")
    .split("\r\n")
    .every((line) => line.length <= LONGEST_LINE);
}

/** What Exchange reads out of the octets. */
export function readMime(
  octets: Buffer,
  received: Date,
): Partial<Omit<SimulatedMessage, "id" | "immutableId" | "folder">> {
  const { header, body } = splitHeader(octets);
  const fields = headerFields(header);
  const [from] = recipients(fieldValue(fields, "From"));
  const sent = new Date(fieldValue(fields, "Date") ?? Number.NaN);
  const internetMessageId = fieldValue(fields, "Message-ID");
  return {
    created: received,
    subject: decodeWords(fieldValue(fields, "Subject") ?? ""),
    body: { contentType: "text", content: body.toString("utf8") },
    from,
    sender: recipients(fieldValue(fields, "Sender"))[0] ?? from,
    toRecipients: recipients(fieldValue(fields, "To")),
    ccRecipients: recipients(fieldValue(fields, "Cc")),
    bccRecipients: recipients(fieldValue(fields, "Bcc")),
    replyTo: recipients(fieldValue(fields, "Reply-To")),
    ...(internetMessageId && { internetMessageId }),
    internetMessageHeaders: fields,
    receivedDateTime: received,
    sentDateTime: Number.isNaN(sent.getTime()) ? received : sent,
    extendedProperties: new Map([
      [TRANSPORT_HEADERS, header.toString("utf8")],
      ...textProperty("String 0x1042", fieldValue(fields, "In-Reply-To")),
      ...textProperty("String 0x1039", fieldValue(fields, "References")),
    ]),
    mime: octets,
  };
}

const textProperty = (id: string, value: string | undefined): [string, string][] => (value ? [[id, value]] : []);
