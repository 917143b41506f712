import { MigrationError } from "../errors.js";
import type { ListedFolder } from "../mail/folder.js";
import { specialUseOf } from "../mail/special-use.js";
import { splitLevels } from "./folder-names.js";
import type { ImapConnection, Namespace } from "./imap-connection.js";
import { LITERAL } from "./wire/response-reader.js";
import { parseValues, type ResponseValue } from "./wire/response-values.js";
import { imapString, isSendable } from "./wire/wire-connection.js";

/** One LIST answer (RFC 9051 section 7.3.1), before any name is read. */
export interface ListEntry {
  readonly attributes: readonly string[];
  readonly delimiter?: string;
  /** As listed, one character per octet. */
  readonly name: string;
}

/** The numbers of a STATUS answer (RFC 9051 section 7.3.4); those that are missing were not sent. */
export interface FolderStatus {
  readonly messages?: number;
  readonly uidNext?: number;
  readonly uidValidity?: number;
  readonly highestModSeq?: bigint;
}

/** What LIST and STATUS say of a part of the folder tree. */
export interface Listing {
  readonly entries: readonly ListEntry[];
  /** By name as listed; a folder that refused STATUS is missing. */
  readonly statuses: ReadonlyMap<string, FolderStatus>;
}

/** What listing needs of a connection. */
type Lister = Pick<ImapConnection, "wire" | "capabilities" | "refusal">;

/** No honest mailbox has more folders, or more octets in their names; a hostile one would fill the memory. */
const MAX_FOLDERS = 100_000;
const MAX_NAME_OCTETS = 16 * 1024 * 1024;

/**
 * Lists the folders that match `pattern`, in one round trip where the server has LIST-STATUS (RFC 5819), in two
 * otherwise. Without `withStatus` no numbers are asked for.
 */
export async function listFolders(connection: Lister, pattern: string, withStatus: boolean): Promise<Listing> {
  const { capabilities } = connection;
  const items = capabilities.has("CONDSTORE")
    ? "MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ"
    : "MESSAGES UIDNEXT UIDVALIDITY";
  const extended = capabilities.has("LIST-EXTENDED");
  const inOne = withStatus && extended && capabilities.has("LIST-STATUS");
  const returns = [
    ...(extended && capabilities.has("SPECIAL-USE") ? ["SPECIAL-USE"] : []),
    ...(inOne ? [`STATUS (${items})`] : []),
  ];
  const entries = new Map<string, ListEntry>();
  const statuses = new Map<string, FolderStatus>();
  const seen = { names: 0, octets: 0 };
  const count = (name: string) => {
    seen.names += 1;
    seen.octets += name.length;
    if (seen.names <= 2 * MAX_FOLDERS && seen.octets <= MAX_NAME_OCTETS) return;
    throw new MigrationError("response-too-large", `The server lists more than ${MAX_FOLDERS} folders`);
  };
  await command(
    connection,
    `LIST "" ${imapString(pattern)}${returns.length > 0 ? ` RETURN (${returns.join(" ")})` : ""}`,
    {
      onList: (entry) => {
        count(entry.name);
        if (!entries.has(entry.name)) entries.set(entry.name, entry);
      },
      onStatus: (name, status) => {
        count(name);
        statuses.set(name, status);
      },
    },
  );
  if (withStatus && !inOne) {
    // The others cannot be asked for; opening one tells why.
    const open = [...entries.values()].filter((entry) => isSelectable(entry) && isSendable(entry.name));
    await Promise.all(
      open.map((entry) =>
        connection.wire.run(`STATUS ${imapString(entry.name)} (${items})`, {
          // The answer's name may be spelled otherwise (INBOX in another case): the command says which folder it is.
          untagged: untaggedStatus((_name, status) => statuses.set(entry.name, status)),
        }),
      ),
    );
  }
  return { entries: [...entries.values()], statuses };
}

/** UIDNEXT of one folder; 0 where the server does not say. */
export async function askUidNext({ wire }: ImapConnection, name: string): Promise<number> {
  let uidNext = 0;
  const untagged = untaggedStatus((_name, status) => {
    uidNext = status.uidNext ?? 0;
  });
  await wire.run(`STATUS ${imapString(name)} (UIDNEXT)`, { untagged });
  return uidNext;
}

