import { CsvRow } from "../../src/csv-row.js";
import { MigrationError } from "../../src/errors.js";
import type { MigrationEvents } from "../../src/events.js";
import { type MigrationLimits, noLimits } from "../../src/limits.js";
import type { MailTarget } from "../../src/mail/mail-target.js";
import { MigrationBatch } from "../../src/migration-batch.js";
import type { MigrationReport } from "../../src/report.js";
import type { FolderJournal, Lease, MigrationStore } from "../../src/store/migration-store.js";
import type { JournalEntry } from "../../src/testing/fake-connection.js";
import { type FakeFault, FaultScript } from "../../src/testing/fake-faults.js";
import { FakeMailbox, type FolderContent } from "../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../src/testing/fake-source.js";
import { type FakeTargetOptions, openFakeTarget } from "../../src/testing/fake-target.js";
import { VirtualClock } from "../virtual-clock.js";
import {
  type Interruption,
  Steps,
  steppingJournal,
  steppingSource,
  steppingStore,
  steppingTarget,
} from "./interruption.js";

export const PASSWORD = "Käse,9!Tr0ub4dor";

/** The mailboxes at both ends, and everything else that a process leaves behind when it dies. */
export interface WorldOptions {
  /** One source mailbox for each user. */
  readonly sources: readonly (readonly FolderContent[])[];
  /** What every target mailbox holds before; default an empty INBOX. */
  readonly target?: readonly FolderContent[];
  readonly targetOptions?: Omit<FakeTargetOptions, "faults" | "journal">;
  readonly faults?: (clock: VirtualClock, world: World) => readonly FakeFault[];
  readonly limits?: MigrationLimits;
  readonly settleDelayMs?: number;
  readonly cap?: number;
  /** Milliseconds that pass each time the engine looks at its clock; default none. */
  readonly tickMs?: number;
  /** A store or a target that is wrong on purpose. */
  readonly wrongStore?: (store: MigrationStore) => MigrationStore;
  readonly wrongTarget?: (target: MailTarget) => MailTarget;
}

/** One user's two mailboxes. */
export interface UserMailboxes {
  readonly emailAddress: string;
  readonly source: FakeMailbox;
  readonly target: FakeMailbox;
}

export type LoggedEvent = {
  [Name in keyof MigrationEvents]: { readonly name: Name; readonly payload: MigrationEvents[Name][0] };
}[keyof MigrationEvents];

const eventNames = Object.keys({
  "batch:status": 0,
  "user:status": 0,
  "user:progress": 0,
  "user:synced": 0,
  "user:failed": 0,
  "user:verified": 0,
  "user:waiting": 0,
  "user:warning": 0,
  "folder:left-out": 0,
  "folder:started": 0,
  "folder:completed": 0,
  "folder:failed": 0,
  "message:not-copied": 0,
  "message:changed": 0,
  "listener:failed": 0,
  "batch:notification": 0,
  "batch:failed": 0,
  "batch:removed": 0,
} satisfies Record<keyof MigrationEvents, 0>) as (keyof MigrationEvents)[]; // Object.keys types its result as string

/** How one run of the batch ended. */
export interface Run {
  readonly batch: MigrationBatch;
  /** Absent where the process died. */
  readonly report?: MigrationReport;
  readonly error?: unknown;
  readonly steps: Steps;
  readonly events: readonly LoggedEvent[];
  /** What the events told that was not durable then. */
  readonly untrue: readonly string[];
  readonly sourceCalls: readonly JournalEntry[];
  readonly targetCalls: readonly JournalEntry[];
}

let worlds = 0;

export class World {
  readonly clock: VirtualClock;
  readonly users: readonly UserMailboxes[];
  readonly name = `Batch${++worlds}`;
  readonly store: MigrationStore;
  readonly options: WorldOptions;
  readonly #faults: FaultScript;
  /** Leases that a process held when it died. */
  readonly #leases = new Set<Lease>();
  /** Messages at the target that the ledger holds, by user and page. */
  readonly #durable = new Map<string, Map<string, number>>();

  constructor(store: MigrationStore, options: WorldOptions) {
    this.store = store;
    this.options = options;
    this.clock = new VirtualClock(options.tickMs);
    this.users = options.sources.map((source, index) => ({
      emailAddress: `user${index + 1}@contoso.com`,
      source: new FakeMailbox(source),
      target: new FakeMailbox(options.target),
    }));
    this.#faults = new FaultScript(options.faults?.(this.clock, this));
  }

  /** The first user's, in the worlds that have no other. */
  get source(): FakeMailbox {
    return this.#mailboxes("user1@contoso.com").source;
  }

  get target(): FakeMailbox {
    return this.#mailboxes("user1@contoso.com").target;
  }

