import type { Answer } from "./answer.js";
import { flagOf } from "./append-command.js";
import type { Command } from "./command-reader.js";
import { type Argument, keywordOf, refuse, textOf } from "./command-syntax.js";
import { numberedMessages } from "./fetch-command.js";
import { simpleItem } from "./fetch-response.js";
import type { ScriptedFolder, ScriptedMessage } from "./mailbox-state.js";
import { firstAtLeast, parseSequenceSet, type SequenceSet } from "./sequence-set.js";
import type { Session } from "./session.js";

type Criterion = (message: ScriptedMessage, sequence: number) => boolean;

const FLAG_CRITERIA = new Map<string, string>([
  ["ANSWERED", "\\Answered"],
  ["DELETED", "\\Deleted"],
  ["DRAFT", "\\Draft"],
  ["FLAGGED", "\\Flagged"],
  ["SEEN", "\\Seen"],
]);

/** SEARCH by set, UID and flag; other criteria are answered with BAD. */
export async function search(session: Session, command: Command, answer: Answer): Promise<string> {
  const criteria = readCriteria(session, command.arguments);
  const isUid = command.verb === "UID SEARCH";
  const found: number[] = [];
  for (const [index, message] of session.view.entries()) {
    if (message.isExpunged || !criteria.every((criterion) => criterion(message, index + 1))) continue;
    found.push(isUid ? message.uid : index + 1);
  }
  await answer.untagged(`SEARCH${found.map((number) => ` ${number}`).join("")}`);
  return "OK Search completed";
}

function readCriteria(session: Session, given: readonly Argument[]): Criterion[] {
  if (given.length === 0) refuse("BAD Missing search criteria");
  const criteria: Criterion[] = [];
  for (let at = 0; at < given.length; at++) {
    const keyword = keywordOf(given[at]) ?? refuse("BAD Unknown search criterion");
    if (keyword === "UID") {
      const uids = parseSequenceSet(textOf(given[++at]), session.highestUid);
      criteria.push((message) => covers(uids, message.uid));
    } else if (/^[\d*]/.test(keyword)) {
      const numbers = parseSequenceSet(keyword, session.view.length);
      criteria.push((_, sequence) => covers(numbers, sequence));
    } else if (keyword !== "ALL") {
      criteria.push(flagCriterion(keyword));
    }
  }
  return criteria;
}

function flagCriterion(keyword: string): Criterion {
  const isNot = keyword.startsWith("UN");
  const flag = FLAG_CRITERIA.get(isNot ? keyword.slice(2) : keyword) ?? refuse("BAD Unknown search criterion");
  return (message) => message.flags.has(flag) !== isNot;
}

/** The same as a walk over the set, in logarithmic time. */
function covers(set: SequenceSet, number: number): boolean {
  const range = set[firstAtLeast(set, number, ([, high]) => high)];
  return range !== undefined && range[0] <= number;
}

/** STORE and UID STORE with `FLAGS`, `+FLAGS`, `-FLAGS` and their `.SILENT` forms. */
export async function storeFlags(session: Session, command: Command, answer: Answer): Promise<string> {
  const [set, operation, ...rest] = command.arguments;
  const match = /^([+-]?)FLAGS(\.SILENT)?$/.exec(keywordOf(operation) ?? "");
  if (!match) refuse("BAD Unknown STORE operation");
  const folder = writableFolder(session);
  const flags = rest.flatMap((item) => (item.kind === "list" ? item.items : [item])).map(flagOf);
  const isUid = command.verb === "UID STORE";
  for (const { sequence, message } of numberedMessages(session, textOf(set), isUid)) {
    folder.setFlags(message.uid, changedFlags(message.flags, match[1] ?? "", flags));
    if (match[2] !== undefined) continue;
    const items = [simpleItem("FLAGS", message)];
    if (isUid) items.unshift(simpleItem("UID", message));
    if (session.usesModSeq) items.push(simpleItem("MODSEQ", message));
    await answer.row({ sequence, uid: message.uid, items });
  }
  return "OK Store completed";
}

function changedFlags(old: ReadonlySet<string>, sign: string, flags: readonly string[]): Iterable<string> {
  if (sign === "+") return [...old, ...flags];
  return sign === "-" ? [...old].filter((flag) => !flags.includes(flag)) : flags;
}

/** EXPUNGE and UID EXPUNGE (RFC 4315); the EXPUNGE lines come with the answer. */
export async function expungeMessages(session: Session, command: Command): Promise<string> {
  const folder = writableFolder(session);
  const [set] = command.arguments;
  if ((command.verb === "UID EXPUNGE") !== (set !== undefined)) refuse("BAD Wrong number of arguments");
  const uids = set && parseSequenceSet(textOf(set), session.highestUid);
  folder.expunge((message) => message.flags.has("\\Deleted") && (!uids || covers(uids, message.uid)));
  return "OK Expunge completed";
}

function writableFolder(session: Session): ScriptedFolder {
  if (!session.folder || session.isReadOnly) refuse("NO [READ-ONLY] Mailbox is read-only");
  return session.folder;
}
