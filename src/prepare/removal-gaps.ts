import type { UserRecord } from "../store/migration-store.js";
import type { MailDestination } from "./mail-destination.js";

/** Old mail servers may deliver to the old host for so long after the switch ("Use PowerShell to perform an IMAP migration"). */
export const CUTOVER_WAIT_MS = 72 * 3_600_000;

/** How far a batch is, as far as its removal is concerned. */
export interface BatchStanding {
  /** TotalCount. */
  readonly total: number;
  /** SyncedCount. */
  readonly synced: number;
  /** LastSuccessfulSyncTime of the user that was synced longest ago; absent where one never was. */
  readonly oldestSync?: Date;
  /** Messages that the last pass over all users found new at the source; absent where no pass was made since a start. */
  readonly newInLastPass?: number;
}

/** The standing of these users. `newInLastPass`: what the last pass over all of them copied; undefined where unknown. */
export async function standingOf(
  users: AsyncIterable<UserRecord>,
  newInLastPass: number | undefined,
): Promise<BatchStanding> {
  let [total, synced, oldest] = [0, 0, Number.POSITIVE_INFINITY];
  for await (const { status, lastSyncedAt } of users) {
    total += 1;
    if (status === "Synced") synced += 1;
    oldest = Math.min(oldest, lastSyncedAt ?? Number.NEGATIVE_INFINITY);
  }
  return {
    ...{ total, synced },
    ...(Number.isFinite(oldest) && { oldestSync: new Date(oldest) }),
    ...(newInLastPass !== undefined && { newInLastPass }),
  };
}

/**
 * What is missing: the MX records could not be asked for (`mx-known`), lead elsewhere (`mx-moved`), to something whose
 * next hop nobody sees from here (`mx-in-front`), or not yet everywhere the same way (`resolvers-agree`); the wait is not
 * over (`wait`); users are not synced (`users-synced`), or not since the wait (`last-sync`); the last pass still found
 * mail (`nothing-new`).
 */
export type RemovalGapName =
  | "mx-known"
  | "mx-moved"
  | "mx-in-front"
  | "resolvers-agree"
  | "wait"
  | "users-synced"
  | "last-sync"
  | "nothing-new";

/** One thing that is missing before a batch can be removed without losing mail. */
export interface RemovalGap {
  readonly what: RemovalGapName;
  /** How things are. */
  readonly text: string;
  /** What to do about it. */
  readonly remedy: string;
  /** When it is over by itself; absent where it never is, and where nobody knows. */
  readonly until?: Date;
}

/** Where the mail of a domain goes, as far as its removal is concerned. */
export interface MailFlow {
  readonly domain: string;
  /** Absent where no resolver answered. */
  readonly destination?: MailDestination;
  /** False where resolvers tell different destinations. */
  readonly agree: boolean;
  /** Since when every resolver leads to the target. */
  readonly switchedAt?: Date;
  /** When no old answer is left in any resolver, and 72 h are over. */
  readonly waitUntil?: Date;
}

/** Everything that is missing, the mail's way first. Empty: the batch can be removed. */
export function removalGaps(flow: MailFlow, standing: BatchStanding | undefined, now: Date): RemovalGap[] {
  return [...mailGaps(flow, now), ...batchGaps(flow, standing)];
}

export function isArrived(destination: MailDestination | undefined): boolean {
  return destination === "microsoft365" || destination === "target";
}

function mailGaps({ domain, destination, agree, waitUntil }: MailFlow, now: Date): RemovalGap[] {
  if (destination === undefined) {
    const remedy = "Check the network and the resolvers' addresses, and ask again.";
    return [{ what: "mx-known", text: `No resolver told the MX records of ${domain}.`, remedy }];
  }
  if (!agree) {
    const remedy = "Wait for the TTL of the old records, and look at the answers of each resolver.";
    return [{ what: "resolvers-agree", text: `Resolvers disagree about where mail to ${domain} goes.`, remedy }];
  }
  if (destination === "in-front") {
    const text = `Mail to ${domain} goes to a server that is neither the old host nor Microsoft 365.`;
    const remedy =
      "See to it that it passes mail on to the target, then name it in targetHosts; or in sourceHosts, if it is the old host.";
    return [{ what: "mx-in-front", text, remedy }];
  }
  if (!isArrived(destination)) return [{ what: "mx-moved", ...notMoved(domain, destination) }];
  if (waitUntil && now < waitUntil) {
    const text = `Servers that know the old MX records may still deliver to the old host until ${waitUntil.toISOString()}.`;
    return [{ what: "wait", text, remedy: "Wait, and leave the batch running.", until: waitUntil }];
  }
  return [];
}

const SWITCH = "Set the MX records to what the Microsoft 365 admin center shows for the domain.";

function notMoved(domain: string, destination: MailDestination): Pick<RemovalGap, "text" | "remedy"> {
  if (destination === "source") return { text: `Mail to ${domain} goes to the old host.`, remedy: SWITCH };
  if (destination === "mixed") {
    const remedy = "Take the old host out of the MX records, the one of the highest preference too.";
    return { text: `Mail to ${domain} can still go to the old host: it is one of several.`, remedy };
  }
  return { text: `${domain} has no MX record that takes mail.`, remedy: SWITCH };
}

function batchGaps({ switchedAt, waitUntil }: MailFlow, standing: BatchStanding | undefined): RemovalGap[] {
  if (!standing) {
    return [
      {
        what: "users-synced",
        text: "The state of the batch was not given.",
        remedy: "Ask the batch: batch.cutover(domain).",
      },
    ];
  }
  const gaps: RemovalGap[] = [];
  const { total, synced, oldestSync, newInLastPass } = standing;
  if (synced < total) {
    const text = `${total - synced} of ${total} users are not Synced.`;
    gaps.push({ what: "users-synced", text, remedy: "Start the batch again, or take these users out of it." });
  }
  // What came to the old host while the wait went on is fetched only by a pass after it.
  const since = waitUntil ?? switchedAt;
  if (since && (!oldestSync || oldestSync < since)) {
    const text = `Not every user was synced after ${since.toISOString()}, when the last mail could come to the old host.`;
    gaps.push({ what: "last-sync", text, remedy: "Once the wait is over, sync all users: batch.syncNow()." });
  }
  if (newInLastPass !== 0) {
    const text =
      newInLastPass === undefined
        ? "Whether the last pass found new mail is not known."
        : `The last pass found ${newInLastPass} new messages at the source.`;
    gaps.push({ what: "nothing-new", text, remedy: "Sync all users once more: batch.syncNow()." });
  }
  return gaps;
}
