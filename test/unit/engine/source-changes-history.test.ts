import fc from "fast-check";
import { expect, it } from "vitest";
import { ItemRoom } from "../../../src/engine/verify/verification-tally.js";
import { verifyUser } from "../../../src/engine/verify/verify-user.js";
import { MigrationError } from "../../../src/errors.js";
import { isBalanced } from "../../../src/outcome.js";
import type { FolderJournal, MigrationStore } from "../../../src/store/migration-store.js";
import type { FakeFolder, FakeMessage } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { BATCH } from "../../../src/testing/store-fixtures.js";
import { defaultGradeThresholds } from "../../../src/verification.js";
import { intercepting } from "../../recovery/world.js";
import { Mailbox } from "./mailbox-fixture.js";

const USER = "terry.adams@contoso.com";
const FLAGS = ["\\Seen", "\\Flagged", "$Work"] as const;
/** Small enough that folders and messages are met again and again. */
const small = fc.nat(11);

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("deliver" as const), to: small, twin: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("move" as const), from: small, which: small, to: small }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("copy" as const), from: small, which: small, to: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expunge" as const), from: small, which: small }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename" as const), from: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("make" as const), name: fc.nat(2) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("flag" as const), from: small, which: small, flag: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("flag at target" as const), which: small, flag: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), at: fc.integer({ min: 1, max: 12 }) }) },
);
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never;

/** A mailbox whose owner goes on working at both ends while it is migrated again and again. */
class History {
  readonly pair = new Mailbox([{ levels: ["INBOX"] }, { levels: ["A"] }, { levels: ["B"] }]);
  /** How often messages with these octets were delivered or copied. */
  readonly #made = new Map<string, number>();
  /** Of each message and flag, how it stood at the source in the last pass, and how it should stand at the target. */
  readonly #flags = new Map<string, { source: boolean; target: boolean }>();
  #delivered = 0;
  #names = 0;

  async run(actions: readonly Action[], after: () => Promise<void> = async () => {}): Promise<void> {
    for (const each of actions) {
      await this.#act(each);
      if (each.do === "pass") await after();
    }
    await this.pass();
    await after();
  }

  async pass(): Promise<void> {
    await this.pair.migrate({ followsFlags: true });
  }

