import { readAttachment } from "./attachments.js";
import {
  DELIVERY_TIME,
  MESSAGE_FLAGS,
  propertyId,
  READ_BIT,
  SUBMIT_TIME,
  TRANSPORT_HEADERS,
  UNSENT_BIT,
} from "./extended-properties.js";
import { type GraphCall, mailboxOf } from "./graph-call.js";
import {
  booleanMember,
  type JsonObject,
  objectMember,
  objectsMember,
  readJson,
  textMember,
  textsMember,
  unreadableBody,
} from "./json.js";
import type { SimulatedFolder, SimulatedMessage, SimulatedRecipient } from "./mailbox.js";
import { messageEntity } from "./message-entity.js";
import { headerFields } from "./mime-header.js";
import { type Reply, refuse } from "./reply.js";

const MEMBERS = new Set(
  (
    "@odata.type subject body from sender toRecipients ccRecipients bccRecipients replyTo internetMessageId importance " +
    "isRead flag categories attachments internetMessageHeaders singleValueExtendedProperties inferenceClassification " +
    "isDeliveryReceiptRequested isReadReceiptRequested conversationIndex"
  ).split(" "),
);
/** Read-only ones: what is sent for them has no effect. The extended properties are the way. */
const IGNORED = new Set(["receivedDateTime", "sentDateTime", "isDraft", "hasAttachments", "bodyPreview"]);

const MOST_HEADERS = 5;
const LONGEST_HEADER = 995;
const LONGEST_TRANSPORT_HEADERS = 32 * 1024;

/** Create from JSON: a draft, unless PR_MESSAGE_FLAGS (0x0E07) says otherwise; only here is its UNSENT bit heeded. */
export function createFromJson(call: GraphCall, folder: SimulatedFolder): Reply {
  const mailbox = mailboxOf(call);
  const given = readJson(call.body);
  refuseUnknownMembers(given);
  const properties = readProperties(given);
  const message = mailbox.addMessage(folder, {
    created: call.date,
    ...readContent(given),
    ...readState(given, properties, call.date),
    attachments: objectsMember(given, "attachments").map((each) =>
      readAttachment(each, () => mailbox.newId("AAMkATT")),
    ),
    extendedProperties: properties,
  });
  return { status: 201, body: messageEntity(call, message) };
}

/**
 * Changes what may be changed on any message. `isDraft` is taken and has no effect, and so are the properties that the
 * simulator reads from the message itself: flags and dates.
 */
export function updateMessage(call: GraphCall, message: SimulatedMessage): Reply {
  const given = readJson(call.body);
  refuseUnknownMembers(given);
  const changes = { ...readMarks(given), ...(message.isDraft && readContent(given)) };
  const properties = readProperties(given);
  Object.assign(message, changes);
  for (const [id, value] of properties) message.extendedProperties.set(id, value);
  return { status: 200, body: messageEntity(call, message) };
}

function refuseUnknownMembers(given: JsonObject): void {
  for (const name of Object.keys(given)) {
    if (MEMBERS.has(name) || IGNORED.has(name)) continue;
    unreadableBody(`The property '${name}' does not exist on type 'microsoft.graph.message'.`);
  }
}

/** By id in the form in which Graph answers it. */
function readProperties(given: JsonObject): Map<string, string> {
  const properties = new Map<string, string>();
  for (const property of objectsMember(given, "singleValueExtendedProperties")) {
    const id = propertyId(textMember(property, "id") ?? unreadableBody("The id of a property is missing."));
    const value = textMember(property, "value") ?? unreadableBody("The value of a property is missing.");
    if (id.startsWith("SystemTime ") && Number.isNaN(Date.parse(value))) unreadableBody(`${id} is no date.`);
    if (id.startsWith("Integer ") && !/^-?\d+$/.test(value)) unreadableBody(`${id} is no number.`);
    if (id === TRANSPORT_HEADERS && value.length > LONGEST_TRANSPORT_HEADERS) {
      refuse(400, "ErrorInvalidExtendedPropertyValue", "The value of an extended property is too long.");
    }
    properties.set(id, value);
  }
  return properties;
}

type Given = Partial<Omit<SimulatedMessage, "id" | "immutableId" | "folder">>;

