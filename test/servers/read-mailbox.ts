import { createHash } from "node:crypto";
import { ImapFlow, type ListResponse } from "imapflow";
import type { Account, MailServer } from "./mail-server.js";

/** A message as a server gives it back. */
export interface StoredMessage {
  /** Of the octets of `BODY[]`, in hex. */
  readonly sha256: string;
  /** Octets of `BODY[]`. */
  readonly size: number;
  /** Sorted, without `\Recent`. */
  readonly flags: readonly string[];
  readonly internalDate: Date;
}

/** The selectable folders by decoded path, levels joined with `/`; each folder's messages in UID order. */
export type MailboxContents = ReadonlyMap<string, readonly StoredMessage[]>;

/** Logs in to a test server over TLS. The caller logs out. */
export async function logIn(
  server: MailServer,
  auth: { user: string; pass?: string; accessToken?: string; authzid?: string; loginMethod?: string },
  security: "Ssl" | "Tls" = "Ssl",
): Promise<ImapFlow> {
  const connection =
    security === "Ssl"
      ? { port: server.tlsPort, secure: true }
      : { port: server.port, secure: false, doSTARTTLS: true };
  const client = new ImapFlow({ host: server.host, ...connection, auth, logger: false, tls: { ca: server.ca } });
  client.on("error", () => {}); // the failing call says the same
  await client.connect();
  return client;
}

/**
 * Everything that a mailbox holds, read over IMAP without changing it. Levels of the personal namespace (`INBOX.` on
 * Courier) are left out.
 * @throws Error when the server gives back fewer messages than it says it holds
 */
export async function readMailbox(server: MailServer, { name, password }: Account): Promise<MailboxContents> {
  const client = await logIn(server, { user: name, pass: password });
  try {
    const contents = new Map<string, StoredMessage[]>();
    for (const folder of await client.list()) {
      if (folder.flags.has("\\Noselect") || folder.flags.has("\\NonExistent")) continue;
      contents.set(ownPath(client, folder), await readFolder(client, folder.path));
    }
    return contents;
  } finally {
    await client.logout();
  }
}

function ownPath(client: ImapFlow, { path, delimiter }: ListResponse): string {
  const prefix = client.namespace?.prefix ?? "";
  const own = path.startsWith(prefix) ? path.slice(prefix.length) : path;
  return own.split(delimiter).join("/");
}

async function readFolder(client: ImapFlow, path: string): Promise<StoredMessage[]> {
  const { exists } = await client.mailboxOpen(path, { readOnly: true });
  if (exists === 0) return []; // "1:*" would be an error
  const messages: StoredMessage[] = [];
  for await (const { source, flags, internalDate } of client.fetch(
    "1:*",
    { source: true, flags: true, internalDate: true },
    { uid: true },
  )) {
    const octets = source ?? Buffer.alloc(0);
    messages.push({
      sha256: createHash("sha256").update(octets).digest("hex"),
      size: octets.length,
      flags: [...(flags ?? [])].filter((flag) => flag !== "\\Recent").sort(),
      internalDate: new Date(internalDate ?? Number.NaN),
    });
  }
  if (messages.length !== exists) throw new Error(`${path} holds ${exists} messages and gave back ${messages.length}`);
  return messages;
}

/**
 * What stands in one mailbox and not in the other, in words; empty where they hold the same messages, with the same
 * octets, flags and dates, equally often. The order within a folder, and folders without messages, do not count.
 */
export function differences(source: MailboxContents, target: MailboxContents): string[] {
  const paths = new Set([...source.keys(), ...target.keys()]);
  return [...paths].flatMap((path) => {
    const missing = count(source.get(path));
    for (const [message, times] of count(target.get(path))) missing.set(message, (missing.get(message) ?? 0) - times);
    return [...missing]
      .filter(([, times]) => times !== 0)
      .map(([message, times]) => `${path}: ${times > 0 ? `${times} missing` : `${-times} too many`}: ${message}`);
  });
}

function count(messages: readonly StoredMessage[] = []): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { sha256, size, flags, internalDate } of messages) {
    const date = Number.isNaN(internalDate.getTime()) ? "no date" : internalDate.toISOString();
    const message = `${size} octets, ${date}, (${flags.join(" ")}), sha256 ${sha256}`;
    counts.set(message, (counts.get(message) ?? 0) + 1);
  }
  return counts;
}
