import { attachmentEntity } from "./attachments.js";
import { isoSeconds, propertyId, propertyValue } from "./extended-properties.js";
import { type GraphCall, wantsImmutableIds } from "./graph-call.js";
import type { SimulatedMessage, SimulatedRecipient } from "./mailbox.js";
import { selected } from "./query.js";
import { refuse } from "./reply.js";

/** A message as Graph answers it, by `$select` and `$expand`. */
export function messageEntity(call: GraphCall, message: SimulatedMessage): Record<string, unknown> {
  const id = wantsImmutableIds(call) ? message.immutableId : message.id;
  const entity: Record<string, unknown> = {
    "@odata.etag": `W/"${message.immutableId}"`,
    id,
    createdDateTime: isoSeconds(message.created),
    lastModifiedDateTime: isoSeconds(message.created),
    categories: message.categories,
    receivedDateTime: isoSeconds(message.receivedDateTime),
    sentDateTime: isoSeconds(message.sentDateTime),
    hasAttachments: message.attachments.some(({ isInline }) => !isInline),
    internetMessageId: message.internetMessageId,
    subject: message.subject,
    bodyPreview: message.body.content.slice(0, 255),
    importance: message.importance,
    parentFolderId: message.folder.id,
    isRead: message.isRead,
    isDraft: message.isDraft,
    body: message.body,
    sender: recipient(message.sender),
    from: recipient(message.from),
    toRecipients: message.toRecipients.map(recipient),
    ccRecipients: message.ccRecipients.map(recipient),
    bccRecipients: message.bccRecipients.map(recipient),
    replyTo: message.replyTo.map(recipient),
    flag: { flagStatus: message.flagStatus },
  };
  if (/internetMessageHeaders/.test(call.url.searchParams.get("$select") ?? "")) {
    entity["internetMessageHeaders"] = message.internetMessageHeaders; // only where it is asked for by name
  }
  return { ...selected(call, entity), ...expanded(call, message) };
}

const recipient = (given: SimulatedRecipient | undefined): object | undefined =>
  given && { emailAddress: { name: given.name, address: given.address } };

const EXPANDED = /(\w+)(?:\(([^)]*)\))?/g;

function expanded(call: GraphCall, message: SimulatedMessage): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const [, name = "", options = ""] of (call.url.searchParams.get("$expand") ?? "").matchAll(EXPANDED)) {
    if (name === "attachments") members[name] = message.attachments.map(attachmentEntity);
    else if (name === "singleValueExtendedProperties") members[name] = properties(message, options);
    else refuse(400, "BadRequest", `Could not find a property named '${name}' on type 'microsoft.graph.message'.`);
  }
  return members;
}

/** `$filter=id eq '...' or id eq '...'`: Graph gives no property that is not asked for by its id. */
function properties(message: SimulatedMessage, options: string): object[] | undefined {
  const asked = [...options.matchAll(/\bid\s+eq\s+'((?:[^']|'')*)'/gi)].map(([, id = ""]) => id.replaceAll("''", "'"));
  if (asked.length === 0) refuse(400, "ErrorInvalidRequest", "An extended property must be asked for by its id.");
  const found = asked.flatMap((id) => {
    const value = propertyValue(message, id);
    return value === undefined ? [] : [{ id: propertyId(id), value }];
  });
  return found.length > 0 ? found : undefined;
}
