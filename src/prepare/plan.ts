import type { CsvRow } from "../csv-row.js";
import { NAME_TAKEN, planFolders } from "../engine/folders/plan-folders.js";
import { readingOrder } from "../engine/folders/reading-order.js";
import { identifiedSource } from "../engine/identified-source.js";
import { MigrationError } from "../errors.js";
import { type MigrationLimits, microsoft365Limits } from "../limits.js";
import { type FolderPlan, folderPath, type ListedFolder, type SourceFolder } from "../mail/folder.js";
import type { FolderFilter, FolderLeftOut } from "../mail/folder-filter.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MailTarget } from "../mail/mail-target.js";
import { type MessageFilter, ruleAgainst } from "../mail/message-filter.js";
import type { SkipRule } from "../outcome.js";
import type { ProviderProfile } from "../providers/provider-profile.js";
import type { ThrottleProfile } from "../throttle-profiles.js";
import { type DurationRange, estimate, estimateAll } from "./estimate.js";
import { inOrder } from "./in-order.js";

/** What a dry run has to know. */
export interface PlanOptions {
  readonly rows: readonly CsvRow[];
  openSource(row: CsvRow, signal: AbortSignal): Promise<MailSource>;
  openTarget(row: CsvRow, signal: AbortSignal): Promise<MailTarget>;
  /** Default: Microsoft's. */
  readonly limits?: MigrationLimits;
  /** What the source server is like, as the endpoint has it. Default: every folder is read whole. */
  readonly provider?: ProviderProfile | undefined;
  readonly folderFilter?: FolderFilter | undefined;
  readonly messageFilter?: MessageFilter | undefined;
  /** The limits of the services at both ends. Default none: no duration is given. */
  readonly throttles?: readonly ThrottleProfile[];
  /** How much room a mailbox has at the target, in octets; undefined where it is not known. Default: not known. */
  roomFor?(emailAddress: string, signal: AbortSignal): Promise<number | undefined>;
  /** Mailboxes at a time. Default 4. */
  readonly atOnce?: number;
  readonly signal?: AbortSignal;
}

/** What would become of one folder. */
export interface PlannedFolder {
  /** As people read it, levels joined with `/`. */
  readonly source: string;
  readonly target: string;
  /** What differs between the two names, and why. */
  readonly changes: readonly string[];
  /** True where the target has that folder already. */
  readonly exists: boolean;
  /** True where the name was taken by another folder of this mailbox, so that it gets a number. */
  readonly collides: boolean;
  /** Why it cannot be copied at all; absent for all others. */
  readonly refusal?: string;
  /** Messages at the source. */
  readonly messages: number;
  /** Octets at the source, by its own word. */
  readonly octets: number;
}

/** A folder that the filter leaves out, or the provider's profile, which says what that loses. */
export type PlannedLeftOut = (FolderLeftOut | { readonly by: "provider"; readonly reason: string }) & {
  readonly source: string;
  readonly messages: number;
};

/** Messages that would not arrive. */
export interface PredictedRefusal {
  /** The rule that would skip them, `folder-refused`, or `quota-exceeded` where the mailbox has too little room. */
  readonly reason: SkipRule | "folder-refused" | "quota-exceeded";
  /** How many; for `quota-exceeded` all that are to be copied, since nobody knows which would still fit. */
  readonly messages: number;
  readonly octets: number;
}

/** What would become of one mailbox. */
export interface UserPlan {
  /** The user's EmailAddress. */
  readonly user: string;
  readonly folders: readonly PlannedFolder[];
  readonly leftOut: readonly PlannedLeftOut[];
  /** What cannot be migrated since the server does not show it; empty where nothing is known of that kind. */
  readonly warnings: readonly string[];
  /** Patterns of the folder filter that name no folder here. */
  readonly unusedPatterns: readonly string[];
  readonly refusals: readonly PredictedRefusal[];
  /** What would be copied; an earlier run is not taken into account. */
  readonly messages: number;
  readonly octets: number;
  /** Absent where no limit of the services is known. */
  readonly duration?: DurationRange;
  /** Why nothing could be planned; absent where all was read. */
  readonly error?: MigrationError;
}

