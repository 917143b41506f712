import { MigrationError, type MigrationErrorCode } from "../errors.js";
import { scrub } from "../scrub.js";
import { type Fault, systemFault, tlsFailed } from "../system-faults.js";
import { type CommandContext, type Reading, type RefusedResponse, responseError } from "./imap-errors.js";

/** Where a connection failed. */
export interface ConnectionContext {
  readonly host: string;
  readonly port: number;
  /** Passwords and tokens that were sent and must not come back in an error. */
  readonly secrets?: readonly string[];
  /** A lost connection is a matter of the endpoint before the sign-in, of one user after it. */
  readonly loggedIn: boolean;
}

const LATE: Fault = ["connect-timeout", "did not answer in time"];
const TOO_LARGE: Fault = ["response-too-large", "sent more than any honest answer holds"];
const UNREPRESENTABLE: Fault = ["login-format", "cannot be sent a name or password with CR, LF or NUL"];

/** By imapflow's codes and ours. */
const FAULTS = new Map<string, Fault>([
  ["ETIMEOUT", LATE],
  ["CONNECT_TIMEOUT", LATE],
  ["UPGRADE_TIMEOUT", ["connect-timeout", "did not finish the TLS handshake in time"]],
  ["GREETING_TIMEOUT", ["connect-timeout", 'sent no greeting in time; a TLS port needs security "Ssl"']],
  ["ProxyError", ["connect-timeout", "cannot be reached through the proxy"]],
  ["STARTTLS_INJECTION", ["tls-injection", "sent something between the OK to STARTTLS and the TLS handshake"]],
  ["LineTooLarge", TOO_LARGE],
  ["LiteralTooLarge", TOO_LARGE],
  ["ResponseTooLarge", TOO_LARGE],
  ["MAX_IMAP_NESTING_REACHED", TOO_LARGE],
  ["InvalidResponse", ["protocol-error", "sent an answer that is none"]],
  ["UnexpectedTag", ["protocol-error", "answered a command that it was not sent"]],
  ["ResponseProcessingFailed", ["protocol-error", "sent an answer that cannot be processed"]],
  ["COMPRESS_TRAILING_DATA", ["protocol-error", "sent something behind the OK to COMPRESS"]],
  ["Z_DATA_ERROR", ["protocol-error", "agreed on compression and sent something else"]],
  ["InvalidStringValue", UNREPRESENTABLE],
  ["InvalidTextValue", UNREPRESENTABLE],
  ["InvalidTokenValue", UNREPRESENTABLE],
]);

/** Codes that tell of a connection that no longer is: Node's and imapflow's. */
const LOST =
  /^(ECONNRESET|ECONNABORTED|EPIPE|ENOTCONN|ERR_STREAM_\w+|NoConnection|EConnectionClosed|StateLogout|ClosedAfterConnect\w+)$/;
const LOST_ONCE_LOGGED_IN = new Set<MigrationErrorCode>([
  "connection-refused",
  "connect-timeout",
  "dns-failed",
  "tls-failed",
]);
/** imapflow's messages where the server offers no sign-in for the credentials; they have neither code nor response. */
const NO_MECHANISM =
  /^(Login is disabled|No matching authentication method|Unsupported authentication mechanism|No password configured)$/;

/**
 * The error for a socket, TLS or DNS error of Node, or for whatever imapflow threw. A {@link MigrationError} comes back as
 * it is; what nobody knows is `unexpected`.
 *
 * `cause` is a new Error with the scrubbed message and the code: imapflow's own carries commands and responses.
 */
export function connectionError(error: unknown, context: ConnectionContext): MigrationError {
  if (MigrationError.is(error)) return error;
  return refusedByServer(error, context) ?? faultOf(error, context);
}

function refusedByServer(error: unknown, { loggedIn, secrets = [] }: ConnectionContext): MigrationError | undefined {
  const response = responseOf(error);
  if (response === undefined) return undefined;
  const command: CommandContext = loggedIn
    ? { doing: "Command", verb: "NOOP", secrets }
    : { doing: "Sign-in", verb: "LOGIN", secrets };
  return responseError(response, command, flagsOf(error));
}

