import { MigrationError, type MigrationErrorCode } from "../errors.js";
import { scrub } from "../scrub.js";
import { type FaultKind, faultOf } from "./sign-in-faults.js";

/** What came back from the sign-in service. */
export interface SignInAnswer {
  readonly status: number;
  /** Milliseconds of its Retry-After; absent where it sent none. */
  readonly retryAfterMs?: number;
  readonly contentType: string;
  /** The JSON object; absent where the body was something else. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** What must stand in no error: all that was sent and received in secret. */
  readonly secrets: readonly string[];
}

/** True for an answer that the protocol goes on with: a token, a device code, or "not signed in yet". */
export function isHappy({ status, body }: SignInAnswer): boolean {
  if (!body) return false;
  const { error } = body;
  return error === undefined ? status >= 200 && status < 300 : error === "authorization_pending"; // RFC 8628 section 3.5
}

/** `credentials-refused` where somebody has to change something, otherwise `throttled` or `token-unavailable`. */
export function errorOfAnswer(answer: SignInAnswer): MigrationError {
  const { status, contentType, body, retryAfterMs } = answer;
  const numbers = errorNumbers(body);
  const fault = faultOf(numbers);
  const kind = fault?.kind ?? kindOf(status, text(body?.["error"]));
  const what = fault?.text ?? unknownFault(kind, answer);
  const cause = body ? vendorError(answer) : new Error(`HTTP status ${status}, ${contentType || "no content type"}`);
  const details = { cause, ...(kind !== "refused" && retryAfterMs !== undefined && { retryAfterMs }) };
  const where = [...numbers.map((number) => `AADSTS${number}`), ...traceOf(body)].join(", ");
  // A throttled sign-in stops every mailbox of the batch, not one user.
  const scope = kind === "throttling" ? { scope: "endpoint" as const } : {};
  return new MigrationError(CODES[kind], where ? `${what} (${where})` : what, { ...details, ...scope });
}

const CODES: Readonly<Record<FaultKind, MigrationErrorCode>> = {
  refused: "credentials-refused",
  passing: "token-unavailable",
  throttling: "throttled",
};

/** Statuses that pass: 404 and 410 are a managed identity that is just being set up or moved. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([404, 407, 408, 410]);
const PASSING_ERRORS: ReadonlySet<string> = new Set(["temporarily_unavailable", "server_error", "slow_down"]);

function kindOf(status: number, error: string | undefined): FaultKind {
  if (status === 429) return "throttling";
  if (status >= 500 || PASSING_STATUSES.has(status)) return "passing";
  return error === undefined || PASSING_ERRORS.has(error) ? "passing" : "refused";
}

function unknownFault(kind: FaultKind, { status, contentType, body }: SignInAnswer): string {
  if (kind === "throttling") return "The sign-in service asks for a pause";
  if (kind === "passing") {
    if (body) return `The sign-in service is not available (HTTP status ${status})`;
    const form = /html/i.test(contentType) ? "a web page" : "something that is no JSON";
    return `Where the sign-in service should be, ${form} answered (HTTP status ${status}): is a proxy or firewall in between?`;
  }
  const error = text(body?.["error"]);
  const description = text(body?.["error_description"]) ?? "";
  if (/identity not found|no managed identity/i.test(description)) {
    return "This machine has no such managed identity: assign it, and check its clientId";
  }
  if (error === "expired_token") return "Nobody signed in with the device code in time: start again";
  if (error === "authorization_declined" || error === "access_denied") return "The person declined the sign-in";
  return "The sign-in service refused the credentials; the cause has its words";
}

/** The service's own words, without what was sent to it or came from it in secret. */
function vendorError({ body, secrets }: SignInAnswer): Error {
  const words = [text(body?.["error"]), text(body?.["error_description"]), text(body?.["message"])];
  return new Error(scrub(words.filter((word) => word !== undefined).join(": ") || "no words", secrets));
}

function errorNumbers(body: SignInAnswer["body"]): number[] {
  const codes = body?.["error_codes"];
  const listed = Array.isArray(codes) ? codes.map(Number).filter(Number.isSafeInteger) : [];
  if (listed.length > 0) return listed;
  const named = /\bAADSTS(\d{4,9})\b/.exec(text(body?.["error_description"]) ?? "");
  return named ? [Number(named[1])] : [];
}

/** What Microsoft's support asks for; nothing but an id gets through. */
function traceOf(body: SignInAnswer["body"]): string[] {
  const id = text(body?.["trace_id"]);
  return id !== undefined && /^[\da-f-]{36}$/i.test(id) ? [`trace id ${id}`] : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
