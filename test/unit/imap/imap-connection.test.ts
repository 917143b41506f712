import { createServer as createHttpServer } from "node:http";
import { connect, createServer, Socket } from "node:net";
import { inspect } from "node:util";
import { generate } from "selfsigned";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { MigrationError } from "../../../src/errors.js";
import {
  type ImapConnection,
  type ImapLogin,
  type ImapSecurity,
  type ImapServerAddress,
  openImapConnection,
} from "../../../src/imap/imap-connection.js";
import type { CapabilityState } from "../../../src/testing/imap-server/capabilities.js";
import { knownFaults } from "../../../src/testing/imap-server/known-faults.js";
import {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
  type ScriptedTlsOptions,
} from "../../../src/testing/imap-server/scripted-imap-server.js";
import type { SignInAttempt } from "../../../src/testing/imap-server/server-context.js";

const PASSWORD = "p4ssw0rd-ä€";
const TOKEN = "t0ken-abcdef";
const LOGIN: ImapLogin = { user: "terry.adams", password: PASSWORD };

interface Pair {
  key: string;
  cert: string;
}
let authority: Pair;
let good: Pair;

async function certify(name: string, options: Parameters<typeof generate>[1] = {}): Promise<Pair> {
  const subject = [{ name: "commonName", value: name }];
  const made = await generate(subject, { keyType: "ec", algorithm: "sha256", ...options });
  return { key: made.private, cert: made.cert };
}

beforeAll(async () => {
  authority = await certify("Contoso CA", { extensions: [{ name: "basicConstraints", cA: true, critical: true }] });
  good = await certify("localhost", { ca: authority });
});

const servers: ScriptedImapServer[] = [];
const tlsPorts = new WeakMap<ScriptedImapServer, number>();
const connections: ImapConnection[] = [];
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  process.on("unhandledRejection", note);
});
/** A socket that is left open fails its test here, and so does a rejection that nobody handles (R12, R13). */
afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.wire.close();
  for (const server of servers.splice(0)) {
    while (hasClients(server)) await new Promise(setImmediate);
    await server.close();
  }
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

/** Whether this process has a socket open to the server, from the client's side. */
function hasClients(server: ScriptedImapServer): boolean {
  const getHandles: unknown = Reflect.get(process, "_getActiveHandles"); // not in the types, for it is undocumented
  const handles: unknown = typeof getHandles === "function" ? getHandles.call(process) : undefined;
  if (!Array.isArray(handles)) throw new Error("Node has no _getActiveHandles any more");
  const ports = new Set<unknown>([server.port, tlsPorts.get(server) ?? server.port]);
  return handles.some((handle) => handle instanceof Socket && ports.has(handle.remotePort));
}

async function start(options: ScriptedImapServerOptions = {}): Promise<ScriptedImapServer> {
  const account = { user: LOGIN.user, password: PASSWORD, accessToken: TOKEN };
  const server = await ScriptedImapServer.start({ accounts: [account], ...options });
  servers.push(server);
  if (options.tls && options.tls.mode !== "starttls") tlsPorts.set(server, server.tlsPort);
  return server;
}

function startTls(mode: ScriptedTlsOptions["mode"], pair = good, more: ScriptedImapServerOptions = {}) {
  return start({ tls: { mode, ...pair }, ...more });
}

interface Attempt extends Partial<ImapServerAddress> {
  login?: ImapLogin;
  signal?: AbortSignal;
}

async function open(
  server: ScriptedImapServer,
  security: ImapSecurity,
  attempt: Attempt = {},
): Promise<ImapConnection> {
  const { login = LOGIN, signal, ...address } = attempt;
  const port = security === "Ssl" ? server.tlsPort : server.port;
  const ca = authority.cert;
  const options = { remoteServer: "localhost", port, security, ca, ...address };
  const connection = await openImapConnection(options, login, { signal });
  connections.push(connection);
  return connection;
}

async function failure(opening: Promise<ImapConnection>): Promise<MigrationError> {
  const connection = await opening.catch((error: MigrationError) => error);
  if ("wire" in connection) throw new Error("it connected");
  expectNoSecret(connection);
  return connection;
}

