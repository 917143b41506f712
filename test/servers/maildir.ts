import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FixtureFolder, FixtureMessage } from "../fixtures/mail/fixture-message.js";
import type { MailServer } from "./mail-server.js";
import { giveToNobody } from "./server-process.js";

/** How a Maildir's file names tell the system flags, in the order they must stand. */
const FLAG_LETTERS = [
  ["\\Draft", "D"],
  ["\\Flagged", "F"],
  ["\\Answered", "R"],
  ["\\Seen", "S"],
  ["\\Deleted", "T"],
] as const;

let written = 0;

/**
 * Fills a mailbox of a Dovecot through its Maildir++ files, many times as fast as by APPEND. Folders that exist get the
 * messages on top, in the order given. A folder takes 26 different keywords, and no level of its name may hold a ".".
 */
export async function writeMaildir(server: MailServer, user: string, folders: readonly FixtureFolder[]): Promise<void> {
  const home = join(server.dir, "mail", user);
  for (const { name, messages } of folders) await writeFolder(join(home, "Maildir", folderDirectory(name)), messages);
  await giveToNobody(home);
}

async function writeFolder(directory: string, messages: readonly FixtureMessage[]): Promise<void> {
  for (const part of ["cur", "new", "tmp"]) await mkdir(join(directory, part), { recursive: true });
  const keywords = await addKeywords(join(directory, "dovecot-keywords"), messages);
  for (const { octets, flags, internalDate } of messages) {
    written += 1;
    const order = `${1_000_000_000 + written}.M${written}P${process.pid}.fixture`; // UIDs follow the names
    const bareLineFeeds = octets.toString("latin1").match(/(?<!\r)\n/g)?.length ?? 0;
    const letters = FLAG_LETTERS.map(([flag, letter]) => (flags.includes(flag) ? letter : "")).join("");
    const keywordLetters = keywords.map((keyword, at) => (flags.includes(keyword) ? keywordLetter(at) : "")).join("");
    const sizes = `S=${octets.length},W=${octets.length + bareLineFeeds}`;
    const path = join(directory, "cur", `${order},${sizes}:2,${letters}${keywordLetters}`);
    await writeFile(path, octets);
    await utimes(path, internalDate, internalDate);
  }
}

/** Brings a folder's keyword list up to date; the place in the list is the letter in the file names. */
async function addKeywords(path: string, messages: readonly FixtureMessage[]): Promise<string[]> {
  const known = (await readFile(path, "utf8").catch(() => "")).match(/(?<=^\d+ ).+$/gm) ?? [];
  const used = messages.flatMap(({ flags }) => flags.filter((flag) => !flag.startsWith("\\")));
  const keywords = [...new Set([...known, ...used])];
  if (keywords.length > 26) throw new RangeError(`${keywords.length} keywords in one Maildir folder; it holds 26`);
  await writeFile(path, keywords.map((keyword, at) => `${at} ${keyword}\n`).join(""));
  return keywords;
}

function keywordLetter(at: number): string {
  return String.fromCharCode("a".charCodeAt(0) + at);
}

function folderDirectory(name: string): string {
  if (name.includes(".")) throw new RangeError(`a Maildir++ folder cannot be called ${name}`);
  return name === "INBOX" ? "" : `.${name.split("/").map(modifiedUtf7).join(".")}`;
}

/** RFC 3501 section 5.1.3. */
function modifiedUtf7(text: string): string {
  return text.replace(/&|[^ -~]+/g, (part) => {
    if (part === "&") return "&-";
    const base64 = Buffer.from(part, "utf16le").swap16().toString("base64");
    return `&${base64.replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
}
