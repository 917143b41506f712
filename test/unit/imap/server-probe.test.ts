import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from "node:tls";
import { generate } from "selfsigned";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { MigrationError } from "../../../src/errors.js";
import { probeServer, type ServerProbe, type ServerProbeOptions } from "../../../src/imap/server-probe.js";

const CAPABILITIES = "IMAP4rev1 UIDPLUS AUTH=PLAIN";
const servers: Server[] = [];

interface Pair {
  key: string;
  cert: string;
}
let authority: Pair;
let good: Pair;
let expired: Pair;
let otherName: Pair;
let selfSigned: Pair;

async function certify(name: string, options: Parameters<typeof generate>[1] = {}): Promise<Pair> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ...options,
  });
  return { key: made.private, cert: made.cert };
}

beforeAll(async () => {
  authority = await certify("Contoso CA", { extensions: [{ name: "basicConstraints", cA: true, critical: true }] });
  good = await certify("localhost", { ca: authority });
  const [notBeforeDate, notAfterDate] = [new Date("2020-01-01"), new Date("2021-01-01")];
  expired = await certify("localhost", { ca: authority, notBeforeDate, notAfterDate });
  otherName = await certify("mail.fabrikam.example", { ca: authority });
  selfSigned = await certify("localhost");
});

/** A server ends only when every connection has: a socket that a probe leaves open fails its test here. */
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}

/** A connection that reads, so that its end is noticed, and takes no offence at a reset. */
function tame<S extends Socket>(socket: S): S {
  socket.on("error", () => socket.destroy());
  socket.resume();
  return socket;
}

const plainServer = (talk: (socket: Socket) => void) => listen(createServer((socket) => talk(tame(socket))));
const tlsServer = (pair: Pair, talk: (socket: Socket) => void, options: TlsOptions = {}) => {
  const server = createTlsServer({ ...pair, ...options }, (socket) => talk(tame(socket)));
  server.on("connection", tame);
  return listen(server);
};

/** What a server answers to each command; `undefined` is silence. */
type Answers = Record<string, ((tag: string, socket: Socket) => string | undefined) | undefined>;

function converse(socket: Socket, received: string[], answers: Answers = {}): void {
  const all: Answers = {
    CAPABILITY: (tag) => `* CAPABILITY ${CAPABILITIES}\r\n${tag} OK done\r\n`,
    LOGOUT: (tag) => `* BYE see you\r\n${tag} OK done\r\n`,
    ...answers,
  };
  socket.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString("latin1").split("\r\n").slice(0, -1)) {
      const [tag = "", verb = ""] = line.split(" ");
      received.push(verb);
      const answer = all[verb]?.(tag, socket);
      if (answer !== undefined) socket.write(answer);
    }
  });
}

function imap(received: string[], answers: Answers = {}, greeting = "* OK [CAPABILITY IMAP4rev1] ready\r\n") {
  return (socket: Socket) => {
    converse(socket, received, answers);
    socket.write(greeting);
  };
}

/** Offers STARTTLS and keeps to it. */
function startTlsServer(pair: Pair, received: string[], inside: Answers = {}): Promise<number> {
  const upgrade = (tag: string, socket: Socket) => {
    socket.removeAllListeners("data");
    socket.write(`${tag} OK go ahead\r\n`, () => {
      const secure = tame(new TLSSocket(socket, { isServer: true, ...pair }));
      converse(secure, received, inside);
    });
    return undefined;
  };
  return plainServer(imap(received, { CAPABILITY: offersStartTls, STARTTLS: upgrade }));
}

const offersStartTls = (tag: string) => `* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n${tag} OK done\r\n`;

const probe = (port: number, options: Partial<ServerProbeOptions> = {}): Promise<ServerProbe> =>
  probeServer({ host: "127.0.0.1", port, security: "None", ...options });

const stagesOf = ({ stages }: ServerProbe) => stages.map(({ stage, ok }) => `${stage} ${ok ? "ok" : "failed"}`);