/** No form of a secret in anything that a log might show of an error (R10). */
function expectNoSecret(error: MigrationError): void {
  const shown = [
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error),
    error.stack,
    String(error.cause),
  ].join("\n");
  const plain = Buffer.from(`\0${LOGIN.user}\0${PASSWORD}`).toString("base64");
  const base64 = Buffer.from(PASSWORD).toString("base64");
  for (const secret of [PASSWORD, TOKEN, plain, base64, Buffer.from(TOKEN).toString("base64")]) {
    expect(shown).not.toContain(secret);
  }
}

const SIGN_INS = /^(LOGIN|AUTHENTICATE)$/;
const signIns = (server: ScriptedImapServer) => server.commands().filter(({ verb }) => SIGN_INS.test(verb));
/** Nothing that signs in came, by whatever means it may have been sent. */
function expectNoSignIn(server: ScriptedImapServer): void {
  expect(signIns(server)).toEqual([]);
  const sent = server.transcript.filter(({ direction }) => direction === "client").map(({ line }) => line);
  expect(sent.filter((line) => /LOGIN|AUTHENTICATE|•••/i.test(line))).toEqual([]);
}

describe("openImapConnection", () => {
  it.each<[ImapSecurity, ScriptedTlsOptions["mode"]]>([
    ["Ssl", "implicit"],
    ["Tls", "starttls"],
  ])("signs in under TLS by %s, once, and hands over a connection that works (R9)", async (security, mode) => {
    const server = await startTls(mode);
    const { wire } = await open(server, security);
    expect(await wire.run("NOOP")).toMatchObject({ status: "OK" });
    expect(signIns(server).map(({ tls, verb }) => [tls, verb])).toEqual([[true, "AUTHENTICATE"]]);
    expect(server.acceptedConnections).toBe(1);
  });

  it("signs in without TLS only where `None` was chosen by name (R9)", async () => {
    const server = await startTls("starttls");
    await open(server, "None");
    expect(signIns(server).map(({ tls }) => tls)).toEqual([false]);
  });

  it("asks for the capabilities again under TLS and forgets the first list", async () => {
    const capabilities = ({ tls, authenticated }: CapabilityState) => [
      "IMAP4rev1",
      ...(tls ? [] : ["STARTTLS", "LOGINDISABLED", "AUTH=XOAUTH2", "LITERAL+"]),
      ...(tls ? ["AUTH=PLAIN", "SASL-IR"] : []),
      ...(authenticated ? ["UidPlus", "NAMESPACE"] : []),
    ];
    const server = await startTls("starttls", good, { capabilities, announcesCapabilities: false });
    const connection = await open(server, "Tls");
    expect([...connection.capabilities].sort()).toEqual(["AUTH=PLAIN", "IMAP4REV1", "NAMESPACE", "SASL-IR", "UIDPLUS"]);
  });

  it.each([
    ['(("" "/")) NIL NIL', { prefix: "", delimiter: "/" }, []],
    ['(("" NIL)) NIL NIL', { prefix: "" }, []],
    [
      '(("INBOX." ".")) NIL (("#shared." ".")("shared." "."))',
      { prefix: "INBOX.", delimiter: "." },
      ["#shared.", "shared."],
    ],
    [
      '(("" "/")) (("Other Users/" "/")) (("Shared Folders/" "/"))',
      { prefix: "", delimiter: "/" },
      ["Other Users/", "Shared Folders/"],
    ],
    ['NIL (("user/" "/")) NIL', { prefix: "" }, ["user/"]],
  ])("reads the namespaces of %s", async (namespace, personal, foreign) => {
    const connection = await open(await start({ namespace }), "None");
    expect(connection.personal).toEqual(personal);
    expect(connection.foreign.map(({ prefix }) => prefix)).toEqual(foreign);
  });

  it("goes on where the server talks while it hands over", async () => {
    const server = await start({
      faults: [{ when: { verb: "NAMESPACE" }, do: { insertAfter: ["* OK still here", "* 3 EXISTS"] } }],
    });
    const { wire } = await open(server, "None");
    for (let time = 0; time < 3; time++) expect(await wire.run("NOOP")).toMatchObject({ status: "OK" });
  });

  it("says of a server that is not there `connection-refused`, and of a name that is none `dns-failed`", async () => {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const address = listener.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    await new Promise((resolve) => listener.close(resolve));
    const server = { remoteServer: "127.0.0.1", port, security: "None" } as const;
    expect(await failure(openImapConnection(server, LOGIN))).toMatchObject({
      code: "connection-refused",
      scope: "endpoint",
    });
    const nowhere = { ...server, remoteServer: "no-such-host.invalid" };
    expect((await failure(openImapConnection(nowhere, LOGIN))).code).toMatch(/^dns-failed$/);
  });
});

