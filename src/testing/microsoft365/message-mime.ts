import { rebuiltByExchange } from "../exchange-rewriting.js";
import { TRANSPORT_HEADERS } from "./extended-properties.js";
import type { SimulatedAttachment, SimulatedMessage, SimulatedRecipient } from "./mailbox.js";

const BOUNDARY = "_000_simulated_";

/** The message as MIME, built again as Exchange does it: from the octets that were sent, or from the parts of a JSON one. */
export function messageMime(message: SimulatedMessage): Buffer {
  if (message.mime) return rebuiltByExchange(message.mime);
  const header = message.extendedProperties.get(TRANSPORT_HEADERS)?.replace(/(\r?\n)+$/, "") ?? builtHeader(message);
  const kept = header.split(/\r?\n(?![ \t])/).filter((field) => !/^(?:Content-|MIME-Version)/i.test(field));
  const parts = [bodyPart(message), ...message.attachments.map(attachmentPart)].join(`--${BOUNDARY}\r\n`);
  const lines = [...kept, "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="${BOUNDARY}"`, "", ""];
  return Buffer.from(`${lines.join("\r\n")}--${BOUNDARY}\r\n${parts}--${BOUNDARY}--\r\n`, "utf8");
}

function builtHeader(message: SimulatedMessage): string {
  const fields: [string, string][] = [["Date", message.sentDateTime.toUTCString().replace("GMT", "+0000")]];
  const people = [
    ["From", message.from ? [message.from] : []],
    ["To", message.toRecipients],
    ["Cc", message.ccRecipients],
  ] as const;
  for (const [name, list] of people) if (list.length > 0) fields.push([name, list.map(mailbox).join(", ")]);
  fields.push(["Subject", encodeWord(message.subject)], ["Message-ID", message.internetMessageId]);
  for (const { name, value } of message.internetMessageHeaders) fields.push([name, value]);
  return fields.map(([name, value]) => `${name}: ${value}`).join("\r\n");
}

const mailbox = ({ name, address }: SimulatedRecipient): string =>
  name === address ? address : `${encodeWord(name)} <${address}>`;

function encodeWord(text: string): string {
  return /^[ -~]*$/.test(text) ? text : `=?utf-8?B?${Buffer.from(text, "utf8").toString("base64")}?=`;
}

function bodyPart({ body }: SimulatedMessage): string {
  const type = `text/${body.contentType === "html" ? "html" : "plain"}; charset="utf-8"`;
  return `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64Lines(Buffer.from(body.content, "utf8"))}`;
}

function attachmentPart({ name, contentType, isInline, contentId, octets }: SimulatedAttachment): string {
  const file = encodeWord(name).replaceAll('"', "'");
  const lines = [
    `Content-Type: ${contentType}; name="${file}"`,
    `Content-Disposition: ${isInline ? "inline" : "attachment"}; filename="${file}"`,
    "Content-Transfer-Encoding: base64",
    ...(contentId === undefined ? [] : [`Content-ID: <${contentId}>`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${base64Lines(octets)}`;
}

const base64Lines = (octets: Buffer): string => octets.toString("base64").replace(/.{1,76}/g, "$&\r\n");
