import { AppendBudget } from "../../../src/engine/append-window.js";
import { migrateUser, type UserRun, type UserTellers } from "../../../src/engine/migrate-user.js";
import type { MigrationError } from "../../../src/errors.js";
import { noLimits } from "../../../src/limits.js";
import type { Books } from "../../../src/outcome.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import type { MigrationStore } from "../../../src/store/migration-store.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import { type FakeFault, FaultScript } from "../../../src/testing/fake-faults.js";
import { FakeMailbox, type FolderContent } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH, claimed } from "../../../src/testing/store-fixtures.js";
import { intercepting } from "../../recovery/world.js";
import { VirtualClock } from "../../virtual-clock.js";

export const messages = [1, 2, 3].map((number) => sampleMessage(`Message ${number}`));

/** One mailbox at each end, and what the engine told. */
export class Mailbox {
  readonly clock = new VirtualClock();
  readonly source: FakeMailbox;
  readonly target = new FakeMailbox();
  readonly sourceCalls: JournalEntry[] = [];
  readonly targetCalls: JournalEntry[] = [];
  readonly failedFolders: string[] = [];
  readonly waits: { waitMs: number; error: MigrationError }[] = [];
  readonly progress: Books[] = [];
  /** When each append began, by the engine's clock. */
  readonly appendedAt: number[] = [];
  readonly store: MigrationStore = memoryStore();
  maxConcurrentAppends = 10;
  readonly #faults: FaultScript;

  constructor(content: readonly FolderContent[], faults: readonly FakeFault[] = []) {
    this.source = new FakeMailbox(content);
    this.#faults = new FaultScript(faults);
  }

  /** One pass as `runBatch` has it done. */
  async migrate(change: Partial<UserRun> = {}): Promise<Books> {
    await this.store.addUsers(BATCH, ["terry.adams@contoso.com"]);
    await this.store.queueUsers(BATCH);
    const lease = await claimed(this.store);
    const tell: UserTellers = {
      started: () => {},
      settled: () => {},
      completed: () => {},
      folderFailed: (plan, error) => void this.failedFolders.push(`${plan.source.name} ${error.code}`),
      progress: (books) => void this.progress.push(books),
      waiting: (waitMs, error) => void this.waits.push({ waitMs, error }),
    };
    try {
      const books = await migrateUser({
        lease,
        store: this.store,
        openSource: (signal) =>
          openFakeSource(this.source, { faults: this.#faults, journal: this.sourceCalls }, { signal }),
        openTarget: async (signal) => {
          const capabilities = { maxConcurrentAppends: this.maxConcurrentAppends };
          const options = { faults: this.#faults, journal: this.targetCalls, capabilities };
          const target = await openFakeTarget(this.target, options, { signal });
          return intercepting(target, {
            append: (...parameters) => {
              this.appendedAt.push(this.clock.now());
              return target.append(...parameters);
            },
          });
        },
        budget: new AppendBudget(),
        limits: noLimits,
        settleDelayMs: 30_000,
        retry: { attempts: 3, firstPauseMs: 1_000, maxPauseMs: 4_000 },
        clock: this.clock,
        tell,
        signal: new AbortController().signal,
        ...change,
      });
      await this.store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1 });
      return books;
    } catch (error) {
      await this.store.releaseUser(lease, { status: "Failed" });
      throw error;
    }
  }

  /** What a process leaves behind that died after it began the first message of these folders. */
  async begin(paths: readonly string[]): Promise<void> {
    await this.store.addUsers(BATCH, ["terry.adams@contoso.com"]);
    const lease = await claimed(this.store);
    const folders = await (await openFakeSource(this.source)).listFolders();
    for (const folder of folders.filter(({ levels }) => paths.includes(levels.join("/")))) {
      const journal = await this.store.openJournal(lease, folder);
      const path = folder.levels.join("/");
      await journal.begin([{ uid: 1, size: 0, internalDate: 0 }], { name: path, path, uidValidity: 0, uidNext: 1 });
    }
    await this.store.releaseUser(lease, { status: "Failed" });
  }

  opened(calls: readonly JournalEntry[]): number {
    return calls.filter(({ call }) => call === "open").length;
  }
}

export function inbox(...content: FolderContent[]): FolderContent[] {
  return [{ levels: ["INBOX"], messages }, ...content];
}
