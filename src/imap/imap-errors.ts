import { type ErrorScope, MigrationError, type MigrationErrorCode, type MigrationErrorDetails } from "../errors.js";
import { scrub } from "../scrub.js";

/** The commands that the package sends; `CONNECT` is the server's greeting, `BYE` what it says between two commands. */
export type ImapVerb =
  | "CONNECT"
  | "CAPABILITY"
  | "STARTTLS"
  | "LOGIN"
  | "ID"
  | "NAMESPACE"
  | "ENABLE"
  | "LIST"
  | "STATUS"
  | "EXAMINE"
  | "SELECT"
  | "FETCH"
  | "SEARCH"
  | "CREATE"
  | "SUBSCRIBE"
  | "APPEND"
  | "STORE"
  | "NOOP"
  | "LOGOUT"
  | "BYE";

/** A server's refusal: a tagged NO or BAD, or a BYE (RFC 9051 section 7.1). */
export interface RefusedResponse {
  readonly status: "NO" | "BAD" | "BYE";
  /** What stands between the brackets, arguments included: `OVERQUOTA`. Absent: none, or at the head of `text`. */
  readonly code?: string | undefined;
  /** The text as it came. */
  readonly text: string;
}

/** What the server refused. */
export interface CommandContext {
  /** For people: `APPEND to Sent`. */
  readonly doing: string;
  /** LOGIN stands for AUTHENTICATE too. */
  readonly verb: ImapVerb;
  readonly folder?: string;
  /** The UID at the source of the one message that the command was about. */
  readonly uid?: number;
  /** Passwords and tokens that were sent and must not come back in an error. */
  readonly secrets?: readonly string[];
}

/** What a refusal turns out to be. */
export interface Reading extends Pick<MigrationErrorDetails, "scope" | "retryAfterMs"> {
  readonly code: MigrationErrorCode;
}

interface Rule {
  /** The response code's name; absent: any or none. */
  readonly code?: RegExp;
  /** Absent: any text. */
  readonly text?: RegExp;
  /** Absent: after any command. */
  readonly verbs?: readonly ImapVerb[];
  readonly reads: MigrationErrorCode;
  /** Absent: by the code and the command. */
  readonly scope?: ErrorScope;
}

const SIGN_IN: readonly ImapVerb[] = ["CONNECT", "CAPABILITY", "STARTTLS", "LOGIN"];
const ONE_FOLDER: readonly ImapVerb[] = ["EXAMINE", "SELECT", "STATUS", "CREATE", "SUBSCRIBE"];
const OPENED_FOLDER: readonly ImapVerb[] = ["EXAMINE", "SELECT", "STATUS", "FETCH", "SEARCH", "APPEND", "STORE"];
const WRITING: readonly ImapVerb[] = ["APPEND", "CREATE", "SUBSCRIBE"];

