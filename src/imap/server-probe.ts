import { X509Certificate } from "node:crypto";
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { MigrationError } from "../errors.js";
import { scrub } from "../scrub.js";
import { connectionError } from "./connection-errors.js";
import type { ImapSecurity } from "./imap-connection.js";
import { askCapabilities, closedError, LineSession, readGreeting, startTls } from "./line-session.js";

export interface ServerProbeOptions {
  readonly host: string;
  readonly port: number;
  /** `Ssl`: TLS from the first octet. `Tls`: STARTTLS, required. `None`: plain text. */
  readonly security: ImapSecurity;
  /** Certificates (PEM) of authorities to trust instead of the system's; absent: the system's. */
  readonly ca?: string | undefined;
  /** Accepts a certificate that does not verify; the probe still shows it. Default false. */
  readonly acceptUntrustedCertificates?: boolean | undefined;
  /** For the whole probe, in milliseconds. Default 15,000, as Test-MigrationServerAvailability waits. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The stages in their order; with `Tls` the greeting comes before TLS, with `None` there is no TLS. */
export type ServerProbeStageName = "dns" | "tcp" | "tls" | "greeting" | "capabilities";

export interface ServerProbeStage {
  readonly stage: ServerProbeStageName;
  /** Milliseconds by the monotonic clock. */
  readonly ms: number;
  readonly ok: boolean;
}

/** What the server's certificate says of itself, whether or not it verified. */
export interface ServerCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** SHA-256 in hex, with colons. */
  readonly fingerprint256: string;
  /** The host names and addresses it was issued for. */
  readonly names: readonly string[];
}