describe("probeServer on a server that works", () => {
  it("goes through every stage without TLS and says goodbye", async () => {
    const received: string[] = [];
    const result = await probe(await plainServer(imap(received)));
    expect(stagesOf(result)).toEqual(["dns ok", "tcp ok", "greeting ok", "capabilities ok"]);
    expect(result).toMatchObject({
      ok: true,
      address: "127.0.0.1",
      greeting: "[CAPABILITY IMAP4rev1] ready",
      capabilities: ["IMAP4rev1", "UIDPLUS", "AUTH=PLAIN"],
    });
    expect(result).not.toHaveProperty("error");
    expect(result).not.toHaveProperty("certificate");
    expect(received).toEqual(["CAPABILITY", "LOGOUT"]);
    for (const { ms } of result.stages) expect(ms).toBeGreaterThan(0);
  });

  it("goes through every stage with TLS from the first octet, and describes the certificate", async () => {
    const received: string[] = [];
    const port = await tlsServer(good, imap(received));
    const result = await probe(port, { host: "localhost", security: "Ssl", ca: authority.cert });
    expect(result.error).toBeUndefined();
    expect(stagesOf(result)).toEqual(["dns ok", "tcp ok", "tls ok", "greeting ok", "capabilities ok"]);
    expect(result).toMatchObject({ ok: true, tlsVersion: "TLSv1.3", cipher: expect.stringMatching(/^TLS_/) });
    expect(result.certificate).toMatchObject({
      subject: "CN=localhost",
      issuer: "CN=Contoso CA",
      fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      names: expect.arrayContaining(["localhost", "127.0.0.1"]),
    });
    expect(result.certificate?.validTo.getTime()).toBeGreaterThan(Date.now());
    expect(result.certificate?.validFrom.getTime()).toBeLessThanOrEqual(Date.now());
    expect(received).toEqual(["CAPABILITY", "LOGOUT"]);
  });

  it("goes through every stage with STARTTLS, and forgets the capabilities from before it", async () => {
    const received: string[] = [];
    const result = await probe(await startTlsServer(good, received), { security: "Tls", ca: authority.cert });
    expect(result.error).toBeUndefined();
    expect(stagesOf(result)).toEqual(["dns ok", "tcp ok", "greeting ok", "tls ok", "capabilities ok"]);
    expect(result.capabilities).toEqual(["IMAP4rev1", "UIDPLUS", "AUTH=PLAIN"]);
    expect(received).toEqual(["CAPABILITY", "STARTTLS", "CAPABILITY", "LOGOUT"]);
  });

  it("does not wait for a server that leaves LOGOUT unanswered and hangs up", async () => {
    const port = await plainServer(imap([], { LOGOUT: () => undefined }));
    expect(await probe(port)).toMatchObject({ ok: true });
  });

  it("reads answers that come one octet at a time", async () => {
    const inPieces = (text: string) => (_tag: string, socket: Socket) => {
      for (const octet of text) socket.write(octet);
      return undefined;
    };
    const port = await plainServer(imap([], { CAPABILITY: inPieces("* CAPABILITY IMAP4rev1 X\r\na1 OK done\r\n") }));
    expect(await probe(port)).toMatchObject({ ok: true, capabilities: ["IMAP4rev1", "X"] });
  });

  it("takes a certificate that does not verify where it was told to, and shows it", async () => {
    const port = await tlsServer(selfSigned, imap([]));
    const result = await probe(port, { security: "Ssl", acceptUntrustedCertificates: true });
    expect(result).toMatchObject({ ok: true, certificate: { subject: "CN=localhost", issuer: "CN=localhost" } });
  });
});