/** The server's answer that imapflow hung on its error; `reason` holds the text of a BYE. */
function responseOf(error: unknown): RefusedResponse | undefined {
  const status = textOf(error, "responseStatus");
  const code = textOf(error, "serverResponseCode");
  const response = textOf(error, "response");
  const bye = LOST.test(textOf(error, "code") ?? "") ? textOf(error, "reason") : undefined;
  if (status === "NO" || status === "BAD") return { status, code, text: textOf(error, "responseText") ?? "" };
  if (bye !== undefined) return { status: "BYE", text: bye };
  // "User is authenticated but not connected", which imapflow finds in the answer to NAMESPACE.
  return response !== undefined && propertyOf(error, "authenticationFailed") === true
    ? { status: "BAD", text: response }
    : undefined;
}

/** What imapflow found out beyond the answer itself. */
function flagsOf(error: unknown): Partial<Reading> {
  const asked = propertyOf(error, "throttleReset");
  const waited = propertyOf(error, "throttleWaited");
  if (typeof asked === "number" && typeof waited === "number") return { retryAfterMs: Math.max(0, asked - waited) };
  // RFC 7628 section 3.2.2: the server judged the token, not the account.
  const oauthStatus = textOf(propertyOf(error, "oauthError"), "status");
  return oauthStatus === "401" || oauthStatus === "invalid_token" ? { code: "token-expired" } : {};
}

function faultOf(error: unknown, { host, port, secrets = [], loggedIn }: ConnectionContext): MigrationError {
  const vendorCode = textOf(error, "code") ?? "";
  const [code, predicate] = readFault(error, vendorCode, loggedIn);
  const detail = code.startsWith("certificate-") || code === "unexpected" ? textOf(error, "message") : undefined;
  const why = [vendorCode, detail && scrub(detail, secrets)].filter(Boolean).join(": ");
  return new MigrationError(code, `${host}:${port} ${predicate}${why === "" ? "" : ` (${why})`}`, {
    cause: scrubbedCause(error, secrets),
  });
}

function readFault(error: unknown, vendorCode: string, loggedIn: boolean): Fault {
  const message = textOf(error, "message") ?? "";
  if (textOf(error, "name") === "AbortError" || vendorCode === "ABORT_ERR") return ["aborted", "was given up: aborted"];
  const known = () => FAULTS.get(vendorCode) ?? readTls(error, vendorCode, message) ?? systemFault(vendorCode);
  const fault = LOST.test(vendorCode) ? undefined : known();
  if (fault !== undefined && !(loggedIn && LOST_ONCE_LOGGED_IN.has(fault[0]))) return fault;
  if (loggedIn && vendorCode === "ETIMEOUT") return ["command-timeout", "did not answer in time"];
  if (fault !== undefined || LOST.test(vendorCode)) {
    return loggedIn
      ? ["connection-lost", "lost the connection"]
      : ["server-unavailable", "closed the connection before the sign-in"];
  }
  if (NO_MECHANISM.test(message)) return ["auth-unsupported", "offers no sign-in for these credentials"];
  if (vendorCode.startsWith("ParserError")) return ["protocol-error", "sent an answer that cannot be read"];
  return ["unexpected", "could not be worked with"];
}

/** What can be told of TLS beyond the code. */
function readTls(error: unknown, vendorCode: string, message: string): Fault | undefined {
  const failedUpgrade = propertyOf(error, "tlsFailed") === true;
  if (vendorCode === "" && failedUpgrade) return ["tls-required", "does not offer STARTTLS, or refused it"];
  const isPlainText = /wrong version number|packet length too long/i.test(message);
  if (systemFault(vendorCode) !== tlsFailed || !isPlainText) return undefined;
  return failedUpgrade
    ? ["tls-required", "said OK to STARTTLS and went on without TLS"]
    : ["tls-failed", 'answers without TLS; a port for STARTTLS needs security "Tls"'];
}

function scrubbedCause(error: unknown, secrets: readonly string[]): Error {
  const cause = new Error(scrub(textOf(error, "message") ?? String(error), secrets));
  const code = textOf(error, "code");
  return code === undefined ? cause : Object.assign(cause, { code });
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown, name: string): string | undefined {
  const text = propertyOf(value, name);
  return typeof text === "string" && text !== "" ? text : undefined;
}