/** What would become of a batch. */
export interface BatchPlan {
  readonly users: readonly UserPlan[];
  /** What would be copied, over all users. */
  readonly messages: number;
  readonly octets: number;
  /** Users that could not be read. */
  readonly failed: number;
  /** By the names of these limits; absent where none is known. */
  readonly duration?: DurationRange & { readonly throttles: readonly string[] };
}

const AT_ONCE = 4;

/**
 * The dry run of a batch: both ends are read, message sizes, dates and flags among them, and nothing is changed. One plan
 * for each row, in their order, as soon as it is made.
 * @throws MigrationError `aborted`; what goes wrong with one mailbox is in its plan
 */
export function planUsers(options: PlanOptions): AsyncGenerator<UserPlan, void, undefined> {
  const { signal = new AbortController().signal } = options;
  return inOrder(options.rows, options.atOnce ?? AT_ONCE, async (row) => {
    try {
      return await planUser(options, row, signal);
    } catch (cause) {
      const error = MigrationError.from(cause);
      if (signal.aborted) throw new MigrationError("aborted", "The plan was stopped");
      const none = { folders: [], leftOut: [], warnings: [], unusedPatterns: [], refusals: [], messages: 0, octets: 0 };
      return { user: row.emailAddress, ...none, error };
    }
  });
}

/**
 * All plans with their sums. `maxConcurrentMigrations` mailboxes at a time are taken for the duration.
 * @throws MigrationError as {@link planUsers}
 */
export async function planBatch(
  options: PlanOptions & { readonly maxConcurrentMigrations: number },
): Promise<BatchPlan> {
  const users: UserPlan[] = [];
  for await (const user of planUsers(options)) users.push(user);
  const durations = users.flatMap(({ duration }) => duration ?? []);
  const throttles = (options.throttles ?? []).map(({ name }) => name);
  return {
    users,
    messages: users.reduce((sum, { messages }) => sum + messages, 0),
    octets: users.reduce((sum, { octets }) => sum + octets, 0),
    failed: users.filter(({ error }) => error).length,
    ...(durations.length > 0 && {
      duration: { ...estimateAll(durations, options.maxConcurrentMigrations), throttles },
    }),
  };
}

async function planUser(options: PlanOptions, row: CsvRow, signal: AbortSignal): Promise<UserPlan> {
  let [source, target]: [MailSource | undefined, MailTarget | undefined] = [undefined, undefined];
  try {
    source = await options.openSource(row, signal);
    const listed = await source.listFolders({ signal });
    target = await options.openTarget(row, signal);
    const existing = await target.listFolders({ signal });
    const rules = options.folderFilter?.leftOut(listed);
    const order = readingOrder(listed, options.provider);
    const rest = new Set(order.folders.flatMap(({ folder, copies }) => (copies === "rest" ? folder : [])));
    const plans = planFolders(
      order.folders.flatMap(({ folder }) => (rules?.has(folder.name) ? [] : folder)),
      { folders: existing, names: target.capabilities.names },
    );
    const reader = rest.size > 0 ? identifiedSource(source) : source;
    const { limits = microsoft365Limits, messageFilter } = options;
    const maxMessageSize = Math.min(limits.maxMessageSize, target.capabilities.maxMessageSize);
    const tally = new Tally({ ...limits, maxMessageSize }, messageFilter);
    const folders: PlannedFolder[] = [];
    for (const plan of plans) {
      const sum = await tally.read(reader, plan, { copiesRest: rest.has(plan.source), signal });
      folders.push(plannedFolder(plan, existing, sum));
    }
    const room = await options.roomFor?.(row.emailAddress, signal);
    const { messages, octets } = tally.copied;
    const duration = estimate({ messages, octets }, options.throttles ?? []);
    return {
      ...{ user: row.emailAddress, folders, messages, octets },
      leftOut: [
        ...listed.flatMap((folder) => plannedLeftOut(folder, rules?.get(folder.name))),
        ...order.excluded
          .filter(({ folder }) => !rules?.has(folder.name))
          .flatMap(({ folder, reason }) => plannedLeftOut(folder, { by: "provider", reason })),
      ],
      warnings: order.warnings,
      unusedPatterns: options.folderFilter?.unused(listed) ?? [],
      refusals: tally.refusals(room),
      ...(duration && { duration }),
    };
  } finally {
    await Promise.allSettled([source?.close(), target?.close()]);
  }
}

