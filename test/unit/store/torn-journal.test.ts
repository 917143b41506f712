import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Books } from "../../../src/outcome.js";
import { sqliteStore } from "../../../src/store/sqlite.js";
import { BATCH, begun, claimed, copied, failed, sourceFolder, target } from "../../../src/testing/store-fixtures.js";
import { temporaryFolders } from "./temporary-folder.js";

const { folder, closing } = temporaryFolders();

/** What can be read of a journal. */
interface State {
  readonly books: Books;
  readonly doubts: readonly (readonly number[])[];
}

describe("a power cut", () => {
  it("R7 leaves the ledger as it was after one of its calls, wherever the last writes are torn off", async () => {
    const path = await folder();
    const { wal, states } = await recordHistory(join(path, "store.db"));
    const seen = new Set<string>();
    for (let length = 0; length <= wal.length; length += 2003) {
      const state = await stateWith(join(path, `torn-${length}.db`), join(path, "copy.db"), wal.subarray(0, length));
      expect(states, `${length} of ${wal.length} octets`).toContainEqual(state);
      seen.add(JSON.stringify(state));
    }
    expect(await stateWith(join(path, "whole.db"), join(path, "copy.db"), wal)).toEqual(states.at(-1));
    expect(seen.size).toBeGreaterThan(states.length / 2);
  });
});

/** Begins and settles, and copies the files as they are while the store is still open. */
async function recordHistory(path: string) {
  const first = sqliteStore(path);
  await first.addUsers(BATCH, ["a@contoso.com"]);
  await (await first.openJournal(await claimed(first), sourceFolder("INBOX"))).settle([]);
  await first.close();
  await copyFile(path, join(path, "..", "copy.db"));

  const store = closing(sqliteStore(path));
  const journal = await store.openJournal(await claimed(store), sourceFolder("INBOX"));
  const states: State[] = [stateOf(journal)];
  for (let uid = 1; uid <= 40; uid += 4) {
    await journal.begin(begun(uid, uid + 1, uid + 2, uid + 3), target);
    states.push(stateOf(journal));
    await journal.settle([copied(uid), failed(uid + 1), copied(uid + 2, { uncertain: true })]);
    states.push(stateOf(journal));
  }
  return { wal: await readFile(`${path}-wal`), states };
}

async function stateWith(path: string, database: string, wal: Uint8Array): Promise<State> {
  await copyFile(database, path);
  await writeFile(`${path}-wal`, wal);
  const store = sqliteStore(path);
  const journal = await store.openJournal(await claimed(store), sourceFolder("INBOX"));
  const state = stateOf(journal);
  await store.close();
  return state;
}

function stateOf(journal: Awaited<ReturnType<ReturnType<typeof sqliteStore>["openJournal"]>>): State {
  return {
    books: journal.books(),
    doubts: journal.doubts.map(({ messages }) => messages.map(({ uid }) => uid)),
  };
}
