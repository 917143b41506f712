import type { Answer } from "./answer.js";
import type { Command } from "./command-reader.js";
import { decodeUtf8, keywordOf, refuse, textOf } from "./command-syntax.js";
import { ConnectionGone } from "./connection.js";
import type { SignInAttempt } from "./server-context.js";
import type { Session } from "./session.js";
import { withoutSasl } from "./transcript.js";

export async function startTls(session: Session): Promise<string> {
  if (!session.context.offersStartTls || session.connection.isTls) refuse("BAD STARTTLS not offered");
  session.afterAnswer = () => session.startTls();
  return "OK Begin TLS negotiation now";
}

export async function login(session: Session, command: Command): Promise<string> {
  if (session.account) refuse("BAD Already signed in");
  if (session.has("LOGINDISABLED")) refuse("NO [PRIVACYREQUIRED] LOGIN is disabled");
  if (command.arguments.length !== 2) refuse("BAD LOGIN takes a user name and a password");
  const [user, secret] = command.arguments.map((argument) => decodeUtf8(textOf(argument)));
  return signIn(session, { mechanism: "LOGIN", user: user ?? "", secret: secret ?? "" })
    ? succeeded(session)
    : session.context.texts.signInFailed;
}

export async function authenticate(session: Session, command: Command, answer: Answer): Promise<string> {
  if (session.account) refuse("BAD Already signed in");
  const [mechanism, initial] = command.arguments;
  const name = keywordOf(mechanism) ?? "";
  const run = MECHANISMS.get(name);
  if (!run || !session.has(`AUTH=${name}`)) refuse("NO Unsupported authentication mechanism");
  if (initial && !session.has("SASL-IR")) refuse("BAD Initial response not supported"); // RFC 4959
  const exchange = new SaslExchange(session, answer, initial && textOf(initial));
  return (await run(session, exchange)) ? succeeded(session) : session.context.texts.signInFailed;
}

function signIn(session: Session, attempt: SignInAttempt): boolean {
  const { context } = session;
  context.transcript.hide(attempt.secret);
  const account = context.signIn(attempt);
  const { mostConnections = Number.POSITIVE_INFINITY } = context.profile;
  if (account && account.sessions >= mostConnections) refuse(context.texts.tooManyConnections);
  if (account) session.signIn(account, attempt);
  return account !== undefined;
}

function succeeded(session: Session): string {
  return `OK ${session.capabilityCode}Logged in`;
}

/** Challenges and responses of one AUTHENTICATE. */
class SaslExchange {
  readonly #session: Session;
  readonly #answer: Answer;
  #initial: string | undefined;

  constructor(session: Session, answer: Answer, initial: string | undefined) {
    this.#session = session;
    this.#answer = answer;
    this.#initial = initial === "=" ? "" : initial;
  }

  /** The client's next response, decoded; the initial one first. */
  async respond(challenge: string): Promise<string> {
    const initial = this.#initial;
    this.#initial = undefined;
    return this.#decode(initial ?? (await this.ask(challenge)));
  }

  /** The client's line after a challenge, as it came. */
  async ask(challenge: string): Promise<string> {
    const { connection, context } = this.#session;
    await this.#answer.continuation(Buffer.from(challenge, "utf8").toString("base64"));
    const line = await connection.reader.line();
    if (line === undefined) {
      connection.end();
      throw new ConnectionGone();
    }
    context.transcript.client(connection.id, withoutSasl(line));
    if (line === "*") refuse("BAD Authentication cancelled");
    return line;
  }

  #decode(base64: string): string {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) refuse("BAD Invalid base64");
    this.#session.context.transcript.hide(base64);
    return Buffer.from(base64, "base64").toString("utf8");
  }
}

type Mechanism = (session: Session, exchange: SaslExchange) => Promise<boolean>;

const MECHANISMS = new Map<string, Mechanism>([
  ["PLAIN", plain],
  ["LOGIN", saslLogin],
  ["XOAUTH2", xoauth2],
  ["OAUTHBEARER", oauthBearer],
]);

/** RFC 4616: authzid NUL authcid NUL password. */
async function plain(session: Session, exchange: SaslExchange): Promise<boolean> {
  const fields = (await exchange.respond("")).split("\0");
  if (fields.length !== 3) refuse("BAD Invalid SASL PLAIN message");
  const [authorizeAs = "", user = "", secret = ""] = fields;
  return signIn(session, { mechanism: "AUTH=PLAIN", user, secret, ...(authorizeAs !== "" && { authorizeAs }) });
}

async function saslLogin(session: Session, exchange: SaslExchange): Promise<boolean> {
  const user = await exchange.respond("Username:");
  const secret = await exchange.respond("Password:");
  return signIn(session, { mechanism: "AUTH=LOGIN", user, secret });
}

async function xoauth2(session: Session, exchange: SaslExchange): Promise<boolean> {
  const fields = (await exchange.respond("")).split("\x01");
  const user = fields.find((field) => field.startsWith("user="))?.slice("user=".length);
  return bearer(session, exchange, { mechanism: "AUTH=XOAUTH2", user, secret: bearerToken(fields) });
}

/** RFC 7628. */
async function oauthBearer(session: Session, exchange: SaslExchange): Promise<boolean> {
  const fields = (await exchange.respond("")).split("\x01");
  const user = /^[ny],a=([^,]*),$/
    .exec(fields[0] ?? "")?.[1]
    ?.replaceAll("=2C", ",")
    .replaceAll("=3D", "=");
  return bearer(session, exchange, { mechanism: "AUTH=OAUTHBEARER", user, secret: bearerToken(fields) });
}

function bearerToken(fields: readonly string[]): string | undefined {
  return fields.map((field) => /^auth=Bearer (.*)$/i.exec(field)?.[1]).find((token) => token !== undefined);
}

/** A refused token is explained in a challenge, which the client answers before it gets its NO. */
async function bearer(
  session: Session,
  exchange: SaslExchange,
  attempt: { mechanism: SignInAttempt["mechanism"]; user: string | undefined; secret: string | undefined },
): Promise<boolean> {
  const { mechanism, user, secret } = attempt;
  if (user !== undefined && secret !== undefined && signIn(session, { mechanism, user, secret })) return true;
  if (session.context.profile.refusesTokensAtOnce) return false;
  await exchange.ask('{"status":"401","schemes":"bearer","scope":"mail"}');
  return false;
}
