import * as fs from "node:fs";
import { copyFile, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { MigrationStore } from "../../../src/store/migration-store.js";
import { sqlStore } from "../../../src/store/sql-store.js";
import { sqliteStore } from "../../../src/store/sqlite.js";
import { SqliteDatabase } from "../../../src/store/sqlite-database.js";
import {
  BATCH,
  begun,
  claimed,
  claimOf,
  collect,
  copied,
  sourceFolder,
  target,
} from "../../../src/testing/store-fixtures.js";
import { temporaryFolders } from "./temporary-folder.js";

/** What the disk does when it is told to flush a file. */
type Flush = (descriptor: number) => Promise<void>;

const disk = vi.hoisted(() => ({
  flush: (async () => {}) as Flush,
  flushes: 0,
  canOpen: true,
  /** Descriptors that were opened here and not closed. */
  open: new Set<number>(),
}));

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  return {
    ...real,
    fdatasync: (descriptor: number, done: (error: unknown) => void) => {
      disk.flushes += 1;
      disk.flush(descriptor).then(() => done(null), done);
    },
    open: (path: string, mode: string, done: (error: unknown, descriptor?: number) => void) => {
      if (!disk.canOpen) return done(Object.assign(new Error("EMFILE, open"), { code: "EMFILE" }));
      real.open(path, mode, (error, descriptor) => {
        if (!error) disk.open.add(descriptor);
        done(error, descriptor);
      });
    },
    close: (descriptor: number, done: (error: unknown) => void) => {
      disk.open.delete(descriptor);
      real.close(descriptor, done);
    },
  };
});

const { folder, closing } = temporaryFolders();

afterEach(() => {
  disk.flush = async () => {};
  disk.flushes = 0;
  disk.canOpen = true;
});

function failing(code: string): Flush {
  return async () => {
    throw Object.assign(new Error(`${code}, fdatasync`), { code });
  };
}

describe("the write-ahead log of a store", () => {
  const writes: [string, (store: MigrationStore) => Promise<unknown>][] = [
    ["a transaction", (store) => store.addUsers(BATCH, ["b@contoso.com"])],
    ["a write of one statement", (store) => store.setDailyOctets("a@contoso.com", { 7: 1 })],
  ];
  it.each(writes)("R6 holds %s when it is flushed, and nobody is told before that", async (_, write) => {
    const path = await folder();
    const store = closing(sqliteStore(join(path, "store.db")));
    await store.addUsers(BATCH, ["a@contoso.com"]);
    const order: string[] = [];
    disk.flush = async () => {
      for (const end of ["", "-wal"]) await copyFile(join(path, `store.db${end}`), join(path, `cut.db${end}`));
      for (let turn = 0; turn < 10; turn++) await nextTurn();
      order.push("flushed");
    };
    await write(store).then(() => order.push("told"));
    expect(order).toEqual(["flushed", "told"]);
    disk.flush = async () => {};
    const cut = closing(sqliteStore(join(path, "cut.db")));
    expect(await contents(cut)).toEqual(await contents(store));
  });

  it("R6 is the one that is flushed when the path is a symbolic link, and a log lies beside the link", async () => {
    const path = await folder();
    await mkdir(join(path, "elsewhere"));
    await symlink(join(path, "elsewhere", "store.db"), join(path, "link.db"));
    fs.writeFileSync(join(path, "link.db-wal"), "");
    const flushed = new Set<number>();
    disk.flush = async (descriptor) => void flushed.add(fs.fstatSync(descriptor).ino);
    const store = closing(sqliteStore(join(path, "link.db")));
    await store.addUsers(BATCH, ["a@contoso.com"]);
    expect([...flushed]).toEqual([(await stat(join(path, "elsewhere", "store.db-wal"))).ino]);
  });

  it("is flushed once for what is written in one turn, and not for what is only read", async () => {
    const store = closing(sqliteStore(join(await folder(), "store.db")));
    await store.addUsers(BATCH, ["a@contoso.com"]);
    const journal = await store.openJournal(await claimed(store), sourceFolder("INBOX"));
    disk.flushes = 0;
    await Promise.all([journal.begin(begun(1), target), store.addUsers(BATCH, ["b@contoso.com", "c@contoso.com"])]);
    expect(disk.flushes).toBe(1);
    await collect(store.listUsers(BATCH));
    expect(await store.claimUser("unknown", claimOf())).toBe(undefined);
    expect(disk.flushes).toBe(1);
  });

  it.each([
    ["EIO", "store-unavailable"],
    ["ENOSPC", "store-full"],
    ["EDQUOT", "store-full"],
  ])(
    "R6 that cannot be flushed (%s) makes every call fail with %s until the store is opened again",
    async (errno, code) => {
      const path = join(await folder(), "store.db");
      const store = closing(sqliteStore(path));
      await store.addUsers(BATCH, ["a@contoso.com"]);
      const journal = await store.openJournal(await claimed(store), sourceFolder("INBOX"));
      disk.flush = failing(errno);
      const both = await Promise.allSettled([journal.settle([copied(1)]), store.addUsers(BATCH, ["b@contoso.com"])]);
      for (const result of both) expect(result).toMatchObject({ status: "rejected", reason: { code } });
      expect(journal.isSettled(1)).toBe(false);

      disk.flush = async () => {}; // as if what could not be written had been
      await expect(journal.settle([copied(2)])).rejects.toMatchObject({ code });
      await expect(store.addUsers(BATCH, ["c@contoso.com"])).rejects.toMatchObject({ code });
      await expect(collect(store.listUsers(BATCH))).rejects.toMatchObject({ code });

      await store.close();
      const next = closing(sqliteStore(path));
      expect((await collect(next.listUsers(BATCH))).length).toBeLessThan(3);
    },
  );

  it("is flushed by SQLite itself where it cannot be opened a second time", async () => {
    disk.canOpen = false;
    const database = new SqliteDatabase(join(await folder(), "store.db"));
    const store = closing(sqlStore(database));
    await store.addUsers(BATCH, ["a@contoso.com"]);
    expect(await database.query("PRAGMA synchronous")).toMatchObject([{ synchronous: 2 }]);
    expect(disk.flushes).toBe(0);
  });

  it("is removed when the store is closed, and its descriptor given back", async () => {
    const path = await folder();
    for (let round = 0; round < 3; round++) {
      const store = sqliteStore(join(path, "store.db"));
      await store.addUsers(BATCH, [`${round}@contoso.com`]);
      await store.close();
      expect(await readdir(path)).toEqual(["store.db"]);
    }
    expect(disk.open.size).toBe(0);
  });
});

async function contents(store: MigrationStore) {
  const users = await collect(store.listUsers(BATCH));
  return { users: users.map(({ emailAddress }) => emailAddress), octets: await store.getDailyOctets("a@contoso.com") };
}
