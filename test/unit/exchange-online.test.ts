import { inspect } from "node:util";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AccessTokenRequest, Microsoft365Credentials } from "../../src/credentials/access-token.js";
import { type Cloud, gccHighCloud, globalCloud } from "../../src/credentials/clouds.js";
import { MigrationError } from "../../src/errors.js";
import { type ExchangeOnlineImapOptions, exchangeOnline } from "../../src/exchange-online.js";
import type { FolderPlan } from "../../src/mail/folder.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import { exchangeOnlineProfile } from "../../src/testing/imap-server/exchange-online-profile.js";
import type { ServerFault } from "../../src/testing/imap-server/faults.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import type { SignInAttempt } from "../../src/testing/imap-server/server-context.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { type ServerCertificate, serverCertificate } from "../servers/certificates.js";

const USERS = ["ann@contoso.example", "bob@contoso.example"];
const HOUR = 3_600_000;
const { signal } = new AbortController();
const cleanups: (() => Promise<void>)[] = [];
let certificate: ServerCertificate;

beforeAll(async () => {
  certificate = await serverCertificate();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Credentials that give `token-1`, and another one each time it is to be renewed. */
function credentials(kind: Microsoft365Credentials["kind"] = "application", lifeMs = HOUR) {
  const requests: (AccessTokenRequest & { readonly scope: string })[] = [];
  let serial = 1;
  let expiresOn = new Date(Date.now() + lifeMs);
  const connect = (_cloud: Cloud) => ({
    accessToken: async (scope: string, request: AccessTokenRequest = {}) => {
      requests.push({ scope, ...request });
      if (request.renew) {
        serial += 1;
        expiresOn = new Date(Date.now() + lifeMs);
      }
      return { token: `token-${serial}`, expiresOn };
    },
  });
  return { kind, connect, requests, renewals: () => requests.filter(({ renew }) => renew).length };
}

interface StartOptions {
  readonly faults?: readonly ServerFault[];
  readonly accepts?: (attempt: SignInAttempt) => boolean;
  /** Default false: a refused token is explained, as RFC 7628 wants it. */
  readonly refusesAtOnce?: boolean;
}

async function start({ faults = [], accepts = () => true, refusesAtOnce = false }: StartOptions = {}) {
  const { certificate: cert, key } = certificate;
  const server = await ScriptedImapServer.start({
    accounts: USERS.map((user) => ({ user, accessToken: "unused" })),
    tls: { mode: "implicit", cert, key },
    profile: { ...exchangeOnlineProfile(), refusesTokensAtOnce: refusesAtOnce, asksForTokenAgain: false },
    signIn: (attempt) => (accepts(attempt) ? attempt.user : undefined),
    faults,
  });
  cleanups.push(() => server.close());
  return server;
}

function targetOn(server: ScriptedImapServer, options: ExchangeOnlineImapOptions) {
  const { ca } = certificate;
  const exchange = exchangeOnline({
    cloud: { ...globalCloud, imapHost: server.host },
    port: server.tlsPort,
    ca,
    ...options,
  });
  const open = async (user = USERS[0] ?? "") => {
    const mailbox = await exchange.openMailbox(user, { signal });
    cleanups.push(() => mailbox.close());
    return mailbox;
  };
  return { exchange, open };
}

function planFor(...levels: string[]): FolderPlan {
  const source = { name: "", levels, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 };
  return { source, target: levels, changes: [] };
}

const failure = (promise: Promise<unknown>): Promise<MigrationError> =>
  promise.then(
    () => new MigrationError("unexpected", "resolved"),
    (error: MigrationError) => error,
  );

describe("exchangeOnline", () => {
  it("names its route and host, in every cloud, and shows no secret", () => {
    const withSecret = { ...credentials(), secret: "s3cr3t" };
    const byImap = exchangeOnline({ credentials: withSecret });
    expect(byImap.name).toBe("Exchange Online by IMAP: imaps://outlook.office365.com:993");
    expect(exchangeOnline({ credentials: withSecret, cloud: gccHighCloud }).name).toContain("outlook.office365.us");
    const byGraph = exchangeOnline({ credentials: withSecret, route: "graph" });
    expect(byGraph.name).toBe("Exchange Online by Graph: https://graph.microsoft.com");
    expect(inspect([byImap, byGraph], { depth: 9, showHidden: true }) + JSON.stringify(byImap)).not.toContain("s3cr3t");
  });

  it.each<[string, object]>([
    ["no credentials", { credentials: undefined }],
    ["a route that there is none of", { route: "ews" }],
    ["a message size of none", { maxMessageSize: 0 }],
    ["a message size over 150 MB", { maxMessageSize: 150 * 1024 * 1024 + 1 }],
    ["half an append", { maxConcurrentAppends: 0.5 }],
    ["a port that is none", { port: 70_000 }],
    ["a proxy that is none", { proxy: "ftp://proxy" }],
  ])("refuses %s", (_, wrong) => {
    const options = { credentials: credentials(), ...wrong };
    expect(() => exchangeOnline(options)).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });

  it("signs in to each mailbox by XOAUTH2, with one token of the cloud's scope", async () => {
    const attempts: SignInAttempt[] = [];
    const server = await start({ accepts: (attempt) => attempts.push(attempt) > 0 });
    const application = credentials();
    const { open } = targetOn(server, { credentials: application });
    for (const user of USERS) await open(user);
    expect(attempts).toEqual(USERS.map((user) => ({ mechanism: "AUTH=XOAUTH2", user, secret: "token-1" })));
    expect(application.requests.map(({ scope }) => scope)).toEqual(Array(2).fill(globalCloud.imapScope));
    const person = credentials("delegated");
    await targetOn(server, { credentials: person }).open();
    expect(person.requests.map(({ scope }) => scope)).toEqual([globalCloud.imapUserScope]);
  });

  it("knows of Exchange what it does not announce, and takes other limits", async () => {
    const server = await start();
    const { capabilities } = await targetOn(server, { credentials: credentials() }).open();
    expect(capabilities).toMatchObject({
      ...{ maxMessageSize: 45_000_000, maxConcurrentAppends: 16, rewrites: true },
      names: {
        delimiter: "/",
        caseInsensitive: true,
        maxLevels: 300,
        reserved: expect.arrayContaining(["Files"]),
        prefix: [],
      },
    });
    expect(capabilities.loses).toEqual(expect.arrayContaining(["octets", "keyword", "flag"]));
    const own = { maxMessageSize: 150_000_000, maxConcurrentAppends: 4 };
    expect((await targetOn(server, { credentials: credentials(), ...own }).open()).capabilities).toMatchObject(own);
  });

  it("is good until 80 % of the token's life, not of what is left of it", async () => {
    const server = await start();
    const { open } = targetOn(server, { credentials: credentials() });
    const before = Date.now();
    const [first, second] = [await open(), await open(USERS[1])];
    const life = (first.goodUntil?.getTime() ?? 0) - before;
    expect(life / HOUR).toBeCloseTo(0.8, 2);
    expect(second.goodUntil).toEqual(first.goodUntil);
  });

  it.each<[string, ServerFault["do"]]>([
    ["answers an append with it", { answer: "NO Session invalidated - AccessTokenExpired" }],
    ["ends the connection with it", { bye: "Session invalidated - AccessTokenExpired" }],
  ])("renews the token, once for all mailboxes, when Exchange %s", async (_, action) => {
    const server = await start({ faults: [{ when: { verb: "APPEND", nth: 1 }, do: action }] });
    const application = credentials();
    const { open } = targetOn(server, { credentials: application });
    const mailbox = await open();
    const inbox = await mailbox.ensureFolder(planFor("INBOX"));
    const append = failure(mailbox.append(inbox, fakeMessage(1, sampleMessage("x"))));
    expect(await append).toMatchObject({ code: "token-expired", scope: "user", retry: "now" });
    for (const user of USERS) await open(user);
    expect(application.renewals()).toBe(1);
  });

  it("renews a token that is refused at the sign-in, and takes a new one's refusal for its own fault", async () => {
    const server = await start({ accepts: ({ secret }) => secret === "token-2" });
    const { open } = targetOn(server, { credentials: credentials() });
    expect(await failure(open())).toMatchObject({ code: "token-expired", retry: "now" });
    await open();
    const never = targetOn(await start({ accepts: () => false }), { credentials: credentials() });
    expect(await failure(never.open())).toMatchObject({ code: "token-expired" });
    const second = await failure(never.open());
    expect(second).toMatchObject({ code: "auth-failed", scope: "endpoint", retry: "never" });
    expect(second.message).toContain("IMAP.AccessAsApp");
    expect(inspect(second, { depth: 9, showHidden: true })).not.toMatch(/token-\d/);
  });

  it("renews a token that has opened a mailbox and is refused without a reason, and then believes the refusal", async () => {
    const accepted = new Set(["token-1"]);
    const server = await start({ accepts: ({ secret }) => accepted.has(secret), refusesAtOnce: true });
    const { open } = targetOn(server, { credentials: credentials() });
    await open();
    accepted.clear();
    expect(await failure(open())).toMatchObject({ code: "token-expired", retry: "now" });
    accepted.add("token-2");
    await open();
    accepted.clear();
    expect(await failure(open())).toMatchObject({ code: "token-expired" });
    expect(await failure(open())).toMatchObject({ code: "auth-failed", scope: "user" });
  });

  it("believes a refusal at once where no mailbox was opened yet", async () => {
    const server = await start({ accepts: () => false, refusesAtOnce: true });
    const application = credentials();
    const { open } = targetOn(server, { credentials: application });
    expect(await failure(open())).toMatchObject({ code: "auth-failed", scope: "endpoint" });
    expect(application.renewals()).toBe(0);
  });

  it("says of a mailbox that does not open after the sign-in: later, later, never; and of no other", async () => {
    const faults: ServerFault[] = ["NAMESPACE", "ID", "CAPABILITY"].flatMap((verb) =>
      [2, 3, 4].map((connection) => ({
        when: { verb, connection },
        do: { answer: "BAD User is authenticated but not connected." },
      })),
    );
    const { open } = targetOn(await start({ faults }), { credentials: credentials() });
    await open(USERS[1]);
    const answers = [await failure(open()), await failure(open()), await failure(open())];
    expect(answers.map(({ code, scope, retry }) => `${code} ${scope} ${retry}`)).toEqual([
      "server-unavailable user later",
      "server-unavailable user later",
      "mailbox-not-connected user never",
    ]);
    expect(answers[2]?.message).toContain("Other mailboxes were opened");
    await open(USERS[1]);
  });
});
