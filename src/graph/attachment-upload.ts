import { MigrationError } from "../errors.js";
import type { GraphAnswer, GraphClient, UploadRange } from "./graph-client.js";
import { graphError } from "./graph-errors.js";
import { listOf, textOf } from "./graph-json.js";
import { itemsOfPages } from "./graph-pages.js";
import { attachmentMember } from "./message-json.js";
import type { Attachment } from "./sort-parts.js";

/** "Under 3 MB" goes by one POST; the lesser reading of a megabyte, so that base64 stays below 4 MB. */
const LARGEST_POST = 3_000_000;
/** Each range is to be under 4 MB (learn.microsoft.com/graph/outlook-large-attachments). */
const RANGE = 3 * 1024 * 1024;
/** Lost ranges in a row, and sessions for one attachment. */
const MAX_LOST = 3;
const MAX_SESSIONS = 3;

/** A message that attachments are added to, one after the other. */
export interface GrowingMessage {
  /** `/users/.../messages/...` */
  readonly path: string;
  /** How many attachments it has already. */
  readonly attachments: number;
}

/**
 * Adds one attachment to a message. A range whose answer was lost is sent again, from where the service says that it
 * stands; a session that has run out is made anew, unless the message has the attachment by then.
 * @throws MigrationError
 */
export async function addAttachment(
  client: GraphClient,
  message: GrowingMessage,
  attachment: Attachment,
  signal: AbortSignal,
): Promise<void> {
  if (attachment.octets.length <= LARGEST_POST) {
    const json = JSON.stringify(attachmentMember(attachment));
    const answer = await client.send({ method: "POST", path: `${message.path}/attachments`, json }, { signal });
    if (answer.status !== 201) throw graphError(answer, { doing: "append" });
    return;
  }
  for (let session = 1; session <= MAX_SESSIONS; session++) {
    const url = await openSession(client, message, attachment, signal);
    if (await putRanges(client, url, attachment.octets, signal)) return;
    if ((await countAttachments(client, message, signal)) > message.attachments) return;
  }
  throw new MigrationError("server-unavailable", `${MAX_SESSIONS} upload sessions of one attachment ran out`, {
    scope: "user",
  });
}

async function openSession(
  client: GraphClient,
  { path }: GrowingMessage,
  { name, contentType, contentId, isInline, octets }: Attachment,
  signal: AbortSignal,
): Promise<string> {
  const item = { attachmentType: "file", name, size: octets.length, contentType, isInline };
  const json = JSON.stringify({ AttachmentItem: { ...item, ...(contentId !== undefined && { contentId }) } });
  const request = { method: "POST", path: `${path}/attachments/createUploadSession`, json } as const;
  const answer = await client.send(request, { signal });
  const url = textOf(answer.json, "uploadUrl");
  if (answer.status !== 201 || url === "") throw graphError(answer, { doing: "append" });
  return url;
}

/** True when the service said that it has all; false when the session is no more. */
async function putRanges(client: GraphClient, url: string, octets: Buffer, signal: AbortSignal): Promise<boolean> {
  let from = 0;
  let lost = 0;
  while (from < octets.length) {
    const range = { url, octets: octets.subarray(from, from + RANGE), from, size: octets.length };
    const answer = await putRange(client, range, signal);
    if (answer?.status === 201) return true;
    if (answer?.status === 404 || answer?.status === 410) return false;
    if (answer === undefined || isPassing(answer)) {
      lost += 1;
      if (lost > MAX_LOST) throw answer ? graphError(answer, { doing: "append" }) : rangeLost();
      continue;
    }
    const isOutOfOrder = answer.status === 416 || answer.status === 409;
    // Sent again although it had arrived, the answer to it being lost.
    if (!answerIsOk(answer) && !(isOutOfOrder && lost > 0)) {
      if (isOutOfOrder) return false;
      throw graphError(answer, { doing: "append" });
    }
    const next = nextExpected(answer.json) ?? from + range.octets.length;
    lost = next > from ? 0 : lost + 1;
    if (lost > MAX_LOST) return false;
    from = next;
  }
  return false;
}

/** Undefined where the answer was lost. */
async function putRange(
  client: GraphClient,
  range: UploadRange,
  signal: AbortSignal,
): Promise<GraphAnswer | undefined> {
  try {
    return await client.upload(range, { signal });
  } catch (error) {
    if (MigrationError.is(error) && (error.code === "connection-lost" || error.code === "command-timeout")) {
      client.check(signal);
      return undefined;
    }
    throw error;
  }
}

/** What says nothing of the range, and asks for no pause. */
function isPassing({ status }: GraphAnswer): boolean {
  return status === 500 || status === 502 || status === 408;
}

function answerIsOk({ status }: GraphAnswer): boolean {
  return status === 200 || status === 202;
}

function rangeLost(): MigrationError {
  return new MigrationError("connection-lost", `A range of an attachment was lost ${MAX_LOST + 1} times in a row`);
}

/** Where the first range begins that the service waits for: "3145728", or "3145728-5242879". */
function nextExpected(json: unknown): number | undefined {
  const [first] = listOf(json, "nextExpectedRanges");
  const [, start] = /^(\d+)/.exec(String(first ?? "")) ?? [];
  return start === undefined ? undefined : Number(start);
}

async function countAttachments(client: GraphClient, { path }: GrowingMessage, signal: AbortSignal): Promise<number> {
  const list = `${path}/attachments?$select=id,size&$top=100`;
  let count = 0;
  for await (const _ of itemsOfPages(client, list, { doing: "append", signal })) count += 1;
  return count;
}
