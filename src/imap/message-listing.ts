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
        const row = /^\d+ FETCH /i.test(text) ? parseFetchRow(text, literals, text.indexOf("(")) : {};
        // A row without a size is news about flags that nobody asked for.
        if (row.uid === undefined || row.size === undefined || !wants(row.uid)) return;
        ascending &&= row.uid > last;
        last = row.uid;
        heads.push(messageHead(row.uid, row));
      },
    },
  );
  if (opening.error) throw opening.error;
  if (answer.status !== "OK") throw connection.refusal(answer, { verb: "FETCH", folder: path });
  return ascending ? heads : sortedOnce(heads);
}

function sortedOnce(heads: readonly MessageHead[]): MessageHead[] {
  const byUid = new Map(heads.map((head) => [head.uid, head]));
  return [...byUid.values()].sort((one, other) => one.uid - other.uid);
}

function messageHead(uid: number, row: FetchRow): MessageHead {
  return {
    uid,
    size: row.size !== undefined && Number.isSafeInteger(row.size) ? row.size : 0,
    internalDate: row.internalDate ?? new Date(Number.NaN),
    flags: row.flags ?? new Set(),
    ...(row.header ? { header: row.header } : {}),
  };
}
