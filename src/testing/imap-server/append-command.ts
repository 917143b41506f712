import { isSystemFlag, permittedFlags } from "../../mail/flags.js";
import { UidSet } from "../../mail/uid-set.js";
import type { Command } from "./command-reader.js";
import { type Argument, itemsOf, refuse, textOf } from "./command-syntax.js";
import { parseDateTime } from "./date-time.js";
import { accountOf } from "./folder-commands.js";
import type { ScriptedFolder } from "./mailbox-state.js";
import type { Session } from "./session.js";

interface GivenMessage {
  readonly octets: Buffer;
  readonly flags: ReadonlySet<string>;
  readonly internalDate?: Date;
}

/** APPEND of one message or, with MULTIAPPEND (RFC 3502), of several: all are stored or none is. */
export async function append(session: Session, command: Command): Promise<string> {
  const [name, ...rest] = command.arguments;
  const given = readMessages(rest);
  const sizes = given.map((message) => message.octets.length);
  const objection = session.objectionToAppend(textOf(name), {
    count: sizes.length,
    largest: sizes.reduce((largest, size) => Math.max(largest, size), 0),
    total: sizes.reduce((sum, size) => sum + size, 0),
  });
  if (objection !== undefined) refuse(objection);
  if (given.length > 1 && given.some((message) => message.octets.length === 0)) refuse("NO Append cancelled");
  for (const message of given) refuseMessage(session, message);
  const folder = accountOf(session).folder(textOf(name));
  const { uidNext } = folder;
  for (const message of given.flatMap((one) => storedForms(session, folder, one))) folder.addMessage(message);
  if (!session.has("UIDPLUS")) return "OK Append completed";
  return `OK [APPENDUID ${folder.uidValidity} ${assignedUids(uidNext, given.length)}] Append completed`;
}

/** What the server claims; a store rule may have kept more or fewer. */
function assignedUids(uidNext: number, count: number): string {
  return UidSet.of(Array.from({ length: count }, (_, index) => uidNext + index)).toString();
}

function readMessages(given: readonly Argument[]): GivenMessage[] {
  const messages: GivenMessage[] = [];
  for (let at = 0; at < given.length; at++) {
    const flags = given[at]?.kind === "list" ? itemsOf(given[at++]).map(flagOf) : [];
    const date = given[at]?.kind === "string" ? dateOf(textOf(given[at++])) : undefined;
    const literal = given[at];
    if (literal?.kind !== "literal") refuse("BAD A message must be a literal");
    messages.push({ octets: literal.octets, flags: new Set(flags), ...(date && { internalDate: date }) });
  }
  if (messages.length === 0) refuse("BAD Missing message");
  return messages;
}

function dateOf(text: string): Date {
  return parseDateTime(text) ?? refuse("BAD Invalid date-time");
}

/** A flag that a client may set; `\Recent` is the server's alone (RFC 9051 section 9, `flag`). */
export function flagOf(argument: Argument): string {
  const flag = argument.kind === "atom" ? argument.text : "";
  const isKeyword = /^[!-~]+$/.test(flag) && !/[\\(){%*"\]]/.test(flag);
  const isExtension = /^\\[A-Za-z0-9$._-]+$/.test(flag) && flag.toLowerCase() !== "\\recent";
  return isKeyword || isSystemFlag(flag) || isExtension ? flag : refuse("BAD Invalid flag");
}

function refuseMessage(session: Session, { octets, flags }: GivenMessage): void {
  const objection = session.context.profile.objectionToMessage?.(octets, flags);
  if (objection !== undefined) refuse(objection);
}

function storedForms(session: Session, folder: ScriptedFolder, given: GivenMessage): GivenMessage[] {
  const { flagsLostOnAppend } = session.context.profile;
  const permitted = permittedFlags(given.flags, folder.permanentFlags).kept;
  const message = { ...given, flags: new Set(permitted.filter((flag) => !flagsLostOnAppend?.has(flag.toLowerCase()))) };
  const { store } = session.context;
  if (!store) return [message];
  const { octets, ...about } = message;
  const kept = store(octets, { ...about, folder });
  if (kept === undefined) return [];
  if ("refuse" in kept) refuse(kept.refuse);
  return (Buffer.isBuffer(kept) ? [kept] : kept).map((form) => ({ ...message, octets: form }));
}
