import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { migrationErrorCodes } from "../../../src/errors.js";
import { connectionError } from "../../../src/imap/connection-errors.js";
import { alreadyExists, type ImapVerb, type RefusedResponse, responseError } from "../../../src/imap/imap-errors.js";

/** `NO [OVERQUOTA] Over quota` as a reader of responses would give it. */
function parsed(line: string): RefusedResponse {
  const found = /^(NO|BAD|BYE) (?:\[([^\]]+)\] )?(.*)$/.exec(line);
  if (found === null) throw new Error(`not a refusal: ${line}`);
  const [, status, code, text = ""] = found;
  return { status: status as RefusedResponse["status"], code, text }; // one of the three that the pattern takes
}

const refuse = (verb: ImapVerb, line: string) => responseError(parsed(line), { doing: `${verb} of Sent`, verb });
const reach = (verb: ImapVerb, line: string) => {
  const { code, scope, retry } = refuse(verb, line);
  return `${code} ${scope} ${retry}`;
};

describe("responseError for the answers of Exchange Online", () => {
  it.each<[ImapVerb, string, string]>([
    ["APPEND", "NO Request is throttled. Suggested Backoff Time: 92415 milliseconds", "throttled user later"],
    ["FETCH", "BAD Request is throttled. Suggested Backoff Time: 300000 milliseconds", "throttled user later"],
    ["APPEND", "NO Session invalidated - AccessTokenExpired", "token-expired user now"],
    ["BYE", "BYE Session invalidated - AccessTokenExpired", "token-expired user now"],
    ["NAMESPACE", "BAD User is authenticated but not connected.", "server-unavailable user later"],
    ["LOGIN", "NO AUTHENTICATE failed.", "auth-failed user never"],
    ["LOGIN", "NO LOGIN failed.", "auth-failed user never"],
    ["APPEND", "NO Server Unavailable. 15", "server-unavailable user later"],
    ["APPEND", "NO Maximum size of appendable message has been exceeded", "message-too-large message never"],
    ["APPEND", "BAD Command Argument Error. 11", "message-refused message never"],
    ["EXAMINE", "BAD Command received in Invalid state", "connection-lost user now"],
    ["APPEND", "BAD command argument error 11", "message-refused message never"],
    ["STORE", "NO Session invalidated - AccessTokenExpired", "token-expired user now"],
    ["STORE", "BAD Request is throttled. Suggested Backoff Time: 300000 milliseconds", "throttled user later"],
    ["STORE", "BAD Command Argument Error. 11", "access-denied folder never"],
    ["APPEND", "NO Message contains invalid header", "message-refused message never"],
    ["APPEND", "NO Message contains NUL characters", "message-refused message never"],
    ["APPEND", "NO Message contains bare newlines", "message-refused message never"],
    ["CREATE", "NO Mailbox already exists.", "folder-duplicate folder never"],
    ["CREATE", "NO Folder name is reserved", "folder-name folder never"],
    ["BYE", "BYE Connection closed. 14", "server-unavailable user later"],
    ["BYE", "BYE Connection closed", "server-unavailable user later"],
    ["BYE", "BYE Request is throttled. Suggested Backoff Time: 300000 milliseconds", "throttled user later"],
  ])("reads %s → %s as %s", (verb, line, expected) => {
    expect(reach(verb, line)).toBe(expected);
  });

  it("keeps the pause that was asked for, in milliseconds", () => {
    const asked = (line: string) => refuse("APPEND", line).retryAfterMs;
    expect(asked("NO Request is throttled. Suggested Backoff Time: 92415 milliseconds")).toBe(92_415);
    expect(asked("NO Request is throttled. Suggested Backoff Time: 90 seconds")).toBe(90_000);
    expect(asked("NO Request is throttled.")).toBeUndefined();
  });

  it("says what lies behind a sign-in that is accepted and then leads nowhere", () => {
    expect(refuse("NAMESPACE", "BAD User is authenticated but not connected.").message).toContain("FullAccess");
  });
});