/** How far a server could be reached. What is absent was not learnt. Texts of the server are scrubbed. */
export interface ServerProbe {
  readonly ok: boolean;
  /** The stages that were tried; the last one failed unless `ok`. */
  readonly stages: readonly ServerProbeStage[];
  readonly failedStage?: ServerProbeStageName;
  readonly error?: MigrationError;
  /** The IP address that answered. */
  readonly address?: string;
  readonly tlsVersion?: string;
  readonly cipher?: string;
  readonly certificate?: ServerCertificate;
  /** The greeting's text, without `* OK`. */
  readonly greeting?: string;
  /** As announced before the sign-in, behind TLS where there is TLS. */
  readonly capabilities?: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 15_000;
const GOODBYE_MS = 1_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1; // setTimeout takes no more
const TIMED_OUT = Symbol("timed out");

type Findings = {
  -readonly [Name in keyof Omit<ServerProbe, "ok" | "stages" | "failedStage" | "error">]: ServerProbe[Name];
};

/**
 * Tests a server without credentials, as Microsoft's Test-MigrationServerAvailability does: name, connection, TLS,
 * greeting and capabilities, each with its time. It proves that the server answers, not that anybody can sign in.
 *
 * A fault of the server is in the result, never thrown. No socket or timer is left behind.
 *
 * @throws MigrationError `option-invalid`, `aborted`
 */
export async function probeServer(options: ServerProbeOptions): Promise<ServerProbe> {
  checkOptions(options);
  const probe = new Probe(options);
  try {
    await probe.run();
    return probe.result();
  } catch (error) {
    if (options.signal?.aborted) throw new MigrationError("aborted", `Testing ${options.host} was given up`);
    return probe.result(error);
  } finally {
    probe.close();
  }
}

function checkOptions({ host, port, security, ca, timeoutMs = DEFAULT_TIMEOUT_MS }: ServerProbeOptions): void {
  const refuse = (text: string) => new MigrationError("option-invalid", text);
  if (typeof host !== "string" || !/^[^\s\p{Cc}]+$/u.test(host)) throw refuse("host must be a host name or IP address");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw refuse("port must be a whole number from 1 to 65535");
  if (!["None", "Ssl", "Tls"].includes(security)) throw refuse('security must be "None", "Ssl" or "Tls"');
  if (!(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) throw refuse("timeoutMs must be a positive number below 2^31");
  if (ca !== undefined && !isCertificate(ca)) throw refuse("ca must be a certificate in PEM");
}

/** Node's TLS leaves out of `ca` what it cannot read, and says nothing. */
function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** One run: what was found so far, and everything that has to be closed at its end. */
class Probe {
  readonly #options: ServerProbeOptions;
  readonly #at: string;
  readonly #found: Findings = {};
  readonly #stages: ServerProbeStage[] = [];
  /** The outermost one: with TLS the TLS socket, whose end closes the one below. */
  #socket: Socket | undefined;
  readonly #stop = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  readonly #abort = () => this.#stop.abort();

  constructor(options: ServerProbeOptions) {
    this.#options = options;
    this.#at = `${options.host}:${options.port}`;
    this.#deadline = setTimeout(() => this.#stop.abort(TIMED_OUT), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    if (options.signal?.aborted) this.#abort();
  }

  async run(): Promise<void> {
    const { host, security } = this.#options;
    const addresses = await this.#stage("dns", () => lookup(host, { all: true }));
    let socket = await this.#stage("tcp", () => this.#connect(addresses));
    if (security === "Ssl") socket = await this.#stage("tls", () => this.#secure(socket));
    let session = new LineSession(socket, this.#at);
    const greeting = await this.#stage("greeting", () => readGreeting(session, security, this.#at));
    this.#found.greeting = scrub(greeting, []);
    if (security === "Tls") {
      socket = await this.#stage("tls", () => this.#upgrade(session));
      session = new LineSession(socket, this.#at);
    }
    this.#found.capabilities = await this.#stage("capabilities", () => askCapabilities(session));
    await this.#sayGoodbye(session);
  }

  result(error?: unknown): ServerProbe {
    const failed = this.#stages.find(({ ok }) => !ok)?.stage;
    return {
      ok: error === undefined,
      stages: this.#stages,
      ...(failed === undefined ? {} : { failedStage: failed }),
      ...(error === undefined ? {} : { error: this.#errorOf(error, failed) }),
      ...this.#found,
    };
  }

  close(): void {
    clearTimeout(this.#deadline);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#socket?.destroy(); // never the socket below TLS: that crashes Node 20
  }

  async #stage<T>(stage: ServerProbeStageName, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    let ok = false;
    try {
      const value = await orStop(work(), this.#stop.signal);
      ok = true;
      return value;
    } finally {
      this.#stages.push({ stage, ms: performance.now() - started, ok });
    }
  }

  #errorOf(error: unknown, stage: ServerProbeStageName | undefined): MigrationError {
    const { host, port, security, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    if (error !== TIMED_OUT) return connectionError(error, { host, port, loggedIn: false });
    const during = `${timeoutMs} ms were over during ${stage}`;
    if (stage === "dns") return new MigrationError("dns-failed", `${host} did not resolve in time: ${during}`);
    const hint = stage === "greeting" && security !== "Ssl" ? '; a TLS port needs security "Ssl"' : "";
    return new MigrationError("connect-timeout", `${this.#at} did not answer in time: ${during}${hint}`);
  }

  async #connect(addresses: LookupAddress[]): Promise<Socket> {
    const { host, port } = this.#options;
    const socket = connectTcp({
      host,
      port,
      lookup: (_host, { all }, callback) => {
        const [first] = addresses;
        if (all) callback(null, addresses);
        else callback(null, first?.address ?? "", first?.family);
      },
    });
    await this.#until(socket, "connect");
    if (socket.remoteAddress !== undefined) this.#found.address = socket.remoteAddress;
    return socket;
  }

  /** RFC 9051 section 6.2.1; plain text behind the OK is no fault of TLS, but TLS withheld. */
  async #upgrade(session: LineSession): Promise<TLSSocket> {
    await startTls(session, this.#at);
    session.detach();
    return this.#secure(session.socket).catch((error: unknown) => {
      throw error instanceof Error ? Object.assign(error, { tlsFailed: true }) : error;
    });
  }

  /**
   * The handshake runs to its end whatever the certificate says, so that the probe can show the certificate that was
   * refused. Not an octet is sent before it has been checked here.
   */
  async #secure(plain: Socket): Promise<TLSSocket> {
    const { host, ca, acceptUntrustedCertificates = false } = this.#options;
    if (plain.destroyed) throw closedError();
    let wrongName: Error | undefined;
    const socket = connectTls({
      socket: plain,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}), // RFC 6066 section 3: no address in SNI
      ...(ca === undefined ? {} : { ca }),
      minVersion: "TLSv1.2",
      rejectUnauthorized: false,
      checkServerIdentity: (name, certificate) => {
        wrongName = checkServerIdentity(name, certificate);
        return wrongName;
      },
    });
    await this.#until(socket, "secureConnect");
    Object.assign(this.#found, describeTls(socket));
    if (!socket.authorized && !acceptUntrustedCertificates) throw wrongName ?? authorizationError(socket);
    return socket;
  }

  /** An error of a socket that nobody waits for any more is no news: the listener stays. */
  async #until(socket: Socket, event: string): Promise<void> {
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once(event, resolve);
      socket.on("error", reject);
      socket.once("close", () => reject(closedError()));
    });
  }

  async #sayGoodbye({ socket }: LineSession): Promise<void> {
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end("a3 LOGOUT\r\n");
    const enough = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(GOODBYE_MS)]);
    await orStop(closed, enough).catch(() => undefined); // the answer to LOGOUT is a courtesy
  }
}

function describeTls(socket: TLSSocket): Pick<ServerProbe, "tlsVersion" | "cipher" | "certificate"> {
  const certificate = socket.getPeerX509Certificate();
  const tlsVersion = socket.getProtocol();
  return {
    ...(tlsVersion === null ? {} : { tlsVersion }),
    cipher: socket.getCipher().standardName,
    ...(certificate === undefined ? {} : { certificate: describeCertificate(certificate) }),
  };
}

function describeCertificate(certificate: X509Certificate): ServerCertificate {
  const names = (certificate.subjectAltName ?? "").matchAll(/(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  const oneLine = (name: string) => scrub(name.trim().replaceAll("\n", ", "), []);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    validFrom: new Date(certificate.validFrom),
    validTo: new Date(certificate.validTo),
    fingerprint256: certificate.fingerprint256,
    names: [...names].map(([, name = ""]) => scrub(name, [])),
  };
}

/** Node says here only by which code the certificate failed. */
function authorizationError(socket: TLSSocket): Error {
  const code = String(socket.authorizationError);
  return Object.assign(new Error("The certificate does not verify"), { code });
}

function orStop<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
