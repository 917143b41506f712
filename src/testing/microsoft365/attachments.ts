import { isoSeconds } from "./extended-properties.js";
import { type GraphCall, mailboxOf, messageOf, notFound, userOf, wantsImmutableIds } from "./graph-call.js";
import {
  booleanMember,
  isObject,
  type JsonObject,
  objectMember,
  readJson,
  textMember,
  unreadableBody,
} from "./json.js";
import type { SimulatedAttachment } from "./mailbox.js";
import { page, selected } from "./query.js";
import { type Reply, refuse } from "./reply.js";

/** A file from so many octets on may go by upload session; Microsoft says 3 MB, and this is the lesser reading. */
const LEAST_UPLOAD = 3_000_000;
const LARGEST_ATTACHMENT = 150 * 1024 * 1024;
/** A file up to so many octets may be sent at once; the greater reading of 3 MB. */
const LARGEST_AT_ONCE = 3 * 1024 * 1024;

const FILE = "#microsoft.graph.fileAttachment";
const ITEM = "#microsoft.graph.itemAttachment";

export function listAttachments(call: GraphCall): Reply {
  return page(call, messageOf(call).attachments, (attachment) => selected(call, attachmentEntity(attachment)));
}

export function getAttachment(call: GraphCall): Reply {
  return { status: 200, body: selected(call, attachmentEntity(attachmentOf(call))) };
}

export function getAttachmentOctets(call: GraphCall): Reply {
  const { octets, contentType } = attachmentOf(call);
  return { status: 200, body: octets, headers: { "Content-Type": contentType } };
}

export function addAttachment(call: GraphCall): Reply {
  const { attachments } = messageOf(call);
  const attachment = readAttachment(readJson(call.body), () => mailboxOf(call).newId("AAMkATT"));
  if (attachment.octets.length > LARGEST_AT_ONCE)
    refuse(413, "ErrorMessageSizeExceeded", "The attachment is too large.");
  attachments.push(attachment);
  return { status: 201, body: attachmentEntity(attachment) };
}

export function deleteAttachment(call: GraphCall): Reply {
  const { attachments } = messageOf(call);
  attachments.splice(attachments.indexOf(attachmentOf(call)), 1);
  return { status: 204 };
}

function attachmentOf(call: GraphCall): SimulatedAttachment {
  return messageOf(call).attachments.find(({ id }) => id === call.parameters["attachment"]) ?? notFound();
}

/** An attachment as it is given in JSON: a file, or an item as JSON. @throws Refusal */
export function readAttachment(given: JsonObject, newId: () => string): SimulatedAttachment {
  const type = textMember(given, "@odata.type");
  if (type !== FILE && type !== ITEM) return unreadableBody("@odata.type of the attachment is missing or unknown.");
  const about = {
    id: newId(),
    name: textMember(given, "name") ?? unreadableBody("name of the attachment is missing."),
    isInline: booleanMember(given, "isInline") ?? false,
    contentId: textMember(given, "contentId"),
  };
  if (type === ITEM) {
    const item = objectMember(given, "item") ?? unreadableBody("item is missing.");
    return { ...about, kind: "item", contentType: "message/rfc822", octets: Buffer.from(JSON.stringify(item)) };
  }
  const content = textMember(given, "contentBytes") ?? unreadableBody("contentBytes is missing.");
  const contentType = textMember(given, "contentType") ?? "application/octet-stream";
  return {
    ...about,
    kind: "file",
    contentType,
    octets: decodeBase64(content) ?? unreadableBody("contentBytes is no base64."),
  };
}

/** The octets; undefined for what is no base64. Line breaks between are allowed. */
export function decodeBase64(text: string): Buffer | undefined {
  const packed = text.replace(/[\r\n\t ]+/g, "");
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) return undefined;
  return Buffer.from(packed, "base64");
}

export function attachmentEntity(attachment: SimulatedAttachment): Record<string, unknown> {
  const { octets, kind, ...about } = attachment;
  return {
    "@odata.type": kind === "file" ? FILE : ITEM,
    ...about,
    contentId: about.contentId ?? null,
    size: octets.length,
    ...(kind === "file" && { contentBytes: octets.toString("base64") }),
  };
}

export function createUploadSession(call: GraphCall): Reply {
  const message = messageOf(call);
  const given = readJson(call.body);
  const item = objectMember(given, "AttachmentItem") ?? objectMember(given, "attachmentItem");
  if (!isObject(item) || textMember(item, "attachmentType") !== "file")
    return unreadableBody("AttachmentItem is missing.");
  const { size } = item;
  if (typeof size !== "number" || !Number.isInteger(size)) return unreadableBody("size is missing.");
  if (size < LEAST_UPLOAD) {
    refuse(
      400,
      "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
      "The attachment is too small for an upload session.",
    );
  }
  if (size > LARGEST_ATTACHMENT) refuse(413, "ErrorMessageSizeExceeded", "The attachment is too large.");
  const session = call.uploads.open({
    user: userOf(call),
    messageId: wantsImmutableIds(call) ? message.immutableId : message.id,
    message,
    grant: call.grant,
    size,
    name: textMember(item, "name") ?? unreadableBody("name is missing."),
    contentType: textMember(item, "contentType") ?? "application/octet-stream",
    isInline: booleanMember(item, "isInline") ?? false,
    contentId: textMember(item, "contentId"),
  });
  const body = {
    "@odata.context": `${call.url.origin}/${call.version}/$metadata#microsoft.graph.uploadSession`,
    uploadUrl: session.url,
    expirationDateTime: isoSeconds(session.expires),
    nextExpectedRanges: ["0-"],
  };
  return { status: 201, body };
}
