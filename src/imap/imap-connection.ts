import { ImapFlow } from "imapflow";
import { MigrationError } from "../errors.js";
import { connectionError } from "./connection-errors.js";
import { responseError } from "./imap-errors.js";
import { type TaggedAnswer, WireConnection } from "./wire/wire-connection.js";

/**
 * How a connection is protected, in Microsoft's words: `Ssl` is TLS from the first octet, `Tls` is STARTTLS, `None` is
 * plain text and has to be chosen by name.
 */
export type ImapSecurity = "None" | "Ssl" | "Tls";

/** Where an IMAP server is and how it is trusted. */
export interface ImapServerAddress {
  readonly remoteServer: string;
  readonly port: number;
  readonly security: ImapSecurity;
  /** Certificates (PEM) of authorities to trust instead of the system's; absent: the system's. */
  readonly ca?: string | undefined;
  /** Accepts a certificate that does not verify. Default false. */
  readonly acceptUntrustedCertificates?: boolean | undefined;
}

/** Who signs in, and into whose mailbox. */
export interface ImapLogin {
  readonly user: string;
  readonly password?: string | undefined;
  /** OAuth access token, sent by OAUTHBEARER or XOAUTH2. */
  readonly accessToken?: string | undefined;
  /** The mailbox to act for, by SASL PLAIN (RFC 4616); absent: the user's own. */
  readonly authorizationId?: string | undefined;
}

/** A part of the folder tree (RFC 2342). `delimiter` is absent where it has no levels. */
export interface Namespace {
  readonly prefix: string;
  readonly delimiter?: string;
}

/** What every command of a migration needs to know of its connection. */
export interface ImapConnection {
  readonly wire: WireConnection;
  /** In upper case, as announced after the login. */
  readonly capabilities: ReadonlySet<string>;
  readonly personal: Namespace;
  /** Other users' and shared folders. */
  readonly foreign: readonly Namespace[];
  /** The error of an answer that is not OK. */
  refusal(answer: TaggedAnswer, about: RefusedCommand): MigrationError;
}

export interface RefusedCommand {
  readonly verb: "LIST" | "STATUS" | "EXAMINE" | "SELECT" | "FETCH" | "CREATE" | "APPEND";
  /** The folder as people read it. */
  readonly folder?: string;
  readonly uid?: number;
}

const CONNECT_TIMEOUT_MS = 15_000;
const GREETING_TIMEOUT_MS = 30_000;
const LOGIN_TIMEOUT_MS = 120_000;
const IDLE_TIMEOUT_MS = 300_000;
const MAX_LINE_OCTETS = 1024 * 1024;

/**
 * Connects, secures and signs in with imapflow, then takes the authenticated socket over.
 * @throws MigrationError with the code of whatever failed; nothing is tried twice
 */
export async function openImapConnection(
  server: ImapServerAddress,
  login: ImapLogin,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<ImapConnection> {
  const { remoteServer: host, port } = server;
  checkLogin(login);
  const secrets = [login.password, login.accessToken].filter((secret) => secret !== undefined);
  const client = await signIn(server, login, secrets, options.signal);
  const { socket } = client.unbind();
  const byeError = (text: string) =>
    responseError({ status: "BYE", text: readable(text) }, { doing: "the session", verb: "BYE", secrets });
  const wire = new WireConnection(socket, {
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    byeError,
    socketError: (error) => connectionError(error, { host, port, secrets, loggedIn: true }),
  });
  const personal = client.namespace;
  const foreign = [...(client.namespaces?.other || []), ...(client.namespaces?.shared || [])];
  return {
    wire,
    capabilities: new Set([...client.capabilities].map(capability)),
    personal: namespace(personal?.prefix ?? "", personal?.delimiter),
    foreign: foreign.map(({ prefix, delimiter }) => namespace(prefix, delimiter)),
    refusal: ({ status, code, text }, about) =>
      responseError(
        { status: status === "OK" ? "NO" : status, text: readable(text), ...(code === undefined ? {} : { code }) },
        { ...about, doing: doing(about), secrets },
      ),
  };
}

/** imapflow keeps the number of `APPENDLIMIT=35000000` apart from its name. */
function capability([name, value]: [string, unknown]): string {
  return (typeof value === "number" ? `${name}=${value}` : name).toUpperCase();
}

function doing({ verb, folder }: RefusedCommand): string {
  return folder === undefined ? verb : `${verb} of ${folder}`;
}

/** A server's words from one character per octet; they are UTF-8 if anything beyond ASCII (RFC 6855). */
function readable(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

function namespace(prefix: string, delimiter: string | false | null | undefined): Namespace {
  return delimiter ? { prefix, delimiter } : { prefix };
}

/** What would end a line, a field of SASL PLAIN (RFC 4616) or one of XOAUTH2 is not sent, whatever the mechanism. */
function checkLogin({ user, password = "", accessToken = "", authorizationId = "" }: ImapLogin): void {
  if (!/[\0\r\n]/.test(user + password + authorizationId) && /^[^\0-\x20\x7f]*$/.test(accessToken)) return;
  throw new MigrationError("login-format", "A name, password or token with CR, LF or NUL cannot be sent");
}

async function signIn(
  server: ImapServerAddress,
  login: ImapLogin,
  secrets: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ImapFlow> {
  const { remoteServer: host, port } = server;
  const aborted = () => new MigrationError("aborted", `Signing in to ${host} was given up`);
  if (signal?.aborted) throw aborted();
  const client = createClient(server, login);
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
function greetedWithPreauth({ remoteServer, security }: ImapServerAddress): MigrationError {
  return security === "Tls"
    ? new MigrationError("tls-required", `${remoteServer} greets with PREAUTH, which leaves no room for STARTTLS`)
    : new MigrationError(
        "protocol-error",
        `${remoteServer} greets with PREAUTH: nobody could say whose mailbox that is`,
      );
}

function createClient(server: ImapServerAddress, login: ImapLogin): ImapFlow {
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
