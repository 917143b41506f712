import { propertyValue } from "./extended-properties.js";
import { parseFilter } from "./filter.js";
import { folderOf, type GraphCall, mailboxOf, messageOf } from "./graph-call.js";
import { readJson, textMember } from "./json.js";
import { createFromJson, updateMessage } from "./json-messages.js";
import type { SimulatedFolder, SimulatedMessage } from "./mailbox.js";
import { messageEntity } from "./message-entity.js";
import { messageMime } from "./message-mime.js";
import { createDraftFromMime } from "./mime-messages.js";
import { page } from "./query.js";
import { type Reply, refuse } from "./reply.js";

export function listMailboxMessages(call: GraphCall): Reply {
  return listMessages(call, mailboxOf(call).messages);
}

export function listFolderMessages(call: GraphCall): Reply {
  return listMessages(call, folderOf(call).messages);
}

/** The newest first, unless `$orderby` says otherwise. */
function listMessages(call: GraphCall, messages: readonly SimulatedMessage[]): Reply {
  const filter = call.url.searchParams.get("$filter");
  const isWanted = filter === null ? () => true : parseFilter(filter, memberOf, propertyValue);
  const found = messages.filter(isWanted).sort(orderOf(call.url.searchParams.get("$orderby")));
  return page(call, found, (message) => messageEntity(call, message));
}

function memberOf(message: SimulatedMessage, member: string): string | number | boolean | undefined {
  if (member === "internetMessageId" || member === "subject") return message[member];
  if (member === "isRead" || member === "isDraft") return message[member];
  if (member === "receivedDateTime" || member === "sentDateTime") return message[member].getTime();
  return member === "parentFolderId" ? message.folder.id : undefined;
}

function orderOf(text: string | null): (one: SimulatedMessage, other: SimulatedMessage) => number {
  const match = /^(receivedDateTime|sentDateTime)(?: (asc|desc))?$/.exec(text ?? "receivedDateTime desc");
  if (!match) return refuse(400, "ErrorInvalidUrlQuery", "The value of $orderby cannot be used here.");
  const member = match[1] === "sentDateTime" ? "sentDateTime" : "receivedDateTime";
  const sign = match[2] === "desc" ? -1 : 1;
  return (one, other) => sign * (one[member].getTime() - other[member].getTime());
}

export function getMessage(call: GraphCall): Reply {
  return { status: 200, body: messageEntity(call, messageOf(call)) };
}

export function getMessageMime(call: GraphCall): Reply {
  return { status: 200, body: messageMime(messageOf(call)), headers: { "Content-Type": "text/plain" } };
}

export function createInDrafts(call: GraphCall): Reply {
  return createMessage(call, mailboxOf(call).wellKnown("drafts"));
}

export function createInFolder(call: GraphCall): Reply {
  return createMessage(call, folderOf(call));
}

/** The content type alone tells MIME from JSON. */
function createMessage(call: GraphCall, folder: SimulatedFolder): Reply {
  const [type = ""] = (call.headers.get("Content-Type") ?? "").toLowerCase().split(";");
  if (type.trim() === "text/plain") return createDraftFromMime(call, folder);
  if (type.trim() === "application/json") return createFromJson(call, folder);
  return refuse(415, "UnsupportedMediaType", "The content type must be application/json or text/plain.");
}

export function patchMessage(call: GraphCall): Reply {
  return updateMessage(call, messageOf(call));
}

/** Microsoft does not say where a deleted message goes; one that is there already is gone. */
export function deleteMessage(call: GraphCall): Reply {
  const message = messageOf(call);
  const mailbox = mailboxOf(call);
  const bin = mailbox.wellKnown(call.deletedMessagesGoTo);
  if (message.folder === bin) mailbox.removeMessage(message);
  else mailbox.moveMessage(message, bin);
  return { status: 204 };
}

export function permanentlyDeleteMessage(call: GraphCall): Reply {
  mailboxOf(call).removeMessage(messageOf(call));
  return { status: 204 };
}

export function moveMessage(call: GraphCall): Reply {
  const message = messageOf(call);
  const mailbox = mailboxOf(call);
  const folder = mailbox.findFolder(textMember(readJson(call.body), "destinationId") ?? "");
  if (!folder) return refuse(404, "ErrorFolderNotFound", "The specified folder could not be found in the store.");
  mailbox.moveMessage(message, folder);
  return { status: 201, body: messageEntity(call, message) };
}
