import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { MailServer } from "../servers/mail-server.js";
import type { Multiset } from "./invariants.js";

/** What else is compared. */
export interface MultisetOptions {
  /** The names of keywords. Default true. */
  readonly keywords?: boolean;
}

/**
 * Everything in a Dovecot's mailbox, read from its Maildir++ files past the server: how many there are of each message
 * (SHA-256 of its octets, flags, date) in each folder. For a server with `mail_save_crlf`, which keeps octets as they are.
 */
export async function mailboxMultiset(
  server: MailServer,
  user: string,
  { keywords = true }: MultisetOptions = {},
): Promise<Multiset> {
  const maildir = join(server.dir, "mail", user, "Maildir");
  const entries = await readdir(maildir, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name.startsWith(".")).map(({ name }) => name);
  const counts = new Map<string, number>();
  for (const folder of ["", ...folders]) {
    for (const message of await folderMessages(join(maildir, folder), keywords)) {
      const key = `${folder.slice(1) || "INBOX"} ${message}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

async function folderMessages(directory: string, withKeywords: boolean): Promise<string[]> {
  const keywords = (await readFile(join(directory, "dovecot-keywords"), "utf8").catch(() => "")).split("\n");
  const messages: string[] = [];
  for (const part of ["cur", "new"]) {
    for (const file of await readdir(join(directory, part))) {
      const path = join(directory, part, file);
      const [octets, { mtimeMs }] = await Promise.all([readFile(path), stat(path)]);
      const digest = createHash("sha256").update(octets).digest("hex");
      messages.push(
        `${digest} ${flagsOf(file, withKeywords ? keywords : undefined)} ${new Date(mtimeMs).toISOString()}`,
      );
    }
  }
  return messages;
}

/** The letters behind `:2,`; the small ones stand for lines of the folder's own list of keywords. */
function flagsOf(file: string, keywords: readonly string[] | undefined): string {
  const letters = [...(file.split(":2,")[1] ?? "")];
  const nameOf = (letter: string) => keywords?.find((line) => line.startsWith(`${keywordNumber(letter)} `)) ?? letter;
  return letters
    .map((letter) => nameOf(letter).replace(/^\d+ /, ""))
    .filter((name) => keywords !== undefined || !/^[a-z]$/.test(name))
    .sort()
    .join("+");
}

function keywordNumber(letter: string): number {
  return letter.charCodeAt(0) - "a".charCodeAt(0);
}

/** What was lost, doubled or altered on the way; empty where both hold the same. */
export function differences(source: Multiset, target: Multiset): string[] {
  return [...new Set([...source.keys(), ...target.keys()])].flatMap((message) => {
    const [there, here] = [source.get(message) ?? 0, target.get(message) ?? 0];
    if (there === here) return [];
    return `${here < there ? "lost" : there === 0 ? "altered" : "doubled"}: ${here} instead of ${there} of ${message}`;
  });
}

export function messageCount(mailbox: Multiset): number {
  return [...mailbox.values()].reduce((sum, count) => sum + count, 0);
}