describe("probeServer on a server that cannot be reached", () => {
  it("says that a name does not resolve", async () => {
    const host = `${"a".repeat(64)}.invalid`; // longer than a label may be: no resolver asks anybody
    const result = await probe(993, { host });
    expect(result).toMatchObject({ ok: false, failedStage: "dns", error: { code: "dns-failed" } });
    expect(stagesOf(result)).toEqual(["dns failed"]);
  });

  it("says that the port is closed, also where the name has two addresses", async () => {
    const port = await plainServer(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    for (const host of ["127.0.0.1", "localhost"]) {
      const result = await probe(port, { host });
      expect(result).toMatchObject({ ok: false, failedStage: "tcp", error: { code: "connection-refused" } });
      expect(stagesOf(result)).toEqual(["dns ok", "tcp failed"]);
    }
  });
});

describe("probeServer on a server whose TLS fails", () => {
  const failing = async (port: number, options: Partial<ServerProbeOptions> = {}) => {
    const result = await probe(port, { security: "Ssl", ca: authority.cert, ...options });
    expect(result).toMatchObject({ ok: false, failedStage: "tls" });
    expect(stagesOf(result)).toEqual(["dns ok", "tcp ok", "tls failed"]);
    return result;
  };

  it("refuses a self-signed certificate and shows it, without a command sent (R9)", async () => {
    const received: string[] = [];
    const result = await failing(await tlsServer(selfSigned, imap(received)));
    expect(result.error?.code).toBe("certificate-untrusted");
    expect(result.certificate?.issuer).toBe("CN=localhost");
    expect(received).toEqual([]);
  });

  it("refuses a certificate of an authority that is not trusted", async () => {
    const result = await failing(await tlsServer(good, imap([])), { ca: undefined });
    expect(result.error?.code).toBe("certificate-untrusted");
  });

  it("refuses a certificate that has expired", async () => {
    const result = await failing(await tlsServer(expired, imap([])));
    expect(result.error?.code).toBe("certificate-expired");
    expect(result.certificate?.validTo).toEqual(new Date("2021-01-01"));
  });

  it.each(["localhost", "127.0.0.1"])("refuses a certificate for another name than %s", async (host) => {
    const result = await failing(await tlsServer(otherName, imap([])), { host });
    expect(result.error?.code).toBe("certificate-name");
    expect(result.certificate?.names).toContain("mail.fabrikam.example");
  });

  it("refuses TLS below 1.2", async () => {
    const old: TlsOptions = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
    const result = await failing(await tlsServer(good, imap([]), old));
    expect(result.error?.code).toBe("tls-failed");
  });

  it("says that a port speaks without TLS", async () => {
    const result = await failing(await plainServer(imap([])));
    expect(result.error).toMatchObject({ code: "tls-failed", message: expect.stringContaining("without TLS") });
  });

  it("gives up on a server that never answers the handshake", async () => {
    const result = await failing(await plainServer(() => undefined), { timeoutMs: 50 });
    expect(result.error?.code).toBe("connect-timeout");
  });

  it("says that a server hung up in the handshake", async () => {
    const result = await failing(await plainServer((socket) => socket.end()));
    expect(result.error?.code).toBe("server-unavailable");
  });
});

describe("probeServer on a server whose greeting is none", () => {
  const failing = async (talk: (socket: Socket) => void, options: Partial<ServerProbeOptions> = {}) => {
    const result = await probe(await plainServer(talk), options);
    expect(result).toMatchObject({ ok: false, failedStage: "greeting" });
    expect(result.stages.at(-1)).toMatchObject({ stage: "greeting", ok: false });
    return result.error;
  };
  const says = (text: string) => (socket: Socket) => socket.write(text);

  it.each([
    ["SSH", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["SMTP", "220 mail.contoso.com ESMTP\r\n"],
    ["POP3", "+OK ready\r\n"],
  ])("recognises %s", async (_protocol, banner) => {
    const error = await failing(says(banner));
    expect(error).toMatchObject({ code: "not-imap", message: expect.stringContaining(banner.trim()) });
  });

  it("puts no control character of a banner into the error (R13)", async () => {
    const error = await failing(says("\x1b[2J\x07evil\u202E\r\n"));
    expect(error).toMatchObject({ code: "not-imap", message: expect.stringContaining('"?[2J?evil?"') });
  });

  it("reads a BYE as a server that is not available, or has too many connections", async () => {
    expect(await failing(says("* BYE down for maintenance\r\n"))).toMatchObject({
      code: "server-unavailable",
      message: expect.stringContaining("down for maintenance"),
    });
    expect(await failing(says("* BYE Too many connections\r\n"))).toMatchObject({ code: "too-many-connections" });
  });

  it("refuses PREAUTH, since nobody could say whose mailbox that is", async () => {
    expect(await failing(says("* PREAUTH welcome\r\n"))).toMatchObject({
      code: "protocol-error",
      message: expect.stringContaining("whose mailbox"),
    });
  });

  it("refuses PREAUTH before STARTTLS as TLS withheld (R9)", async () => {
    expect(await failing(says("* PREAUTH welcome\r\n"), { security: "Tls" })).toMatchObject({ code: "tls-required" });
  });

  it("gives up on a silent server, and says what a TLS port needs (R12)", async () => {
    expect(await failing(() => undefined, { timeoutMs: 50 })).toMatchObject({
      code: "connect-timeout",
      message: expect.stringContaining('security "Ssl"'),
    });
  });

  it("gives up on a drip of single octets at the deadline for the whole (R12)", async () => {
    const drip = (socket: Socket) => {
      const timer = setInterval(() => socket.write("*"), 5);
      socket.on("close", () => clearInterval(timer));
    };
    expect(await failing(drip, { timeoutMs: 100 })).toMatchObject({ code: "connect-timeout" });
  });

  it("gives up on a first line without end", async () => {
    expect(await failing(says("x".repeat(70_000)))).toMatchObject({ code: "not-imap" });
    expect(await failing(says(`* OK ${"x".repeat(70_000)}`))).toMatchObject({ code: "response-too-large" });
  });

  it("says that a server hung up before its greeting", async () => {
    expect(await failing((socket) => socket.end())).toMatchObject({ code: "server-unavailable" });
  });
});

describe("probeServer on a server whose STARTTLS fails", () => {
  const failing = async (answers: Answers) => {
    const received: string[] = [];
    const port = await plainServer(imap(received, { CAPABILITY: offersStartTls, ...answers }));
    const result = await probe(port, { security: "Tls", ca: authority.cert });
    expect(result).toMatchObject({ ok: false, failedStage: "tls" });
    expect(result).not.toHaveProperty("capabilities");
    return { error: result.error, received };
  };

  it("requires that it is offered (R9)", async () => {
    const { error, received } = await failing({ CAPABILITY: (tag) => `* CAPABILITY IMAP4rev1\r\n${tag} OK done\r\n` });
    expect(error?.code).toBe("tls-required");
    expect(received).toEqual(["CAPABILITY"]);
  });

  it.each(["NO not today", "BAD unknown command"])("requires that it is not answered with %s (R9)", async (answer) => {
    const { error } = await failing({ STARTTLS: (tag) => `${tag} ${answer}\r\n` });
    expect(error).toMatchObject({ code: "tls-required", message: expect.stringContaining(answer) });
  });

  it("detects an answer slipped in behind the OK (R9)", async () => {
    const { error } = await failing({
      STARTTLS: (tag) => `${tag} OK go ahead\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\n`,
    });
    expect(error?.code).toBe("tls-injection");
  });

  it("detects a piece of a line slipped in behind the OK (R9)", async () => {
    const { error } = await failing({ STARTTLS: (tag) => `${tag} OK go ahead\r\n*` });
    expect(error?.code).toBe("tls-injection");
  });

  it("requires TLS of a server that says OK and goes on in plain text (R9)", async () => {
    const goesOn = (tag: string, socket: Socket) => {
      socket.once("data", () => socket.write("* BAD I do not understand that\r\n"));
      return `${tag} OK go ahead\r\n`;
    };
    const { error } = await failing({ STARTTLS: goesOn });
    expect(error?.code).toBe("tls-required");
  });

  it("refuses the certificate behind it as on a TLS port", async () => {
    const result = await probe(await startTlsServer(selfSigned, []), { security: "Tls" });
    expect(result).toMatchObject({ failedStage: "tls", error: { code: "certificate-untrusted" } });
  });
});

describe("probeServer on a server whose capabilities fail", () => {
  const failing = async (CAPABILITY: Answers[string], timeoutMs?: number) => {
    const result = await probe(await plainServer(imap([], { CAPABILITY })), { timeoutMs });
    expect(result).toMatchObject({ ok: false, failedStage: "capabilities", greeting: expect.any(String) });
    return result.error?.code;
  };

  it.each<[string, (tag: string) => string, string]>([
    ["BAD", (tag) => `${tag} BAD what?\r\n`, "protocol-error"],
    ["an OK without a list", (tag) => `${tag} OK done\r\n`, "protocol-error"],
    ["what is no response", () => "hello\r\n", "protocol-error"],
    ["another tag", () => "zz OK done\r\n", "protocol-error"],
    ["BYE", () => "* BYE going down\r\n", "server-unavailable"],
    ["a line without end", () => `* CAPABILITY ${"x".repeat(70_000)}`, "response-too-large"],
    ["lines without end", () => "* OK still here\r\n".repeat(100_000), "response-too-large"],
  ])("names the fault when it answers with %s", async (_what, answer, code) => {
    expect(await failing(answer)).toBe(code);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["FIN", (socket) => socket.end()],
    ["RST", (socket) => socket.resetAndDestroy()],
  ])("says that the server hung up by %s", async (_how, hangUp) => {
    const code = await failing((_tag, socket) => {
      hangUp(socket);
      return undefined;
    });
    expect(code).toBe("server-unavailable");
  });

  it("gives up on silence", async () => {
    expect(await failing(() => undefined, 50)).toBe("connect-timeout");
  });
});

describe("probeServer and its caller", () => {
  it("stops at the host's signal, and only then throws", async () => {
    const stop = new AbortController();
    const port = await plainServer(() => stop.abort());
    await expect(probe(port, { signal: stop.signal })).rejects.toMatchObject({ code: "aborted" });
    await expect(probe(port, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
  });

  it.each<[string, Partial<ServerProbeOptions>]>([
    ["host", { host: "" }],
    ["host", { host: "imap.contoso.com\r\n" }],
    ["port", { port: 0 }],
    ["port", { port: 65_536 }],
    ["port", { port: 1.5 }],
    ["timeoutMs", { timeoutMs: 0 }],
    ["timeoutMs", { timeoutMs: Number.POSITIVE_INFINITY }],
    ["ca", { ca: "not a certificate" }],
  ])("refuses a %s that cannot be meant", async (name, options) => {
    const error = await probe(993, options).catch((thrown: unknown) => thrown);
    expect(MigrationError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: "option-invalid", message: expect.stringMatching(`^${name} `) });
  });
});
