import { randomBytes } from "node:crypto";
import { isoSeconds } from "./extended-properties.js";
import type { SimulatedMessage } from "./mailbox.js";
import { graphError, type Reply, refuse } from "./reply.js";
import type { TokenGrant } from "./sign-in.js";
import type { SimulatedUser } from "./tenant.js";

/** What is to be uploaded, and for which message. */
export interface UploadedFile {
  readonly user: SimulatedUser;
  readonly message: SimulatedMessage;
  /** The id by which the caller knows the message. */
  readonly messageId: string;
  readonly grant: TokenGrant;
  readonly size: number;
  readonly name: string;
  readonly contentType: string;
  readonly isInline: boolean;
  readonly contentId: string | undefined;
}

interface UploadSession extends UploadedFile {
  readonly url: string;
  readonly expires: Date;
  readonly expiresAt: number;
  readonly pieces: Buffer[];
  received: number;
}

/** Each range must be under 4 MB (Microsoft, "Attach large files to Outlook messages or events"). */
const RANGE_LIMIT = 4 * 1024 * 1024;
const RANGE = /^bytes (\d+)-(\d+)\/(\d+)$/;
const TOKEN = "authtoken";

/** The upload sessions of one simulator. Their addresses carry their own token and are on a host of their own. */
export class UploadSessions {
  readonly #host: string;
  readonly #lifetimeMs: number;
  readonly #clock: { now: () => number; date: () => Date };
  readonly #sessions = new Map<string, UploadSession>();

  constructor(host: string, lifetimeMs: number, clock: { now: () => number; date: () => Date }) {
    this.#host = host;
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
  }

  open(file: UploadedFile): { readonly url: string; readonly expires: Date } {
    const token = randomBytes(48).toString("base64url");
    const user = `Users('${file.user.id}@${file.grant.tenant.id}')`;
    const place = `${user}/Messages('${file.messageId}')/AttachmentSessions('${file.user.mailbox.newId()}')`;
    const session = {
      ...file,
      url: `${this.#host}/api/v2.0/${place}?${TOKEN}=${token}`,
      expires: new Date(this.#clock.date().getTime() + this.#lifetimeMs),
      expiresAt: this.#clock.now() + this.#lifetimeMs,
      pieces: [],
      received: 0,
    };
    this.#sessions.set(token, session);
    return session;
  }

  /** The session that an address is of, whether or not it has run out. */
  find(url: URL): UploadedFile | undefined {
    return this.#sessions.get(url.searchParams.get(TOKEN) ?? "");
  }

  expire(url: URL): void {
    this.#sessions.delete(url.searchParams.get(TOKEN) ?? "");
  }

  /** Takes one range. Ranges come in order; one that does not begin where the last ended is refused. */
  answer(request: { method: string; url: URL; headers: Headers; body: Buffer }): Reply {
    const { method, url, headers, body } = request;
    if (method !== "PUT") return { status: 405, headers: { Allow: "PUT" } };
    const session = this.#sessions.get(url.searchParams.get(TOKEN) ?? "");
    // Documented is that the session runs out, not what is said then.
    if (!session || session.expiresAt <= this.#clock.now())
      refuse(404, "ErrorItemNotFound", "The upload session was not found.");
    if (headers.has("Authorization")) refuse(401, "InvalidAuthenticationToken", "The address carries its own token.");
    if (!session.user.mailbox.findMessage(session.message.immutableId)) {
      refuse(404, "ErrorItemNotFound", "The specified object was not found in the store.");
    }
    const objection = objectionToRange(session, headers.get("Content-Range"), body.length);
    if (objection) return objection;
    session.pieces.push(body);
    session.received += body.length;
    return session.received < session.size ? this.#goOn(session) : this.#complete(session);
  }

  #goOn(session: UploadSession): Reply {
    const body = {
      "@odata.context": `${this.#host}/api/v2.0/$metadata#AttachmentSessions/$entity`,
      ExpirationDateTime: isoSeconds(session.expires),
      nextExpectedRanges: [String(session.received)],
    };
    return { status: 200, body };
  }

  #complete(session: UploadSession): Reply {
    const id = session.user.mailbox.newId("AAMkATT");
    const { name, contentType, isInline, contentId, message } = session;
    const octets = Buffer.concat(session.pieces);
    message.attachments.push({ id, kind: "file", name, contentType, isInline, contentId, octets });
    this.expire(new URL(session.url));
    const place = session.url.replace(/\/AttachmentSessions\(.*$/s, `/Attachments('${id}')`);
    return { status: 201, headers: { Location: place, "Content-Length": "0" } };
  }
}

function objectionToRange(session: UploadSession, header: string | null, octets: number): Reply | undefined {
  if (octets >= RANGE_LIMIT) return graphError(413, "ErrorRequestEntityTooLarge", "The range is too large.");
  const match = RANGE.exec(header ?? "");
  if (!match) return graphError(400, "ErrorInvalidRange", "Content-Range is missing or not valid.");
  const [first, last, total] = match.slice(1).map(Number);
  const isWhole = first !== undefined && last === first + octets - 1 && total === session.size && last < session.size;
  if (!isWhole) return graphError(400, "ErrorInvalidRange", "Content-Range does not fit the body or the file.");
  // Documented is the order, not the answer to a range that is out of it or comes twice.
  return first === session.received
    ? undefined
    : graphError(416, "ErrorInvalidRange", "The range is not the next one.");
}
