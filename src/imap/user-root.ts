import { MigrationError } from "../errors.js";
import { splitLevels } from "./folder-names.js";
import type { ImapConnection, Namespace } from "./imap-connection.js";
import { type ListEntry, listFolders } from "./imap-listing.js";

/** Where one user's mailbox stands in an administrator's view: its INBOX node, as the server spells it. */
export interface UserRootNode {
  readonly name: string;
  readonly delimiter: string;
  /** The node itself as listed, where it can be opened. */
  readonly inbox: ListEntry;
}

/**
 * Finds the mailbox that a UserRoot cell such as `/users/terry.adams` names among the folders of other users and the
 * shared ones. Courier shows a delimiter inside an account name as a blank or as `\:`, and leaves the group out where
 * the account has none, so each spelling is asked for.
 * @throws MigrationError `user-root-missing` where none or more than one is there
 */
export async function findUserRoot(connection: ImapConnection, userRoot: string): Promise<UserRootNode> {
  const found = new Map<string, ListEntry>();
  const names = connection.foreign.flatMap((namespace) => candidates(namespace, userRoot));
  const listings = await Promise.all([...new Set(names)].map((name) => listFolders(connection, pattern(name), false)));
  for (const { entries } of listings) {
    for (const entry of entries) if (names.includes(entry.name)) found.set(entry.name, entry);
  }
  const [node, second] = [...found.values()];
  if (!node) {
    throw new MigrationError("user-root-missing", `The signed-in account sees no mailbox at UserRoot ${userRoot}`);
  }
  if (second) {
    const spellings = [...found.keys()].map((name) => splitLevels(name, undefined).join("")).join(", ");
    throw new MigrationError("user-root-missing", `UserRoot ${userRoot} fits more than one mailbox: ${spellings}`);
  }
  return { name: node.name, delimiter: node.delimiter ?? "/", inbox: node };
}

/** The raw names that `userRoot` can have below a namespace, with its group and without. */
function candidates({ prefix, delimiter = "/" }: Namespace, userRoot: string): string[] {
  const levels = userRoot.split("/").filter((level) => level !== "");
  // With the delimiter in it, a name would be that of a folder of somebody else's.
  const spellings: ((level: string) => string)[] = [
    (level) => level.replaceAll(delimiter, " "),
    (level) => level.replaceAll(delimiter, "\\:"),
  ];
  return spellings.flatMap((spell) => {
    const spelled = levels.map((level) => spell(Buffer.from(level).toString("latin1")));
    return [prefix + spelled.join(delimiter), prefix + spelled.slice(-1).join(delimiter)];
  });
}

/** A name that holds a wildcard is no name that LIST can be asked for exactly. */
function pattern(name: string): string {
  return name.replace(/[*%]/g, "%");
}
