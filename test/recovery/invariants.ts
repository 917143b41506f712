import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { MigrationError } from "../../src/errors.js";
import type { FakeMailbox, FolderContent } from "../../src/testing/fake-mailbox.js";
import type { StoredMessage } from "../../src/testing/sample-message.js";
import { collect } from "../../src/testing/store-fixtures.js";
import { PASSWORD, type Run, type World } from "./world.js";

/** How many there are of each message, by folder and message. */
export type Multiset = ReadonlyMap<string, number>;

/** What is said of a message at the target, in the same words for both ends. */
export type Fingerprint = (message: StoredMessage) => string;

/** Octets, date and flags: nothing may be altered. */
export const everything: Fingerprint = ({ octets, flags, internalDate }) =>
  `${createHash("sha256").update(octets).digest("hex")} ${internalDate.getTime()} ${[...flags].sort().join(" ")}`;

export function multiset(
  folders: readonly FolderContent[],
  fingerprint: Fingerprint,
  pathOf: (path: string) => string = (path) => path,
): Multiset {
  const counts = new Map<string, number>();
  for (const { levels, messages = [] } of folders) {
    for (const message of messages) {
      const key = `${pathOf(levels.join("/"))} ${fingerprint(message)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

/** R1 and R2: every message that has to be there is, and none is there more often than it ever was anywhere. */
export function lostOrDoubled(target: FakeMailbox, required: Multiset, allowed: Multiset): string[] {
  const held = multiset(target.content(), everything);
  const faults: string[] = [];
  for (const [key, count] of required) {
    const there = held.get(key) ?? 0;
    if (there < count) faults.push(`lost: ${there} of ${count} of ${key}`);
  }
  for (const [key, count] of held) {
    const most = allowed.get(key) ?? 0;
    if (count > most) faults.push(`${most === 0 ? "altered" : "doubled"}: ${count} instead of ${most} of ${key}`);
  }
  return faults;
}

/** R1: every user synced, every message with exactly one outcome, and the report says the same as the ledger. */
export async function booksFaults(world: World, { report, error }: Run): Promise<string[]> {
  if (!report) return [`no report: ${inspect(error)}`];
  const faults: string[] = [];
  if (!report.balanced) faults.push(`the books do not balance: ${inspect(report.books)}`);
  if (report.users.Synced !== world.users.length) faults.push(`not every user is synced: ${inspect(report.users)}`);
  for await (const { user, balanced, books } of report.userReports()) {
    if (user.error) faults.push(`${user.identity} failed with ${user.error.code}: ${user.error.message}`);
    if (!balanced) faults.push(`the books of ${user.identity} do not balance: ${inspect(books)}`);
  }
  return faults;
}

/** Events follow one another without a gap, tell nothing that is not durable, and no defect of ours. */
export function eventFaults({ events, untrue }: Run): string[] {
  const faults = [...untrue];
  events.forEach(({ payload }, index) => {
    if (payload.sequence !== index + 1) faults.push(`event ${index + 1} has the sequence ${payload.sequence}`);
  });
  const synced = new Map<string, number>();
  for (const { name, payload } of events) {
    if ("error" in payload && MigrationError.is(payload.error)) {
      const { code, message } = payload.error;
      if (code === "unexpected" || code === "books-unbalanced") faults.push(`${name} tells ${code}: ${message}`);
    }
    if (name !== "user:progress") continue;
    const { user, itemsSynced } = payload;
    if (itemsSynced < (synced.get(user) ?? 0))
      faults.push(`${user} was at ${synced.get(user)}, then at ${itemsSynced}`);
    synced.set(user, itemsSynced);
  }
  return faults;
}

/** R17: nothing was sent. */
export function rerunFaults({ report, error, targetCalls }: Run, folders: { before: number; after: number }): string[] {
  const faults: string[] = [];
  if (!report) return [`no report of the second run: ${inspect(error)}`];
  const appends = targetCalls.filter(({ call, result }) => call === "append" && result === "done").length;
  if (appends > 0) faults.push(`the second run appended ${appends} messages`);
  if (folders.after > folders.before) faults.push(`the second run created ${folders.after - folders.before} folders`);
  const { copied, octetsCopied } = report.run;
  if (copied + octetsCopied > 0) faults.push(`the second run tells of ${copied} messages with ${octetsCopied} octets`);
  return faults;
}

/** R10: nothing that anybody can print holds the password, in whatever coding. */
export async function secretFaults({ batch, report, error, events }: Run): Promise<string[]> {
  const items = report ? await collect(report.items()) : [];
  const users = report ? await collect(report.userReports()) : [];
  const printed = [batch, report, error, events, items, users]
    .flatMap((value) => [JSON.stringify(value) ?? "", inspect(value, { depth: 12, showHidden: true })])
    .join("\n");
  const octets = Buffer.from(PASSWORD);
  const forms = [PASSWORD, octets.toString("base64"), octets.toString("hex"), encodeURIComponent(PASSWORD)];
  return forms.filter((form) => printed.includes(form)).map((form) => `the password is printed as ${form}`);
}