describe("STARTTLS", () => {
  it.each([
    ["is not offered", undefined, [], "tls-required"],
    ["is refused", "starttls", [knownFaults.startTlsRefused()], "tls-required"],
    ["is answered with something injected", "starttls", [knownFaults.startTlsInjection()], "tls-injection"],
    [
      "is answered with a sign-in injected",
      "starttls",
      [knownFaults.startTlsInjection("* PREAUTH welcome")],
      "tls-injection",
    ],
    ["is answered by PREAUTH before it", "starttls", [knownFaults.preauthGreeting(LOGIN.user)], "tls-required"],
  ] as const)("that %s ends before any login was sent (R9)", async (_, mode, faults, code) => {
    const server = mode ? await startTls(mode, good, { faults }) : await start({ faults });
    expect(await failure(open(server, "Tls"))).toMatchObject({ code, scope: "endpoint", retry: "never" });
    expectNoSignIn(server);
    expect(server.acceptedConnections).toBe(1);
  });
});

describe("STARTTLS that is said OK to", () => {
  it("and followed by plain text ends in `tls-required`, and no login was sent (R9)", async () => {
    const received: string[] = [];
    // The scripted server would wait for the end of a line, which a ClientHello need not have.
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready\r\n");
      socket.on("data", (octets) => {
        const text = octets.toString("latin1");
        received.push(text);
        const [tag, verb] = text.trim().split(" ");
        if (verb === "STARTTLS") socket.write(`${tag} OK go ahead\r\n`);
        else if (verb === "CAPABILITY") socket.write(`* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n${tag} OK\r\n`);
        else socket.write("* BAD that was no command\r\n");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const opening = openImapConnection({ remoteServer: "127.0.0.1", port, security: "Tls" }, LOGIN);
    expect(await failure(opening)).toMatchObject({ code: "tls-required", scope: "endpoint", retry: "never" });
    await new Promise((resolve) => server.close(resolve));
    expect(received.filter((text) => /LOGIN|AUTHENTICATE/.test(text))).toEqual([]);
    expect(received.at(-1)?.charCodeAt(0)).toBe(0x16); // a TLS handshake record
  });
});

describe("a certificate", () => {
  it.each<[string, () => Promise<Pair>, string]>([
    ["for another host", () => certify("mail.fabrikam.example", { ca: authority }), "certificate-name"],
    [
      "that has expired",
      () =>
        certify("localhost", {
          ca: authority,
          notBeforeDate: new Date("2020-01-01"),
          notAfterDate: new Date("2021-01-01"),
        }),
      "certificate-expired",
    ],
    ["that signed itself", () => certify("localhost"), "certificate-untrusted"],
    [
      "of an unknown authority",
      async () => certify("localhost", { ca: await certify("Fabrikam CA") }),
      "certificate-untrusted",
    ],
  ])("%s is refused before any login, with Ssl and with Tls (R9)", async (_, make, code) => {
    const server = await startTls("both", await make());
    for (const security of ["Ssl", "Tls"] as const) {
      expect(await failure(open(server, security))).toMatchObject({ code, scope: "endpoint", retry: "never" });
    }
    expectNoSignIn(server);
    expect(server.acceptedConnections).toBe(2);
  });

  it("is not looked at where the endpoint accepts untrusted ones", async () => {
    const server = await startTls("both", await certify("mail.fabrikam.example"));
    for (const security of ["Ssl", "Tls"] as const) await open(server, security, { acceptUntrustedCertificates: true });
    expect(signIns(server).map(({ tls }) => tls)).toEqual([true, true]);
  });

  it("is judged by the system's authorities where no `ca` is given", async () => {
    const server = await startTls("implicit");
    expect(await failure(open(server, "Ssl", { ca: undefined }))).toMatchObject({ code: "certificate-untrusted" });
    expectNoSignIn(server);
  });

  it("does not help a server that knows TLS 1.1 only (R9)", async () => {
    const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
    const server = await start({ tls: { mode: "both", ...good, ...old } });
    for (const security of ["Ssl", "Tls"] as const) {
      expect(await failure(open(server, security))).toMatchObject({
        code: "tls-failed",
        scope: "endpoint",
        retry: "never",
      });
    }
    expectNoSignIn(server);
  });

  it("never comes from a plain-text port: `Ssl` says so", async () => {
    const server = await start();
    expect(await failure(open(server, "None", { security: "Ssl" }))).toMatchObject({ code: "tls-failed" });
    expectNoSignIn(server);
  });
});

describe("a greeting", () => {
  it.each<[string, ImapSecurity]>([
    ["in plain text", "None"],
    ["under TLS", "Ssl"],
  ])("of PREAUTH %s is refused: nobody knows whose mailbox that is (R9)", async (_, security) => {
    const server = await startTls("both", good, { faults: [knownFaults.preauthGreeting(LOGIN.user)] });
    expect(await failure(open(server, security))).toMatchObject({
      code: "protocol-error",
      message: expect.stringContaining("PREAUTH"),
    });
    expectNoSignIn(server);
  });

  it("without a text is as good as any", async () => {
    await open(await start({ faults: [{ when: { verb: "greeting" }, do: { replaceLine: () => "* OK" } }] }), "None");
  });

  it.each([
    ["of BYE", knownFaults.byeGreeting(), "too-many-connections", "later"],
    [
      "of another protocol",
      { when: { verb: "greeting" }, do: { replaceLine: () => "SSH-2.0-OpenSSH_9.2" } } as const,
      "not-imap",
      "never",
    ],
    ["of BYE without a reason", knownFaults.byeGreeting(""), "server-unavailable", "later"],
    ["that never ends", knownFaults.endlessLine({ verb: "greeting" }), "response-too-large", "never"],
  ])("%s ends in its own code, without a login", async (_, fault, code, retry) => {
    const server = await start({ faults: [fault] });
    expect(await failure(open(server, "None"))).toMatchObject({ code, retry });
    expectNoSignIn(server);
  });

  it("that never comes ends when the host gives up (R12)", async () => {
    const server = await start({ faults: [knownFaults.noGreeting()] });
    const giveUp = new AbortController();
    const failed = failure(open(server, "None", { signal: giveUp.signal }));
    await server.until(() => server.connections === 1);
    giveUp.abort();
    expect(await failed).toMatchObject({ code: "aborted", scope: "batch" });
  });
});

describe("signing in", () => {
  const BASE = ["IMAP4rev1", "NAMESPACE"];

  it.each<[string, string[], ImapLogin, string]>([
    ["by SASL PLAIN where it is offered", ["SASL-IR", "AUTH=PLAIN", "AUTH=LOGIN"], LOGIN, "AUTH=PLAIN"],
    ["by SASL PLAIN without an initial response", ["AUTH=PLAIN"], LOGIN, "AUTH=PLAIN"],
    ["by SASL PLAIN where LOGIN is disabled", ["LOGINDISABLED", "AUTH=PLAIN"], LOGIN, "AUTH=PLAIN"],
    ["by SASL LOGIN where nothing else is offered", ["AUTH=LOGIN"], LOGIN, "AUTH=LOGIN"],
    ["by LOGIN where no SASL is offered", [], { ...LOGIN, password: 'pass "word\\' }, "LOGIN"],
    ["by OAUTHBEARER", ["SASL-IR", "AUTH=OAUTHBEARER"], { user: LOGIN.user, accessToken: TOKEN }, "AUTH=OAUTHBEARER"],
    ["by XOAUTH2", ["SASL-IR", "AUTH=XOAUTH2"], { user: LOGIN.user, accessToken: TOKEN }, "AUTH=XOAUTH2"],
    [
      "by XOAUTH2 without an initial response",
      ["AUTH=XOAUTH2"],
      { user: LOGIN.user, accessToken: TOKEN },
      "AUTH=XOAUTH2",
    ],
  ])("goes %s", async (_, offered, login, mechanism) => {
    const attempts: SignInAttempt[] = [];
    const signIn = (attempt: SignInAttempt) => {
      attempts.push(attempt);
      return LOGIN.user;
    };
    const server = await start({ capabilities: [...BASE, ...offered], signIn });
    await open(server, "None", { login });
    expect(attempts).toEqual([{ mechanism, user: login.user, secret: login.password ?? login.accessToken }]);
  });

  it.each<[string, string[], ImapLogin]>([
    ["LOGIN is disabled and nothing else offered", ["LOGINDISABLED"], LOGIN],
    [
      "there is a token and no mechanism that takes one",
      ["AUTH=PLAIN", "SASL-IR"],
      { user: LOGIN.user, accessToken: TOKEN },
    ],
    ["there is nothing to sign in with", ["AUTH=PLAIN", "SASL-IR"], { user: LOGIN.user }],
    ["an authorization identity meets no SASL PLAIN", ["AUTH=LOGIN"], { ...LOGIN, authorizationId: "ann.beebe" }],
    ["an authorization identity meets no SASL at all", [], { ...LOGIN, authorizationId: "ann.beebe" }],
  ])("is refused with `auth-unsupported` where %s, and nothing is sent", async (_, offered, login) => {
    const server = await start({ capabilities: [...BASE, ...offered] });
    expect(await failure(open(server, "None", { login }))).toMatchObject({
      code: "auth-unsupported",
      scope: "user",
      retry: "never",
    });
    expectNoSignIn(server);
  });

  it("acts for another mailbox by SASL PLAIN's authorization identity", async () => {
    const attempts: SignInAttempt[] = [];
    const server = await start({
      signIn: (attempt) => {
        attempts.push(attempt);
        return LOGIN.user;
      },
    });
    await open(server, "None", { login: { ...LOGIN, authorizationId: "ann.beebe@contoso.example" } });
    expect(attempts).toEqual([
      { mechanism: "AUTH=PLAIN", user: LOGIN.user, secret: PASSWORD, authorizeAs: "ann.beebe@contoso.example" },
    ]);
  });

  const names = [
    "contoso/administrator/terry.adams",
    "CONTOSO\\terry",
    "terry.adams*mailadmin",
    "#terry.adams@contoso-students.edu#mailadmin#",
    'terry "the mailman" adams',
    " blanks around ",
    "térry@büro.example",
    "寺田",
    "😀",
    "{5}",
    "%*()",
  ];
  it.each(names)("sends the name %j byte for byte, by PLAIN and by LOGIN", async (user) => {
    for (const offered of [["AUTH=PLAIN", "SASL-IR"], []]) {
      const attempts: SignInAttempt[] = [];
      const server = await start({
        capabilities: [...BASE, ...offered],
        signIn: (attempt) => {
          attempts.push(attempt);
          return LOGIN.user;
        },
      });
      await open(server, "None", { login: { user, password: user } });
      const mechanism = offered.length > 0 ? "AUTH=PLAIN" : "LOGIN";
      expect(attempts).toEqual([{ mechanism, user, secret: user }]);
    }
  });

  it.each<[string, ImapLogin]>([
    ["a name with CR and LF", { user: "terry\r\na1 LOGOUT", password: PASSWORD }],
    ["a name with NUL", { user: "terry\0ann", password: PASSWORD }],
    ["a password with LF", { user: "terry", password: `${PASSWORD}\n` }],
    ["a password with NUL", { user: "terry", password: `\0${PASSWORD}` }],
    ["an authorization identity with NUL", { ...LOGIN, authorizationId: "ann\0" }],
    ["a token with CR", { user: "terry", accessToken: `${TOKEN}\r` }],
    ["a name with the separator of XOAUTH2, beside a token", { user: "terry\x01auth=x", accessToken: TOKEN }],
    ["a token with the separator of XOAUTH2", { user: "terry", accessToken: `${TOKEN}\x01auth=x` }],
  ])("refuses %s before any connection (R13)", async (_, login) => {
    const server = await start();
    expect(await failure(open(server, "None", { login }))).toMatchObject({
      code: "login-format",
      scope: "user",
      retry: "never",
    });
    expect(server.acceptedConnections).toBe(0);
  });

  it.each<[string, ImapLogin, string]>([
    ["a wrong password", { ...LOGIN, password: "wr0ng-password" }, "auth-failed"],
    ["a token that the server takes no more", { user: LOGIN.user, accessToken: "wr0ng-token" }, "token-expired"],
  ])("tries %s once (R16)", async (_, login, code) => {
    const server = await start();
    expect(await failure(open(server, "None", { login }))).toMatchObject({ code, scope: "user" });
    expect(signIns(server)).toHaveLength(1);
    expect(server.acceptedConnections).toBe(1);
  });

  it.each([
    ["NO [AUTHENTICATIONFAILED] no", "auth-failed"],
    ["NO [EXPIRED] password expired", "auth-expired"],
    ["NO [UNAVAILABLE] later", "server-unavailable"],
    ["NO [LIMIT] too many sessions", "too-many-connections"],
    ["NO go away", "auth-failed"],
    ["BAD what", "auth-failed"],
  ])("answered with %j is `%s`", async (answer, code) => {
    const server = await start({ faults: [{ when: { verb: "AUTHENTICATE" }, do: { answer } }] });
    expect((await failure(open(server, "None"))).code).toBe(code);
    expect(signIns(server)).toHaveLength(1);
  });

  it("shows no secret that the server echoes, in whatever form (R10)", async () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const echoes = [PASSWORD, base64(PASSWORD), base64(`\0${LOGIN.user}\0${PASSWORD}`)].join(" ");
    for (const verb of ["AUTHENTICATE", "NAMESPACE"]) {
      for (const fault of [
        { answer: `NO [ALERT] ${echoes}` },
        { answer: `BAD User is authenticated but not connected ${echoes}` },
        { bye: echoes },
      ]) {
        const server = await start({ faults: [{ when: { verb }, do: fault }] });
        const opened = await open(server, "None").catch((error: MigrationError) => error);
        if (!("wire" in opened)) expectNoSecret(opened);
      }
    }
    for (const fault of [
      { when: { verb: "AUTHENTICATE" }, do: { answer: `NO ${TOKEN} ${base64(TOKEN)}` } },
      { when: { verb: "NAMESPACE" }, do: { insertBefore: [`* NAMESPACE ((${TOKEN}`] } },
    ]) {
      const login = { user: LOGIN.user, accessToken: TOKEN };
      expectNoSecret(await failure(open(await start({ faults: [fault] }), "None", { login })));
    }
  });
});

describe("compression", () => {
  it("shows no secret that the server echoes when it is asked what it can (R10)", async () => {
    const server = await start({
      announcesCapabilities: false,
      faults: [{ when: { verb: "CAPABILITY", nth: 2 }, do: { answer: `BAD ${PASSWORD} is no command` } }],
    });
    await failure(open(server, "None", { compress: true }));
    expect(signIns(server)).toHaveLength(1);
  });
});

describe("a proxy", () => {
  it.each([
    ["without a name", "", undefined],
    ["with a name and a password", "proxy-user:s%40crate@", "proxy-user:s@crate"],
    ["with a bare % in its password", "proxy-user:100%@", "proxy-user:100%"],
  ])("%s is asked for the server, and then carries a connection that works", async (_how, userinfo, told) => {
    const server = await start();
    const asked: unknown[] = [];
    const proxy = createHttpServer().on("connect", (request, socket: Socket) => {
      const basic = request.headers["proxy-authorization"]?.replace("Basic ", "");
      asked.push(request.url, basic && Buffer.from(basic, "base64").toString());
      const upstream = connect(server.port, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const address = proxy.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const { wire } = await open(server, "None", { proxy: `http://${userinfo}127.0.0.1:${port}` });
      expect(await wire.run("NOOP")).toMatchObject({ status: "OK" });
      await wire.close();
    } finally {
      proxy.close();
    }
    expect(asked).toEqual([`localhost:${server.port}`, told]);
    expect(signIns(server)).toHaveLength(1);
  });

  it("that is not there is the connection's fault, and nothing goes past it (R9)", async () => {
    const server = await start();
    const failed = failure(open(server, "None", { proxy: "socks5://127.0.0.1:1" }));
    expect(await failed).toMatchObject({ scope: "endpoint", retry: "later" });
    expect(server.acceptedConnections).toBe(0);
  });
});

describe("a connection that breaks off", () => {
  it.each(["greeting", "CAPABILITY", "ID", "AUTHENTICATE", "NAMESPACE"])(
    "at %s is an endpoint's matter, by FIN and RST, before and in the middle of the answer (R14)",
    async (verb) => {
      for (const cut of ["fin", "rst"] as const) {
        for (const after of ["before-effect", "effect", { responseOctets: 7 }] as const) {
          const server = await start({
            faults: [{ when: { verb }, do: { cut, after } }],
            announcesCapabilities: false,
          });
          const error = await failure(open(server, "None"));
          expect(error, `${cut} ${JSON.stringify(after)}`).toMatchObject({
            code: "server-unavailable",
            scope: "endpoint",
          });
          expect(server.acceptedConnections).toBe(1);
        }
      }
    },
  );

  it("after the sign-in is a user's matter", async () => {
    const server = await start();
    const { wire } = await open(server, "None");
    const [noop, lost] = [wire.run("NOOP"), wire.run('LIST "" *')];
    await noop;
    server.dropConnections("rst");
    await lost.catch(() => {});
    await server.until(() => server.connections === 0);
    await expect(wire.run("NOOP")).rejects.toMatchObject({ code: "connection-lost", scope: "user", retry: "now" });
  });

  it("with BYE after the sign-in tells the server's words, and no secret (R10)", async () => {
    const server = await start({
      faults: [{ when: { verb: "NOOP" }, do: { bye: `[UNAVAILABLE] ${PASSWORD} shutting down` } }],
    });
    const { wire } = await open(server, "None");
    const error = await wire.run("NOOP").then(
      () => undefined,
      (lost: MigrationError) => lost,
    );
    expect(error).toMatchObject({ code: "server-unavailable", message: expect.stringContaining("••• shutting down") });
    if (error) expectNoSecret(error);
  });

  it("with NO in the session tells the folder and the server's words, in UTF-8 and without a secret (R10)", async () => {
    const connection = await open(await start(), "None");
    const words = Buffer.from(`Zugriff auf „Pläne“ verweigert: ${PASSWORD}`).toString("latin1");
    const error = connection.refusal(
      { status: "NO", code: "NOPERM", text: words },
      { verb: "EXAMINE", folder: "Pläne" },
    );
    expect(error).toMatchObject({ code: "access-denied", scope: "folder", folder: "Pläne" });
    expect(error.message).toContain("Zugriff auf „Pläne“ verweigert: •••");
    expectNoSecret(error);
  });
});

describe("giving a connection up", () => {
  it("before it is begun opens none (R12)", async () => {
    const server = await start();
    expect(await failure(open(server, "None", { signal: AbortSignal.abort() }))).toMatchObject({ code: "aborted" });
    expect(server.acceptedConnections).toBe(0);
  });

  it.each(["greeting", "CAPABILITY", "STARTTLS", "AUTHENTICATE", "NAMESPACE"])(
    "while the server holds back its answer to %s ends at once (R12)",
    async (verb) => {
      const server = await startTls("starttls", good, { faults: [{ when: { verb }, do: { delayUntil: "release" } }] });
      const giveUp = new AbortController();
      const failed = failure(open(server, "Tls", { signal: giveUp.signal }));
      await server.until(() => server.held === 1);
      giveUp.abort();
      expect(await failed).toMatchObject({ code: "aborted", scope: "batch" });
      server.release();
    },
  );

  it("leaves the host's signal without listeners after the sign-in", async () => {
    const server = await start();
    const giveUp = new AbortController();
    const { wire } = await open(server, "None", { signal: giveUp.signal });
    giveUp.abort();
    expect(await wire.run("NOOP")).toMatchObject({ status: "OK" });
  });
});
