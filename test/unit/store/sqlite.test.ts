import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { sqlStore } from "../../../src/store/sql-store.js";
import { sqliteStore } from "../../../src/store/sqlite.js";
import { SqliteDatabase } from "../../../src/store/sqlite-database.js";
import { storeCases } from "../../../src/testing/store-cases.js";
import {
  BATCH,
  begun,
  claimed,
  collect,
  copied,
  failed,
  sourceFolder,
  target,
} from "../../../src/testing/store-fixtures.js";
import { temporaryFolders } from "./temporary-folder.js";

const { folder, closing } = temporaryFolders();

describe("sqliteStore", () => {
  const open = async () => {
    const path = join(await folder(), "store.db");
    let store = closing(sqliteStore(path));
    const reopen = async () => {
      await store.close();
      store = closing(sqliteStore(path));
      return store;
    };
    return { store, reopen };
  };
  for (const { title, run } of storeCases(open)) it(title, run);
});

describe("a store file", () => {
  afterEach(() => {
    vi.doUnmock("@photostructure/sqlite");
    vi.restoreAllMocks();
  });

  it("is made at the first call, and is one file once the store is closed", async () => {
    const path = await folder();
    const store = closing(sqliteStore(join(path, "store.db")));
    expect(await readdir(path)).toEqual([]);
    await store.addUsers(BATCH, ["a@contoso.com"]);
    expect(await readdir(path)).toContain("store.db");
    await store.close();
    await store.close();
    expect(await readdir(path)).toEqual(["store.db"]);
  });

  it("can be in memory, where every store is another one", async () => {
    const [one, other] = [closing(sqliteStore(":memory:")), closing(sqliteStore(":memory:"))];
    await one.addUsers(BATCH, ["a@contoso.com"]);
    expect(await collect(one.listUsers(BATCH))).toHaveLength(1);
    expect(await collect(other.listUsers(BATCH))).toEqual([]);
  });

  it("refuses an empty path, which SQLite would take for a file that is thrown away", () => {
    expect(() => sqliteStore("")).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });

  it("refuses every call once it is closed", async () => {
    const store = sqliteStore(join(await folder(), "store.db"));
    await store.close();
    await expect(store.queueUsers(BATCH)).rejects.toMatchObject({ code: "store-unavailable" });
  });

  it("refuses a second store of the same process, names the file, and works on", async () => {
    const path = join(await folder(), "store.db");
    const first = closing(sqliteStore(path));
    await first.addUsers(BATCH, ["a@contoso.com"]);
    const second = closing(sqliteStore(path));
    await expect(second.queueUsers(BATCH)).rejects.toMatchObject({
      code: "store-in-use",
      message: expect.stringContaining(path),
    });
    await first.addUsers(BATCH, ["b@contoso.com"]);
    await first.close();
    expect(await collect(second.listUsers(BATCH))).toHaveLength(2);
  });

  it("lends the users of a store that was left without giving them back, at once and with a new fence", async () => {
    const path = join(await folder(), "store.db");
    const left = sqliteStore(path);
    await left.addUsers(BATCH, ["a@contoso.com"]);
    const stale = await claimed(left, BATCH, { cap: 1 });
    await left.close();
    const store = closing(sqliteStore(path));
    const lease = await claimed(store, BATCH, { cap: 1 });
    expect(lease.emailAddress).toBe("a@contoso.com");
    expect(lease.fence).toBeGreaterThan(stale.fence);
    await expect(store.renewLease(stale)).rejects.toMatchObject({ code: "lease-lost" });
  });

  it("refuses a store that a newer version wrote, and leaves it as it is", async () => {
    const path = join(await folder(), "store.db");
    const store = sqliteStore(path);
    await store.addUsers(BATCH, ["a@contoso.com"]);
    await store.close();
    await changeDatabase(path, "UPDATE migration_store SET version = 99");
    const before = await readFile(path);
    const refused = sqliteStore(path);
    await expect(refused.queueUsers(BATCH)).rejects.toMatchObject({
      code: "store-version",
      message: expect.stringContaining("99"),
    });
    await refused.close();
    expect((await changeDatabase(path, "SELECT version FROM migration_store"))[0]).toMatchObject({ version: 99 });
    expect((await readFile(path)).length).toBe(before.length);
  });

  it("refuses a database of another program, and adds nothing to it", async () => {
    const path = join(await folder(), "other.db");
    await changeDatabase(path, "CREATE TABLE invoice (id INTEGER)");
    const refused = closing(sqliteStore(path));
    await expect(refused.addUsers(BATCH, ["a@contoso.com"])).rejects.toMatchObject({ code: "store-version" });
    await refused.close();
    const tables = await changeDatabase(path, "SELECT name FROM sqlite_schema");
    expect(tables.map(({ name }) => name)).toEqual(["invoice"]);
  });

  it("refuses a file that is no database, and leaves it as it is", async () => {
    const path = join(await folder(), "users.csv");
    const content = "EmailAddress,UserName,Password\n".repeat(200);
    await writeFile(path, content);
    const refused = closing(sqliteStore(path));
    await expect(refused.queueUsers(BATCH)).rejects.toMatchObject({
      code: "store-version",
      message: expect.stringContaining(path),
    });
    await refused.close();
    expect(await readFile(path, "utf8")).toBe(content);
  });

  it("says that a damaged file is damaged", async () => {
    const path = join(await folder(), "store.db");
    const store = sqliteStore(path);
    await store.addUsers(BATCH, ["a@contoso.com"]);
    await store.close();
    const octets = await readFile(path);
    octets.fill(0xa5, 100);
    await writeFile(path, octets);
    const damaged = closing(sqliteStore(path));
    await expect(damaged.queueUsers(BATCH)).rejects.toMatchObject({
      code: "store-unavailable",
      message: expect.stringContaining("is damaged"),
    });
  });

  it("says when it cannot be opened, and tries again with the next call", async () => {
    const path = join(await folder(), "missing", "store.db");
    const store = closing(sqliteStore(path));
    await expect(store.queueUsers(BATCH)).rejects.toMatchObject({
      code: "store-unavailable",
      message: expect.stringContaining(path),
    });
    await mkdir(join(path, ".."));
    await store.addUsers(BATCH, ["a@contoso.com"]);
    expect(await collect(store.listUsers(BATCH))).toHaveLength(1);
  });

  it("names the package to install where Node has no driver", async () => {
    vi.doMock("@photostructure/sqlite", () => {
      throw new Error("Cannot find package");
    });
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    await expect(sqliteStore(":memory:").queueUsers(BATCH)).rejects.toMatchObject({
      code: "store-unavailable",
      message: expect.stringContaining("@photostructure/sqlite"),
    });
  });

  it("R10 holds no octet of a secret that its objects carried along", async () => {
    const path = join(await folder(), "store.db");
    const store = sqliteStore(path);
    const secret = { password: "p4ssw0rd-of-terry" };
    await store.addUsers(BATCH, ["a@contoso.com"]);
    const lease = { ...(await claimed(store)), ...secret };
    const journal = await store.openJournal(lease, { ...sourceFolder("INBOX"), ...secret });
    await journal.begin([{ ...begun(1)[0], uid: 1, size: 1, internalDate: 0, ...secret }], { ...target, ...secret });
    await journal.settle([{ ...failed(2), ...secret }]);
    await store.close();
    const octets = await readFile(path);
    expect(octets.includes("p4ssw0rd")).toBe(false);
    expect(octets.includes("message-unreadable")).toBe(true);
  });
});