describe("responseError for the answers of other servers", () => {
  it.each<[ImapVerb, string, string]>([
    ["LOGIN", "NO [AUTHENTICATIONFAILED] Authentication failed.", "auth-failed user never"],
    ["LOGIN", "NO [AUTHORIZATIONFAILED] not yours", "auth-failed user never"],
    ["LOGIN", "NO [EXPIRED] That password is old", "auth-expired user never"],
    ["LOGIN", "NO Your password has expired", "auth-expired user never"],
    ["LOGIN", "NO [UNAVAILABLE] Temporary authentication failure.", "server-unavailable endpoint later"],
    ["LOGIN", "NO Temporary authentication failure.", "server-unavailable endpoint later"],
    ["LOGIN", "NO Too many failed attempts, try again later", "auth-failed user never"],
    ["LOGIN", "NO [INUSE] Mailbox in use", "too-many-connections endpoint later"],
    ["LOGIN", "NO [LIMIT] Limit reached", "too-many-connections endpoint later"],
    ["LOGIN", "NO [LIMIT] LOGIN Rate limit hit.", "throttled user later"],
    ["LOGIN", "NO [ALERT] Too many simultaneous connections. (Failure)", "too-many-connections endpoint later"],
    [
      "LOGIN",
      "NO Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
      "too-many-connections endpoint later",
    ],
    ["LOGIN", "NO [ALERT] Application-specific password required", "auth-failed user never"],
    ["LOGIN", "NO [PRIVACYREQUIRED] Plaintext authentication disallowed", "tls-required endpoint never"],
    ["LOGIN", "NO Unsupported authentication mechanism.", "auth-unsupported user never"],
    ["LOGIN", "NO no mechanism available", "auth-unsupported user never"],
    ["LOGIN", "NO [CONTACTADMIN] ask", "auth-failed user never"],
    ["LOGIN", "NO [NOPERM] no", "auth-failed user never"],
    ["LOGIN", "BAD what?", "auth-failed user never"],
    ["APPEND", "NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", "quota-exceeded user never"],
    ["APPEND", "NO Over quota", "quota-exceeded user never"],
    ["APPEND", "NO You exceeded your mail quota.", "quota-exceeded user never"],
    ["FETCH", "NO [OVERQUOTA] Account exceeded command or bandwidth limits.", "throttled user later"],
    ["BYE", "BYE [OVERQUOTA] Account exceeded command or bandwidth limits.", "throttled user later"],
    ["APPEND", "NO [TRYCREATE] Mailbox doesn't exist: Sent", "folder-missing folder never"],
    ["APPEND", "NO Must create mailbox before append", "folder-missing folder never"],
    ["APPEND", "NO [TOOBIG] Message too big", "message-too-large message never"],
    ["APPEND", "NO Message size exceeds fixed limit", "message-too-large message never"],
    [
      "APPEND",
      "NO [LIMIT] Mail size is larger than the maximum size allowed by server configuration",
      "message-too-large message never",
    ],
    ["APPEND", "NO [LIMIT] Too many user flags in mailbox", "throttled user later"],
    ["APPEND", "NO [CANNOT] Message contains bare newlines", "message-refused message never"],
    ["APPEND", "NO Message contains NUL characters", "message-refused message never"],
    ["APPEND", "NO Error in IMAP command received by server.", "message-refused message never"],
    ["APPEND", "BAD Invalid date-time in Append command", "message-refused message never"],
    ["APPEND", "NO Zero-length message literal", "message-empty message never"],
    ["APPEND", "NO Can't save a zero byte message.", "message-empty message never"],
    ["APPEND", "NO [SERVERBUG] Internal error occurred.", "server-unavailable user later"],
    ["APPEND", "NO [INUSE] Timeout while waiting for lock", "server-unavailable user later"],
    ["APPEND", "NO [NOPERM] Permission denied", "access-denied folder never"],
    ["EXAMINE", "NO [NOPERM] Permission denied", "access-denied folder never"],
    ["EXAMINE", "NO Permission denied", "access-denied folder never"],
    ["EXAMINE", "NO Unable to open this mailbox.", "access-denied folder never"],
    ["EXAMINE", "NO [NONEXISTENT] Mailbox doesn't exist", "folder-missing folder never"],
    ["SELECT", "NO Mailbox does not exist", "folder-missing folder never"],
    ["EXAMINE", "NO Mailbox doesn't exist: Temporary", "folder-missing folder never"],
    ["APPEND", "NO Not enough disk space", "quota-exceeded user never"],
    ["EXAMINE", "NO [CORRUPTION] cannot read the index", "server-unavailable folder later"],
    ["EXAMINE", "BAD Mailbox name not valid mUTF-7", "folder-name folder never"],
    ["LIST", "NO [NOPERM] Permission denied", "access-denied user never"],
    ["LIST", "NO something", "protocol-error user later"],
    ["CREATE", "NO [CANNOT] Character not allowed in mailbox name: '.'", "folder-name folder never"],
    ["CREATE", "NO Invalid mailbox name", "folder-name folder never"],
    ["CREATE", "NO [NONEXISTENT] Client tried to access nonexistent namespace.", "folder-name folder never"],
    ["CREATE", "NO [ALREADYEXISTS] Mailbox already exists", "folder-duplicate folder never"],
    ["FETCH", "NO [SERVERBUG] Internal error occurred.", "message-unreadable message later"],
    ["FETCH", "NO [UNAVAILABLE] backend down", "server-unavailable user later"],
    ["FETCH", "NO Some of the requested messages could not be read", "message-unreadable message later"],
    ["FETCH", "BAD Error in IMAP command FETCH", "protocol-error user later"],
    ["STARTTLS", "NO not now", "tls-required endpoint never"],
    ["CONNECT", "BYE Too many connections from your host", "too-many-connections endpoint later"],
    ["CONNECT", "BYE go away", "server-unavailable endpoint later"],
    ["CONNECT", "BYE Request is throttled", "throttled endpoint later"],
    ["BYE", "BYE Disconnected: Shutting down.", "server-unavailable user later"],
    ["BYE", "BYE Autologout; idle for too long", "connection-lost user now"],
    ["LOGIN", "BYE Disconnected for inactivity during authentication.", "server-unavailable endpoint later"],
  ])("reads %s → %s as %s", (verb, line, expected) => {
    expect(reach(verb, line)).toBe(expected);
  });

  it("finds a response code that still stands in the text, in whatever case", () => {
    const text = "[overquota] Account exceeded command or bandwidth limits.";
    expect(responseError({ status: "BYE", text }, { doing: "FETCH", verb: "BYE" }).code).toBe("throttled");
    const full = responseError({ status: "NO", text: "[OverQuota] full" }, { doing: "APPEND", verb: "APPEND" });
    expect([full.code, full.message]).toEqual(["quota-exceeded", "APPEND failed: NO [OverQuota] full"]);
  });

  it("recognises that a folder exists, with and without a response code", () => {
    expect(alreadyExists(parsed("NO Mailbox already exists."))).toBe(true);
    expect(alreadyExists(parsed("NO [ALREADYEXISTS] da"))).toBe(true);
    expect(alreadyExists(parsed("NO Folder name is reserved"))).toBe(false);
  });
});

