import { MigrationError, type MigrationErrorCode, type MigrationErrorDetails } from "../errors.js";
import { readRetryAfter } from "../retry-after.js";
import { scrub } from "../scrub.js";
import { type Fault, systemFault } from "../system-faults.js";
import { record, textOf } from "./graph-json.js";

/** What a request was about, for telling alike answers apart. */
export interface GraphSubject {
  readonly doing: "open" | "list" | "folder" | "append" | "look" | "directory";
  /** The folder as people read it. */
  readonly folder?: string;
}

/** What of an answer an error is made of. */
export interface RefusingAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
  /** What must stand in no error: all that was sent in secret. */
  readonly secrets: readonly string[];
}

/** A mailbox may need 15 minutes after its licence (learn.microsoft.com/graph/resolve-auth-errors): four such pauses. */
const NOT_YET_MS = 4 * 60_000;

type Reading = readonly [MigrationErrorCode, MigrationErrorDetails?, string?];

/** Codes of Graph and Exchange that say it better than the status. */
const BY_CODE: readonly (readonly [RegExp, (about: GraphSubject) => Reading])[] = [
  [
    /^MailboxNotEnabledForRESTAPI$/i,
    () => [
      "server-unavailable",
      { scope: "user", retryAfterMs: NOT_YET_MS },
      "not yet: up to 15 minutes after a licence was assigned this is normal; later it says that the mailbox is inactive, soft-deleted or on-premises",
    ],
  ],
  [/^(MailboxNotSupportedForRESTAPI|ErrorNonExistentMailbox|ErrorInvalidUser)$/i, () => ["target-missing"]],
  [
    /^(Request_ResourceNotFound|ResourceNotFound)$/i,
    ({ doing }) => [doing === "open" ? "target-missing" : "folder-missing"],
  ],
  [/Quota/i, () => ["quota-exceeded"]],
  [
    /^(ErrorMessageSizeExceeded|ErrorAttachmentSizeLimitExceeded|RequestEntityTooLarge)$/i,
    ({ doing }) => [tooLarge(doing)],
  ],
  [/^(ApplicationThrottled|TooManyRequests|ErrorServerBusy|activityLimitReached)$/i, () => ["throttled"]],
  [
    /^(ErrorMailboxMoveInProgress|ErrorMailboxStoreUnavailable|ErrorMailboxFailover|ErrorTimeoutExpired|ErrorConnectionFailed|ErrorInternalServerTransientError)$/i,
    () => ["server-unavailable", { scope: "user" }],
  ],
  [
    /^(ErrorSendAsDenied|ErrorSubmissionQuotaExceeded)$/i,
    ({ doing }) => [doing === "append" ? "message-refused" : "access-denied"],
  ],
];

/** The statuses, where the code says nothing. */
function byStatus(status: number, { doing }: GraphSubject): Reading {
  if (status === 401) return ["token-expired"];
  if (status === 403) return ["access-denied", { scope: "user" }, CONFINED];
  if (status === 404) return [doing === "open" ? "target-missing" : "folder-missing", missingScope(doing)];
  if (status === 408) return ["command-timeout"];
  if (status === 409 || status === 412 || status === 423) return ["server-unavailable", { scope: "user" }];
  if (status === 413) return [tooLarge(doing)];
  if (status === 429 || status === 509) return ["throttled"];
  if (status === 507) return ["quota-exceeded"];
  if (status >= 500) return ["server-unavailable", { scope: "user" }];
  if (status >= 400 && doing === "append") return ["message-refused"];
  if (status >= 400 && doing === "folder") return ["folder-name"];
  return ["protocol-error"];
}

const CONFINED =
  "the application lacks consent to Mail.ReadWrite (importMime and, from 2026-12-31, changes of messages: Mail-Advanced.ReadWrite.All), or is confined to other mailboxes by an access policy or by RBAC for Applications";

function tooLarge(doing: GraphSubject["doing"]): MigrationErrorCode {
  return doing === "append" ? "message-too-large" : "protocol-error";
}

/** What is not there while the mailbox is: a folder. Outside of one, it concerns the user. */
function missingScope(doing: GraphSubject["doing"]): MigrationErrorDetails {
  return doing === "list" || doing === "directory" ? { scope: "user" } : {};
}

/**
 * An answer that is no success, as the error that the engine acts on. The request id, which Microsoft's support asks
 * for, stands in its text. Of scope `message` are those alone that say that nothing was stored.
 */
export function graphError(answer: RefusingAnswer, about: GraphSubject): MigrationError {
  const { status, headers } = answer;
  const { code, words, requestId } = readFault(answer);
  const known = status === 401 ? undefined : BY_CODE.find(([pattern]) => pattern.test(code));
  const [ours, details = {}, hint] = known ? known[1](about) : byStatus(status, about);
  const said = [`${status}${code === "" ? "" : ` ${code}`}`, words, hint].filter((part) => part).join(": ");
  const retryAfterMs = readRetryAfter(headers) ?? details.retryAfterMs;
  return new MigrationError(ours, `Graph answered ${said}${requestId === "" ? "" : ` (request-id ${requestId})`}`, {
    ...details,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(about.folder === undefined ? {} : { folder: about.folder }),
  });
}

/** The code that an answer carries; "" where it carries none. */
export function faultCode(answer: RefusingAnswer): string {
  return readFault(answer).code;
}

function readFault({ headers, json, secrets }: RefusingAnswer): { code: string; words: string; requestId: string } {
  const error = record(record(json)["error"]);
  const inner = record(error["innerError"] ?? error["innererror"]);
  const shown = (words: string) => scrub(withoutTokens(words), secrets);
  return {
    code: shown(textOf(error, "code")),
    words: shown(textOf(error, "message")),
    requestId: shown(headers.get("request-id") ?? textOf(inner, "request-id")),
  };
}

/** Statuses that come with a Retry-After (learn.microsoft.com/graph/throttling, and 504 and 509 as reported). */
export function isThrottling(status: number): boolean {
  return status === 429 || status === 503 || status === 504 || status === 509;
}

/** Of fetch itself (undici, docs/docs/api/Errors.md). */
const BY_FETCH_CODE = new Map<string, Fault>([
  ["UND_ERR_CONNECT_TIMEOUT", ["connect-timeout", "did not answer in time"]],
  ["UND_ERR_HEADERS_TIMEOUT", ["command-timeout", "did not answer in time"]],
  ["UND_ERR_BODY_TIMEOUT", ["command-timeout", "did not end its answer in time"]],
]);

/** A request without an answer. What it asked for may have been done. */
export function transportError(cause: unknown): MigrationError {
  const vendorCode = systemCode(cause);
  const fault = BY_FETCH_CODE.get(vendorCode) ?? systemFault(vendorCode);
  const [code, predicate] = fault ?? ["connection-lost", "gave no answer"];
  return new MigrationError(code, `Graph ${predicate}${vendorCode === "" ? "" : ` (${vendorCode})`}`);
}

/** fetch hides the reason in causes of causes. */
function systemCode(error: unknown): string {
  let code = "";
  for (let each: unknown = error, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth++) {
    const own = textOf(record(each), "code");
    if (/^[A-Z][A-Z0-9_]+$/.test(own)) code = own;
  }
  return code;
}

/** Without what looks like a token, also one that we did not send. */
function withoutTokens(words: string): string {
  return words
    .replace(/[\w-]{20,}\.[\w-]{20,}\.[\w-]{10,}/g, "•••")
    .replace(/((?:authtoken|token|secret|password)=)[^&\s"']+/gi, "$1•••");
}
