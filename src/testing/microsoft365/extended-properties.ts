import type { SimulatedMessage } from "./mailbox.js";
import { refuse } from "./reply.js";

/** Ids of MAPI properties that the simulator acts upon, in the form in which Graph answers them. */
export const MESSAGE_FLAGS = "Integer 0xe07";
export const DELIVERY_TIME = "SystemTime 0xe06";
export const SUBMIT_TIME = "SystemTime 0x39";
export const TRANSPORT_HEADERS = "String 0x7d";

/** MSGFLAG_READ, MSGFLAG_UNSENT and MSGFLAG_HASATTACH ([MS-OXCMSG] section 2.2.1.6). */
export const READ_BIT = 0x1;
export const UNSENT_BIT = 0x8;
const ATTACHMENT_BIT = 0x10;

const TAGGED = /^(\w+) 0x0*([0-9a-f]{1,8})$/i;
const NAMED = /^(\w+) (\{[0-9a-f-]{36}\}) (Name|Id) (.+)$/i;
const TYPES = ["Boolean", "Binary", "Integer", "Long", "Short", "String", "SystemTime", "Double", "CLSID"];

/**
 * The id as Graph answers it: without leading zeros, hexadecimal digits and GUIDs in small letters. A client that compares
 * ids by their spelling does not find its own.
 * @throws Refusal for what is no id
 */
export function propertyId(given: string): string {
  const tagged = TAGGED.exec(given);
  if (tagged) return `${propertyType(tagged[1])} 0x${tagged[2]?.toLowerCase()}`;
  const named = NAMED.exec(given);
  if (named)
    return `${propertyType(named[1])} ${named[2]?.toLowerCase()} ${named[3] === "Id" ? "Id" : "Name"} ${named[4]}`;
  return badId();
}

function propertyType(given = ""): string {
  return TYPES.find((type) => type.toLowerCase() === given.toLowerCase()) ?? badId();
}

function badId(): never {
  return refuse(400, "ErrorInvalidExtendedProperty", "The id of an extended property is not valid.");
}

/** What the property holds now; undefined where the message has none. */
export function propertyValue(message: SimulatedMessage, given: string): string | undefined {
  const id = propertyId(given);
  switch (id) {
    case MESSAGE_FLAGS:
      return String(messageFlags(message));
    case DELIVERY_TIME:
      return isoSeconds(message.receivedDateTime);
    case SUBMIT_TIME:
      return isoSeconds(message.sentDateTime);
    default:
      return message.extendedProperties.get(id);
  }
}

function messageFlags({ isRead, isDraft, attachments }: SimulatedMessage): number {
  return (isRead ? READ_BIT : 0) | (isDraft ? UNSENT_BIT : 0) | (attachments.length > 0 ? ATTACHMENT_BIT : 0);
}

/** Graph's dates have no fractions of a second. */
export function isoSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
