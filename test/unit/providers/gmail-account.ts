import { setMaxListeners } from "node:events";
import { CsvRow } from "../../../src/csv-row.js";
import { AppendBudget } from "../../../src/engine/append-window.js";
import { migrateUser, type UserTellers } from "../../../src/engine/migrate-user.js";
import { defaultRetryPolicy } from "../../../src/engine/retry.js";
import { ItemRoom } from "../../../src/engine/verify/verification-tally.js";
import { verifyUser } from "../../../src/engine/verify/verify-user.js";
import { openImapConnection } from "../../../src/imap/imap-connection.js";
import { ImapSource } from "../../../src/imap/imap-source.js";
import { noLimits } from "../../../src/limits.js";
import type { Books } from "../../../src/outcome.js";
import { gmail } from "../../../src/providers/profiles.js";
import type { ProviderProfile } from "../../../src/providers/provider-profile.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import type { FolderRecord, ItemRecord } from "../../../src/store/migration-store.js";
import type { JournalEntry } from "../../../src/testing/fake-connection.js";
import { type FakeFault, FaultScript } from "../../../src/testing/fake-faults.js";
import { FakeMailbox } from "../../../src/testing/fake-mailbox.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { GmailMailbox, gmailFolders } from "../../../src/testing/imap-server/gmail-profile.js";
import type { ScriptedAccount, ScriptedFolderOptions } from "../../../src/testing/imap-server/mailbox-state.js";
import type { ScriptedImapServer } from "../../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH, claimed, collect } from "../../../src/testing/store-fixtures.js";
import { defaultGradeThresholds, type UserVerification } from "../../../src/verification.js";
import { VirtualClock } from "../../virtual-clock.js";

export const ALL_MAIL = "[Gmail]/All Mail";
export const USER = "terry.adams@contoso.com";
const PASSWORD = "app-password-of-terry";

export const copyInEach: ProviderProfile = gmail;
export const oneCopy: ProviderProfile = { ...gmail, folders: { ...gmail.folders, labels: "one" } };

/** One Gmail account that is migrated pass after pass. */
export class GmailAccount {
  static #made = 0;
  readonly server: ScriptedImapServer;
  readonly account: ScriptedAccount;
  readonly mailbox: GmailMailbox;
  readonly target = new FakeMailbox();
  readonly store = memoryStore();
  /** Folders that are left out, with the reason, and warnings, as they are told. */
  readonly told: string[] = [];
  readonly #clock = new VirtualClock();
  readonly #calls: JournalEntry[] = [];

  private constructor(server: ScriptedImapServer, account: ScriptedAccount) {
    this.server = server;
    this.account = account;
    this.mailbox = new GmailMailbox(account);
  }

  /** One more account of this server. */
  static on(
    server: ScriptedImapServer,
    labels: readonly string[],
    own: readonly ScriptedFolderOptions[] = gmailFolders,
  ): GmailAccount {
    GmailAccount.#made += 1;
    const user = `terry${GmailAccount.#made}@gmail.example`;
    return new GmailAccount(server, server.addAccount({ user, password: PASSWORD, folders: [...own, ...labels] }));
  }

  add(subject: string, labels: readonly string[] = [], flags: readonly string[] = []): string {
    const { octets, internalDate } = sampleMessage(subject);
    return this.mailbox.add({ octets, internalDate, flags }, labels);
  }

  get row(): CsvRow {
    return new CsvRow({ emailAddress: USER, userName: this.account.user, password: PASSWORD });
  }

  async openSource(signal: AbortSignal): Promise<ImapSource> {
    const { host, port } = this.server;
    const login = { user: this.account.user, password: PASSWORD };
    return new ImapSource(await openImapConnection({ remoteServer: host, port, security: "None" }, login, { signal }));
  }

  /** How many messages were sent to the target in all passes. */
  get appends(): number {
    return this.#calls.filter(({ call }) => call === "append").length;
  }

  /** One pass. `faults`: what goes wrong at the target, which takes so many messages at a time. */
  async migrate(provider: ProviderProfile, faults: readonly FakeFault[] = [], atOnce = 10): Promise<Books> {
    await this.store.addUsers(BATCH, [USER]);
    await this.store.queueUsers(BATCH);
    const lease = await claimed(this.store);
    const script = new FaultScript(faults);
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const silent = () => {};
    const tell: UserTellers = {
      ...{ started: silent, settled: silent, completed: silent, folderFailed: silent, progress: silent },
      waiting: silent,
      leftOut: ({ name }, reason) => void this.told.push(`${name}: ${reason}`),
      warned: (text) => void this.told.push(text),
    };
    try {
      const books = await migrateUser({
        ...{ lease, store: this.store, provider, tell, clock: this.#clock, limits: noLimits },
        openSource: (opening) => this.openSource(opening),
        openTarget: (opening) => {
          const options = { faults: script, journal: this.#calls, capabilities: { maxConcurrentAppends: atOnce } };
          return openFakeTarget(this.target, options, { signal: opening });
        },
        settleDelayMs: 30_000,
        // What goes wrong ends the process.
        retry: { attempts: 1, firstPauseMs: 0, maxPauseMs: 0 },
        budget: new AppendBudget(),
        signal,
      });
      await this.store.releaseUser(lease, { status: "Synced", lastSyncedAt: 1 });
      return books;
    } catch (error) {
      await this.store.releaseUser(lease, { status: "Failed" });
      throw error;
    }
  }

  /** What a verification says that looks for each message at the target. */
  async verify(): Promise<UserVerification> {
    const record = await this.store.getUser(BATCH, USER);
    return await verifyUser({
      ...{ batch: BATCH, user: USER, store: this.store, level: 1, sample: 1, seed: 0, clock: this.#clock },
      ...(record && { record }),
      openSource: (opening) => this.openSource(opening),
      openTarget: (opening) => openFakeTarget(this.target, {}, { signal: opening }),
      thresholds: defaultGradeThresholds,
      room: new ItemRoom(),
      retry: defaultRetryPolicy,
      signal: new AbortController().signal,
    });
  }

  /** The folders at the target that hold each message, by its subject. */
  copies(): Map<string, string[]> {
    const copies = new Map<string, string[]>();
    for (const { levels, messages } of this.target.folders) {
      for (const { octets } of messages) {
        const subject = /^Subject: (.*)\r$/m.exec(Buffer.from(octets).toString())?.[1] ?? "";
        copies.set(subject, [...(copies.get(subject) ?? []), levels.join("/")].sort());
      }
    }
    return copies;
  }

  folders(): Promise<FolderRecord[]> {
    return this.store.listFolders(BATCH, USER);
  }

  skipped(): Promise<ItemRecord[]> {
    return collect(this.store.listItems(BATCH, USER, ["skipped"]));
  }
}
