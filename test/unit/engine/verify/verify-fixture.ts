import { CsvRow } from "../../../../src/csv-row.js";
import { noLimits } from "../../../../src/limits.js";
import { MigrationBatch } from "../../../../src/migration-batch.js";
import { memoryStore } from "../../../../src/store/memory-store.js";
import type { MigrationStore } from "../../../../src/store/migration-store.js";
import type { JournalEntry } from "../../../../src/testing/fake-connection.js";
import type { FakeFault } from "../../../../src/testing/fake-faults.js";
import { FaultScript } from "../../../../src/testing/fake-faults.js";
import { FakeMailbox, type FolderContent } from "../../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../../src/testing/fake-source.js";
import { type FakeTargetOptions, openFakeTarget } from "../../../../src/testing/fake-target.js";
import { type StoredMessage, sampleMessage } from "../../../../src/testing/sample-message.js";
import type { UserVerification, VerificationItem, VerifyOptions } from "../../../../src/verification.js";
import { VirtualClock } from "../../../virtual-clock.js";

export const USER = "terry.adams@contoso.com";

/** What may differ from the usual. */
export interface VerifyFixtureOptions {
  /** Faults at the target while it is migrated. */
  readonly faults?: readonly FakeFault[];
  readonly target?: Omit<FakeTargetOptions, "faults" | "journal">;
  /** What the target holds before. */
  readonly before?: readonly FolderContent[];
  readonly store?: MigrationStore;
}

/** One mailbox in memory at each end, migrated by a batch that can verify it. */
export class VerifyFixture {
  readonly source: FakeMailbox;
  readonly target: FakeMailbox;
  readonly batch: MigrationBatch;
  readonly clock = new VirtualClock();
  /** Every call to the target, and to the source, since the last migration. */
  readonly targetCalls: JournalEntry[] = [];
  readonly sourceCalls: JournalEntry[] = [];
  /** What goes wrong while it is verified; counted on over all connections. */
  verifyFaults: { source?: FaultScript; target?: FaultScript } = {};
  readonly #options: VerifyFixtureOptions;
  #migrating = false;

  constructor(content: readonly FolderContent[], options: VerifyFixtureOptions = {}) {
    this.#options = options;
    this.source = new FakeMailbox(content);
    this.target = new FakeMailbox(options.before);
    const faults = new FaultScript(options.faults);
    this.batch = new MigrationBatch({
      name: "IMAPBatch1",
      sourceEndpoint: {
        name: "IMAPEndpoint",
        maxConcurrentMigrations: 4,
        openSource: (_row, { signal }) => {
          const script = this.#migrating ? undefined : this.verifyFaults.source;
          return openFakeSource(
            this.source,
            { journal: this.sourceCalls, ...(script && { faults: script }) },
            { signal },
          );
        },
      },
      target: {
        name: "fake",
        openMailbox: (_user, { signal }) => {
          const script = this.#migrating ? faults : this.verifyFaults.target;
          const given = { ...this.#options.target, journal: this.targetCalls, ...(script && { faults: script }) };
          return openFakeTarget(this.target, given, { signal });
        },
      },
      users: [new CsvRow({ emailAddress: USER, userName: "terry.adams", password: "1091990" })],
      store: options.store ?? memoryStore(),
      limits: noLimits,
      settleDelayMs: 0,
      clock: this.clock,
    });
  }

  static async migrated(content: readonly FolderContent[], options: VerifyFixtureOptions = {}): Promise<VerifyFixture> {
    const fixture = new VerifyFixture(content, options);
    await fixture.migrate();
    return fixture;
  }

  /** One INBOX. */
  static inbox(messages: readonly StoredMessage[], options: VerifyFixtureOptions = {}): Promise<VerifyFixture> {
    return VerifyFixture.migrated([{ levels: ["INBOX"], messages }], options);
  }

  async migrate(): Promise<void> {
    this.#migrating = true;
    await this.batch.start();
    this.#migrating = false;
    this.targetCalls.length = 0;
    this.sourceCalls.length = 0;
  }

  get sourceInbox() {
    return this.source.folder("INBOX");
  }

  get targetInbox() {
    return this.target.folder("INBOX");
  }

  /** Has the target hold this message otherwise, under the same UID. */
  replace(uid: number, change: (message: StoredMessage) => Partial<StoredMessage>, folder = this.targetInbox): void {
    const messages = folder.messages;
    const next = folder.uidNext;
    for (const { uid: each } of messages) folder.expunge(each);
    for (const message of messages) {
      folder.uidNext = message.uid;
      folder.add(message.uid === uid ? { ...message, ...change(message) } : message);
    }
    folder.uidNext = next;
  }

  async verify(options: VerifyOptions): Promise<UserVerification> {
    const { users } = await this.batch.verify(options);
    const [user] = users;
    if (!user) throw new Error("the batch has one user");
    return user;
  }
}

/** So many messages of the same kind, each with its own subject and size. */
export function numbered(count: number, from = 1): StoredMessage[] {
  return Array.from({ length: count }, (_, at) => sampleMessage(`number ${from + at}`, { octets: 400 + from + at }));
}

/** `missing 3`, `changed 4 flags`, `surplus 9`: what an item says, in short. */
export function inShort(items: readonly VerificationItem[]): string[] {
  return items.map((item) => {
    if (item.kind === "surplus") return `surplus ${item.id}`;
    if (item.kind === "missing") return `missing ${item.uid}`;
    const explained = item.explained ? ` (${item.explained.join(", ")})` : "";
    return `changed ${item.uid} ${item.differs.join(" ")}${explained}`;
  });
}

export function octetsOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
