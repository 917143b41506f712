import { expect, it } from "vitest";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { FolderFixture } from "../unit/engine/folder-run-fixture.js";
import { countFor, tell } from "./recovery-run.js";
import { intercepting } from "./world.js";

const MESSAGES = countFor("MESSAGES", { short: 9_000, full: 100_000 });
/** As many as may be begun together, and so be in doubt after a crash. */
const MOST_IN_DOUBT = 256;

it("R7 the resume of a large mailbox reads no message that was settled, and looks only for those in doubt", async () => {
  const messages = Array.from({ length: MESSAGES }, (_, at) => sampleMessage(`m${at}`, { octets: 200 }));
  const folder = new FolderFixture(messages, {
    faults: [{ on: "append", uid: Math.floor(MESSAGES * 0.7), nth: 1, do: { throw: "connection-lost" } }],
  });
  await expect(folder.copy()).rejects.toMatchObject({ code: "connection-lost" });
  const journal = await folder.journal();
  const settled = new Set(messages.flatMap((_, at) => (journal.isSettled(at + 1) ? [at + 1] : [])));
  expect(settled.size).toBeGreaterThan(MESSAGES / 2);
  folder.calls.length = 0;

  const source = folder.openSource();
  const withHeaders: number[] = [];
  const watched = intercepting(source, {
    listMessages: (listed, options) => {
      if (options?.headers) withHeaders.push(...(options.uids ?? [Number.NaN]));
      return source.listMessages(listed, options);
    },
  });
  expect(await folder.copy({ source: watched, target: folder.openTarget() })).toMatchObject({ found: MESSAGES });
  const fetched = folder.calls.flatMap(({ call, uids = [] }) => (call === "fetch" ? uids : []));
  tell("resume", { messages: MESSAGES, settled: settled.size, fetched: fetched.length, lookedFor: withHeaders.length });
  expect(fetched.filter((uid) => settled.has(uid))).toEqual([]);
  expect(withHeaders.filter((uid) => settled.has(uid))).toEqual([]);
  expect(withHeaders.length).toBeLessThanOrEqual(MOST_IN_DOUBT);
  expect(folder.targetInbox.messages).toHaveLength(MESSAGES);
}, 300_000);
