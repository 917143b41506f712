import type { SpecialUse } from "../../mail/special-use.js";
import type { Answer } from "./answer.js";
import type { Command } from "./command-reader.js";
import { type Argument, itemsOf, keywordOf, quote, refuse, textOf } from "./command-syntax.js";
import type { ScriptedAccount, ScriptedFolder } from "./mailbox-state.js";
import type { Session } from "./session.js";

/** The account of a session that is signed in. */
export function accountOf(session: Session): ScriptedAccount {
  return session.account ?? refuse("BAD Sign in first");
}

const delimiterText = (delimiter: string | null): string => (delimiter === null ? "NIL" : quote(delimiter));

export async function namespace(session: Session, _command: Command, answer: Answer): Promise<string> {
  await answer.untagged(`NAMESPACE ${session.context.namespace}`);
  return "OK Namespace completed";
}

interface ListRequest {
  readonly reference: string;
  readonly patterns: readonly string[];
  readonly onlySubscribed: boolean;
  readonly onlySpecialUse: boolean;
  readonly tellsSubscribed: boolean;
  /** The items of RETURN (STATUS (...)); absent where it was not asked for. */
  readonly status?: readonly Argument[];
}

/** LIST, also in the extended form (RFC 5258) with SPECIAL-USE (RFC 6154) and STATUS (RFC 5819). */
export async function list(session: Session, command: Command, answer: Answer): Promise<string> {
  const request = readListRequest(session, command.arguments);
  const { delimiter } = session.context;
  if (request.patterns.length === 1 && request.patterns[0] === "") {
    await answer.untagged(`LIST (\\Noselect) ${delimiterText(delimiter)} ""`);
    return "OK List completed";
  }
  const parents = parentNames(accountOf(session), delimiter);
  for (const folder of matchingFolders(session, request)) {
    const attributes = attributesOf(session, folder, request, parents);
    await answer.untagged(`LIST (${attributes.join(" ")}) ${delimiterText(delimiter)} ${quote(folder.name)}`);
    if (request.status && folder.selectable) {
      await answer.untagged(statusLine(session, folder, request.status));
    }
  }
  return "OK List completed";
}

export async function listSubscribed(session: Session, command: Command, answer: Answer): Promise<string> {
  const [reference, pattern] = command.arguments;
  const request = { reference: textOf(reference), patterns: [textOf(pattern)], onlySubscribed: true };
  for (const folder of matchingFolders(session, { ...request, onlySpecialUse: false, tellsSubscribed: false })) {
    await answer.untagged(`LSUB () ${delimiterText(session.context.delimiter)} ${quote(folder.name)}`);
  }
  return "OK Lsub completed";
}

function readListRequest(session: Session, given: readonly Argument[]): ListRequest {
  const isExtended = given[0]?.kind === "list" || given.length > 2 || given[1]?.kind === "list";
  if (isExtended && !session.has("LIST-EXTENDED") && !session.has("LIST-STATUS") && !session.has("SPECIAL-USE")) {
    refuse("BAD Extended LIST not supported");
  }
  const rest = [...given];
  const selection = rest[0]?.kind === "list" ? itemsOf(rest.shift()).map(keywordOf) : [];
  const reference = textOf(rest.shift());
  const pattern = rest.shift();
  const patterns = pattern?.kind === "list" ? pattern.items.map(textOf) : [textOf(pattern)];
  const options = rest.length === 0 ? [] : readReturn(rest);
  const statusAt = options.findIndex((option) => keywordOf(option) === "STATUS");
  if (statusAt >= 0 && !session.has("LIST-STATUS")) refuse("BAD LIST-STATUS not supported");
  return {
    reference,
    patterns,
    onlySubscribed: selection.includes("SUBSCRIBED"),
    onlySpecialUse: selection.includes("SPECIAL-USE"),
    tellsSubscribed: options.some((option) => keywordOf(option) === "SUBSCRIBED"),
    ...(statusAt >= 0 && { status: itemsOf(options[statusAt + 1]) }),
  };
}

