import type { Clock } from "../../src/engine/clock.js";
import {
  CsvRow,
  MigrationBatch,
  type MigrationBatchOptions,
  type MigrationStore,
  noLimits,
  type SourceEndpoint,
} from "../../src/index.js";
import { FakeMailbox, openFakeSource, openFakeTarget, sampleMessage } from "../../src/testing/index.js";
import { intercepting } from "../recovery/world.js";

/** What an office's endpoint and batches are like. */
export interface OfficeOptions {
  readonly store: MigrationStore;
  readonly clock?: Clock;
  readonly caps?: Pick<SourceEndpoint, "maxConcurrentMigrations" | "maxConcurrentIncrementalSyncs" | "maxConnections">;
  /** Before a mailbox opens: how long it takes, or what it fails with. */
  readonly opening?: (user: string, signal: AbortSignal) => Promise<void>;
}

/** Mailboxes in memory, at one endpoint, with who is there at the moment. */
export class BatchOffice {
  readonly sources = new Map<string, FakeMailbox>();
  readonly targets = new Map<string, FakeMailbox>();
  readonly #options: OfficeOptions;
  /** How often each mailbox was opened at the source. */
  readonly opened = new Map<string, number>();
  openNow = 0;
  openAtMost = 0;

  constructor(options: OfficeOptions) {
    this.#options = options;
  }

  /** New mailboxes with so many messages each. */
  add(prefix: string, count: number, messages = 2): CsvRow[] {
    return Array.from({ length: count }, (_, index) => {
      const user = `${prefix}${index + 1}@contoso.com`;
      const subjects = Array.from({ length: messages }, (__, message) => `${user}: ${message + 1}`);
      this.sources.set(
        user,
        new FakeMailbox([{ levels: ["INBOX"], messages: subjects.map((subject) => sampleMessage(subject)) }]),
      );
      this.targets.set(user, new FakeMailbox());
      return rowOf(user);
    });
  }

  /** What a process has to give to go on with a batch. */
  context() {
    const { clock } = this.#options;
    return {
      sourceEndpoint: this.endpoint,
      target: {
        name: "fake",
        openMailbox: (user: string, { signal }: { signal: AbortSignal }) =>
          openFakeTarget(this.mailbox(this.targets, user), {}, { signal }),
      },
      limits: noLimits,
      settleDelayMs: 0,
      retry: { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 },
      ...(clock && { clock }),
    };
  }

  batch(name: string, users: readonly CsvRow[], change: Partial<MigrationBatchOptions> = {}): MigrationBatch {
    return new MigrationBatch({ ...this.context(), name, users, store: this.#options.store, ...change });
  }

  get endpoint(): SourceEndpoint {
    return {
      name: "IMAPEndpoint",
      maxConcurrentMigrations: 20,
      ...this.#options.caps,
      openSource: (row, { signal }) => this.#open(row, signal),
    };
  }

  mailbox(mailboxes: ReadonlyMap<string, FakeMailbox>, user: string): FakeMailbox {
    const found = mailboxes.get(user);
    if (!found) throw new Error(`there is no mailbox of ${user}`);
    return found;
  }

  /** The users whose target does not hold exactly what the source does. */
  different(): string[] {
    return [...this.sources].flatMap(([user, source]) => {
      const target = this.mailbox(this.targets, user);
      return JSON.stringify(target.content()) === JSON.stringify(source.content()) ? [] : [user];
    });
  }

  async #open({ emailAddress }: CsvRow, signal: AbortSignal) {
    this.openNow += 1;
    this.openAtMost = Math.max(this.openAtMost, this.openNow);
    this.opened.set(emailAddress, (this.opened.get(emailAddress) ?? 0) + 1);
    try {
      await this.#options.opening?.(emailAddress, signal);
      const source = await openFakeSource(this.mailbox(this.sources, emailAddress), {}, { signal });
      return intercepting(source, {
        close: async () => {
          this.openNow -= 1;
          await source.close();
        },
      });
    } catch (error) {
      this.openNow -= 1;
      throw error;
    }
  }
}

export function rowOf(user: string): CsvRow {
  return new CsvRow({ emailAddress: user, userName: user, password: "Pa55word" });
}
