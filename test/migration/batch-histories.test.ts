import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  MigrationBatch,
  MigrationError,
  type MigrationErrorCode,
  type MigrationStore,
  memoryStore,
  sqliteStore,
} from "../../src/index.js";
import { sampleMessage } from "../../src/testing/index.js";
import { countFor, seed, tell } from "../recovery/recovery-run.js";
import { intercepting } from "../recovery/world.js";
import { VirtualClock } from "../virtual-clock.js";
import { BatchOffice, rowOf } from "./batch-office.js";
import { CheckedStore } from "./checked-store.js";

const BATCH = "IMAPBatch1";
const HISTORIES = countFor("HISTORIES", { short: 500, full: 5_000 });
/** What an action may be refused with, whenever it comes. */
const REFUSALS: readonly MigrationErrorCode[] = ["state-invalid", "not-found"];

const ACTIONS = [
  ...(["start", "start", "stop", "resume", "syncNow", "close", "complete", "remove", "set", "addUser"] as const),
  ...(["startUser", "stopUser", "removeUser", "mail", "day", "fault", "heal", "crash", "crash", "turn"] as const),
];
type Action = (typeof ACTIONS)[number];

const step = fc.record({
  action: fc.constantFrom(...ACTIONS),
  user: fc.nat(3),
  /** How far everybody else gets before the next step. */
  turns: fc.constantFrom(0, 1, 2, 3, 5, 8, 13, 21, 34),
});

const history = fc.record({
  /** How far the first start gets before the first step. */
  begins: fc.constantFrom(0, 2, 5, 13, 34, 89),
  steps: fc.array(step, { minLength: 5, maxLength: 18 }),
  kind: fc.constantFrom("memory", "memory", "memory", "sqlite"),
});

/** One process: when it has died, nothing of it reaches the store or a mailbox any more. */
interface Process {
  isDead: boolean;
  batch: MigrationBatch;
}

class History {
  readonly faults: string[] = [];
  readonly #clock = new VirtualClock();
  readonly #checked: CheckedStore;
  readonly #office: BatchOffice;
  readonly #open: (() => MigrationStore) | undefined;
  readonly #faulty = new Set<string>();
  /** Users that are in the batch as the administrator has it. */
  readonly #members = new Set<string>();
  #process: Process;
  crashes = 0;

  constructor(store: MigrationStore, open?: () => MigrationStore) {
    this.#checked = new CheckedStore(store, BATCH);
    this.#open = open;
    this.#office = new BatchOffice({
      store,
      clock: this.#clock,
      caps: { maxConcurrentMigrations: 2, maxConcurrentIncrementalSyncs: 1 },
      opening: async (user) => {
        await new Promise(setImmediate);
        if (this.#faulty.has(user)) throw new MigrationError("protocol-error", "a server that is out of order");
      },
    });
    for (const { emailAddress } of this.#office.add("user", 4)) this.#members.add(emailAddress);
    this.#members.delete("user4@contoso.com");
    this.#process = this.#begin();
  }

  async take(action: Action, user: number, turns: number): Promise<void> {
    await this.#do(action, `user${user + 1}@contoso.com`);
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
  }

