/**
 * A system flag (`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`) or a keyword (`$Forwarded`, `projekt-x`), as
 * the server spells it (RFC 9051 section 2.3.2).
 */
export type Flag = string;

const SYSTEM_FLAGS = new Map(
  ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"].map((flag) => [flag.toLowerCase(), flag]),
);

/** True for one of the five flags that every server knows; everything else is a keyword or `\Recent`. */
export function isSystemFlag(flag: Flag): boolean {
  return SYSTEM_FLAGS.has(flag.toLowerCase());
}

/** Which of a message's flags a folder takes, and which it loses. */
export interface PermittedFlags {
  readonly kept: readonly Flag[];
  readonly lost: readonly Flag[];
}

/**
 * Splits `flags` by a folder's PERMANENTFLAGS. `\Recent` belongs to the server and is in neither list. A folder that
 * named no PERMANENTFLAGS takes everything (RFC 9051 section 7.1).
 */
export function permittedFlags(flags: ReadonlySet<Flag>, permanent: ReadonlySet<Flag> | undefined): PermittedFlags {
  const kept: Flag[] = [];
  const lost: Flag[] = [];
  const known = permanent && new Set([...permanent].map((flag) => flag.toLowerCase()));
  for (const flag of flags) {
    const name = flag.toLowerCase();
    if (name === "\\recent") continue;
    const taken = !known || known.has(name) || (known.has("\\*") && (!name.startsWith("\\") || SYSTEM_FLAGS.has(name)));
    (taken ? kept : lost).push(flag);
  }
  return { kept, lost };
}

/** Flags that say something of a folder or of a session, not of the message. */
const NEVER_FOLLOWED = new Set(["\\deleted", "\\recent"]);

/**
 * The flags of a message whose changes are carried to the target, each once: all but `\Deleted` and `\Recent`. Deletions
 * are never carried over.
 */
export function followedFlags(flags: Iterable<Flag>): Flag[] {
  const followed = new Map<string, Flag>();
  for (const flag of flags) {
    const name = flag.toLowerCase();
    if (!NEVER_FOLLOWED.has(name) && !/\s/.test(flag)) followed.set(name, flag);
  }
  return [...followed.values()].sort();
}
