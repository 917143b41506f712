import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { MigrationError } from "../../src/errors.js";
import type { MigrationStore } from "../../src/store/migration-store.js";
import { sqliteStore } from "../../src/store/sqlite.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { booksFaults, eventFaults, everything, lostOrDoubled, multiset, rerunFaults } from "./invariants.js";
import { countFor, seed, tell } from "./recovery-run.js";
import { World } from "./world.js";

const run = promisify(execFile);
const KILOBYTE = 1024;
/** What one page of the database takes. */
const PAGE = 4 * KILOBYTE;
/** Pages by which the disk grows from one try to the next. */
const STRIDE = countFor("STRIDE", { short: 24, full: 1 });

let disk: string;
let canMount = true;

beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), "imap-to-m365-disk-"));
  canMount = await mount(PAGE).then(
    () => true,
    () => false,
  );
  if (canMount) await unmount();
});

afterAll(() => rm(disk, { recursive: true, force: true }));

async function mount(octets: number): Promise<void> {
  await run("mount", ["-t", "tmpfs", "-o", `size=${octets}`, "tmpfs", disk]);
}

/** Lazily: the driver holds the file until its statements are garbage. */
async function unmount(): Promise<void> {
  await run("umount", ["-l", disk]);
}

/** The store of the process that runs. */
class StoreOfTheDay {
  current: MigrationStore = sqliteStore(join(disk, "store.db"));
  readonly store: MigrationStore = new Proxy(this.current, {
    get: (_, name) => {
      const member: unknown = Reflect.get(this.current, name, this.current);
      return typeof member === "function" ? member.bind(this.current) : member;
    },
  });

  async restart(): Promise<void> {
    await this.current.close().catch(() => {});
    this.current = sqliteStore(join(disk, "store.db"));
  }
}

function messages(from: number) {
  return Array.from({ length: 60 }, (_, at) => sampleMessage(`Message ${from + at}`, { octets: 300 }));
}

interface Try {
  readonly code: string | undefined;
  readonly faults: readonly string[];
}

/** Migrates on a disk of this size until it is full, makes room, and migrates again. */
async function tryOn(octets: number): Promise<Try> {
  await mount(octets);
  const day = new StoreOfTheDay();
  try {
    const world = new World(day.store, {
      sources: [
        [
          { levels: ["INBOX"], messages: messages(1) },
          { levels: ["Sent"], messages: messages(101) },
        ],
      ],
      tickMs: 200,
    });
    const full = await world.run();
    if (full.error === undefined && full.report?.users.Synced === 1) return { code: undefined, faults: [] };
    const faults = eventFaults(full);
    const code = full.error === undefined ? "none" : MigrationError.from(full.error).code;
    await run("mount", ["-o", `remount,size=${64 * 1024 * KILOBYTE}`, disk]);
    await day.restart();
    const next = await world.run();
    const all = multiset(world.source.content(), everything);
    faults.push(...eventFaults(next), ...(await booksFaults(world, next)), ...lostOrDoubled(world.target, all, all));
    const { length } = world.target.folders;
    faults.push(...rerunFaults(await world.run(), { before: length, after: world.target.folders.length }));
    return { code, faults };
  } finally {
    await day.current.close().catch(() => {});
    await unmount();
  }
}

it("R6 R7 a disk that is full at any write of the ledger ends the batch with store-full, and room lets it go on", async (context) => {
  // Needs a file system of its own, which only root may mount.
  if (!canMount) return context.skip();
  const codes = new Map<string, number>();
  const wrong: string[] = [];
  let size = PAGE * (1 + (seed % STRIDE));
  for (; ; size += PAGE * STRIDE) {
    const { code, faults } = await tryOn(size);
    if (code === undefined) break;
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (faults.length > 0) wrong.push(`${size}: ${faults.slice(0, 3).join("; ")}`);
  }
  tell("disk full", { enough: size, ...Object.fromEntries(codes) });
  expect(wrong).toEqual([]);
  expect([...codes.keys()]).toEqual(["store-full"]);
  expect(codes.get("store-full")).toBeGreaterThan(5);
}, 300_000);