describe("responseError", () => {
  it("gives the server's words as the reason of a refusal", () => {
    expect(refuse("APPEND", "NO [CANNOT] Message contains bare newlines").message).toBe(
      "The target refused the message: NO [CANNOT] Message contains bare newlines",
    );
    expect(refuse("EXAMINE", "NO [NOPERM] Permission denied").message).toBe(
      "EXAMINE of Sent failed: NO [NOPERM] Permission denied",
    );
    expect(refuse("BYE", "BYE Connection closed. 14").message).toBe(
      "The server ended the connection (BYE of Sent): BYE Connection closed. 14",
    );
  });

  it("carries folder and UID where it was given them", () => {
    const context = { doing: "APPEND", verb: "APPEND", folder: "Sent", uid: 7 } as const;
    expect(responseError(parsed("NO no"), context)).toMatchObject({ folder: "Sent", uid: 7 });
    expect(refuse("APPEND", "NO no").folder).toBeUndefined();
  });

  it("shows no secret, in whatever form the server sends it back (R10)", () => {
    const secret = "P@ssw0rd+ä";
    const plain = Buffer.from(`\0ann\0${secret}`).toString("base64");
    const response = { status: "NO", code: `ALERT ${secret}`, text: `bad ${secret} or ${plain}` } as const;
    const error = responseError(response, { doing: "LOGIN", verb: "LOGIN", secrets: [secret] });
    expect(error.message).toMatch(/^LOGIN failed: NO \[ALERT •••\] bad ••• or •••$/);
    for (const shown of [inspect(error, { showHidden: true }), JSON.stringify(error)]) {
      expect(shown).not.toContain(secret);
      expect(shown).not.toContain(plain.replace(/=+$/, ""));
    }
  });

  it("puts no control character into a message, be it in a text, a response code or a folder's name (R13)", () => {
    const response = { status: "NO", code: "X\x1b[2J", text: "a\x1b[31mb\r\nc" } as const;
    const error = responseError(response, { doing: "EXAMINE of \x07evil\u202E", verb: "EXAMINE" });
    expect(error.message).toBe("EXAMINE of ?evil? failed: NO [X?[2J] a?[31mb c");
  });

  it("never says of a BYE that it was about a message or a folder", () => {
    const text = fc.constantFrom("too large", "quota", "Permission denied", "does not exist", "zero byte", "no");
    const code = fc.constantFrom(undefined, "OVERQUOTA", "TOOBIG", "NOPERM", "TRYCREATE", "SERVERBUG", "CORRUPTION");
    const verb = fc.constantFrom<ImapVerb>("APPEND", "FETCH", "LOGIN", "BYE");
    fc.assert(
      fc.property(text, code, verb, (words, name, command) => {
        const error = responseError({ status: "BYE", code: name, text: words }, { doing: "it", verb: command });
        expect(["user", "endpoint"]).toContain(error.scope);
      }),
    );
  });

  it("has a known code for anything a server may say", () => {
    const status = fc.constantFrom<RefusedResponse["status"]>("NO", "BAD", "BYE");
    const verb = fc.constantFrom<ImapVerb>("LOGIN", "LIST", "EXAMINE", "FETCH", "CREATE", "APPEND", "CONNECT", "ID");
    fc.assert(
      fc.property(
        status,
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }),
        verb,
        (word, code, text, command) => {
          const error = responseError({ status: word, code, text }, { doing: "it", verb: command });
          expect(migrationErrorCodes).toContain(error.code);
          expect(error.message).not.toMatch(/\p{Cc}/u);
        },
      ),
    );
  });
});