function readReturn(rest: readonly Argument[]): readonly Argument[] {
  if (keywordOf(rest[0]) !== "RETURN" || rest.length !== 2) refuse("BAD Invalid LIST arguments");
  return itemsOf(rest[1]);
}

function* matchingFolders(session: Session, request: ListRequest): Generator<ScriptedFolder> {
  const patterns = request.patterns.map((pattern) => wildcard(request.reference + pattern, session.context.delimiter));
  for (const folder of accountOf(session).folders) {
    if (request.onlySubscribed && !folder.subscribed) continue;
    if (request.onlySpecialUse && !folder.specialUse) continue;
    const isInbox = folder.name.toUpperCase() === "INBOX";
    if (patterns.some((pattern) => pattern.test(folder.name) || (isInbox && pattern.test("INBOX")))) yield folder;
  }
}

/** `*` matches anything, `%` anything within one level. */
function wildcard(pattern: string, delimiter: string | null): RegExp {
  const literally = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  const level = delimiter === null ? "[^]*" : `[^${literally(delimiter)}]*`;
  const parts = pattern.split(/([*%])/).map((part) => {
    if (part === "*") return "[^]*";
    return part === "%" ? level : literally(part);
  });
  return new RegExp(`^${parts.join("")}$`, /^inbox$/i.test(pattern) ? "i" : "");
}

/** The names that have folders below them. */
function parentNames(account: ScriptedAccount, delimiter: string | null): ReadonlySet<string> {
  const parents = new Set<string>();
  if (delimiter === null) return parents;
  for (const { name } of account.folders) for (const parent of superiorNames(name, delimiter)) parents.add(parent);
  return parents;
}

/** `a/b/c` has `a` and `a/b` above it. */
function superiorNames(name: string, delimiter: string): string[] {
  const levels = name.split(delimiter);
  return levels.slice(1).map((_, index) => levels.slice(0, index + 1).join(delimiter));
}

function attributesOf(
  session: Session,
  folder: ScriptedFolder,
  request: ListRequest,
  parents: ReadonlySet<string>,
): string[] {
  const attributes = [...folder.attributes];
  if (!folder.selectable) attributes.push("\\Noselect");
  if (session.has("CHILDREN")) attributes.push(parents.has(folder.name) ? "\\HasChildren" : "\\HasNoChildren");
  if (folder.specialUse && tellsSpecialUse(session)) attributes.push(folder.specialUse);
  if (folder.subscribed && (request.tellsSubscribed || request.onlySubscribed)) attributes.push("\\Subscribed");
  return attributes;
}

const tellsSpecialUse = (session: Session): boolean =>
  session.has("SPECIAL-USE") || session.context.profile.listsSpecialUse === true;

export async function status(session: Session, command: Command, answer: Answer): Promise<string> {
  const [name, items] = command.arguments;
  const folder = openable(session, textOf(name));
  await answer.untagged(statusLine(session, folder, itemsOf(items)));
  return "OK Status completed";
}

function statusLine(session: Session, folder: ScriptedFolder, items: readonly Argument[]): string {
  const values = items.map((item) => {
    const keyword = keywordOf(item) ?? "";
    return `${keyword} ${statusValue(session, folder, keyword)}`;
  });
  return `STATUS ${quote(folder.name)} (${values.join(" ")})`;
}

function statusValue(session: Session, folder: ScriptedFolder, item: string): string | number {
  const { messages } = folder;
  if (item === "MESSAGES") return messages.length;
  if (item === "RECENT") return 0;
  if (item === "UIDNEXT") return folder.uidNext;
  if (item === "UIDVALIDITY") return folder.uidValidity;
  if (item === "UNSEEN") return messages.reduce((sum, message) => sum + (message.flags.has("\\Seen") ? 0 : 1), 0);
  if (item === "HIGHESTMODSEQ" && session.has("CONDSTORE")) return folder.highestModSeq;
  if (item === "SIZE" && session.has("STATUS=SIZE")) {
    return messages.reduce((sum, message) => sum + message.octets.length, 0);
  }
  if (item === "APPENDLIMIT" && session.context.appendLimit !== undefined) return session.context.appendLimit;
  return refuse(`BAD Unknown STATUS item ${item}`);
}

