import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeFolderName } from "../src/imap/folder-names.js";
import { folderCounts, type MailSetName, mailSets } from "./mail-sets.js";
import { SeededRandom } from "./seeded-random.js";
import { MessageWriter } from "./write-messages.js";

const FIRST_DATE = Date.UTC(2010, 0, 1) / 1000;
const DATE_RANGE_SECONDS = 15 * 365 * 86_400;
/** The letters of flags in a Maildir file name, with how many of the messages bear them; `a` and `b` are keywords. */
const FLAGS = { F: 0.07, R: 0.2, S: 0.8, a: 0.04, b: 0.03 };

/** Writes a set as a Maildir++, as Dovecot keeps it with `mail_save_crlf`. */
export function writeMailSet(name: MailSetName, maildir: string): void {
  const set = mailSets[name];
  const random = new SeededRandom(`set ${name}`);
  const writer = new MessageWriter(random);
  let number = 0;
  for (const [folder, count] of folderCounts(set)) {
    const directory = join(maildir, folderDirectory(folder));
    for (const part of ["cur", "new", "tmp"]) mkdirSync(join(directory, part), { recursive: true });
    writeFileSync(join(directory, "dovecot-keywords"), "0 $Forwarded\n1 projekt-x\n");
    for (let left = count; left > 0; left--) {
      number += 1;
      const date = FIRST_DATE + random.between(0, DATE_RANGE_SECONDS);
      const octets = writer.write(number, set.size(random, number), date);
      const flags = Object.entries(FLAGS).flatMap(([letter, share]) => (random.chance(share) ? [letter] : []));
      const letters = (folder === "Drafts" ? "D" : "") + flags.join("");
      const unique = `${date}.M${String(number).padStart(6, "0")}P1.bench`;
      const path = join(directory, "cur", `${unique},S=${octets.length},W=${octets.length}:2,${letters}`);
      writeFileSync(path, octets);
      utimesSync(path, date, date);
    }
  }
}

/** What one folder holds, whatever the order. */
export interface FolderContent {
  readonly messages: number;
  readonly octets: number;
  /** SHA-256 over the sorted SHA-256 of all messages. */
  readonly digest: string;
}

/** Reads a Maildir++ as it stands on disk, past any server. Folders by the names of their directories. */
export function readMaildir(maildir: string): Map<string, FolderContent> {
  const names = readdirSync(maildir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith("."))
    .map((entry) => entry.name);
  return new Map(["", ...names].map((name) => [name || "INBOX", readFolder(join(maildir, name))]));
}

function readFolder(directory: string): FolderContent {
  const digests: string[] = [];
  let octets = 0;
  for (const part of ["cur", "new"]) {
    for (const file of readdirSync(join(directory, part))) {
      const content = readFileSync(join(directory, part, file));
      octets += content.length;
      digests.push(createHash("sha256").update(content).digest("hex"));
    }
  }
  const digest = createHash("sha256").update(digests.sort().join()).digest("hex");
  return { messages: digests.length, octets, digest };
}

function folderDirectory(name: string): string {
  return name === "INBOX" ? "" : `.${name.split("/").map(encodeFolderName).join(".")}`;
}