  async #act(each: Action): Promise<void> {
    if (each.do === "pass") return await this.pass();
    if (each.do === "crash") return await this.#crash(each.at);
    if (each.do === "deliver") return this.#deliver(this.#folder(each.to), each.twin);
    if (each.do === "make") return this.#make(`A${each.name || ""}`);
    if (each.do === "flag at target") return this.#flagAtTarget(each.which, FLAGS[each.flag] ?? "\\Seen");
    const from = this.#folder(each.from);
    if (each.do === "rename") {
      if (from.name !== "INBOX") this.pair.source.renameFolder(from.name, [`Renamed ${++this.#names}`]);
      return;
    }
    const message = pick(from.messages, each.which);
    if (!message) return;
    if (each.do === "flag") return this.#flag(from, message, FLAGS[each.flag] ?? "\\Seen");
    if (each.do === "copy") {
      this.#folder(each.to).add(message);
      this.#count(message);
      return;
    }
    from.expunge(message.uid);
    if (each.do === "move") this.#folder(each.to).add(message);
  }

  #folder(index: number): FakeFolder {
    const folder = pick(this.pair.source.folders, index);
    if (!folder) throw new Error("there is an INBOX");
    return folder;
  }

  #deliver(folder: FakeFolder, isTwin: boolean): void {
    const twin = isTwin ? folder.messages[0] : undefined;
    const message = twin ?? sampleMessage(`Message ${++this.#delivered}`);
    folder.add({ ...message, flags: new Set() });
    this.#count(message);
  }

  #count(message: { readonly octets: Uint8Array }): void {
    this.#made.set(textOf(message), (this.#made.get(textOf(message)) ?? 0) + 1);
  }

  #make(name: string): void {
    if (!this.pair.source.find(name)) this.pair.source.addFolder({ levels: [name] });
  }

  #flag(folder: FakeFolder, message: FakeMessage, flag: string): void {
    folder.setFlags(message.uid, toggled(message, flag));
  }

  #flagAtTarget(which: number, flag: string): void {
    const all = this.pair.target.folders.flatMap((folder) => folder.messages.map((message) => ({ folder, message })));
    const one = pick(all, which);
    if (!one) return;
    const flags = toggled(one.message, flag);
    one.folder.setFlags(one.message.uid, flags);
    const known = this.#flags.get(`${flag} ${textOf(one.message)}`);
    if (known) known.target = flags.has(flag);
  }

  /** The process dies at this write of the ledger or call of the target: before it, or when it is done. */
  async #crash(at: number): Promise<void> {
    let left = at;
    const step = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      left -= 1;
      if (left === 0) throw new MigrationError("aborted", "The process has died.");
      const result = await call();
      left -= 1;
      if (left <= 0) throw new MigrationError("aborted", "The process has died.");
      return result;
    };
    const openJournal: MigrationStore["openJournal"] = async (lease, folder) => {
      const journal: FolderJournal = await this.pair.store.openJournal(lease, folder);
      return intercepting(journal, {
        begin: (...parameters) => step(() => journal.begin(...parameters)),
        settle: (...parameters) => step(() => journal.settle(...parameters)),
        finish: (...parameters) => step(() => journal.finish(...parameters)),
        keepFlags: (flags) => step(async () => journal.keepFlags?.(flags)),
      });
    };
    const openTarget = async () => {
      const target = await openFakeTarget(this.pair.target);
      return intercepting(target, {
        append: (...parameters) => step(() => target.append(...parameters)),
        updateFlags: (...parameters) => step(async () => target.updateFlags?.(...parameters)),
      });
    };
    const store = intercepting(this.pair.store, { openJournal });
    const { signal, aborted } = { signal: new AbortController().signal, aborted: "aborted" };
    await this.pair.migrate({ followsFlags: true, store, openTarget, signal }).catch((error: unknown) => {
      if (MigrationError.from(error).code !== aborted) throw error;
    });
  }

  /** Whatever the source holds is held by the target, and only what vanished in doubt may stand there beside it. */
  async checkMessages(): Promise<void> {
    const [here, there] = [countsOf(this.pair.source.folders), countsOf(this.pair.target.folders)];
    for (const [octets, count] of here) expect(there.get(octets) ?? 0).toBeGreaterThanOrEqual(count);
    const { vanished } = await this.#books();
    let surplus = 0;
    for (const [octets, count] of there) surplus += Math.max(0, count - (this.#made.get(octets) ?? 0));
    expect(surplus).toBeLessThanOrEqual(vanished);
  }

  async checkBooks(): Promise<void> {
    for (const { books } of await this.pair.store.listFolders(BATCH, USER)) expect(isBalanced(books)).toBe(true);
    const record = await this.pair.store.getUser(BATCH, USER);
    const { counts, items } = await verifyUser({
      ...{ batch: BATCH, user: USER, store: this.pair.store, level: 1, sample: 1, seed: 1 },
      ...(record && { record }),
      openSource: (signal) => openFakeSource(this.pair.source, {}, { signal }),
      openTarget: (signal) => openFakeTarget(this.pair.target, {}, { signal }),
      thresholds: defaultGradeThresholds,
      room: new ItemRoom(),
      retry: { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 },
      clock: this.pair.clock,
      signal: new AbortController().signal,
    });
    expect({ missing: counts.missing, items: items.filter(({ kind }) => kind === "missing") }).toEqual({
      missing: 0,
      items: [],
    });
    expect(counts.surplus).toBeLessThanOrEqual((await this.#books()).vanished);
  }

  /** To be called after each pass: what the source has changed since the last one is its, everything else the user's. */
  checkFlags(): void {
    const there = new Map(
      this.pair.target.folders.flatMap(({ messages }) => messages.map((one) => [textOf(one), one])),
    );
    for (const message of this.pair.source.folders.flatMap(({ messages }) => messages)) {
      const octets = textOf(message);
      if (this.#made.get(octets) !== 1) continue; // which of them is which, nobody can say
      const found = FLAGS.map((flag) => `${flag} ${there.get(octets)?.flags.has(flag)}`);
      expect(found).toEqual(FLAGS.map((flag) => `${flag} ${this.#expected(octets, flag, message.flags.has(flag))}`));
    }
  }

  #expected(octets: string, flag: string, source: boolean): boolean {
    const known = this.#flags.get(`${flag} ${octets}`);
    const target = known?.source === source ? known.target : source;
    this.#flags.set(`${flag} ${octets}`, { source, target });
    return target;
  }

  async #books() {
    const folders = await this.pair.store.listFolders(BATCH, USER);
    return { vanished: folders.reduce((sum, { books }) => sum + books.vanished, 0) };
  }
}

function pick<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % Math.max(1, items.length)];
}

function textOf({ octets }: { readonly octets: Uint8Array }): string {
  return Buffer.from(octets).toString("latin1");
}

function toggled({ flags }: FakeMessage, flag: string): Set<string> {
  const changed = new Set(flags);
  if (!changed.delete(flag)) changed.add(flag);
  return changed;
}

function countsOf(folders: readonly FakeFolder[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const message of folders.flatMap(({ messages }) => messages)) {
    counts.set(textOf(message), (counts.get(textOf(message)) ?? 0) + 1);
  }
  return counts;
}

it("R1 R2 every message stands at the target once, whatever the source moves, copies and renames, and wherever a pass dies", async () => {
  const histories = fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
    const history = new History();
    await history.run(actions);
    await history.checkMessages();
    await history.checkBooks();
  });
  await fc.assert(histories, { numRuns: 300 });
}, 120_000);

it("each flag is what the source made it since the last pass, or else what the user made it at the target", async () => {
  const calm = fc.array(action, { maxLength: 40 }).map((actions) => actions.filter((each) => each.do !== "crash"));
  const histories = fc.asyncProperty(calm, async (actions) => {
    const history = new History();
    await history.run(actions, async () => history.checkFlags());
  });
  await fc.assert(histories, { numRuns: 300 });
}, 120_000);
