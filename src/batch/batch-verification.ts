import { verifyBatch } from "../engine/verify/verify-batch.js";
import { MigrationError } from "../errors.js";
import type { MigrationStore } from "../store/migration-store.js";
import { checkVerifyOptions, type VerificationReport, type VerifyOptions } from "../verification.js";
import type { PassParts } from "./mailbox-passes.js";

/** What the verification of a batch needs of it. */
export interface VerificationParts extends PassParts {
  readonly name: string;
  readonly retry: Parameters<typeof verifyBatch>[0]["retry"];
  readonly signal: AbortSignal | undefined;
}

/** Asks the target what it holds of these users, or of all that the store has. */
export async function verifyUsers(parts: VerificationParts, options: VerifyOptions): Promise<VerificationReport> {
  const { name, store, credentials, events, clock, retry } = parts;
  const depth = checkVerifyOptions(options);
  const { source, target } = parts.ends();
  return await verifyBatch({
    ...depth,
    batch: name,
    users: await addresses(store, name, options.users),
    store,
    cap: source.maxConcurrentMigrations,
    openSource: async (user, signal) => source.openSource(await credentials.rowOf(user), { signal }),
    openTarget: (user, signal) => target.openMailbox(user, { signal }),
    userVerified: ({ user, grade, counts }) => {
      const { checked, missing, changed, surplus } = counts;
      events.tell("user:verified", { user, grade, level: depth.level, checked, missing, changed, surplus });
    },
    retry,
    clock,
    signals: [options.signal, parts.signal],
  });
}

async function addresses(
  store: MigrationStore,
  batch: string,
  asked: readonly string[] | undefined,
): Promise<string[]> {
  const known = new Map<string, string>();
  for await (const { emailAddress } of store.listUsers(batch)) known.set(emailAddress.toLowerCase(), emailAddress);
  if (!asked) return [...known.values()];
  return asked.map((user) => {
    const address = known.get(user.toLowerCase());
    if (address === undefined) throw new MigrationError("option-invalid", `The batch has no user ${user}`);
    return address;
  });
}
