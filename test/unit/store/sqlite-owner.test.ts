import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { build } from "tsup";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite.js";
import { BATCH, claimed, collect, sourceFolder } from "../../../src/testing/store-fixtures.js";
import { temporaryFolders } from "./temporary-folder.js";

const { folder, closing } = temporaryFolders();

// Below node_modules, so that the built files find the optional driver from there.
const built = join(process.cwd(), "node_modules", ".cache", `sqlite-owner-${process.pid}`);

beforeAll(async () => {
  await build({
    config: false,
    entry: { sqlite: "src/store/sqlite.ts" },
    format: ["esm", "cjs"],
    target: "node20",
    outDir: built,
    removeNodeProtocol: false,
    external: ["@photostructure/sqlite"],
    silent: true,
  });
});

afterAll(() => rm(built, { recursive: true, force: true }));

/** Opens the store, begins a message, says so, and holds everything until it is killed. */
const OWNER = `
  const store = sqliteStore(process.argv[1]);
  const run = async () => {
    await store.addUsers("${BATCH}", ["a@contoso.com"]);
    const lease = await store.claimUser("${BATCH}", { worker: "owner", leaseMs: 3600000, endpoint: "e", cap: 1 });
    const folder = { name: "INBOX", levels: ["INBOX"], selectable: true, uidValidity: 7, uidNext: 1, messages: 1 };
    const journal = await store.openJournal(lease, folder);
    await journal.begin([{ uid: 1, size: 10, internalDate: 0 }], { name: "I", path: "I", uidValidity: 1, uidNext: 1 });
    console.log("open");
    setInterval(() => {}, 1000);
  };
  run().catch((error) => console.log(error.code));`;

function ownerProcess(path: string, format: "esm" | "cjs" = "esm") {
  const source =
    format === "esm"
      ? `import { sqliteStore } from ${JSON.stringify(pathToFileURL(join(built, "sqlite.js")).href)};`
      : `const { sqliteStore } = require(${JSON.stringify(join(built, "sqlite.cjs"))});`;
  const type = format === "esm" ? "module" : "commonjs";
  const child = spawn(process.execPath, [`--input-type=${type}`, "-e", source + OWNER, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const answer = once(createInterface({ input: child.stdout }), "line").then(([line]) => String(line));
  return { child, answer };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

describe("a store file that another process has open", () => {
  it.each(["esm", "cjs"] as const)(
    "is refused, and accepted once that process is killed (%s build)",
    async (format) => {
      const path = join(await folder(), "store.db");
      const { child, answer } = ownerProcess(path, format);
      try {
        expect(await answer).toBe("open");
        const store = closing(sqliteStore(path));
        await expect(store.queueUsers(BATCH)).rejects.toMatchObject({
          code: "store-in-use",
          message: expect.stringContaining(path),
        });
        await kill(child);
        const lease = await claimed(store, BATCH, { cap: 1 });
        expect(lease.emailAddress).toBe("a@contoso.com");
        const journal = await store.openJournal(lease, sourceFolder("INBOX"));
        expect(journal.doubts.map(({ messages }) => messages.map(({ uid }) => uid))).toEqual([[1]]);
      } finally {
        await kill(child);
      }
    },
  );

  it("refuses a process while this one has it open, and loses nothing by that", async () => {
    const path = join(await folder(), "store.db");
    const store = closing(sqliteStore(path));
    await store.addUsers(BATCH, ["first@contoso.com"]);
    const { child, answer } = ownerProcess(path);
    try {
      expect(await answer).toBe("store-in-use");
    } finally {
      await kill(child);
    }
    await store.addUsers(BATCH, ["second@contoso.com"]);
    await store.close();
    const users = await collect(closing(sqliteStore(path)).listUsers(BATCH));
    expect(users.map(({ emailAddress }) => emailAddress)).toEqual(["first@contoso.com", "second@contoso.com"]);
  });

  it("belongs to exactly one of many processes that start at the same time", async () => {
    const path = join(await folder(), "store.db");
    const owners = Array.from({ length: 5 }, () => ownerProcess(path));
    try {
      const answers = await Promise.all(owners.map(({ answer }) => answer));
      expect(answers.sort()).toEqual(["open", ...Array(4).fill("store-in-use")]);
    } finally {
      await Promise.all(owners.map(({ child }) => kill(child)));
    }
  });
});
