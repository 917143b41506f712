import type { Answer } from "./answer.js";
import type { Command } from "./command-reader.js";
import { type Argument, itemsOf, keywordOf, refuse, textOf } from "./command-syntax.js";
import { type FetchItems, readFetchItems, simpleItem } from "./fetch-response.js";
import type { RowItem } from "./fetch-row.js";
import type { ScriptedMessage } from "./mailbox-state.js";
import { firstAtLeast, parseSequenceSet } from "./sequence-set.js";
import type { Session } from "./session.js";

/** A message of the selected folder with its sequence number. */
export interface Numbered {
  readonly sequence: number;
  readonly message: ScriptedMessage;
}

/** FETCH and UID FETCH; a row is written when the client has taken the ones before it. */
export async function fetchMessages(session: Session, command: Command, answer: Answer): Promise<string> {
  const [set, itemList, modifiers, surplus] = command.arguments;
  if (surplus) refuse("BAD Too many arguments");
  const isUid = command.verb === "UID FETCH";
  const items = readFetchItems(itemList, (capability) => session.has(capability));
  const changedSince = readModifiers(session, modifiers);
  if (changedSince !== undefined || items.writers.has("MODSEQ")) session.usesModSeq = true;
  const { numbered, limitReached } = withinLimit(session, numberedMessages(session, textOf(set), isUid));
  for (const { sequence, message } of numbered) {
    if (message.modSeq <= (changedSince ?? 0)) continue;
    const setsSeen = items.setsSeen && !session.isReadOnly && !message.flags.has("\\Seen");
    if (setsSeen) session.folder?.setFlags(message.uid, [...message.flags, "\\Seen"]);
    const row = rowItems(message, items, { isUid, flags: setsSeen, modSeq: changedSince !== undefined });
    await answer.row({ sequence, uid: message.uid, items: row });
  }
  return `OK ${limitReached}Fetch completed`;
}

/** With MESSAGELIMIT (RFC 9738) the highest UIDs alone, from the highest down, and the response code that says so. */
function withinLimit(
  session: Session,
  all: Generator<Numbered>,
): { numbered: Iterable<Numbered>; limitReached: string } {
  const announced = [...session.capabilities].find((name) => name.startsWith("MESSAGELIMIT="));
  if (announced === undefined) return { numbered: all, limitReached: "" };
  const limit = Number(announced.slice("MESSAGELIMIT=".length));
  const named = [...all];
  if (named.length <= limit) return { numbered: named, limitReached: "" };
  const numbered = named.slice(-limit).reverse();
  return { numbered, limitReached: `[MESSAGELIMIT ${limit} ${numbered.at(-1)?.message.uid}] ` };
}

function rowItems(
  message: ScriptedMessage,
  { writers }: FetchItems,
  added: { isUid: boolean; flags: boolean; modSeq: boolean },
): RowItem[] {
  const row: RowItem[] = [];
  if (added.isUid && !writers.has("UID")) row.push(simpleItem("UID", message));
  for (const writer of writers.values()) row.push(writer(message));
  if (added.flags && !writers.has("FLAGS")) row.push(simpleItem("FLAGS", message));
  if (added.modSeq && !writers.has("MODSEQ")) row.push(simpleItem("MODSEQ", message));
  return row;
}

/** The number of `(CHANGEDSINCE n)` (RFC 7162); undefined where there is none. */
function readModifiers(session: Session, argument: Argument | undefined): number | undefined {
  if (!argument) return undefined;
  const [keyword, value] = itemsOf(argument);
  if (keywordOf(keyword) !== "CHANGEDSINCE" || !session.has("CONDSTORE")) refuse("BAD Unknown FETCH modifier");
  const text = textOf(value);
  return /^\d+$/.test(text) ? Number(text) : refuse("BAD Invalid modification sequence");
}

/** The messages that a set names, in ascending order, leaving out those that are gone. */
export function* numberedMessages(session: Session, set: string, isUid: boolean): Generator<Numbered> {
  const { view } = session;
  const ranges = parseSequenceSet(set, isUid ? session.highestUid : view.length);
  for (const [low, high] of ranges) {
    if (!isUid && (low < 1 || high > view.length)) refuse("BAD Invalid message sequence number");
    const from = isUid ? firstAtLeast(view, low, (message) => message.uid) : low - 1;
    for (let index = from; index < view.length; index++) {
      const message = view[index];
      if (!message || (isUid ? message.uid : index + 1) > high) break;
      if (!message.isExpunged) yield { sequence: index + 1, message };
    }
  }
}