/** The first rule that fits decides. Response codes: RFC 5530, RFC 9051 section 7.1, RFC 4469 TOOBIG, RFC 9208 OVERQUOTA. */
const RULES: readonly Rule[] = [
  // Texts that mean more than the code before them: Gmail throttles with [OVERQUOTA], Yahoo with [LIMIT].
  { text: /throttled|backoff time|bandwidth limits|rate limit|too many requests/i, reads: "throttled" },
  { text: /AccessTokenExpired|token (has |is )?expired|expired (access )?token/i, reads: "token-expired" },
  {
    text: /too many (\w+ )?(connections|sessions)|maximum (number of )?(\w+ )?connections/i,
    reads: "too-many-connections",
  },
  // Exchange, after an AUTHENTICATE that it accepted: IMAP is off, FullAccess is missing, or too many reconnects.
  { text: /authenticated but not connected/i, reads: "server-unavailable", scope: "user" },
  { text: /command received in invalid state/i, reads: "connection-lost" },

  { code: /^(AUTHENTICATIONFAILED|AUTHORIZATIONFAILED)$/, reads: "auth-failed" },
  { code: /^EXPIRED$/, reads: "auth-expired" },
  { code: /^PRIVACYREQUIRED$/, reads: "tls-required" },
  { code: /^(LIMIT|INUSE)$/, verbs: SIGN_IN, reads: "too-many-connections" },
  { code: /^(UNAVAILABLE|INUSE)$/, reads: "server-unavailable" },
  { code: /^(SERVERBUG|CORRUPTION|EXPUNGEISSUED)$/, verbs: ["FETCH"], reads: "message-unreadable" },
  { code: /^(SERVERBUG|CORRUPTION)$/, reads: "server-unavailable" },
  { code: /^OVERQUOTA$/, verbs: WRITING, reads: "quota-exceeded" },
  { code: /^OVERQUOTA$/, reads: "throttled" },
  { code: /^(TOOBIG|APPENDLIMIT)$/, verbs: ["APPEND"], reads: "message-too-large" },
  { code: /^NOPERM$/, verbs: [...OPENED_FOLDER, "CREATE", "SUBSCRIBE", "LIST", "NAMESPACE"], reads: "access-denied" },
  { code: /^(NONEXISTENT|TRYCREATE)$/, verbs: OPENED_FOLDER, reads: "folder-missing" },
  { code: /^ALREADYEXISTS$/, verbs: ["CREATE"], reads: "folder-duplicate" },

  // Before the others, for these texts name a folder, and a folder may be called anything.
  { text: /(permission|access) (is )?denied/i, verbs: [...OPENED_FOLDER, "CREATE", "LIST"], reads: "access-denied" },
  {
    text: /(doesn't|does not) exist|no such (mailbox|folder)|(unknown|non-?existent) (mailbox|folder|namespace)|(mailbox|folder) (was )?not found|must create mailbox/i,
    verbs: OPENED_FOLDER,
    reads: "folder-missing",
  },
  { text: /already exists/i, verbs: ["CREATE"], reads: "folder-duplicate" },

  { text: /password.{0,20}expired/i, verbs: ["LOGIN"], reads: "auth-expired" },
  {
    text: /(mechanism|method|command|basic auth\w*|plain\s?text auth\w*) (is )?(currently )?(disabled|disallowed|unavailable|not (supported|enabled|available|allowed))|un(supported|known|recogni[sz]ed) (\w+ )?(mechanism|command)|no mechanism|login (is )?disabled/i,
    verbs: ["LOGIN"],
    reads: "auth-unsupported",
  },
  // Before the next rule: "too many failures, try again later" has judged the password, and a retry prolongs the lock.
  { text: /too many.{0,30}(attempt|fail)|locked/i, verbs: ["LOGIN"], reads: "auth-failed" },
  { text: /temporar|unavailable|(try|again) later|shutting down/i, reads: "server-unavailable" },
  {
    text: /internal (server )?error|system (i\/o )?error/i,
    verbs: [...WRITING, ...SIGN_IN],
    reads: "server-unavailable",
  },
  { text: /zero.(length|byte)|empty message/i, verbs: ["APPEND"], reads: "message-empty" },
  {
    text: /quota|mailbox (is )?full|mailbox size|storage.{0,30}exceeded|(not enough|insufficient|no) (\w+ )?space/i,
    verbs: WRITING,
    reads: "quota-exceeded",
  },
  {
    text: /too (large|big)|size.{0,40}(exceed|larger)|(exceed\w*|larger than|over) .{0,20}size/i,
    verbs: ["APPEND"],
    reads: "message-too-large",
  },
  { code: /^LIMIT$/, reads: "throttled" },
];

/**
 * The error for a NO, BAD or BYE: by its response code, by the words of well-known servers, else by the command.
 *
 * The message holds the server's words, scrubbed. Only an APPEND that was refused because of its message has the scope
 * `message`, a BYE never. A sign-in that was refused in a way we do not know counts as `auth-failed`, so that no
 * password is sent twice. `known` goes before what the words say.
 */
export function responseError(
  response: RefusedResponse,
  context: CommandContext,
  known: Partial<Reading> = {},
): MigrationError {
  const split = splitCode(response);
  return refusal(split, context, { ...readResponse(split, context.verb), ...known });
}

/** True where a CREATE was refused because the folder exists, the end that was wanted; Exchange sends no response code. */
export function alreadyExists(response: RefusedResponse): boolean {
  return nameOf(splitCode(response).code) === "ALREADYEXISTS" || /already exists/i.test(response.text);
}

function readResponse(response: RefusedResponse, verb: ImapVerb): Reading {
  // A BYE ends the connection, whatever the command in flight was about: it says nothing of a message or a folder.
  const about = response.status === "BYE" && verb !== "LOGIN" ? "CONNECT" : verb;
  const name = nameOf(response.code);
  const rule = RULES.find(
    ({ code, text, verbs }) =>
      (code?.test(name) ?? true) && (text?.test(response.text) ?? true) && (verbs?.includes(about) ?? true),
  );
  const code = rule?.reads ?? readVerb(response, verb);
  const retryAfterMs = code === "throttled" ? backoffOf(response.text) : undefined;
  const scope = rule?.scope ?? scopeOf(code, verb);
  return { code, ...(scope === undefined ? {} : { scope }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function readVerb({ status, text }: RefusedResponse, verb: ImapVerb): MigrationErrorCode {
  const idle = !SIGN_IN.includes(verb) && /idle|inactiv|autologout/i.test(text);
  if (status === "BYE") return idle ? "connection-lost" : "server-unavailable";
  if (verb === "APPEND") return "message-refused";
  if (verb === "LOGIN") return "auth-failed";
  if (verb === "STARTTLS") return "tls-required";
  if (verb === "CREATE") return "folder-name";
  if (verb === "STORE") return "access-denied";
  if (status === "BAD") return ONE_FOLDER.includes(verb) ? "folder-name" : "protocol-error";
  if (verb === "FETCH") return "message-unreadable";
  return ONE_FOLDER.includes(verb) ? "access-denied" : "protocol-error";
}

/** Where the reach differs from the table of codes: what one session was told need not hold for the others. */
function scopeOf(code: MigrationErrorCode, verb: ImapVerb): Reading["scope"] {
  if (code === "server-unavailable" && ONE_FOLDER.includes(verb)) return "folder";
  if (code === "server-unavailable" && !SIGN_IN.includes(verb)) return "user";
  if (code === "throttled" && verb === "CONNECT") return "endpoint";
  if (code === "access-denied" && (verb === "LIST" || verb === "NAMESPACE")) return "user";
  return undefined;
}

/** Exchange: `Suggested Backoff Time: 92415 milliseconds`. */
function backoffOf(text: string): number | undefined {
  const found = /backoff time[:=\s]+(\d{1,15})\s*(s(?:ec|\b))?/i.exec(text);
  return found === null ? undefined : Number(found[1]) * (found[2] === undefined ? 1 : 1000);
}

/** The response code where it stands in the text; a BYE comes so from a reader that does not split it. */
function splitCode({ status, code, text }: RefusedResponse): RefusedResponse {
  const found = code === undefined ? /^\s*\[([^\]]*)\]\s*/.exec(text) : null;
  return found === null ? { status, code, text } : { status, code: found[1], text: text.slice(found[0].length) };
}

function nameOf(code: string | undefined): string {
  return (code ?? "").trim().split(/\s/, 1)[0]?.toUpperCase() ?? "";
}

function refusal(response: RefusedResponse, context: CommandContext, reading: Reading): MigrationError {
  const { code, ...reach } = reading;
  const { folder, uid, secrets = [] } = context;
  const label = response.code === undefined ? "" : `[${response.code}] `;
  const words = scrub(`${label}${response.text}`, secrets);
  return new MigrationError(code, `${leadOf(code, response, context)}: ${response.status} ${words}`.trimEnd(), {
    ...reach,
    ...(folder === undefined ? {} : { folder }),
    ...(uid === undefined ? {} : { uid }),
  });
}

function leadOf(code: MigrationErrorCode, { status, text }: RefusedResponse, context: CommandContext): string {
  const doing = scrub(context.doing, []); // it may hold a folder's name, which is the server's
  if (status === "BYE") return `The server ended the connection (${doing})`;
  if (/authenticated but not connected/i.test(text)) {
    return `${doing} failed; IMAP may be off for this mailbox, or the signed-in account lacks FullAccess to it`;
  }
  const refused = context.verb === "APPEND" && code.startsWith("message-");
  return refused ? "The target refused the message" : `${doing} failed`;
}
