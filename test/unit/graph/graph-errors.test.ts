import { describe, expect, it } from "vitest";
import { type GraphSubject, graphError, transportError } from "../../../src/graph/graph-errors.js";

const append: GraphSubject = { doing: "append", folder: "INBOX" };
const open: GraphSubject = { doing: "open" };

function answer(status: number, code = "", headers: Record<string, string> = {}, message = "words of Graph") {
  const json = code === "" ? undefined : { error: { code, message, innerError: { "request-id": "11-22" } } };
  return { status, json, headers: new Headers(headers), secrets: ["opaque-t0ken"] };
}

describe("An answer of Graph that is no success", () => {
  it.each([
    // Making messages: sections 2 and 5 of what is known of the service
    [413, "", append, "message-too-large", "message", "never"],
    [400, "ErrorMessageSizeExceeded", append, "message-too-large", "message", "never"],
    [400, "ErrorMimeContentInvalidBase64String", append, "message-refused", "message", "never"],
    [400, "UnableToDeserializePostBody", append, "message-refused", "message", "never"],
    [400, "InvalidInternetMessageHeader", append, "message-refused", "message", "never"],
    [403, "ErrorSendAsDenied", append, "message-refused", "message", "never"],
    [403, "ErrorAccessDenied", append, "access-denied", "user", "never"],
    [404, "ErrorItemNotFound", append, "folder-missing", "folder", "never"],
    [401, "InvalidAuthenticationToken", append, "token-expired", "user", "now"],
    [429, "ApplicationThrottled", append, "throttled", "user", "later"],
    [509, "BandwidthLimitExceeded", append, "throttled", "user", "later"],
    [503, "ErrorServerBusy", append, "throttled", "user", "later"],
    [503, "ServiceUnavailable", append, "server-unavailable", "user", "later"],
    [504, "", append, "server-unavailable", "user", "later"],
    [500, "ErrorInternalServerError", append, "server-unavailable", "user", "later"],
    [502, "", append, "server-unavailable", "user", "later"],
    [507, "ErrorQuotaExceeded", append, "quota-exceeded", "user", "never"],
    [408, "", append, "command-timeout", "user", "now"],
    [409, "ErrorIrresolvableConflict", append, "server-unavailable", "user", "later"],
    [302, "", append, "protocol-error", "user", "later"],
    // Opening a mailbox
    [404, "MailboxNotEnabledForRESTAPI", open, "server-unavailable", "user", "later"],
    [404, "MailboxNotSupportedForRESTAPI", open, "target-missing", "user", "never"],
    [404, "ErrorNonExistentMailbox", open, "target-missing", "user", "never"],
    [404, "ErrorInvalidUser", open, "target-missing", "user", "never"],
    [404, "Request_ResourceNotFound", open, "target-missing", "user", "never"],
    [403, "ErrorAccessDenied", open, "access-denied", "user", "never"],
    [503, "ErrorMailboxMoveInProgress", open, "server-unavailable", "user", "later"],
    [401, "MailboxNotEnabledForRESTAPI", open, "token-expired", "user", "now"],
    // Folders
    [400, "ErrorInvalidFolderName", { doing: "folder", folder: "a" }, "folder-name", "folder", "never"],
    [404, "ErrorFolderNotFound", { doing: "look", folder: "a" }, "folder-missing", "folder", "never"],
    [400, "BadRequest", { doing: "list" }, "protocol-error", "user", "later"],
  ] as const)("%i %s, %j: %s of scope %s, %s", (status, code, about, expected, scope, retry) => {
    const error = graphError(answer(status, code), about);
    expect([error.code, error.scope, error.retry]).toEqual([expected, scope, retry]);
    expect(error.message).toContain(String(status));
    expect(error.message).toContain(code);
  });

  it("is said with the request id, whether that stands in the header or in the body", () => {
    expect(graphError(answer(500, "X"), append).message).toContain("request-id 11-22");
    expect(graphError(answer(413, "", { "request-id": "33-44" }), append).message).toContain("request-id 33-44");
  });

  it("is 'not yet' for as long as a mailbox may need: four pauses of four minutes", () => {
    const error = graphError(answer(404, "MailboxNotEnabledForRESTAPI"), open);
    expect(error.message).toContain("up to 15 minutes");
    expect(4 * (error.retryAfterMs ?? 0)).toBeGreaterThanOrEqual(15 * 60_000);
  });

  it("says of a 403 what an administrator can look at", () => {
    expect(graphError(answer(403, "ErrorAccessDenied"), append).message).toMatch(/Mail.ReadWrite.*RBAC/);
  });

  it("holds no token and no control character, however Graph words it", () => {
    const token = `${"eyJhbGciOiJub25lIn0abcdef"}.${"eyJzdWIiOiIxMjM0NTY3ODkwIn0"}.${"c2lnbmF0dXJlc2ln"}`;
    const words = `bad token ${token} or opaque-t0ken\r\n\u001b[31m see https://h/x?authtoken=s3cret-value&a=1 ${"x".repeat(2000)}`;
    const error = graphError(answer(400, "Bad\u0000Code", {}, words), append);
    expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(/eyJ|s3cret-value|t0ken/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    expect(error.message).not.toMatch(/[\u0000-\u001f]/);
    expect(error.message.length).toBeLessThan(1_200);
  });
});

describe("A request without an answer", () => {
  const failed = (code: string) => new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code }) });

  it.each([
    ["ENOTFOUND", "dns-failed"],
    ["ECONNREFUSED", "connection-refused"],
    ["UND_ERR_CONNECT_TIMEOUT", "connect-timeout"],
    ["UND_ERR_HEADERS_TIMEOUT", "command-timeout"],
    ["CERT_HAS_EXPIRED", "certificate-expired"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate-name"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "certificate-untrusted"],
    ["CERT_REVOKED", "certificate-untrusted"],
    ["EAI_FAIL", "dns-failed"],
    ["EHOSTUNREACH", "connect-timeout"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls-failed"],
    ["ECONNRESET", "connection-lost"],
    ["UND_ERR_SOCKET", "connection-lost"],
  ])("for %s is %s", (code, expected) => {
    expect(transportError(failed(code))).toMatchObject({ code: expected, message: expect.stringContaining(code) });
  });

  it("says what is wrong with the way to Graph", () => {
    expect(transportError(failed("ECONNREFUSED")).message).toBe("Graph refused the connection (ECONNREFUSED)");
    expect(transportError(failed("ECONNRESET")).message).toBe("Graph gave no answer (ECONNRESET)");
  });

  it("for anything else is `connection-lost`, and leaves every message in doubt", () => {
    const error = transportError(new TypeError("Failed to fetch"));
    expect([error.code, error.scope]).toEqual(["connection-lost", "user"]);
  });
});