/** A listed name with its levels below `base`; undefined for what lies in a part of the tree that is not asked for. */
export function listedFolder(entry: ListEntry, personal: Namespace): ListedFolder {
  const levels = splitLevels(entry.name, entry.delimiter);
  const prefix = splitLevels(personal.prefix, personal.delimiter).filter((level) => level !== "");
  const below = prefix.length > 0 && levels.length > prefix.length && prefix.every((level, at) => level === levels[at]);
  const specialUse = specialUseOf(entry.attributes);
  return {
    name: entry.name,
    levels: below ? levels.slice(prefix.length) : levels,
    selectable: isSelectable(entry),
    ...(specialUse === undefined ? {} : { specialUse }),
  };
}

/** True for a name below one of these namespaces: another user's folder, or a shared one. */
export function isForeign(entry: ListEntry, foreign: readonly Namespace[]): boolean {
  return foreign.some(({ prefix, delimiter }) => {
    if (prefix === "") return false;
    const node = delimiter && prefix.endsWith(delimiter) ? prefix.slice(0, -delimiter.length) : prefix;
    return entry.name.startsWith(prefix) || entry.name === node;
  });
}

export function isSelectable(entry: ListEntry): boolean {
  return !entry.attributes.some((attribute) => /^\\(noselect|nonexistent)$/i.test(attribute));
}

interface ListHandlers {
  onList(entry: ListEntry): void;
  onStatus(name: string, status: FolderStatus): void;
}

async function command(connection: Lister, text: string, handlers: ListHandlers): Promise<void> {
  const onStatus = untaggedStatus(handlers.onStatus);
  const answer = await connection.wire.run(text, {
    untagged: (line, literals) => {
      const entry = readList(line, literals);
      if (entry) handlers.onList(entry);
      return entry !== undefined || onStatus(line, literals);
    },
  });
  if (answer.status !== "OK") throw connection.refusal(answer, { verb: "LIST" });
}

function readList(line: string, literals: readonly Buffer[]): ListEntry | undefined {
  if (!/^LIST /i.test(line)) return undefined;
  const [attributes, delimiter, name] = parseValues(line, literals, 5);
  const text = nameText(name);
  if (text === undefined) return undefined;
  return {
    name: text,
    attributes: Array.isArray(attributes) ? attributes.filter((attribute) => typeof attribute === "string") : [],
    ...(typeof delimiter === "string" ? { delimiter } : {}),
  };
}

function untaggedStatus(onStatus: (name: string, status: FolderStatus) => void) {
  return (line: string, literals: readonly Buffer[]): boolean => {
    if (!/^STATUS /i.test(line)) return false;
    const [name, items] = parseValues(line, literals, 7);
    const text = nameText(name);
    if (text !== undefined && Array.isArray(items)) onStatus(text, readStatus(items));
    return true;
  };
}

function readStatus(items: readonly ResponseValue[]): FolderStatus {
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < items.length; at += 2) {
    const [name, value] = [items[at], items[at + 1]];
    if (typeof name === "string" && typeof value === "string" && /^\d+$/.test(value))
      values.set(name.toUpperCase(), value);
  }
  const [messages, uidNext, uidValidity] = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"].map((name) => values.get(name));
  const highestModSeq = values.get("HIGHESTMODSEQ");
  return {
    ...(messages === undefined ? {} : { messages: Number(messages) }),
    ...(uidNext === undefined ? {} : { uidNext: Number(uidNext) }),
    ...(uidValidity === undefined ? {} : { uidValidity: Number(uidValidity) }),
    // 0: the folder keeps no mod-sequences (RFC 7162 section 3.1.2.2).
    ...(highestModSeq === undefined || highestModSeq === "0" ? {} : { highestModSeq: BigInt(highestModSeq) }),
  };
}

/** A name from an atom, a string or a literal; `NIL` as an atom is a folder called NIL. */
function nameText(value: ResponseValue | undefined): string | undefined {
  if (value === null) return "NIL";
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  return typeof value === "string" && value !== LITERAL ? value : undefined;
}