describe("a full disk", () => {
  it("refuses with store-full, leaves nothing half done, and goes on when there is space again", async () => {
    const database = new SqliteDatabase(join(await folder(), "store.db"));
    const store = closing(sqlStore(database));
    await store.addUsers(BATCH, ["a@contoso.com"]);
    const journal = await store.openJournal(await claimed(store), sourceFolder("INBOX"));
    await journal.begin(begun(1), target);
    const [pages] = await database.query("PRAGMA page_count");
    await database.query(`PRAGMA max_page_count = ${Number(pages?.["page_count"]) + 1}`);

    const many = Array.from({ length: 2000 }, (_, index) => copied(index + 1));
    await expect(journal.settle(many)).rejects.toMatchObject({ code: "store-full" });
    const group = begun(...many.map(({ uid }) => uid + 10_000));
    await expect(journal.begin(group, target)).rejects.toMatchObject({ code: "store-full" });
    expect(journal.settledCount).toBe(0);
    expect(journal.books().copied).toBe(0);
    expect(journal.doubts).toEqual([{ messages: begun(1), target }]);
    expect(await collect(store.listItems(BATCH, "a@contoso.com", ["copied"]))).toEqual([]);

    await database.query("PRAGMA max_page_count = 100000");
    await journal.settle(many);
    expect(journal.books().copied).toBe(2000);
    expect(await collect(store.listItems(BATCH, "a@contoso.com", ["copied"]))).toHaveLength(2000);
    expect(journal.doubts).toEqual([]);
  });
});

async function changeDatabase(path: string, sql: string) {
  const database = new SqliteDatabase(path);
  const rows = await database.query(sql);
  await database.close();
  return rows;
}
