import { abortable } from "../abortable.js";
import { MigrationError } from "../errors.js";
import { connectionError } from "./connection-errors.js";
import { responseError } from "./imap-errors.js";
import type { Listing } from "./imap-listing.js";
import { openSession } from "./imap-session.js";
import { signInThroughProxy } from "./proxied-sign-in.js";
import { signIn } from "./sign-in.js";
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
  /** The proxy between here and there: `socks5://`, `socks4://`, `http://` or `https://`; absent: none. */
  readonly proxy?: string | undefined;
  /** Compresses what goes over the line where the server can (RFC 4978). Default false. */
  readonly compress?: boolean | undefined;
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
  /**
   * All folders as they were asked for with the opening, given once; undefined where they were not, or where the
   * connection is lost.
   */
  takeListing(): Promise<Listing> | undefined;
}

/**
 * What is asked for with the opening: the names of all folders, or their numbers too, which a source needs. For numbers
 * more commands may follow at any time, so they are not for a connection that writes literals.
 */
export type ListedAtOnce = "names" | "with-status";

export interface OpeningOptions {
  readonly signal?: AbortSignal | undefined;
  /** Folders to ask for in the same burst, for `takeListing`; a round trip less. Absent: none. */
  readonly list?: ListedAtOnce | undefined;
}

export interface RefusedCommand {
  readonly verb: "LOGIN" | "LIST" | "STATUS" | "EXAMINE" | "SELECT" | "FETCH" | "CREATE" | "APPEND" | "STORE";
  /** The folder as people read it. */
  readonly folder?: string;
  readonly uid?: number;
}

const IDLE_TIMEOUT_MS = 300_000;

/**
 * Connects, secures and signs in, and learns what the server can and how its folders are arranged.
 * @throws MigrationError with the code of whatever failed; nothing is tried twice
 */
export async function openImapConnection(
  server: ImapServerAddress,
  login: ImapLogin,
  { signal, list }: OpeningOptions = {},
): Promise<ImapConnection> {
  const { remoteServer: host, port } = server;
  checkLogin(login);
  const secrets = [login.password, login.accessToken].filter((secret) => secret !== undefined);
  const { proxy } = server;
  const { socket, capabilities } =
    proxy === undefined
      ? await signIn(server, login, secrets, signal)
      : await signInThroughProxy({ ...server, proxy }, login, secrets, signal);
  const wire = new WireConnection(socket, {
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    byeError: (text) =>
      responseError({ status: "BYE", text: readable(text) }, { doing: "the session", verb: "BYE", secrets }),
    socketError: (error) => connectionError(error, { host, port, secrets, loggedIn: true }),
  });
  const refusal: ImapConnection["refusal"] = ({ status, code, text }, about) =>
    responseError(
      { status: status === "OK" ? "NO" : status, text: readable(text), ...(code === undefined ? {} : { code }) },
      { ...about, doing: doing(about), secrets },
    );
  try {
    const { listing, ...session } = await abortable(signal, () => openSession(wire, capabilities, refusal, list));
    return { wire, refusal, ...session, takeListing: givenOnce(wire, listing) };
  } catch (cause) {
    const error = MigrationError.from(cause);
    wire.destroy(error);
    if (error.code !== "connection-lost") throw error;
    throw new MigrationError("server-unavailable", `${host}:${port} closed the connection after the sign-in`);
  }
}

/** A second listing is wanted for what has changed, and a lost connection has nothing to tell. */
function givenOnce(wire: WireConnection, listing: Promise<Listing> | undefined): ImapConnection["takeListing"] {
  let rest = listing;
  return () => {
    const given = wire.lost ? undefined : rest;
    rest = undefined;
    return given;
  };
}

function doing({ verb, folder }: RefusedCommand): string {
  if (verb === "LOGIN") return "Sign-in";
  return folder === undefined ? verb : `${verb} of ${folder}`;
}

/** A server's words from one character per octet; they are UTF-8 if anything beyond ASCII (RFC 6855). */
function readable(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

/** What would end a line, a field of SASL PLAIN (RFC 4616) or one of XOAUTH2 is not sent, whatever the mechanism. */
function checkLogin({ user, password = "", accessToken = "", authorizationId = "" }: ImapLogin): void {
  const endsField = /[\0\r\n]/.test(user + password + authorizationId) || (accessToken !== "" && user.includes("\x01"));
  if (!endsField && /^[^\0-\x20\x7f]*$/.test(accessToken)) return;
  throw new MigrationError(
    "login-format",
    "A name, password or token with a control character that ends a line or field cannot be sent",
  );
}
