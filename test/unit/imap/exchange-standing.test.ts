import { beforeEach, describe, expect, it } from "vitest";
import { ExchangeStanding } from "../../../src/imap/exchange-standing.js";
import { type ImapVerb, responseError } from "../../../src/imap/imap-errors.js";

const FULL = "NO Server Unavailable. 15";
const ARGUMENT = "BAD Command Argument Error. 11";
const INVALID = "BAD Command received in Invalid state";
const NOT_CONNECTED = "BAD User is authenticated but not connected.";

let standing: ExchangeStanding;
beforeEach(() => {
  standing = new ExchangeStanding();
});

function errorOf(verb: ImapVerb, line: string) {
  const [status = "", ...words] = line.split(" ");
  const response = { status: status === "BAD" ? ("BAD" as const) : ("NO" as const), text: words.join(" ") };
  return { response, error: responseError(response, { doing: `${verb} of Sent`, verb }) };
}

function answer(line: string, verb: "APPEND" | "SELECT" = "APPEND", longestLine = 100): string {
  const { response, error } = errorOf(verb, line);
  const judged = standing.judgeAnswer(response, { verb, folder: "Sent" }, error);
  const { code, scope, retry } = verb === "APPEND" ? standing.judgeRefusal(judged, longestLine).error : judged;
  return `${code} ${scope} ${retry}`;
}

function signIn(line: string, kind: "application" | "delegated" = "application", otherMailboxesOpen = false) {
  return standing.judgeSignIn(errorOf("LOGIN", line).error, {
    mailbox: "ann@contoso.example",
    kind,
    otherMailboxesOpen,
  });
}

/** The answers to these lines, each on a connection of its own. */
const onConnections = (...lines: string[]) =>
  lines.map((line) => {
    standing.opened();
    return answer(line);
  });

describe("what an answer of Exchange Online means when it comes again", () => {
  it("Command Argument Error. 11: the message four times, from the fifth in a row on the mailbox", () => {
    standing.opened();
    const answers = Array.from({ length: 6 }, () => answer(ARGUMENT));
    expect(answers).toEqual([
      ...Array.from({ length: 4 }, () => "message-refused message never"),
      ...Array.from({ length: 2 }, () => "server-unavailable user later"),
    ]);
    expect(onConnections("BAD command argument error 11", ARGUMENT)).toEqual([
      "server-unavailable user later",
      "quota-exceeded user never",
    ]);
  });

  it("Command Argument Error. 11: begins anew with every message that was stored", () => {
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 4; at++) expect(answer(ARGUMENT)).toBe("message-refused message never");
      standing.accepted();
    }
  });

  it("Command Argument Error. 11: the message, however often, where a line is too long", () => {
    standing.opened();
    for (let at = 0; at < 12; at++) expect(answer(ARGUMENT, "APPEND", 9_901)).toBe("message-refused message never");
    expect(answer(ARGUMENT, "APPEND", 9_900)).toBe("message-refused message never");
    const { error } = standing.judgeRefusal(errorOf("APPEND", ARGUMENT).error, 12_345);
    expect(error.message).toMatch(/Command Argument Error\. 11.*12345 octets/s);
  });

  it("Server Unavailable. 15: later, and quota-exceeded on the third connection in a row, not at the third answer", () => {
    standing.opened();
    expect([answer(FULL), answer(FULL), answer(FULL)]).toEqual(Array(3).fill("server-unavailable user later"));
    expect(onConnections(FULL, "NO server unavailable 15")).toEqual([
      "server-unavailable user later",
      "quota-exceeded user never",
    ]);
    standing.accepted();
    expect(onConnections(FULL)).toEqual(["server-unavailable user later"]);
  });

  it("Command received in Invalid state: a new connection once, the endpoint at the second in a row", () => {
    expect(onConnections(INVALID, INVALID)).toEqual(["connection-lost user now", "tls-failed endpoint never"]);
    standing.accepted();
    expect(onConnections(INVALID)).toEqual(["connection-lost user now"]);
  });

  it("any other answer: what it means the first time", () => {
    expect(onConnections(...Array(6).fill("NO Maximum size of appendable message has been exceeded"))).toEqual(
      Array(6).fill("message-too-large message never"),
    );
    expect(Array.from({ length: 6 }, () => answer(ARGUMENT, "SELECT"))).toEqual(
      Array(6).fill("folder-name folder never"),
    );
  });

  it("keeps the server's words with their number", () => {
    const { response, error } = errorOf("APPEND", FULL);
    expect(standing.judgeAnswer(response, { verb: "APPEND", folder: "Sent" }, error).message).toContain(
      "Server Unavailable. 15",
    );
  });
});

describe("a sign-in to Exchange Online that leads nowhere", () => {
  it("User is authenticated but not connected: later twice, then never, naming the three causes", () => {
    expect(signIn(NOT_CONNECTED)).toMatchObject({ code: "server-unavailable", scope: "user", retry: "later" });
    expect(signIn(NOT_CONNECTED)).toMatchObject({ code: "server-unavailable", retry: "later" });
    const settled = signIn(NOT_CONNECTED);
    expect(settled).toMatchObject({ code: "mailbox-not-connected", scope: "user", retry: "never" });
    for (const cause of [/FullAccess/, /licence/, /IMAP is switched off/]) expect(settled.remedy).toMatch(cause);
    expect(settled.message).toContain("No mailbox was opened");
  });

  it("counts anew once the mailbox was opened", () => {
    signIn(NOT_CONNECTED);
    signIn(NOT_CONNECTED);
    standing.opened();
    expect(signIn(NOT_CONNECTED).code).toBe("server-unavailable");
  });

  it("tells an application's missing right from a person's, as far as it can be told", () => {
    for (let at = 0; at < 2; at++) signIn(NOT_CONNECTED, "delegated", true);
    const { message } = signIn(NOT_CONNECTED, "delegated", true);
    expect(message).toContain("unless it is one's own");
    expect(message).toContain("Other mailboxes were opened");
  });

  it("AUTHENTICATE failed: the endpoint while no mailbox was opened, else this one alone", () => {
    const first = signIn("NO AUTHENTICATE failed.");
    expect(first).toMatchObject({ code: "auth-failed", scope: "endpoint", retry: "never" });
    expect(first.message).toMatch(/AUTHENTICATE failed.*enterprise application/s);
    expect(signIn("NO AUTHENTICATE failed.", "application", true)).toMatchObject({ scope: "user" });
    expect(signIn("NO AUTHENTICATE failed.", "delegated").message).toContain("person who signed in");
  });
});
