import assert from "node:assert/strict";
import { planFolders } from "../engine/folders/plan-folders.js";
import { MigrationError, type MigrationErrorCode } from "../errors.js";
import type { FolderPlan, SourceFolder, TargetFolder } from "../mail/folder.js";
import { headerBlock } from "../mail/header-key.js";
import type { Appended, FindOptions, MailTarget } from "../mail/mail-target.js";
import type { Message, MessageContent, MessageHead } from "../mail/message.js";
import type { SpecialUse } from "../mail/special-use.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { assertRejects, flagNames, isSamePath } from "./case-assertions.js";
import { fakeMessage } from "./fake-content.js";
import type { FolderContent } from "./fake-mailbox.js";
import { rawMessage, type StoredMessage, sampleMessage } from "./sample-message.js";
import type { MailboxKeeps } from "./source-cases.js";
import { targetReadingCases } from "./target-reading-cases.js";

/** A target over an empty mailbox. */
export interface OpenedTarget {
  readonly target: MailTarget;
  /** What the mailbox holds, learnt in another way than through the target; levels as the target has them. */
  read(): Promise<readonly FolderContent[]>;
}

/** Opens a target over a new mailbox without messages. */
export type OpenTarget = () => Promise<OpenedTarget>;

/** What the mailbox behind a target does. What it does not do is left out of the cases. */
export interface TargetMailbox extends MailboxKeeps {
  /** A message that this server refuses, and only this message; absent where there is none. */
  refused?: StoredMessage;
  /** Numbers its messages by UID, so that a look can begin at one. Default true. */
  uids?: boolean;
  /** Can be read back. Default true. */
  readable?: boolean;
  /** Can change flags after the append (`updateFlags`). Default true. */
  updatesFlags?: boolean;
}

/**
 * What every {@link MailTarget} does, as cases for any test runner:
 * `for (const { title, run } of targetCases(open)) it(title, run)`.
 */
export function targetCases(open: OpenTarget, mailbox: TargetMailbox = {}): BehaviourCase[] {
  const withTarget: WithTarget = async (check) => {
    const { target, read } = await open();
    try {
      await check(new Opened(target, read));
    } finally {
      await target.close();
    }
  };
  return [
    ...folderCases(withTarget, mailbox),
    ...appendCases(withTarget, mailbox),
    ...concurrencyCases(withTarget, mailbox),
    ...failureCases(withTarget, mailbox),
    ...findCases(withTarget, mailbox),
    ...flagCases(withTarget, mailbox),
    ...(mailbox.readable === false ? [] : targetReadingCases(withTarget)),
  ];
}

type WithTarget = (check: (opened: Opened) => Promise<void>) => Promise<void>;

/**
 * An open target, with what the cases ask of it again and again.
 * @internal
 */
export class Opened {
  constructor(
    readonly target: MailTarget,
    readonly read: OpenedTarget["read"],
  ) {}

  /** Where a source folder with these levels goes. */
  async plan(levels: readonly string[], specialUse?: SpecialUse): Promise<FolderPlan> {
    const source = sourceFolder(levels, specialUse);
    const target = { folders: await this.target.listFolders(), names: this.target.capabilities.names };
    const [plan] = planFolders([source], target);
    assert.ok(plan);
    return plan;
  }

  async ensure(...levels: string[]): Promise<TargetFolder> {
    return this.target.ensureFolder(await this.plan(levels));
  }

  /** Appends all messages, as many at a time as the target takes, and resolves with its answers in their order. */
  async appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<PromiseSettledResult<Appended>[]> {
    const answers: Promise<PromiseSettledResult<Appended>>[] = [];
    const underWay = new Set<Promise<unknown>>();
    for (const message of messages) {
      if (underWay.size >= this.target.capabilities.maxConcurrentAppends) await Promise.race(underWay);
      const settled = Promise.allSettled([this.target.append(folder, message)]).then(([result]) => result);
      underWay.add(settled);
      answers.push(settled.finally(() => underWay.delete(settled)));
    }
    return Promise.all(answers);
  }

  async append(folder: TargetFolder, ...stored: StoredMessage[]): Promise<Appended[]> {
    const answers = await this.appendAll(folder, numbered(stored));
    return answers.map((answer) => {
      if (answer.status === "rejected") throw answer.reason;
      return answer.value;
    });
  }