const where = { host: "imap.contoso.com", port: 993, loggedIn: false };
const vendorError = (code: string | undefined, more: object = {}, message = "vendor's words") =>
  Object.assign(new Error(message), code === undefined ? {} : { code }, more);

describe("connectionError before the sign-in", () => {
  it.each([
    ["ECONNREFUSED", "connection-refused"],
    ["ENOTFOUND", "dns-failed"],
    ["EAI_AGAIN", "dns-failed"],
    ["ETIMEDOUT", "connect-timeout"],
    ["EHOSTUNREACH", "connect-timeout"],
    ["ENETUNREACH", "connect-timeout"],
    ["CONNECT_TIMEOUT", "connect-timeout"],
    ["GREETING_TIMEOUT", "connect-timeout"],
    ["UPGRADE_TIMEOUT", "connect-timeout"],
    ["ETIMEOUT", "connect-timeout"],
    ["ECONNRESET", "server-unavailable"],
    ["EPIPE", "server-unavailable"],
    ["NoConnection", "server-unavailable"],
    ["ClosedAfterConnectTLS", "server-unavailable"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate-untrusted"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "certificate-untrusted"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate-untrusted"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "certificate-untrusted"],
    ["CERT_HAS_EXPIRED", "certificate-expired"],
    ["CERT_NOT_YET_VALID", "certificate-expired"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate-name"],
    ["EPROTO", "tls-failed"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "tls-failed"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls-failed"],
    ["STARTTLS_INJECTION", "tls-injection"],
    ["LineTooLarge", "response-too-large"],
    ["LiteralTooLarge", "response-too-large"],
    ["ParserError11", "protocol-error"],
    ["InvalidStringValue", "login-format"],
    ["ABORT_ERR", "aborted"],
    ["SOMETHING_NEW", "unexpected"],
  ])("reads %s as %s", (code, expected) => {
    const error = connectionError(vendorError(code), where);
    expect(error.code).toBe(expected);
    expect(error.message).toContain("imap.contoso.com:993");
    expect(error.message).toContain(code);
    expect(error.cause).toMatchObject({ message: "vendor's words", code });
  });

  it("says of a TLS port that answers in plain text what it is", () => {
    const reason = "0A00010B:SSL routines:ssl3_get_record:wrong version number";
    expect(connectionError(vendorError("EPROTO", {}, reason), where)).toMatchObject({
      code: "tls-failed",
      message: expect.stringContaining("answers without TLS"),
    });
  });

  it("reads plain text behind the OK to STARTTLS, and a missing STARTTLS, as tls-required (R9)", () => {
    const wrongVersion = vendorError("EPROTO", { tlsFailed: true }, "wrong version number");
    expect(connectionError(wrongVersion, where).code).toBe("tls-required");
    const missing = vendorError(undefined, { tlsFailed: true }, "Server does not support STARTTLS");
    expect(connectionError(missing, where).code).toBe("tls-required");
  });

  it("reads a certificate's fault as such behind STARTTLS too", () => {
    const error = connectionError(vendorError("CERT_HAS_EXPIRED", { tlsFailed: true }), where);
    expect(error.code).toBe("certificate-expired");
  });

  it.each([
    "Login is disabled",
    "No matching authentication method",
    "Unsupported authentication mechanism",
    "No password configured",
  ])("reads imapflow's “%s” as auth-unsupported", (message) => {
    const error = connectionError(vendorError(undefined, { authenticationFailed: true }, message), where);
    expect(error.code).toBe("auth-unsupported");
  });

  it("reads the answer to a sign-in from imapflow's error", () => {
    const answered = (responseStatus: string, serverResponseCode: string | undefined, responseText: string) =>
      connectionError(
        vendorError(undefined, { authenticationFailed: true, responseStatus, serverResponseCode, responseText }),
        where,
      );
    const failed = answered("NO", "AUTHENTICATIONFAILED", "Authentication failed.");
    expect(failed.code).toBe("auth-failed");
    expect(failed.message).toBe("Sign-in failed: NO [AUTHENTICATIONFAILED] Authentication failed.");
    expect(answered("NO", "EXPIRED", "old").code).toBe("auth-expired");
    expect(answered("NO", "UNAVAILABLE", "later").code).toBe("server-unavailable");
    expect(answered("NO", undefined, "Login failed.").code).toBe("auth-failed");
  });

  it("does not take a connection lost inside LOGIN for a wrong password", () => {
    const lost = vendorError("NoConnection", { authenticationFailed: true, response: false });
    expect(connectionError(lost, where)).toMatchObject({ code: "server-unavailable", retry: "later" });
  });

  it("reads Exchange's sign-in that leads nowhere from imapflow's error", () => {
    const response = "User is authenticated but not connected.";
    const error = connectionError(vendorError(undefined, { authenticationFailed: true, response }), where);
    expect(error).toMatchObject({ code: "server-unavailable", scope: "user", retry: "later" });
    expect(error.message).toContain("FullAccess");
  });

  it("reads the reason of a BYE from imapflow's error", () => {
    const bye = (reason: string) => connectionError(vendorError("ClosedAfterConnectText", { reason }), where);
    expect(bye("Too many connections").code).toBe("too-many-connections");
    expect(bye("Server shutting down").code).toBe("server-unavailable");
    expect(bye("Server shutting down").message).toContain("Server shutting down");
  });

  it("counts the part of a pause that imapflow has waited already", () => {
    const responseText = "Request is throttled. Suggested Backoff Time: 92415 milliseconds";
    const more = { responseStatus: "BAD", responseText, throttleReset: 92_415, throttleWaited: 60_000 };
    expect(connectionError(vendorError("ETHROTTLE", more), where)).toMatchObject({
      code: "throttled",
      retryAfterMs: 32_415,
    });
  });

  it("reads a token that the server judged invalid as token-expired", () => {
    const refused = { authenticationFailed: true, responseStatus: "NO", responseText: "Authentication failed." };
    const judged = (status: string) =>
      connectionError(vendorError(undefined, { ...refused, oauthError: { status } }), where).code;
    expect(judged("invalid_token")).toBe("token-expired");
    expect(judged("401")).toBe("token-expired");
    expect(judged("400")).toBe("auth-failed");
  });
});

describe("connectionError after the sign-in", () => {
  it.each([
    ["ECONNRESET", "connection-lost"],
    ["EPIPE", "connection-lost"],
    ["NoConnection", "connection-lost"],
    ["ETIMEDOUT", "connection-lost"],
    ["EHOSTUNREACH", "connection-lost"],
    ["EPROTO", "connection-lost"],
    ["ETIMEOUT", "command-timeout"],
    ["ResponseTooLarge", "response-too-large"],
    ["ParserError2", "protocol-error"],
  ])("reads %s as %s", (code, expected) => {
    expect(connectionError(vendorError(code), { ...where, loggedIn: true }).code).toBe(expected);
  });
});

describe("connectionError", () => {
  it("gives a MigrationError back as it is", () => {
    const error = responseError(parsed("NO no"), { doing: "LIST", verb: "LIST" });
    expect(connectionError(error, where)).toBe(error);
  });

  it("takes an AbortError for what it is", () => {
    expect(connectionError(new DOMException("stop", "AbortError"), where).code).toBe("aborted");
  });

  it("reads the several refusals of a host with two addresses", () => {
    const two = Object.assign(new AggregateError([vendorError("ECONNREFUSED")], ""), { code: "ECONNREFUSED" });
    expect(connectionError(two, where)).toMatchObject({
      code: "connection-refused",
      message: "imap.contoso.com:993 refused the connection (ECONNREFUSED)",
    });
  });

  it.each([undefined, null, "text", 7, {}, new Error("")])("survives being thrown %o", (thrown) => {
    expect(connectionError(thrown, where).code).toBe("unexpected");
  });

  it("keeps nothing of the vendor's error but its scrubbed message and its code (R10)", () => {
    const secret = "hunter2-hunter2";
    const vendor = vendorError(
      "SOMETHING_NEW",
      { executedCommand: `A1 LOGIN ann ${secret}`, response: { secret }, command: secret },
      `cannot parse ${secret}`,
    );
    vendor.stack = `Error: ${secret}\n    at login (${secret})`;
    const error = connectionError(vendor, { ...where, secrets: [secret] });
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain(secret);
    expect(error.message).toBe("imap.contoso.com:993 could not be worked with (SOMETHING_NEW: cannot parse •••)");
    expect(Object.keys(error.cause ?? {})).toEqual(["code"]);
  });
});
