import type { Answer } from "./answer.js";
import { append } from "./append-command.js";
import type { Command } from "./command-reader.js";
import { keywordOf, refuse } from "./command-syntax.js";
import { ConnectionGone } from "./connection.js";
import { fetchMessages } from "./fetch-command.js";
import { create, list, listSubscribed, namespace, select, status, subscribe, unselect } from "./folder-commands.js";
import { authenticate, login, startTls } from "./login-commands.js";
import { expungeMessages, search, storeFlags } from "./message-commands.js";
import type { Session } from "./session.js";

export type SessionState = "not authenticated" | "authenticated" | "selected";

/** Carries a command out and says how it is answered; the text stands behind the tag. */
export type CommandHandler = (session: Session, command: Command, answer: Answer) => Promise<string>;

const authenticated = (handler: CommandHandler): CommandHandler => {
  return async (session, command, answer) => {
    if (session.state === "not authenticated") refuse("BAD Sign in first");
    return handler(session, command, answer);
  };
};

const selected = (handler: CommandHandler): CommandHandler => {
  return async (session, command, answer) => {
    if (session.state !== "selected") refuse("BAD Select a mailbox first");
    return handler(session, command, answer);
  };
};

const announced = (capability: string, handler: CommandHandler): CommandHandler => {
  return async (session, command, answer) => {
    if (!session.has(capability)) refuse("BAD Unknown command");
    return handler(session, command, answer);
  };
};

const HANDLERS = new Map<string, CommandHandler>([
  ["CAPABILITY", capability],
  ["NOOP", noop],
  ["CHECK", noop],
  ["LOGOUT", logout],
  ["ID", announced("ID", id)],
  ["STARTTLS", startTls],
  ["LOGIN", login],
  ["AUTHENTICATE", authenticate],
  ["ENABLE", announced("ENABLE", authenticated(enable))],
  ["IDLE", announced("IDLE", authenticated(idle))],
  ["NAMESPACE", announced("NAMESPACE", authenticated(namespace))],
  ["LIST", authenticated(list)],
  ["LSUB", authenticated(listSubscribed)],
  ["STATUS", authenticated(status)],
  ["CREATE", authenticated(create)],
  ["SUBSCRIBE", authenticated(subscribe)],
  ["SELECT", authenticated(select)],
  ["EXAMINE", authenticated(select)],
  ["UNSELECT", announced("UNSELECT", selected(unselect))],
  ["CLOSE", selected(close)],
  ["APPEND", authenticated(append)],
  ["FETCH", selected(fetchMessages)],
  ["UID FETCH", selected(fetchMessages)],
  ["SEARCH", selected(search)],
  ["UID SEARCH", selected(search)],
  ["STORE", selected(storeFlags)],
  ["UID STORE", selected(storeFlags)],
  ["EXPUNGE", selected(expungeMessages)],
  ["UID EXPUNGE", announced("UIDPLUS", selected(expungeMessages))],
]);

/** What carries out this command; undefined for one that no server of this kind knows. */
export function handlerOf(verb: string): CommandHandler | undefined {
  return HANDLERS.get(verb);
}

async function capability(session: Session, _command: Command, answer: Answer): Promise<string> {
  await answer.untagged(`CAPABILITY ${[...session.capabilities].join(" ")}`);
  return "OK Capability completed";
}

async function noop(): Promise<string> {
  return "OK Nothing done";
}

async function id(_session: Session, _command: Command, answer: Answer): Promise<string> {
  await answer.untagged('ID ("name" "ScriptedImapServer")');
  return "OK ID completed";
}

async function logout(session: Session, _command: Command, answer: Answer): Promise<string> {
  await answer.untagged("BYE Logging out");
  session.afterAnswer = async () => {
    session.hasEnded = true;
  };
  return "OK Logout completed";
}

/** Waits for DONE (RFC 2177); what changes meanwhile is told with the answer. */
async function idle(session: Session, _command: Command, answer: Answer): Promise<string> {
  const { connection, context } = session;
  await answer.continuation("idling");
  const line = await connection.reader.line();
  if (line === undefined) throw new ConnectionGone();
  context.transcript.client(connection.id, line);
  return line.toUpperCase() === "DONE" ? "OK Idle completed" : refuse("BAD Expected DONE");
}

async function enable(session: Session, command: Command, answer: Answer): Promise<string> {
  const asked = command.arguments.map((argument) => keywordOf(argument) ?? "");
  const enabled = asked.filter((name) => name === "CONDSTORE" && session.has(name));
  if (enabled.length > 0) session.usesModSeq = true;
  await answer.untagged(`ENABLED${enabled.map((name) => ` ${name}`).join("")}`);
  return "OK Enabled";
}

/** CLOSE expunges without a word (RFC 9051 section 6.4.1). */
async function close(session: Session): Promise<string> {
  if (!session.isReadOnly) session.folder?.expunge((message) => message.flags.has("\\Deleted"));
  session.deselect();
  return "OK Closed";
}
