import { parseFilter } from "./filter.js";
import { folderOf, type GraphCall, mailboxOf } from "./graph-call.js";
import { booleanMember, readJson, textMember, unreadableBody } from "./json.js";
import type { SimulatedFolder } from "./mailbox.js";
import { page, selected } from "./query.js";
import { type Reply, refuse } from "./reply.js";

export function listTopFolders(call: GraphCall): Reply {
  return listFolders(call, mailboxOf(call).root);
}

export function listChildFolders(call: GraphCall): Reply {
  return listFolders(call, folderOf(call));
}

function listFolders(call: GraphCall, parent: SimulatedFolder): Reply {
  const showsHidden = call.url.searchParams.get("includeHiddenFolders")?.toLowerCase() === "true";
  const filter = call.url.searchParams.get("$filter");
  const isWanted = filter === null ? () => true : parseFilter<SimulatedFolder>(filter, memberOf, () => undefined);
  const folders = parent.children.filter((child) => (showsHidden || !child.isHidden) && isWanted(child));
  return page(call, folders, (folder) => selected(call, folderEntity(call, folder)));
}

function memberOf(folder: SimulatedFolder, member: string): string | boolean | undefined {
  if (member === "displayName") return folder.displayName;
  return member === "isHidden" ? folder.isHidden : undefined;
}

export function getFolder(call: GraphCall): Reply {
  return { status: 200, body: selected(call, folderEntity(call, folderOf(call))) };
}

export function createTopFolder(call: GraphCall): Reply {
  return createFolder(call, mailboxOf(call).root);
}

export function createChildFolder(call: GraphCall): Reply {
  return createFolder(call, folderOf(call));
}

/** Names compare without case, hidden folders included. */
function createFolder(call: GraphCall, parent: SimulatedFolder): Reply {
  const given = readJson(call.body);
  const displayName = textMember(given, "displayName") ?? unreadableBody("displayName is missing.");
  if (displayName.trim() === "") refuse(400, "ErrorFolderNameEmpty", "The folder name is empty.");
  if (parent.child(displayName)) {
    refuse(409, "ErrorFolderExists", "A folder with the specified name already exists.");
  }
  const folder = mailboxOf(call).createFolder(parent, displayName, booleanMember(given, "isHidden") ?? false);
  return { status: 201, body: folderEntity(call, folder) };
}

function folderEntity(call: GraphCall, folder: SimulatedFolder): Record<string, unknown> {
  return {
    id: folder.id,
    displayName: folder.displayName,
    parentFolderId: folder.parent?.id ?? folder.id,
    childFolderCount: folder.children.length,
    unreadItemCount: folder.messages.filter(({ isRead }) => !isRead).length,
    totalItemCount: folder.messages.length,
    sizeInBytes: folder.messages.reduce((sum, { mime, body }) => sum + (mime?.length ?? body.content.length), 0),
    isHidden: folder.isHidden,
    ...(call.version === "beta" && { wellKnownName: folder.wellKnownName ?? null }),
  };
}