  /** The messages of the folder that a plan goes to. */
  async held(plan: FolderPlan): Promise<readonly StoredMessage[]> {
    const folder = (await this.read()).find(({ levels }) => isSamePath(levels, plan.target));
    assert.ok(folder, `the mailbox holds no folder ${plan.target.join("/")}`);
    return folder.messages ?? [];
  }

  async assertHolds(plan: FolderPlan, messages: readonly StoredMessage[]): Promise<void> {
    assert.deepEqual((await this.held(plan)).map(octetText).sort(), messages.map(octetText).sort());
  }
}

function folderCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  const cases: BehaviourCase[] = [
    {
      title: "lists INBOX",
      run: () =>
        withTarget(async ({ target }) => {
          const inboxes = (await target.listFolders()).filter(({ levels }) => isSamePath(levels, ["INBOX"]));
          assert.equal(inboxes.length, 1);
          assert.equal(inboxes[0]?.selectable, true);
        }),
    },
    {
      title: "makes a folder with the levels above it, and lists it",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["One", "Two", "Three"]);
          const made = await opened.target.ensureFolder(plan);
          assert.equal(made.path, plan.target.join("/"));
          const listed = await opened.target.listFolders();
          assert.ok(listed.some(({ name, levels }) => name === made.name && isSamePath(levels, plan.target)));
          await opened.assertHolds(plan, []);
        }),
    },
    {
      title: "takes a folder that is there already, and changes nothing in it",
      run: () =>
        withTarget(async (opened) => {
          const plan = await opened.plan(["Projects"]);
          const made = await opened.target.ensureFolder(plan);
          await opened.append(made, sampleMessage("kept"));
          const folders = await opened.target.listFolders();
          const again = await opened.target.ensureFolder(await opened.plan(["Projects"]));
          assert.equal(again.name, made.name);
          assert.equal(again.uidValidity, made.uidValidity);
          assert.deepEqual(await opened.target.listFolders(), folders);
          await opened.assertHolds(plan, [sampleMessage("kept")]);
        }),
    },
    {
      title: "takes INBOX for INBOX",
      run: () =>
        withTarget(async (opened) => {
          const folders = await opened.target.listFolders();
          const plan = await opened.plan(["INBOX"]);
          await opened.append(await opened.target.ensureFolder(plan), sampleMessage("for INBOX"));
          assert.deepEqual(await opened.target.listFolders(), folders);
          await opened.assertHolds({ ...plan, target: ["INBOX"] }, [sampleMessage("for INBOX")]);
        }),
    },
    {
      title: "makes folders whose names are not ASCII, hold an ampersand or look like modified UTF-7",
      run: () =>
        withTarget(async (opened) => {
          for (const name of ["Entwürfe & Pläne", "日本語 😀", "R&D", "&AOk-", "50 % [alt] {9}", 'Der "Rest"']) {
            const plan = await opened.plan([name]);
            const folder = await opened.target.ensureFolder(plan);
            await opened.append(folder, sampleMessage("here"));
            const listed = await opened.target.listFolders();
            assert.ok(
              listed.some(({ levels }) => isSamePath(levels, plan.target)),
              `${name} is not listed`,
            );
            await opened.assertHolds(plan, [sampleMessage("here")]);
          }
        }),
    },
  ];
  if (mailbox.specialUse !== false) {
    cases.push({
      title: "puts a special-use folder's messages into the mailbox's own folder of that use",
      run: () =>
        withTarget(async (opened) => {
          const own = (await opened.target.listFolders()).find(({ specialUse }) => specialUse === "\\Sent");
          assert.ok(own, "the mailbox has no \\Sent folder");
          const plan = await opened.plan(["Verschickt"], "\\Sent");
          const folder = await opened.target.ensureFolder(plan);
          assert.equal(folder.name, own.name);
          await opened.append(folder, sampleMessage("sent"));
          await opened.assertHolds({ ...plan, target: own.levels }, [sampleMessage("sent")]);
        }),
    });
  }
  return cases;
}

function appendCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
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

function concurrencyCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
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

function failureCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
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

function findCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  const uidsFound = async ({ target }: Opened, folder: TargetFolder, heads: MessageHead[], options?: FindOptions) =>
    [...(await target.find(folder, heads, options)).keys()].sort((one, other) => one - other);
  const cases: BehaviourCase[] = [
    {
      title: "finds the messages that it holds, and no others",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Found");
          const messages = ["one", "two", "three"].map((subject) => sampleMessage(subject));
          const appended = await opened.append(folder, ...messages);
          const found = await opened.target.find(folder, [
            ...messages.map((message, at) => headOf(at + 1, message)),
            headOf(8, sampleMessage("four")),
            headOf(9, sampleMessage("one", { internalDate: new Date("2011-11-11T11:11:11Z") })),
          ]);
          assert.deepEqual([...found.keys()].sort(), [1, 2, 3]);
          for (const [at, { id }] of appended.entries()) {
            if (id !== undefined) assert.equal(found.get(at + 1)?.id, id);
          }
        }),
    },
    {
      title: "finds nothing in an empty folder, and nothing for no messages",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Found");
          assert.deepEqual(await uidsFound(opened, folder, [headOf(1, sampleMessage("one"))]), []);
          await opened.append(folder, sampleMessage("one"));
          assert.deepEqual(await uidsFound(opened, folder, []), []);
        }),
    },
    {
      title: "finds what was appended in 8 bit, and flagged",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Found");
          const messages = [eightBit(), sampleMessage("flagged", { flags: ["\\Seen", "\\Flagged"] })];
          await opened.append(folder, ...messages);
          const heads = messages.map((message, at) => headOf(at + 1, message));
          assert.deepEqual(await uidsFound(opened, folder, heads), [1, 2]);
        }),
    },
    {
      title: "finds equal messages by count, each under an id of its own (R2)",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Twins");
          const twin = sampleMessage("twin");
          await opened.append(folder, twin, twin);
          const found = await opened.target.find(
            folder,
            [11, 12, 13].map((uid) => headOf(uid, twin)),
          );
          assert.equal(found.size, 2);
          assert.equal(new Set([...found.values()].map(({ id }) => id)).size, 2);
        }),
    },
    {
      title: "does not find under an id that is taken",
      run: () =>
        withTarget(async (opened) => {
          const folder = await opened.ensure("Taken");
          const twin = sampleMessage("twin");
          await opened.append(folder, twin, twin);
          const first = (await opened.target.find(folder, [headOf(1, twin)])).get(1)?.id;
          assert.ok(first !== undefined);
          const second = (await opened.target.find(folder, [headOf(1, twin)], { taken: new Set([first]) })).get(1)?.id;
          assert.ok(second !== undefined && second !== first);
          assert.deepEqual(await uidsFound(opened, folder, [headOf(1, twin)], { taken: new Set([first, second]) }), []);
        }),
    },
  ];
  if (mailbox.uids !== false) {
    cases.push({
      title: "does not find below `fromUid`",
      run: () =>
        withTarget(async (opened) => {
          await opened.append(await opened.ensure("Window"), sampleMessage("early"), sampleMessage("twin"));
          const folder = await opened.ensure("Window");
          await opened.append(folder, sampleMessage("late"), sampleMessage("twin"));
          const heads = ["early", "late", "twin", "twin"].map((subject, at) => headOf(at + 1, sampleMessage(subject)));
          assert.deepEqual(await uidsFound(opened, folder, heads, { fromUid: folder.uidNext }), [2, 3]);
          assert.deepEqual(await uidsFound(opened, folder, heads), [1, 2, 3, 4]);
        }),
    });
  }
  return cases;
}

function sourceFolder(levels: readonly string[], specialUse?: SpecialUse): SourceFolder {
  return {
    ...{ name: levels.join("/"), levels, selectable: true, uidValidity: 1, uidNext: 1, messages: 0 },
    ...(specialUse && { specialUse }),
  };
}

/** Messages with the UIDs 1, 2, 3 and so on. */
function numbered(messages: readonly StoredMessage[]): Message[] {
  return messages.map((message, at) => fakeMessage(at + 1, message));
}

function headOf(uid: number, { octets, internalDate, flags }: StoredMessage): MessageHead {
  return { uid, size: octets.length, internalDate, flags, header: headerBlock(octets) };
}