/** CREATE; superior names that are missing are made as names only (RFC 9051 section 6.3.4). */
export async function create(session: Session, command: Command): Promise<string> {
  const account = accountOf(session);
  const { delimiter } = session.context;
  const given = textOf(command.arguments[0]);
  const name = delimiter !== null && given.endsWith(delimiter) ? given.slice(0, -delimiter.length) : given;
  if (name === "") refuse("NO [CANNOT] A mailbox needs a name");
  if (session.context.profile.reservedNames?.has(name.toLowerCase())) refuse(session.context.texts.folderReserved);
  const specialUse = specialUseAsked(session, command.arguments[1]);
  const existing = account.findFolder(name);
  if (existing?.selectable) refuse(session.context.texts.folderExists);
  for (const parent of delimiter === null ? [] : superiorNames(name, delimiter)) {
    if (parent !== "" && !account.findFolder(parent))
      account.addFolder({ name: parent, selectable: false, subscribed: false });
  }
  const folder = existing ?? account.addFolder({ name, subscribed: false });
  folder.selectable = true;
  folder.specialUse = specialUse ?? folder.specialUse;
  return "OK Created";
}

function specialUseAsked(session: Session, argument: Argument | undefined): SpecialUse | undefined {
  if (!argument) return undefined;
  const [keyword, uses] = itemsOf(argument);
  if (keywordOf(keyword) !== "USE" || !session.has("CREATE-SPECIAL-USE")) refuse("BAD Unknown CREATE parameter");
  const [use] = itemsOf(uses);
  return use && (textOf(use) as SpecialUse); // a test may well ask for a use that no RFC knows
}

export async function subscribe(session: Session, command: Command): Promise<string> {
  const folder =
    accountOf(session).findFolder(textOf(command.arguments[0])) ?? refuse(session.context.texts.folderMissing);
  folder.subscribed = true;
  return "OK Subscribed";
}

/** SELECT and EXAMINE; `(CONDSTORE)` is understood, other parameters are not. */
export async function select(session: Session, command: Command, answer: Answer): Promise<string> {
  const [name, parameters] = command.arguments;
  session.deselect(); // a failed SELECT leaves nothing selected (RFC 9051 section 6.3.2)
  const folder = openable(session, textOf(name));
  for (const parameter of parameters ? itemsOf(parameters) : []) {
    if (keywordOf(parameter) !== "CONDSTORE" || !session.has("CONDSTORE")) refuse("BAD Unknown parameter");
    session.usesModSeq = true;
  }
  const isReadOnly = command.verb === "EXAMINE";
  session.select(folder, isReadOnly);
  const permanent = isReadOnly ? "" : [...folder.permanentFlags].join(" ");
  const flags = [...folder.permanentFlags].filter((flag) => flag !== "\\*");
  await answer.untagged(`FLAGS (${flags.join(" ")})`);
  await answer.untagged(`OK [PERMANENTFLAGS (${permanent})] Flags permitted`);
  await answer.untagged(`${session.view.length} EXISTS`);
  await answer.untagged("0 RECENT");
  await answer.untagged(`OK [UIDVALIDITY ${folder.uidValidity}] UIDs valid`);
  await answer.untagged(`OK [UIDNEXT ${folder.uidNext}] Predicted next UID`);
  if (session.has("CONDSTORE")) await answer.untagged(`OK [HIGHESTMODSEQ ${folder.highestModSeq}] Highest`);
  return isReadOnly ? "OK [READ-ONLY] Examined" : "OK [READ-WRITE] Selected";
}

export async function unselect(session: Session): Promise<string> {
  session.deselect();
  return "OK Unselected";
}

function openable(session: Session, name: string): ScriptedFolder {
  const folder = accountOf(session).findFolder(name);
  return folder?.selectable ? folder : refuse(session.context.texts.folderMissing);
}
