import type { ImapFlow } from "imapflow";
import { MigrationError } from "../errors.js";
import { connectionError } from "./connection-errors.js";
import type { ImapLogin, ImapServerAddress } from "./imap-connection.js";
import type { SignedIn } from "./sign-in.js";

/** A server behind a proxy. */
export type ProxiedAddress = ImapServerAddress & { readonly proxy: string };

const CONNECT_TIMEOUT_MS = 15_000;
const GREETING_TIMEOUT_MS = 30_000;
const LOGIN_TIMEOUT_MS = 120_000;
const MAX_LINE_OCTETS = 1024 * 1024;

/**
 * Connects through an HTTP or SOCKS proxy and signs in, both by imapflow, which knows proxies; then takes the socket over.
 * @throws MigrationError with the code of whatever failed; nothing is tried twice
 */
export async function signInThroughProxy(
  server: ProxiedAddress,
  login: ImapLogin,
  secrets: readonly string[],
  signal: AbortSignal | undefined,
): Promise<SignedIn> {
  const client = await signIn(server, login, [...secrets, ...passwordsOf(server.proxy)], signal);
  const { socket } = client.unbind();
  socket.pause();
  return { socket, capabilities: [...client.capabilities].map(capability) };
}

/** As it stands in the address, and as imapflow sends it. */
function passwordsOf(proxy: string): string[] {
  const { password } = new URL(proxy);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password]; // a % that escapes nothing is sent as it is
  }
}

async function signIn(
  server: ProxiedAddress,
  login: ImapLogin,
  secrets: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ImapFlow> {
  const { remoteServer: host, port } = server;
  const aborted = () => new MigrationError("aborted", `Signing in to ${host} was given up`);
  if (signal?.aborted) throw aborted();
  const client = await createClient(server, login);
  let firstFault: unknown;
  client.on("error", (error) => {
    firstFault ??= error;
  });
  const close = () => client.close();
  const deadline = setTimeout(() => {
    firstFault ??= Object.assign(new Error("The server did not let us in in time"), { code: "CONNECT_TIMEOUT" });
    close();
  }, LOGIN_TIMEOUT_MS);
  signal?.addEventListener("abort", close, { once: true });
  try {
    await client.connect();
    // imapflow notes the text of an OK greeting only.
    if (client.greeting === undefined) throw greetedWithPreauth(server);
    return client;
  } catch (error) {
    client.close();
    if (signal?.aborted) throw aborted();
    if (MigrationError.is(error)) throw error;
    throw connectionError(firstFault ?? error, { host, port, secrets, loggedIn: false });
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener("abort", close);
  }
}

/** RFC 9051 section 6.2.1: STARTTLS is possible only before anybody is signed in. */
function greetedWithPreauth({ remoteServer, security }: ProxiedAddress): MigrationError {
  return security === "Tls"
    ? new MigrationError("tls-required", `${remoteServer} greets with PREAUTH, which leaves no room for STARTTLS`)
    : new MigrationError(
        "protocol-error",
        `${remoteServer} greets with PREAUTH: nobody could say whose mailbox that is`,
      );
}

async function createClient(server: ProxiedAddress, login: ImapLogin): Promise<ImapFlow> {
  const { ImapFlow } = await import("imapflow");
  const client: ImapFlow = new ImapFlow({
    host: server.remoteServer,
    port: server.port,
    secure: server.security === "Ssl",
    doSTARTTLS: server.security === "Tls",
    tls: {
      minVersion: "TLSv1.2",
      rejectUnauthorized: !server.acceptUntrustedCertificates,
      ...(server.ca === undefined ? {} : { ca: server.ca }),
    },
    auth: {
      user: login.user,
      ...(login.password === undefined ? {} : { pass: login.password }),
      ...(login.accessToken === undefined ? {} : { accessToken: login.accessToken }),
      ...(login.authorizationId === undefined ? {} : { authzid: login.authorizationId }),
      // Asked for when the capabilities are known. Left to itself, imapflow prefers LOGIN for names with a slash,
      // and would sign in as the administrator where SASL PLAIN is missing.
      get loginMethod() {
        if (client.capabilities.has("AUTH=PLAIN")) return "AUTH=PLAIN";
        if (login.authorizationId === undefined) return undefined;
        throw new MigrationError(
          "auth-unsupported",
          "The server offers no SASL PLAIN, which an authorization identity needs",
        );
      },
    },
    proxy: server.proxy,
    logger: false,
    disableAutoIdle: true,
    disableAutoEnable: true,
    disableCompression: true,
    disableIMAP4rev2: true,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: GREETING_TIMEOUT_MS,
    socketTimeout: LOGIN_TIMEOUT_MS,
    maxLineLength: MAX_LINE_OCTETS,
    maxLiteralSize: MAX_LINE_OCTETS,
    maxResponseSize: 2 * MAX_LINE_OCTETS,
  });
  return client;
}

/** imapflow keeps the number of `APPENDLIMIT=35000000` apart from its name. */
function capability([name, value]: [string, unknown]): string {
  return (typeof value === "number" ? `${name}=${value}` : name).toUpperCase();
}
