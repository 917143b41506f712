import { type ExtendedProperty, type MessageMarks, markMembers } from "./message-marks.js";
import { KEY_PROPERTY } from "./migration-key.js";
import type { MailAddress } from "./mime/address-list.js";
import type { GraphMail } from "./mime-to-graph.js";
import type { Attachment } from "./sort-parts.js";

/** A request to Graph holds 4 MB; some room is left for what we do not count. */
export const MAX_REQUEST = 3_900_000;
/** What the JSON of a body may take of it: headers, recipients and references need their room too. */
export const MAX_BODY = 3_000_000;
/** Attachments that go with the message itself, in octets before base64. */
const MAX_INLINE = 2_000_000;

const READ = 0x1;
const UNSENT = 0x8;

/** What makes a message besides its mail. */
export interface MessageState {
  readonly marks: MessageMarks;
  /** An invalid Date where the source gave none: then Exchange sets the time of the call. */
  readonly internalDate: Date;
  /** What {@link KEY_PROPERTY} says. */
  readonly key: string;
}

/** A message in the pieces in which it is sent. */
export interface MessageRequests {
  /** The body of the create request. */
  readonly create: string;
  /** The same without `from`, `sender`, `replyTo` and `internetMessageId`, which some tenants refuse. */
  readonly withoutIdentity: () => string;
  /** What is added once the message is there. */
  readonly late: readonly Attachment[];
}

/**
 * Lays a message out over requests. It is made by JSON with MAPI properties, the one way of v1.0 to a message that is no
 * draft and keeps its dates; the properties count at its creation only.
 *
 * @param keyWith the value of the key property, by whether attachments are still to come
 */
export function layOutMessage(
  mail: GraphMail,
  state: Omit<MessageState, "key">,
  keyWith: (isBuilding: boolean) => string,
): MessageRequests {
  const members = { ...contentMembers(mail), ...markMembers(state.marks) };
  const identity = identityMembers(mail);
  // The longer of the two keys is counted.
  const properties = (isBuilding: boolean) => propertiesOf(mail, { ...state, key: keyWith(isBuilding) });
  const base = JSON.stringify({ ...members, ...identity, singleValueExtendedProperties: properties(true) });
  let room = MAX_REQUEST - Buffer.byteLength(base);
  let octetsLeft = MAX_INLINE;
  const inline: object[] = [];
  const late: Attachment[] = [];
  for (const attachment of mail.attachments) {
    // Cheaper than to encode it and see: base64, and the JSON around it.
    const needed = Math.ceil(attachment.octets.length / 3) * 4 + 2_000;
    if (attachment.octets.length > octetsLeft || needed > room) {
      late.push(attachment);
      continue;
    }
    octetsLeft -= attachment.octets.length;
    room -= needed;
    inline.push(attachmentMember(attachment));
  }
  const common = {
    ...members,
    ...(inline.length > 0 && { attachments: inline }),
    singleValueExtendedProperties: properties(late.length > 0),
  };
  return {
    create: JSON.stringify({ ...common, ...identity }),
    withoutIdentity: () => JSON.stringify(common),
    late,
  };
}

/** A file as JSON. */
export function attachmentMember({ name, contentType, contentId, isInline, octets }: Attachment): object {
  return {
    "@odata.type": "#microsoft.graph.fileAttachment",
    ...{ name, contentType, isInline },
    ...(contentId !== undefined && { contentId }),
    contentBytes: octets.toString("base64"),
  };
}

function contentMembers(mail: GraphMail): object {
  return {
    subject: mail.subject,
    body: mail.body,
    toRecipients: mail.to.map(recipient),
    ccRecipients: mail.cc.map(recipient),
    bccRecipients: mail.bcc.map(recipient),
    importance: mail.importance,
  };
}

function identityMembers({ from, sender, replyTo, messageId }: GraphMail): object {
  return {
    ...(from && { from: recipient(from) }),
    ...(sender && { sender: recipient(sender) }),
    ...(replyTo.length > 0 && { replyTo: replyTo.map(recipient) }),
    ...(messageId !== "" && { internetMessageId: messageId }),
  };
}

function propertiesOf(mail: GraphMail, { marks, internalDate, key }: MessageState): ExtendedProperty[] {
  const received = Number.isNaN(internalDate.getTime()) ? undefined : internalDate;
  const flags = (marks.isRead ? READ : 0) | (marks.isDraft ? UNSENT : 0);
  const text = (id: string, value: string) => (value === "" ? [] : [{ id, value }]);
  const time = (id: string, date: Date | undefined) => (date ? [{ id, value: isoSeconds(date) }] : []);
  return [
    { id: "Integer 0x0E07", value: String(flags) },
    ...time("SystemTime 0x0E06", received),
    // Without a date of its own it would be sent at the time of the call.
    ...time("SystemTime 0x0039", mail.sentAt ?? received),
    ...text("String 0x007D", mail.headers),
    ...text("String 0x1042", mail.inReplyTo),
    ...text("String 0x1039", mail.references),
    ...marks.verbs,
    { id: KEY_PROPERTY, value: key },
  ];
}

function recipient({ name, address }: MailAddress): object {
  return { emailAddress: { ...(name !== "" && { name }), address } };
}

function isoSeconds(date: Date): string {
  return `${date.toISOString().slice(0, -5)}Z`;
}
