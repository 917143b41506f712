import type { FolderContent } from "../../../src/testing/fake-mailbox.js";
import type { SimulatedFolder, SimulatedMailbox, SimulatedMessage } from "../../../src/testing/microsoft365/mailbox.js";
import type { StoredMessage } from "../../../src/testing/sample-message.js";

/** The value of a property that a message was made with. */
export function property({ extendedProperties }: SimulatedMessage, id: string): string | undefined {
  return extendedProperties.get(id);
}

/** What a mailbox holds, as IMAP would show it; of messages made by JSON as much as can be told of one text. */
export function mailboxContent(mailbox: SimulatedMailbox): FolderContent[] {
  return mailbox.folders
    .filter((folder) => folder !== mailbox.root && !folder.isHidden)
    .map((folder) => ({ levels: levelsOf(folder), messages: folder.messages.map(storedMessage) }));
}

function levelsOf(folder: SimulatedFolder): readonly string[] {
  const top = folder.parent ? levelsOf(folder.parent) : [];
  if (!folder.parent) return top;
  return [...top, folder.wellKnownName === "inbox" ? "INBOX" : folder.displayName];
}

function storedMessage(message: SimulatedMessage): StoredMessage {
  const header = property(message, "String 0x7d") ?? "";
  const octets = message.mime ?? Buffer.from(`${header}\r\n${message.body.content}`, "utf8");
  return { octets, internalDate: message.receivedDateTime, flags: new Set(flagsOf(message)) };
}

function flagsOf(message: SimulatedMessage): string[] {
  const verb = property(message, "Integer 0x1081");
  return [
    ...(message.isRead ? ["\\Seen"] : []),
    ...(message.flagStatus === "flagged" ? ["\\Flagged"] : []),
    ...(message.isDraft ? ["\\Draft"] : []),
    ...(verb === "102" ? ["\\Answered"] : []),
    ...(verb === "104" ? ["$Forwarded"] : []),
    ...message.categories,
  ];
}
