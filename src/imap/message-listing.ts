import { MigrationError } from "../errors.js";
import type { MessageHead } from "../mail/message.js";
import type { ImapConnection } from "./imap-connection.js";
import type { FolderOpening } from "./wire/fetch-lane.js";
import { type FetchRow, parseFetchRow } from "./wire/fetch-row.js";

/** One `UID FETCH` of heads, ready to be written. */
export interface HeadListing {
  /** The UIDs, as a sequence-set. */
  readonly set: string;
  /** With the octets of each header block. */
  readonly headers: boolean;
  /** Which of the rows that arrive are meant; servers send others too. */
  readonly wants: (uid: number) => boolean;
  /** As people read the folder. */
  readonly path: string;
}

/** No honest folder has more; a hostile one would fill the memory. */
const MAX_ROWS = 2_000_000;

/** Heads in ascending UID order, each UID once. The folder was opened by the command written before. */
export async function listHeads(
  connection: ImapConnection,
  opening: FolderOpening,
  { set, headers, wants, path }: HeadListing,
): Promise<MessageHead[]> {
  const heads: MessageHead[] = [];
  let ascending = true;
  let last = 0;
  const answer = await connection.wire.run(
    `UID FETCH ${set} (UID RFC822.SIZE INTERNALDATE FLAGS${headers ? " BODY.PEEK[HEADER]" : ""})`,
    {
      untagged: (text, literals) => {
        const { uid, ...row } = /^\d+ FETCH /i.test(text) ? readRow(text, literals) : {};
        // A row with neither size nor date is news about flags that nobody asked for.
        const isNews = row.size === undefined && row.internalDate === undefined;
        if (uid === undefined || isNews || !wants(uid)) return false;
        if (heads.length >= MAX_ROWS) {
          throw new MigrationError("response-too-large", `The server lists more than ${MAX_ROWS} messages`);
        }
        ascending &&= uid > last;
        last = uid;
        heads.push(messageHead(uid, row));
        return true;
      },
    },
  );
  if (opening.error) throw opening.error;
  if (answer.status !== "OK") throw connection.refusal(answer, { verb: "FETCH", folder: path });
  return ascending ? heads : sortedOnce(heads);
}

/** Of a row that cannot be read, the UID counts: the message is there, and fetching it says more. */
function readRow(text: string, literals: readonly Buffer[]): FetchRow {
  try {
    return parseFetchRow(text, literals, text.indexOf("("));
  } catch (error) {
    const uid = /[( ]UID (\d+)\b/i.exec(text)?.[1];
    if (uid === undefined || !MigrationError.is(error) || error.code !== "protocol-error") throw error;
    return { uid: Number(uid), size: 0 };
  }
}

function sortedOnce(heads: readonly MessageHead[]): MessageHead[] {
  const byUid = new Map(heads.map((head) => [head.uid, head]));
  return [...byUid.values()].sort((one, other) => one.uid - other.uid);
}

function messageHead(uid: number, row: FetchRow): MessageHead {
  return {
    uid,
    size: row.size ?? 0,
    internalDate: row.internalDate ?? new Date(Number.NaN),
    flags: row.flags ?? new Set(),
    ...(row.header ? { header: row.header } : {}),
  };
}