  /** Starts the batch as a new process does; at step number `at` it is interrupted. */
  async run(interruption: Interruption = "crash", at = Number.POSITIVE_INFINITY): Promise<Run> {
    await this.#reopen();
    const opened = { source: new Set<{ close(): Promise<void> }>(), target: new Set<{ close(): Promise<void> }>() };
    const lose = (end: "source" | "target") => {
      for (const connection of opened[end]) void connection.close();
    };
    const strike = () => {
      if (interruption === "stop") {
        void batch.stop();
        return "goes on";
      }
      if (interruption !== "target-lost") lose("source");
      if (interruption !== "source-lost") lose("target");
      return interruption === "crash" ? "dies" : "goes on";
    };
    const steps = new Steps(at, strike);
    const [sourceCalls, targetCalls]: [JournalEntry[], JournalEntry[]] = [[], []];
    const {
      limits = noLimits,
      settleDelayMs = 30_000,
      cap = 20,
      targetOptions,
      wrongStore = (store: MigrationStore) => store,
      wrongTarget,
    } = this.options;
    const batch = new MigrationBatch({
      name: this.name,
      sourceEndpoint: {
        name: `Endpoint of ${this.name}`,
        maxConcurrentMigrations: cap,
        openSource: async ({ emailAddress }, options) => {
          steps.step("before openSource");
          const { source } = this.#mailboxes(emailAddress);
          const inner = await openFakeSource(source, { faults: this.#faults, journal: sourceCalls }, options);
          opened.source.add(inner);
          steps.step("after openSource");
          return steppingSource(inner, steps);
        },
      },
      target: {
        name: "fake",
        openMailbox: async (emailAddress, options) => {
          steps.step("before openMailbox");
          const { target } = this.#mailboxes(emailAddress);
          // Few appends at a time, so that there are moments when some are answered and others have not begun.
          const capabilities = { maxConcurrentAppends: 2, ...targetOptions?.capabilities };
          const fakeOptions = { ...targetOptions, capabilities, faults: this.#faults, journal: targetCalls };
          const inner = await openFakeTarget(target, fakeOptions, options);
          opened.target.add(inner);
          steps.step("after openMailbox");
          return steppingTarget(wrongTarget?.(inner) ?? inner, steps);
        },
      },
      users: this.users.map(
        ({ emailAddress }) => new CsvRow({ emailAddress, userName: emailAddress, password: PASSWORD }),
      ),
      store: steppingStore(wrongStore(this.#watchedStore(steps)), steps),
      limits,
      settleDelayMs,
      clock: this.clock,
    });
    const { events, untrue } = this.#listen(batch);
    const outcome = await batch.start().then(
      (report) => ({ report }),
      (error: unknown) => ({ error }),
    );
    // No further passes: the next run is another process.
    await batch.close();
    return { batch, ...outcome, steps, events, untrue, sourceCalls, targetCalls };
  }

  /** What the next process finds: nobody holds a lease. */
  async #reopen(): Promise<void> {
    for (const lease of this.#leases) await this.store.releaseUser(lease, {});
    this.#leases.clear();
  }

  #mailboxes(emailAddress: string): UserMailboxes {
    const user = this.users.find((one) => one.emailAddress === emailAddress);
    if (!user) throw new Error(`there is no user ${emailAddress}`);
    return user;
  }

  /** The store, seen by whoever compares what is told with what is durable. */
  #watchedStore(steps: Steps): MigrationStore {
    const { store } = this;
    return intercepting(store, {
      claimUser: async (batch, claim) => {
        const lease = await store.claimUser(batch, claim);
        if (lease) this.#leases.add(lease);
        return lease;
      },
      releaseUser: async (lease, change) => {
        await store.releaseUser(lease, change);
        this.#leases.delete(lease);
      },
      setAside: async (lease, page) => {
        await store.setAside(lease, page);
        const pages = this.#durable.get(lease.emailAddress);
        const key = `${page.name} ${page.uidValidity}`;
        pages?.set(`${key} set aside ${pages.size}`, pages.get(key) ?? 0);
      },
      openJournal: async (lease, folder) => {
        const journal = await store.openJournal(lease, folder);
        const note = () => this.#noteDurable(lease.emailAddress, `${folder.name} ${folder.uidValidity}`, journal);
        note();
        const watched = intercepting(journal, {
          settle: async (outcomes) => {
            await journal.settle(outcomes);
            note();
          },
        });
        return steppingJournal(watched, steps);
      },
    });
  }

  #noteDurable(user: string, page: string, journal: FolderJournal): void {
    const pages = this.#durable.get(user) ?? new Map<string, number>();
    this.#durable.set(user, pages);
    const { copied, alreadyThere } = journal.books();
    pages.set(page, copied + alreadyThere);
  }

  #listen(batch: MigrationBatch): { events: LoggedEvent[]; untrue: string[] } {
    const events: LoggedEvent[] = [];
    const untrue: string[] = [];
    for (const name of eventNames) {
      // The name and the payload of one event belong together, which TypeScript does not see in a loop.
      batch.on(name, (payload) => void events.push({ name, payload } as LoggedEvent));
    }
    batch.on("user:progress", ({ user, itemsSynced, itemsTotal, itemsSkipped }) => {
      const durable = [...(this.#durable.get(user)?.values() ?? [])].reduce((sum, count) => sum + count, 0);
      if (itemsSynced > durable) untrue.push(`told ${itemsSynced} messages of ${user}, but ${durable} were durable`);
      if (itemsSynced + itemsSkipped > itemsTotal) {
        untrue.push(`told ${itemsSynced} synced and ${itemsSkipped} skipped of ${itemsTotal} messages of ${user}`);
      }
    });
    return { events, untrue };
  }
}

/** `inner` with some of its methods replaced. */
export function intercepting<Inner extends object>(inner: Inner, methods: Partial<Inner>): Inner {
  return new Proxy(inner, {
    get(_, name) {
      const replaced: unknown = Reflect.get(methods, name);
      if (replaced !== undefined) return replaced;
      const member: unknown = Reflect.get(inner, name, inner);
      return typeof member === "function" ? member.bind(inner) : member;
    },
  });
}

export function isDeath(error: unknown): boolean {
  return MigrationError.is(error) && error.code === "aborted";
}
