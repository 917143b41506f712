import { MigrationError } from "../errors.js";
import type { Flag } from "../mail/flags.js";
import type { MessageHead } from "../mail/message.js";
import type { ImapConnection } from "./imap-connection.js";
import type { FolderOpening } from "./wire/fetch-lane.js";
import { emptyRow, FETCH_ROW, type FetchRow, parseFetchRow } from "./wire/fetch-row.js";

/** One `UID FETCH` of heads, ready to be written. */
export interface HeadListing {
  /** The UIDs, as a sequence-set. */
  readonly set: string;
  /** With the octets of each header block. */
  readonly headers: boolean;
  /** With the id that a message has in every folder, where the server has such ids. */
  readonly emailIds?: boolean;
  /** Which of the rows that arrive are meant; servers send others too. */
  readonly wants: (uid: number) => boolean;
  /** As people read the folder. */
  readonly path: string;
  /** Only what changed after this HIGHESTMODSEQ; absent: all of the set. */
  readonly changedSince?: bigint | undefined;
}

/** What one command listed. */
export interface ListedHeads {
  /** In ascending UID order, each UID once. */
  readonly heads: MessageHead[];
  /** The lowest UID that the command was answered for; absent where it was answered for the whole set. */
  readonly lowest?: number | undefined;
}

/** How many messages one command may be about (RFC 9738): a server answers longer ones for the highest UIDs only. */
export function messageLimit(capabilities: ReadonlySet<string>): number {
  const limit = [...capabilities].flatMap((name) => /^MESSAGELIMIT=(\d+)$/.exec(name)?.[1] ?? [])[0];
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(limit));
}

/**
 * Lists a set by as many commands as a server with a limit wants (RFC 9738 section 3.1): each is answered for its highest
 * UIDs, and the next one asks for those below.
 */
export async function listAll(
  range: { readonly from: number; readonly to?: number | undefined },
  list: (set: string) => Promise<ListedHeads>,
): Promise<MessageHead[]> {
  const parts: MessageHead[][] = [];
  let { to } = range;
  let rows = 0;
  while (to === undefined || to >= range.from) {
    const highest: number = to ?? MAX_UID;
    const { heads, lowest = range.from } = await list(`${range.from}:${to ?? "*"}`);
    if (lowest > highest) throw new MigrationError("protocol-error", `The server broke a list off at UID ${lowest}`);
    // What comes too early comes again with the part that it belongs to.
    const part = heads.filter(({ uid }) => uid >= lowest && uid <= highest);
    rows = checkedRows(rows + part.length);
    parts.unshift(part);
    to = lowest - 1;
  }
  return parts.flat();
}

const MAX_UID = 0xffff_ffff;
/** No honest folder has more; a hostile one would fill the memory. */
const MAX_ROWS = 2_000_000;

function checkedRows(rows: number): number {
  if (rows <= MAX_ROWS) return rows;
  throw new MigrationError("response-too-large", `The server lists more than ${MAX_ROWS} messages`);
}

/** One command. The folder was opened by the command written before. */
export async function listHeads(
  connection: ImapConnection,
  opening: FolderOpening,
  { set, headers, emailIds, wants, path, changedSince }: HeadListing,
): Promise<ListedHeads> {
  const heads: MessageHead[] = [];
  let lowest: number | undefined;
  let ascending = true;
  let last = 0;
  const more = `${emailIds ? emailIdItem(connection) : ""}${headers ? " BODY.PEEK[HEADER]" : ""}`;
  const since = changedSince === undefined ? "" : ` (CHANGEDSINCE ${changedSince})`;
  const answer = await connection.wire.run(`UID FETCH ${set} (UID RFC822.SIZE INTERNALDATE FLAGS${more})${since}`, {
    untagged: (text, literals) => {
      // The tagged answer has room for one response code.
      if (!FETCH_ROW.test(text)) {
        lowest ??= limitReached(/^NO \[([^\]]*)\]/i.exec(text)?.[1]);
        return false;
      }
      const row = readRow(text, literals);
      const { uid } = row;
      // A row with neither size nor date is news about flags that nobody asked for.
      const isNews = row.size === undefined && row.internalDate === undefined;
      if (uid === undefined || isNews || !wants(uid)) return false;
      checkedRows(heads.length + 1);
      ascending &&= uid > last;
      last = uid;
      heads.push(messageHead(uid, row));
      return true;
    },
  });
  if (opening.error) throw opening.error;
  if (answer.status !== "OK") throw connection.refusal(answer, { verb: "FETCH", folder: path });
  lowest = limitReached(answer.code) ?? lowest;
  return { heads: ascending ? heads : sortedOnce(heads), ...(lowest === undefined ? {} : { lowest }) };
}

/** RFC 8474, or Gmail's own (developers.google.com/workspace/gmail/imap/imap-extensions). */
function emailIdItem({ capabilities }: ImapConnection): string {
  if (capabilities.has("OBJECTID")) return " EMAILID";
  return capabilities.has("X-GM-EXT-1") ? " X-GM-MSGID" : "";
}

/** `MESSAGELIMIT 1000 23221`: the lowest UID that the command was carried out for. */
function limitReached(code: string | undefined): number | undefined {
  const uid = /^MESSAGELIMIT \d+ (\d+)$/i.exec(code ?? "")?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** Of a row that cannot be read, the UID counts: the message is there, and fetching it says more. */
function readRow(text: string, literals: readonly Buffer[]): FetchRow {
  try {
    return parseFetchRow(text, literals, text.indexOf("("));
  } catch (error) {
    const uid = /[( ]UID (\d+)\b/i.exec(text)?.[1];
    if (uid === undefined || !MigrationError.is(error) || error.code !== "protocol-error") throw error;
    return { ...emptyRow(Number(uid)), size: 0 };
  }
}

function sortedOnce(heads: readonly MessageHead[]): MessageHead[] {
  const byUid = new Map(heads.map((head) => [head.uid, head]));
  return [...byUid.values()].sort((one, other) => one.uid - other.uid);
}

function messageHead(uid: number, { size = 0, internalDate, flags, header, emailId }: FetchRow): MessageHead {
  const head = { uid, size, internalDate: internalDate ?? new Date(Number.NaN), flags: flags ?? new Set<Flag>() };
  if (!header && emailId === undefined) return head;
  return { ...head, ...(header && { header }), ...(emailId !== undefined && { emailId }) };
}
