import { setMaxListeners } from "node:events";
import { AppendWindow } from "../../../src/engine/append-window.js";
import { BreakOffs } from "../../../src/engine/break-offs.js";
import { copyFolder } from "../../../src/engine/copy-folder.js";
import type { FolderRun } from "../../../src/engine/folder-run.js";
import { LeaseHold } from "../../../src/engine/lease-hold.js";
import { RefusalCounter } from "../../../src/engine/refusal-counter.js";
import { noLimits } from "../../../src/limits.js";
import type { FolderPlan } from "../../../src/mail/folder.js";
import type { MailSource } from "../../../src/mail/mail-source.js";
import type { MailTarget } from "../../../src/mail/mail-target.js";
import type { Books, Outcome } from "../../../src/outcome.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import type { FolderJournal, Lease, MigrationStore } from "../../../src/store/migration-store.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import { type FakeFault, FaultScript } from "../../../src/testing/fake-faults.js";
import { FakeMailbox, type FolderContent } from "../../../src/testing/fake-mailbox.js";
import { fakeSource } from "../../../src/testing/fake-source.js";
import { type FakeTargetOptions, fakeTarget } from "../../../src/testing/fake-target.js";
import type { StoredMessage } from "../../../src/testing/sample-message.js";
import { BATCH, claimed } from "../../../src/testing/store-fixtures.js";
import { VirtualClock } from "../../virtual-clock.js";

/** What may differ from the usual for one folder. */
export interface FolderOptions {
  readonly target?: readonly FolderContent[];
  readonly targetOptions?: Omit<FakeTargetOptions, "faults" | "journal">;
  readonly faults?: readonly FakeFault[];
  readonly store?: MigrationStore;
}

/** One INBOX at each end and its page of a ledger in memory, as `migrateUser` gives them to `copyFolder`. */
export class FolderFixture {
  readonly clock = new VirtualClock();
  readonly source: FakeMailbox;
  readonly target: FakeMailbox;
  readonly calls: JournalEntry[] = [];
  readonly told: Outcome[] = [];
  readonly store: MigrationStore;
  readonly #options: FolderOptions;
  readonly #faults: FaultScript;
  #lease: Lease | undefined;

  constructor(messages: readonly (StoredMessage & { claimedSize?: number })[], options: FolderOptions = {}) {
    this.source = new FakeMailbox([{ levels: ["INBOX"], messages }]);
    this.target = new FakeMailbox(options.target);
    this.store = options.store ?? memoryStore();
    this.#options = options;
    this.#faults = new FaultScript(options.faults);
  }

  get sourceInbox() {
    return this.source.folder("INBOX");
  }

  get targetInbox() {
    return this.target.folder("INBOX");
  }

  openSource(): MailSource {
    return fakeSource(this.source, { faults: this.#faults, journal: this.calls });
  }

  openTarget(): MailTarget {
    return fakeTarget(this.target, { ...this.#options.targetOptions, faults: this.#faults, journal: this.calls });
  }

  /** The folder's page as the next pass finds it. */
  async journal(): Promise<FolderJournal> {
    const lease = await this.lease();
    const [folder] = await fakeSource(this.source).listFolders();
    if (!folder) throw new Error("there is an INBOX");
    return this.store.openJournal(lease, folder);
  }

  async lease(): Promise<Lease> {
    if (!this.#lease) {
      await this.store.addUsers(BATCH, ["terry.adams@contoso.com"]);
      this.#lease = await claimed(this.store);
    }
    return this.#lease;
  }

  async run(change: Partial<FolderRun> = {}): Promise<FolderRun> {
    const [folder] = await fakeSource(this.source).listFolders();
    if (!folder) throw new Error("there is an INBOX");
    const plan: FolderPlan = { source: folder, target: ["INBOX"], changes: [] };
    const target = change.target ?? this.openTarget();
    return {
      plan,
      source: this.openSource(),
      target,
      journal: change.journal ?? (await this.journal()),
      limits: noLimits,
      allowance: Number.POSITIVE_INFINITY,
      lookFrom: 0,
      window: new AppendWindow(target.capabilities.maxConcurrentAppends),
      refusals: new RefusalCounter(),
      breakOffs: new BreakOffs(),
      hold: new LeaseHold(this.store, await this.lease(), this.clock),
      uncertain: new Set(),
      pass: {},
      clock: this.clock,
      tell: { started: () => {}, settled: (_, outcomes) => void this.told.push(...outcomes), completed: () => {} },
      signal: silent(),
      ...change,
    };
  }

  /** One pass over the folder, on new connections; the books after it. */
  async copy(change: Partial<FolderRun> = {}): Promise<Books> {
    const run = await this.run(change);
    await copyFolder(run);
    return run.journal.books();
  }

  /** The outcome that was told of each message, by UID. */
  outcomes(): Map<number, Outcome> {
    return new Map(this.told.map((outcome) => [outcome.uid, outcome]));
  }

  count(call: JournalEntry["call"]): number {
    return this.calls.filter((entry) => entry.call === call).length;
  }
}

/** Every window of a listing listens; that is no leak. */
function silent(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}

/** The octets that a folder holds, as text. */
export function texts(messages: readonly StoredMessage[]): string[] {
  return messages.map(({ octets }) => Buffer.from(octets).toString("latin1")).sort();
}
