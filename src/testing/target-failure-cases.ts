import assert from "node:assert/strict";
import { MigrationError, type MigrationErrorCode } from "../errors.js";
import type { MessageContent } from "../mail/message.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { assertRejects } from "./case-assertions.js";
import { around, headOf, numbered, scopeOf, type TargetMailbox, type WithTarget } from "./opened-target.js";
import { sampleMessage } from "./sample-message.js";

export function targetFailureCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  const broken = (code: MigrationErrorCode): BehaviourCase => ({
    title: `stores nothing of a content that ends early with \`${code}\`, and leaves the message in doubt (R3)`,
    run: () =>
      withTarget(async (opened) => {
        const plan = await opened.plan(["Broken"]);
        const folder = await opened.target.ensureFolder(plan);
        const [message] = numbered([sampleMessage("broken", { octets: 100_000 })]);
        assert.ok(message);
        const [answer] = await opened.appendAll(folder, [{ ...message, content: endingEarly(message.content, code) }]);
        assert.notEqual(scopeOf(answer), "message");
        await opened.assertHolds(plan, []);
      }),
  });
  const cases: BehaviourCase[] = [
    broken("connection-lost"),
    broken("message-truncated"),
    {
      title: "rejects with `aborted` where the host had given up before, and stores nothing",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Aborted"]);
          const folder = await opened.target.ensureFolder(plan);
          const [message] = numbered([sampleMessage("never sent")]);
          assert.ok(message);
          const options = { signal: AbortSignal.abort() };
          await assertRejects(() => opened.target.append(folder, message, options), "aborted");
          await assertRejects(() => opened.target.listFolders(options), "aborted");
          await assertRejects(() => opened.target.ensureFolder(plan, options), "aborted");
          await assertRejects(() => opened.target.find(folder, [], options), "aborted");
          await opened.assertHolds(plan, []);
        }),
    },
    {
      title:
        "rejects with `aborted` where the host gives up in the middle of a content that stands still, and stores nothing",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Aborted"]);
          const folder = await opened.target.ensureFolder(plan);
          const giveUp = new AbortController();
          const [message] = numbered([sampleMessage("half sent", { octets: 50_000 })]);
          assert.ok(message);
          const content = standingStill(message.content, () => giveUp.abort());
          await assertRejects(() => opened.target.append(folder, { ...message, content }, giveUp), "aborted");
          await opened.assertHolds(plan, []);
        }),
    },
    {
      title: "rejects every call after it was closed, and can be closed twice",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Closed"]);
          const folder = await opened.target.ensureFolder(plan);
          const [message] = numbered([sampleMessage("too late")]);
          assert.ok(message);
          await opened.target.close();
          await assertRejects(() => opened.target.listFolders(), "connection-lost");
          await assertRejects(() => opened.target.ensureFolder(plan), "connection-lost");
          await assertRejects(() => opened.target.append(folder, message), "connection-lost");
          await assertRejects(
            () => opened.target.find(folder, [headOf(message.uid, sampleMessage("x"))]),
            "connection-lost",
          );
          await opened.assertHolds(plan, []);
        }),
    },
    {
      title: "rejects an append that is under way when it is closed",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Closed");
          const [message] = numbered([sampleMessage("half sent", { octets: 50_000 })]);
          assert.ok(message);
          let closed: Promise<void> = Promise.resolve();
          const content = standingStill(message.content, () => {
            closed = opened.target.close();
          });
          await assertRejects(() => opened.target.append(folder, { ...message, content }), "connection-lost");
          await closed;
        }),
    },
  ];
  if (mailbox.uids !== false) {
    cases.push({
      title: "gives no message to be appended a UID below the folder's `uidNext`",
      run: () =>
        withTarget(async (opened) => {
          await opened.append(await opened.ensure("Uids"), sampleMessage("first"));
          const { uidNext, uidValidity } = await opened.ensure("Uids");
          assert.ok(uidValidity > 0);
          const [appended] = await opened.append(await opened.ensure("Uids"), sampleMessage("second"));
          assert.ok(Number(appended?.id ?? uidNext) >= uidNext, `UID ${appended?.id} after UIDNEXT ${uidNext}`);
          assert.ok((await opened.ensure("Uids")).uidNext > uidNext);
        }),
    });
  }
  return cases;
}

function endingEarly(content: MessageContent, code: MigrationErrorCode): MessageContent {
  return around(content, async function* () {
    for await (const chunk of content) {
      yield chunk.subarray(0, chunk.length / 2);
      throw new MigrationError(code, "the content ends early");
    }
  });
}

/** Ends at its first half; `reached` is called when more is asked for, which only comes by a cancel. */
function standingStill(content: MessageContent, reached: () => void): MessageContent {
  let cancel = (): void => {};
  const cancelled = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  const chunks = async function* () {
    for await (const chunk of content) {
      yield chunk.subarray(0, chunk.length / 2);
      reached();
      await cancelled;
      return;
    }
  };
  return { size: content.size, cancel, [Symbol.asyncIterator]: chunks };
}