  /** Brings the batch to its end, if it has none yet, and looks at everything. */
  async end(): Promise<void> {
    this.#faulty.clear();
    await this.#crash();
    const { batch } = this.#process;
    const status = (await this.#checked.inner.getBatch(BATCH))?.status;
    if (status === "Removing") await batch.remove();
    else if (!status?.startsWith("Completed")) await this.#bringToEnd(batch);
    this.faults.push(...this.#checked.faults);
  }

  async #bringToEnd(batch: MigrationBatch): Promise<void> {
    await batch.set({ startAfter: null }).catch(() => {});
    const { users, balanced, status } = await batch.start();
    const count = this.#members.size;
    if (users.Synced !== count || !balanced) {
      this.faults.push(`${JSON.stringify(users)} of ${count}, balanced: ${balanced}, ${status}`);
    }
    const members = [...this.#members];
    this.faults.push(
      ...this.#office
        .different()
        .filter((user) => members.includes(user))
        .map((user) => `${user} differs`),
    );
    await batch.stop();
  }

  #begin(): Process {
    const process = { isDead: false };
    const { target, ...context } = this.#office.context();
    const checkAlive = () => {
      if (process.isDead) throw new MigrationError("connection-lost", "The process has died.");
    };
    const batch = new MigrationBatch({
      ...context,
      name: BATCH,
      users: [...this.#members].map(rowOf),
      store: this.#checked.forProcess(process),
      target: {
        name: "fake",
        openMailbox: async (user, options) => {
          const mailbox = await target.openMailbox(user, options);
          return intercepting(mailbox, {
            append: async (folder, message) => {
              checkAlive();
              return mailbox.append(folder, message);
            },
          });
        },
      },
    });
    return Object.assign(process, { batch });
  }

  async #crash(): Promise<void> {
    this.crashes += 1;
    this.#process.isDead = true;
    await this.#checked.reopen(this.#open);
    this.#process = this.#begin();
  }

  async #do(action: Action, user: string): Promise<void> {
    const { batch } = this.#process;
    switch (action) {
      case "start":
      case "resume":
      case "syncNow":
      case "complete":
        return this.#allow(action, batch[action]());
      case "startUser":
        return this.#allow(action, batch.startUser(user));
      case "stop":
      case "close":
        return await this.#await(action, batch[action]());
      case "stopUser":
        return await this.#await(action, batch.stopUser(user));
      case "remove":
        return await this.#await(action, batch.remove());
      case "set":
        return await this.#await(action, batch.set({ startAfter: new Date(this.#clock.date() + 3_600_000) }));
      case "removeUser":
        return await this.#await(
          action,
          batch.removeUser(user).then(() => void this.#members.delete(user)),
        );
      case "addUser":
        return await this.#await(
          action,
          batch.addUsers([rowOf(user)]).then(() => void this.#members.add(user)),
        );
      case "mail":
        this.#office
          .mailbox(this.#office.sources, user)
          .folder("INBOX")
          .add(sampleMessage(`New mail of ${user}`));
        return;
      case "day":
        return this.#clock.leap(86_400_000);
      case "fault":
        return void this.#faulty.add(user);
      case "heal":
        return this.#faulty.clear();
      case "crash":
        return await this.#crash();
      default:
    }
  }

  /** The next steps come before it has ended. */
  #allow(action: Action, promise: Promise<unknown>): void {
    void this.#await(action, promise);
  }

  async #await(action: Action, promise: Promise<unknown>): Promise<void> {
    const process = this.#process;
    try {
      await promise;
    } catch (cause) {
      const { code, message } = MigrationError.from(cause);
      if (!REFUSALS.includes(code) && !process.isDead)
        this.faults.push(`${action} was refused with ${code}: ${message}`);
    }
  }
}

it(`R1 R7 R15 ${HISTORIES} histories of actions, faults, crashes and new processes leave neither the table nor a message behind`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "histories-"));
  let files = 0;
  let crashes = 0;
  try {
    const property = fc.asyncProperty(history, async ({ begins, steps, kind }) => {
      const path = join(folder, `${++files}.db`);
      const open = kind === "sqlite" ? () => sqliteStore(path) : undefined;
      const told = new History(open?.() ?? memoryStore(), open);
      await told.take("start", 0, begins);
      for (const { action, user, turns } of steps) await told.take(action, user, turns);
      await told.end();
      crashes += told.crashes;
      expect(told.faults).toEqual([]);
    });
    await fc.assert(property, { numRuns: HISTORIES, seed, endOnFailure: true });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  tell("histories", { histories: HISTORIES, crashes });
}, 600_000);