function readState(given: JsonObject, properties: ReadonlyMap<string, string>, now: Date): Given {
  const flags = properties.get(MESSAGE_FLAGS);
  const bits = flags === undefined ? UNSENT_BIT | READ_BIT : Number(flags);
  const delivered = properties.get(DELIVERY_TIME);
  const submitted = properties.get(SUBMIT_TIME);
  return {
    isRead: (bits & READ_BIT) !== 0,
    ...readMarks(given),
    isDraft: (bits & UNSENT_BIT) !== 0,
    receivedDateTime: delivered === undefined ? now : new Date(delivered),
    sentDateTime: submitted === undefined ? now : new Date(submitted),
    internetMessageHeaders: readHeaders(given, properties),
  };
}

/** Read state, flag, categories and importance: whatever of them is given. */
function readMarks(given: JsonObject): Given {
  const isRead = booleanMember(given, "isRead");
  const flag = objectMember(given, "flag");
  const flagStatus = flag && oneOf(textMember(flag, "flagStatus"), ["notFlagged", "complete", "flagged"] as const);
  const categories = textsMember(given, "categories");
  const importance = oneOf(textMember(given, "importance")?.toLowerCase(), ["low", "normal", "high"] as const);
  return {
    ...(isRead !== undefined && { isRead }),
    ...(flagStatus && { flagStatus }),
    ...(categories && { categories }),
    ...(importance && { importance }),
  };
}

function readContent(given: JsonObject): Given {
  const body = objectMember(given, "body");
  const from = readRecipient(objectMember(given, "from"));
  const subject = textMember(given, "subject");
  const internetMessageId = textMember(given, "internetMessageId");
  const list = (name: string): SimulatedRecipient[] | undefined =>
    given[name] === undefined ? undefined : objectsMember(given, name).flatMap((each) => readRecipient(each) ?? []);
  const lists = ["toRecipients", "ccRecipients", "bccRecipients", "replyTo"].flatMap((name) => {
    const value = list(name);
    return value ? [[name, value] as const] : [];
  });
  return {
    ...(subject !== undefined && { subject }),
    ...(internetMessageId !== undefined && { internetMessageId }),
    ...(body && { body: readBody(body) }),
    ...(from && { from, sender: readRecipient(objectMember(given, "sender")) ?? from }),
    ...Object.fromEntries(lists),
  };
}

function readBody(given: JsonObject): SimulatedMessage["body"] {
  const contentType = oneOf(textMember(given, "contentType")?.toLowerCase(), ["text", "html"] as const) ?? "text";
  return { contentType, content: textMember(given, "content") ?? "" };
}

function readRecipient(given: JsonObject | undefined): SimulatedRecipient | undefined {
  if (!given) return undefined;
  const email = objectMember(given, "emailAddress") ?? unreadableBody("emailAddress is missing.");
  const address = textMember(email, "address") ?? "";
  return { name: textMember(email, "name") ?? address, address };
}

function readHeaders(
  given: JsonObject,
  properties: ReadonlyMap<string, string>,
): SimulatedMessage["internetMessageHeaders"] {
  const headers = objectsMember(given, "internetMessageHeaders").map((header) => ({
    name: textMember(header, "name") ?? unreadableBody("The name of a header is missing."),
    value: textMember(header, "value") ?? unreadableBody("The value of a header is missing."),
  }));
  const isAllowed = ({ name, value }: { name: string; value: string }): boolean =>
    /^x-/i.test(name) && value.length <= LONGEST_HEADER;
  if (headers.length > MOST_HEADERS || !headers.every(isAllowed)) {
    const wrong = headers.find((header) => !isAllowed(header))?.name ?? "";
    refuse(
      400,
      "InvalidInternetMessageHeader",
      `The internet message header name '${wrong}' should start with 'x-' or 'X-'.`,
    );
  }
  const transport = properties.get(TRANSPORT_HEADERS);
  return transport === undefined ? headers : [...headerFields(Buffer.from(transport, "utf8")), ...headers];
}

function oneOf<Value extends string>(text: string | undefined, allowed: readonly Value[]): Value | undefined {
  if (text === undefined) return undefined;
  return allowed.find((value) => value === text) ?? unreadableBody(`'${text}' is not among the values allowed.`);
}
