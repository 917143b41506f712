import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { MigrationError } from "../errors.js";
import { CompressedSocket } from "./compressed-socket.js";
import { connectionError } from "./connection-errors.js";
import type { ImapLogin, ImapServerAddress } from "./imap-connection.js";
import { responseError } from "./imap-errors.js";
import { announced, askCapabilities, closedError, LineSession, readGreeting, startTls } from "./line-session.js";
import { refusesToken, signInCommand } from "./sasl.js";

/** A socket on which somebody is signed in; it is paused. */
export interface SignedIn {
  readonly socket: Duplex;
  /** In upper case, as announced with the sign-in; absent where the server announced none: it has to be asked. */
  readonly capabilities?: readonly string[];
}

const CONNECT_TIMEOUT_MS = 15_000;
const GREETING_TIMEOUT_MS = 30_000;
const LOGIN_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 60_000;

/**
 * Connects, secures and signs in, in as few round trips as the server allows.
 * @param secrets what must not come back in an error
 * @throws MigrationError with the code of whatever failed; nothing is tried twice
 */
export async function signIn(
  server: ImapServerAddress,
  login: ImapLogin,
  secrets: readonly string[],
  signal: AbortSignal | undefined,
): Promise<SignedIn> {
  const { remoteServer: host, port } = server;
  const aborted = () => new MigrationError("aborted", `Signing in to ${host} was given up`);
  if (signal?.aborted) throw aborted();
  const attempt = new SignInAttempt(server, login, secrets);
  const giveUp = () => attempt.giveUp(aborted());
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    return await attempt.run();
  } catch (error) {
    attempt.giveUp(closedError());
    if (signal?.aborted) throw aborted();
    throw connectionError(error, { host, port, secrets, loggedIn: false });
  } finally {
    attempt.end();
    signal?.removeEventListener("abort", giveUp);
  }
}

/** One attempt, with the deadline of the step it is at. */
class SignInAttempt {
  readonly #server: ImapServerAddress;
  readonly #login: ImapLogin;
  readonly #secrets: readonly string[];
  readonly #at: string;
  /** The outermost one: never the socket below TLS, which crashes Node 20 when it is destroyed. */
  #socket: Socket | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(server: ImapServerAddress, login: ImapLogin, secrets: readonly string[]) {
    this.#server = server;
    this.#login = login;
    this.#secrets = secrets;
    this.#at = `${server.remoteServer}:${server.port}`;
  }

  async run(): Promise<SignedIn> {
    const { security } = this.#server;
    this.#within(CONNECT_TIMEOUT_MS, "CONNECT_TIMEOUT");
    const socket = await this.#connect();
    this.#within(GREETING_TIMEOUT_MS, "GREETING_TIMEOUT");
    let session = new LineSession(socket, this.#at);
    const greeting = await readGreeting(session, security, this.#at);
    this.#within(LOGIN_TIMEOUT_MS, "CONNECT_TIMEOUT");
    if (security === "Tls") session = new LineSession(await this.#upgrade(session), this.#at);
    // What was announced before TLS is anybody's word (RFC 9051 section 6.2.1).
    const offered = (security === "Tls" ? undefined : announced(greeting)) ?? (await askCapabilities(session));
    const announcedNow = await this.#authenticate(session, new Set(offered.map(upperCase)));
    if (!this.#server.compress) return signedIn(session.release(), announcedNow);
    const capabilities = announcedNow ?? (await askCapabilities(session, this.#secrets));
    const compressed = await this.#compress(session, new Set(capabilities.map(upperCase)));
    const plain = session.release();
    return signedIn(compressed ? new CompressedSocket(plain) : plain, capabilities);
  }

  giveUp(error: Error): void {
    this.#socket?.destroy(error);
  }

  end(): void {
    clearTimeout(this.#deadline);
  }

  #within(ms: number, code: string): void {
    clearTimeout(this.#deadline);
    const late = Object.assign(new Error("The server did not let us in in time"), { code });
    this.#deadline = setTimeout(() => this.giveUp(late), ms);
  }

  async #connect(): Promise<Socket> {
    const { remoteServer: host, port, security } = this.#server;
    if (security !== "Ssl") return await this.#until(connectTcp({ host, port, noDelay: true }), "connect");
    return await this.#until(connectTls({ host, port, ...this.#trust() }).setNoDelay(true), "secureConnect");
  }

  /** Nothing may stand in plain text behind the OK; what fails now is TLS withheld. */
  async #upgrade(session: LineSession): Promise<TLSSocket> {
    await startTls(session, this.#at);
    session.detach();
    const { socket } = session;
    if (socket.destroyed) throw closedError();
    const { remoteServer: host } = this.#server;
    const secured = connectTls({ socket, host, ...this.#trust() });
    return await this.#until(secured, "secureConnect").catch((error: unknown) => {
      throw error instanceof Error ? Object.assign(error, { tlsFailed: true }) : error;
    });
  }

  #trust() {
    const { remoteServer: host, ca, acceptUntrustedCertificates } = this.#server;
    return {
      minVersion: "TLSv1.2" as const,
      rejectUnauthorized: !acceptUntrustedCertificates,
      ...(isIP(host) === 0 ? { servername: host } : {}), // RFC 6066 section 3: no address in SNI
      ...(ca === undefined ? {} : { ca }),
    };
  }

  /** An error of a socket that nobody waits for any more is no news: the listener stays. */
  async #until<Connected extends Socket>(socket: Connected, event: string): Promise<Connected> {
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once(event, resolve);
      socket.on("error", reject);
      socket.once("close", () => reject(closedError()));
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  }

  /** Whether the server goes on compressed (RFC 4978); one that cannot, or will not, goes on as it is. */
  async #compress(session: LineSession, capabilities: ReadonlySet<string>): Promise<boolean> {
    if (!capabilities.has("COMPRESS=DEFLATE")) return false;
    const { status } = await session.send("NOOP", ["COMPRESS DEFLATE"], this.#secrets);
    return status === "OK";
  }

  /** The capabilities that came with the OK. */
  async #authenticate(session: LineSession, offered: ReadonlySet<string>): Promise<string[] | undefined> {
    const command = signInCommand(this.#login, offered, this.#server);
    if (!command) throw this.#noMechanism(offered);
    const answer = await session.send("LOGIN", command.lines, this.#secrets);
    const { status, text, untagged, continuations } = answer;
    if (status === "OK") return announced(text, untagged);
    const known = command.isOauth && refusesToken(continuations) ? { code: "token-expired" as const } : {};
    throw responseError({ status, text }, { doing: "Sign-in", verb: "LOGIN", secrets: this.#secrets }, known);
  }

  #noMechanism(offered: ReadonlySet<string>): MigrationError {
    const { authorizationId, accessToken } = this.#login;
    const text =
      authorizationId !== undefined
        ? "The server offers no SASL PLAIN, which an authorization identity needs"
        : accessToken !== undefined
          ? "offers neither OAUTHBEARER nor XOAUTH2, which a token needs"
          : offered.has("LOGINDISABLED")
            ? "has LOGIN disabled and offers no SASL PLAIN"
            : "cannot be signed in to without a password or a token";
    return new MigrationError("auth-unsupported", authorizationId === undefined ? `${this.#at} ${text}` : text);
  }
}

function signedIn(socket: Duplex, capabilities: readonly string[] | undefined): SignedIn {
  return { socket, ...(capabilities && { capabilities: capabilities.map(upperCase) }) };
}

function upperCase(name: string): string {
  return name.toUpperCase();
}
