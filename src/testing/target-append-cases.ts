import assert from "node:assert/strict";
import type { TargetFolder } from "../mail/folder.js";
import type { MessageContent } from "../mail/message.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { flagNames } from "./case-assertions.js";
import {
  around,
  eightBit,
  numbered,
  octetText,
  scopeOf,
  type TargetMailbox,
  type WithTarget,
} from "./opened-target.js";
import { rawMessage, type StoredMessage, sampleMessage } from "./sample-message.js";

export function targetAppendCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  const keepsOctets = (title: string, ...messages: StoredMessage[]): BehaviourCase => ({
    title: `keeps the octets of ${title}`,
    run: () =>
      withTarget(async (opened) => {
        const plan = await opened.plan(["Octets"]);
        await opened.append(await opened.target.ensureFolder(plan), ...messages);
        await opened.assertHolds(plan, messages);
      }),
  });
  const cases = [
    keepsOctets("a message without a body, and of one in 8 bit", ...[rawMessage("Subject: x\r\n\r\n"), eightBit()]),
    keepsOctets("a message that looks like IMAP", rawMessage("Subject: {5}\r\n\r\n)\r\nA2 LOGOUT\r\n")),
    keepsOctets(
      "messages around 4,096 octets",
      ...[4095, 4096, 4097].map((octets) => sampleMessage("page", { octets })),
    ),
    keepsOctets("a message of 1 MB", sampleMessage("1 MB", { octets: 1024 * 1024 })),
    keepsOctets("equal messages, as many as there are", ...[1, 2, 3].map(() => sampleMessage("twin"))),
  ];
  if (mailbox.missingFinalCrlf !== false)
    cases.push(keepsOctets("a message without a final CRLF", rawMessage("A: b\r\n\r\nx")));
  if (mailbox.bareLineFeeds !== false)
    cases.push(keepsOctets("a message with bare line feeds", rawMessage("A: b\n\nx\ny\r\n")));
  if (mailbox.nul !== false) cases.push(keepsOctets("a message with NUL in it", rawMessage("A: b\r\n\r\nx\0y\r\n")));
  const dates = ["1994-07-13T05:06:07Z", "2001-02-03T04:05:06Z", "2024-02-29T23:59:59Z"].map((date) => new Date(date));
  return [
    ...cases,
    {
      title: "keeps INTERNALDATE to the second",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Dates"]);
          const messages = dates.map((internalDate) => sampleMessage(internalDate.toISOString(), { internalDate }));
          await opened.append(await opened.target.ensureFolder(plan), ...messages);
          const held = await opened.held(plan);
          assert.deepEqual(held.map(({ internalDate }) => internalDate.getTime()).sort(), dates.map(Number).sort());
        }),
    },
    {
      title: "keeps the system flags, and leaves `\\Recent` to the server",
      run: () =>
        withTarget(async (opened) => {
          const flags = [["\\Seen"], ["\\Answered", "\\Flagged"], ["\\Deleted", "\\Draft"], []];
          const plan = await opened.plan(["Flags"]);
          const messages = flags.map((set, at) => sampleMessage(`flags ${at}`, { flags: [...set, "\\Recent"] }));
          await opened.append(await opened.target.ensureFolder(plan), ...messages);
          const held = new Map(
            (await opened.held(plan)).map((message) => [octetText(message), flagNames(message.flags)]),
          );
          for (const message of messages) assert.deepEqual(held.get(octetText(message)), flagNames(message.flags));
        }),
    },
    {
      title: "keeps keywords, or tells that it lost them",
      run: () =>
        withTarget(async (opened) => {
          const flags = ["\\Seen", "$Forwarded", "projekt-x"];
          const plan = await opened.plan(["Keywords"]);
          const [appended] = await opened.append(
            await opened.target.ensureFolder(plan),
            sampleMessage("keywords", { flags }),
          );
          const [held] = await opened.held(plan);
          const kept = flagNames(held?.flags);
          assert.ok(kept.includes("\\seen"));
          const isLost = !flags.every((flag) => kept.includes(flag.toLowerCase()));
          assert.equal(
            appended?.lost?.includes("keyword") ?? false,
            isLost,
            `it keeps ${kept}, and says ${appended?.lost}`,
          );
        }),
    },
  ];
}

export function targetConcurrencyCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  const cases: BehaviourCase[] = [
    {
      title: "stores a hundred messages, appended as fast as it takes them, each once (R2)",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Many"]);
          const messages = Array.from({ length: 100 }, (_, at) =>
            sampleMessage(`number ${at}`, { octets: 400 + 97 * at }),
          );
          const answers = await opened.append(await opened.target.ensureFolder(plan), ...messages);
          await opened.assertHolds(plan, messages);
          const ids = answers.flatMap(({ id }) => (id === undefined ? [] : [id]));
          assert.equal(new Set(ids).size, ids.length, "no id is given twice");
        }),
    },
    {
      title: "reads the contents one after the other, in the order of the calls",
      run: () =>
        withTarget(async (opened) => {
          const order: string[] = [];
          const messages = numbered(
            Array.from({ length: 8 }, (_, at) => sampleMessage(`number ${at}`, { octets: 9000 - at })),
          );
          const folder = await opened.ensure("Order");
          await opened.appendAll(
            folder,
            messages.map((message) => ({ ...message, content: noted(message.content, String(message.uid), order) })),
          );
          assert.deepEqual(
            order,
            messages.flatMap(({ uid }) => [`${uid} begins`, `${uid} ends`]),
          );
        }),
    },
    {
      title: "stores messages of several folders at a time, each in its own",
      run: () =>
        withTarget(async (opened) => {
          const plans = [await opened.plan(["First"]), await opened.plan(["Second"]), await opened.plan(["INBOX"])];
          const folders: TargetFolder[] = [];
          for (const plan of plans) folders.push(await opened.target.ensureFolder(plan));
          const messages = plans.map(({ target }) => sampleMessage(`for ${target.join("/")}`));
          if (opened.target.capabilities.maxConcurrentAppends >= folders.length) {
            await Promise.all(folders.map((folder, at) => opened.append(folder, ...messages.slice(at, at + 1))));
          } else {
            for (const [at, folder] of folders.entries()) await opened.append(folder, ...messages.slice(at, at + 1));
          }
          for (const [at, plan] of plans.entries()) await opened.assertHolds(plan, messages.slice(at, at + 1));
        }),
    },
  ];
  const { refused } = mailbox;
  if (refused) {
    cases.push({
      title: "rejects one message that the server refuses with scope `message`, and stores those around it (R15)",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Refused"]);
          const folder = await opened.target.ensureFolder(plan);
          const good = [sampleMessage("before"), sampleMessage("after"), sampleMessage("later")];
          const [before, after, later] = good;
          assert.ok(before && after && later);
          const answers = await opened.appendAll(folder, numbered([before, refused, after, later]));
          assert.deepEqual(
            answers.map(({ status }) => status),
            ["fulfilled", "rejected", "fulfilled", "fulfilled"],
          );
          assert.equal(scopeOf(answers[1]), "message");
          await opened.assertHolds(plan, good);
        }),
    });
  }
  return cases;
}

function noted(content: MessageContent, name: string, order: string[]): MessageContent {
  return around(content, async function* () {
    order.push(`${name} begins`);
    yield* content;
    order.push(`${name} ends`);
  });
}