interface Sum {
  messages: number;
  octets: number;
}

/** What the rules say of the messages, as they are listed. */
class Tally {
  readonly copied: Sum = { messages: 0, octets: 0 };
  /** By which ids the source knows them, where it does. */
  readonly #copiedIds = new Set<string>();
  readonly #refused = new Map<PredictedRefusal["reason"], Sum>();
  readonly #limits: MigrationLimits;
  readonly #filter: MessageFilter | undefined;

  constructor(limits: MigrationLimits, filter: MessageFilter | undefined) {
    this.#limits = limits;
    this.#filter = filter;
  }

  /** What the folder holds. One that copies the rest gives nothing that another has given. */
  async read(
    source: MailSource,
    { source: folder, refusal }: FolderPlan,
    { copiesRest, signal }: { readonly copiesRest: boolean; readonly signal: AbortSignal },
  ): Promise<Sum> {
    const sum: Sum = { messages: 0, octets: 0 };
    if (!folder.selectable || folder.messages === 0) return sum;
    for await (const head of source.listMessages(folder, { signal })) {
      add(sum, head.size);
      const { emailId } = head;
      if (copiesRest && emailId !== undefined && this.#copiedIds.has(emailId)) continue;
      const rule = this.#filter && ruleAgainst(this.#filter, head);
      if (refusal !== undefined) add(this.#refusedFor("folder-refused"), head.size);
      else if (rule) add(this.#refusedFor(rule), head.size);
      else if (head.size > this.#limits.maxMessageSize) add(this.#refusedFor("too-large"), head.size);
      // Which of them are the oldest makes a difference for the octets alone: those of the last to be read are taken.
      else if (!this.#filter && this.copied.messages >= this.#limits.maxItems)
        add(this.#refusedFor("too-many"), head.size);
      else {
        add(this.copied, head.size);
        if (emailId !== undefined) this.#copiedIds.add(emailId);
      }
    }
    return sum;
  }

  refusals(room: number | undefined): PredictedRefusal[] {
    if (room !== undefined && this.copied.octets > room) this.#refused.set("quota-exceeded", { ...this.copied });
    return [...this.#refused].map(([reason, sum]) => ({ reason, ...sum }));
  }

  #refusedFor(reason: PredictedRefusal["reason"]): Sum {
    const sum = this.#refused.get(reason) ?? { messages: 0, octets: 0 };
    this.#refused.set(reason, sum);
    return sum;
  }
}

function add(sum: Sum, octets: number): void {
  sum.messages += 1;
  sum.octets += octets;
}

function plannedFolder(plan: FolderPlan, existing: readonly ListedFolder[], sum: Sum): PlannedFolder {
  const { source, target, changes, refusal } = plan;
  return {
    source: folderPath(source.levels),
    target: folderPath(target),
    changes,
    exists: existing.some(({ levels }) => JSON.stringify(levels) === JSON.stringify(target)),
    collides: changes.some((change) => change.includes(NAME_TAKEN)),
    ...(refusal !== undefined && { refusal }),
    ...sum,
  };
}

function plannedLeftOut(
  folder: SourceFolder,
  rule: FolderLeftOut | { readonly by: "provider"; readonly reason: string } | undefined,
): PlannedLeftOut[] {
  return rule && folder.selectable ? [{ source: folderPath(folder.levels), messages: folder.messages, ...rule }] : [];
}
