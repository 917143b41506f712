import type { FolderContent } from "./maildir.js";

/**
 * Compares a copy with what it was made from.
 * @param countOnly for a tool that is known to alter messages
 * @returns what differs, a line for each folder; nothing when the copy is whole
 */
export function differences(
  original: ReadonlyMap<string, FolderContent>,
  copy: ReadonlyMap<string, FolderContent>,
  countOnly: boolean,
): string[] {
  const names = new Set([...original.keys(), ...copy.keys()]);
  return [...names].flatMap((name) => {
    const wanted = original.get(name);
    const found = copy.get(name);
    // A folder that only holds others is none in a Maildir++, but some tools make it one.
    if (!wanted)
      return found?.messages ? [`${name}: ${found.messages} messages in a folder that the source lacks`] : [];
    if (!found) return [`${name}: the folder is missing`];
    if (found.messages !== wanted.messages)
      return [`${name}: ${found.messages} messages instead of ${wanted.messages}`];
    if (countOnly) return [];
    if (found.octets !== wanted.octets) return [`${name}: ${found.octets} octets instead of ${wanted.octets}`];
    return found.digest === wanted.digest ? [] : [`${name}: messages with other SHA-256`];
  });
}