function flagCases(withTarget: WithTarget, mailbox: TargetMailbox): BehaviourCase[] {
  if (mailbox.updatesFlags === false || mailbox.uids === false) return [];
  /** A folder with these messages, and their ids. */
  const withMessages = (check: (opened: Opened, folder: TargetFolder, ids: readonly string[]) => Promise<void>) =>
    withTarget(async (opened) => {
      const folder = await opened.ensure("Flags");
      const messages = ["one", "two", "three"].map((subject) => sampleMessage(subject, { flags: ["\\Answered"] }));
      await opened.append(folder, ...messages);
      const found = await opened.target.find(
        folder,
        messages.map((message, at) => headOf(at + 1, message)),
      );
      const ids = messages.flatMap((_, at) => found.get(at + 1)?.id ?? []);
      assert.equal(ids.length, messages.length);
      await check(opened, folder, ids);
    });
  const assertFlags = async (opened: Opened, expected: Readonly<Record<string, readonly string[]>>) => {
    const held = await opened.held(await opened.plan(["Flags"]));
    const found = held.map((message) => [subjectOf(message), flagNames(message.flags)] as const);
    assert.deepEqual(Object.fromEntries(found), expected);
  };
  return [
    {
      title: "sets and clears flags of the messages it is told, and of no others; twice is as once",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const [one = "", two = ""] = ids;
          const updates = [
            { ids: [two, one], add: ["\\Seen"], remove: [] },
            { ids: [two], add: ["\\Flagged"], remove: ["\\Answered", "\\Draft"] },
          ];
          for (let times = 0; times < 2; times++) await opened.target.updateFlags?.(folder, updates);
          const [answered, flagged, seen] = ["\\answered", "\\flagged", "\\seen"] as const;
          await assertFlags(opened, { one: [answered, seen], two: [flagged, seen], three: [answered] });
        }),
    },
    {
      title: "takes no offence at a message that is gone, or at a keyword that it does not take",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const gone = String(folder.uidNext + 1_000);
          const add = ["\\Seen", "projekt-x", "not a flag"];
          await opened.target.updateFlags?.(folder, [{ ids: [gone, ...ids.slice(0, 1)], add, remove: ["$Nothing"] }]);
          const [first] = await opened.held(await opened.plan(["Flags"]));
          assert.ok(flagNames(first?.flags).includes("\\seen"));
        }),
    },
    {
      title: "changes flags while messages are appended to other folders",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const other = await opened.ensure("Other");
          const messages = ["four", "five"].map((subject) => sampleMessage(subject, { octets: 5000 }));
          const appends = opened.append(other, ...messages);
          await opened.target.updateFlags?.(folder, [{ ids, add: ["\\Seen"], remove: [] }]);
          await appends;
          await opened.assertHolds(await opened.plan(["Other"]), messages);
          const both = ["\\answered", "\\seen"];
          await assertFlags(opened, { one: both, two: both, three: both });
        }),
    },
    {
      title: "rejects flags for a folder under another UIDVALIDITY",
      run: () =>
        withMessages(async (opened, folder, ids) => {
          const renumbered = { ...folder, uidValidity: folder.uidValidity + 1 };
          const update = { ids, add: ["\\Seen"], remove: [] };
          await assertRejects(async () => opened.target.updateFlags?.(renumbered, [update]), "uidvalidity-changed");
        }),
    },
  ];
}

function subjectOf({ octets }: StoredMessage): string {
  return /^Subject: (.*)\r$/m.exec(Buffer.from(octets).toString("latin1"))?.[1] ?? "";
}

function eightBit(): StoredMessage {
  return rawMessage(Buffer.from("Subject: gr\xfc\xdfe\r\n\r\n\xe4\xf6\xfc \x80\xff\r\n", "latin1"));
}

/** A content that changes how another one is read. */
function around(content: MessageContent, chunks: () => AsyncGenerator<Uint8Array, void, undefined>): MessageContent {
  return { size: content.size, cancel: () => content.cancel(), [Symbol.asyncIterator]: chunks };
}

function noted(content: MessageContent, name: string, order: string[]): MessageContent {
  return around(content, async function* () {
    order.push(`${name} begins`);
    yield* content;
    order.push(`${name} ends`);
  });
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

function octetText({ octets }: StoredMessage): string {
  return Buffer.from(octets).toString("latin1");
}

function scopeOf(answer: PromiseSettledResult<unknown> | undefined): string {
  assert.equal(answer?.status, "rejected");
  assert.ok(MigrationError.is(answer.reason), `not a MigrationError: ${answer.reason}`);
  return answer.reason.scope;
}
