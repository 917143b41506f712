import assert from "node:assert/strict";
import type { SourceFolder } from "../mail/folder.js";
import type { MailSource } from "../mail/mail-source.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { assertRejects } from "./case-assertions.js";
import {
  arrivedOf,
  collect,
  holding,
  INBOX,
  MEGABYTE,
  readAll,
  restOf,
  subjects,
  type WithSource,
} from "./opened-source.js";
import { sampleMessage } from "./sample-message.js";

export function sourceErrorCases(withSource: WithSource): BehaviourCase[] {
  const large = sampleMessage("large", { octets: MEGABYTE });
  const listAndFetch = (source: MailSource, folder: SourceFolder) => [
    () => collect(source.listMessages(folder)),
    () => readAll(source.fetch(folder, [1])),
  ];
  return [
    {
      title: "rejects with `uidvalidity-changed` where the folder has another UIDVALIDITY, and goes on",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const other = { ...folder, uidValidity: folder.uidValidity + 1 };
          for (const call of listAndFetch(opened.source, other)) await assertRejects(call, "uidvalidity-changed");
          await opened.assertFetches(INBOX, subjects(1));
        }),
    },
    {
      title: "rejects with `folder-missing` where there is no such folder, and goes on",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const missing = { ...folder, name: "no-such-folder", levels: ["no-such-folder"] };
          for (const call of listAndFetch(opened.source, missing)) await assertRejects(call, "folder-missing");
          await opened.assertFetches(INBOX, subjects(1));
        }),
    },
    {
      title: "rejects with `aborted` where the host had given up before",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          const options = { signal: AbortSignal.abort() };
          await assertRejects(() => opened.source.listFolders(options), "aborted");
          await assertRejects(() => collect(opened.source.listMessages(folder, options)), "aborted");
          await assertRejects(() => readAll(opened.source.fetch(folder, [1], options)), "aborted");
        }),
    },
    {
      title: "rejects with `aborted` where the host gives up in the middle of a content",
      run: () =>
        withSource(holding(large, large), async (opened) => {
          const folder = await opened.folder("INBOX");
          const giveUp = new AbortController();
          const messages = opened.source.fetch(folder, await opened.uidsOf(INBOX), giveUp)[Symbol.asyncIterator]();
          const { content } = arrivedOf(await messages.next());
          const chunks = content[Symbol.asyncIterator]();
          assert.notEqual((await chunks.next()).done, true);
          giveUp.abort();
          await restOf(chunks).catch(() => {}); // a content may end in its own way; what counts is the fetch
          await assertRejects(() => messages.next(), "aborted");
        }),
    },
    {
      title: "rejects every call after it was closed, and can be closed twice",
      run: () =>
        withSource(holding(...subjects(1)), async (opened) => {
          const folder = await opened.folder("INBOX");
          await opened.source.close();
          await assertRejects(() => opened.source.listFolders(), "connection-lost");
          for (const call of listAndFetch(opened.source, folder)) await assertRejects(call, "connection-lost");
        }),
    },
    {
      title: "rejects what is under way when it is closed",
      run: () =>
        withSource(holding(large, large), async (opened) => {
          const folder = await opened.folder("INBOX");
          const messages = opened.source.fetch(folder, await opened.uidsOf(INBOX))[Symbol.asyncIterator]();
          await messages.next();
          const next = messages.next();
          await Promise.all([assertRejects(() => next, "connection-lost"), opened.source.close()]);
        }),
    },
  ];
}
