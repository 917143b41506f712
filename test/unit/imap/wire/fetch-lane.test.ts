import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MigrationError } from "../../../../src/errors.js";
import { FetchLane, type FetchRequest, type FolderOpening } from "../../../../src/imap/wire/fetch-lane.js";
import type { WireConnection } from "../../../../src/imap/wire/wire-connection.js";
import type { Message } from "../../../../src/mail/message.js";
import { readOctets } from "../../../../src/testing/fake-content.js";
import { commandsIn, connectWire, type FakeSocket } from "./fake-socket.js";

const MEGABYTE = 1024 * 1024;
/** What a lane may hold of messages that nobody reads: its high water, a chunk, and what the socket buffers. */
const MOST_HELD = 512 * 1024 + 3 * 64 * 1024;
const DATE = '" 3-Feb-2001 04:05:06 +0000"';
const NO_SIGNAL: { signal?: AbortSignal } = {};

let socket: FakeSocket;
let wire: WireConnection;
let lane: FetchLane;
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  ({ socket, wire } = connectWire());
  lane = new FetchLane(wire);
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  await new Promise(setImmediate);
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

function fetch(uids: readonly number[], options: Partial<FetchRequest> = NO_SIGNAL): AsyncIterableIterator<Message> {
  return lane.fetch({
    uids,
    open: () => ({}),
    refusal: ({ text }) => new MigrationError("protocol-error", text),
    aborted: () => new MigrationError("aborted", "stopped"),
    ...options,
  });
}

const row = (uid: number, body: string) =>
  `* ${uid} FETCH (UID ${uid} FLAGS (\\Seen) INTERNALDATE ${DATE} BODY[] {${body.length}}\r\n${body})\r\n`;

/** UIDs and texts of what comes, to the end. */
async function texts(messages: AsyncIterable<Message>): Promise<[number, string][]> {
  const read: [number, string][] = [];
  for await (const { uid, content } of messages)
    read.push([uid, Buffer.from(await readOctets(content)).toString("latin1")]);
  return read;
}

async function arrived(messages: AsyncIterator<Message>): Promise<Message> {
  const result = await messages.next();
  if (result.done) throw new Error("a message was expected");
  return result.value;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: MigrationError) => error.code,
  );

describe("FetchLane", () => {
  it("asks by PEEK for sorted ranges, and hands out what comes with flags and date (R3, R4)", async () => {
    const messages = fetch([4, 2, 3, 2, 9]);
    await socket.got("\r\n");
    expect(commandsIn(socket.received)).toEqual(["UID FETCH 2:4,9 (UID FLAGS INTERNALDATE BODY.PEEK[])"]);
    socket.send(row(2, "two\r\n"), row(9, ""), "m1 OK\r\n");
    const first = await arrived(messages);
    expect(first).toMatchObject({ uid: 2, size: 5, internalDate: new Date("2001-02-03T04:05:06Z") });
    expect([...first.flags]).toEqual(["\\Seen"]);
    expect(Buffer.from(await readOctets(first.content))).toEqual(Buffer.from("two\r\n"));
    expect(await texts(messages)).toEqual([[9, ""]]);
  });

  it("delivers the same from a transcript cut at every octet", async () => {
    const transcript = Buffer.from(
      `${row(1, "one)\r\nm1 OK\r\n")}* 3 FETCH (FLAGS ())\r\n* 2 FETCH (BODY[] {3}\r\ntwo UID 2 FLAGS (x) INTERNALDATE NIL)\r\nm1 OK\r\n`,
    );
    for (let at = 1; at < transcript.length; at++) {
      ({ socket, wire } = connectWire());
      lane = new FetchLane(wire);
      const read = texts(fetch([1, 2]));
      await socket.got("\r\n");
      socket.send(transcript.subarray(0, at), transcript.subarray(at));
      expect(await read, `cut at ${at}`).toEqual([
        [1, "one)\r\nm1 OK\r\n"],
        [2, "two"],
      ]);
    }
  });

  it.each([
    [
      "a body before UID, flags and date",
      `* 1 FETCH (BODY[] {4}\r\nbody UID 1 FLAGS (\\Seen) INTERNALDATE ${DATE})\r\n`,
    ],
    ["a body between flags and UID", `* 1 FETCH (FLAGS (\\Seen) BODY[] {4}\r\nbody INTERNALDATE ${DATE} UID 1)\r\n`],
    ["a quoted body", `* 1 FETCH (UID 1 FLAGS (\\Seen) BODY[] "body" INTERNALDATE ${DATE})\r\n`],
    ["a body as literal8", `* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE ${DATE} BODY[] ~{4}\r\nbody)\r\n`],
    [
      "a body behind another literal",
      `* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE {26}\r\n${DATE.slice(1, -1)} BODY[] {4}\r\nbody)\r\n`,
    ],
    ["a body with an origin", `* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE ${DATE} BODY[]<0> {4}\r\nbody)\r\n`],
    ["items in lower case", `* 1 fetch (uid 1 flags (\\Seen) internaldate ${DATE} body[] {4}\r\nbody)\r\n`],
    [
      "items that nobody asked for",
      `* 1 FETCH (X-GM-MSGID 9 UID 1 MODSEQ (5) FLAGS (\\Seen) INTERNALDATE ${DATE} BODY[] {4}\r\nbody X (y))\r\n`,
    ],
    [
      "a keyword with a bracket in it",
      `* 1 FETCH (FLAGS (\\Seen a[b) UID 1 INTERNALDATE ${DATE} BODY[] {4}\r\nbody)\r\n`,
    ],
  ])("reads a row with %s", async (_, line) => {
    const messages = fetch([1]);
    await socket.got("\r\n");
    socket.send(line, "m1 OK\r\n");
    const message = await arrived(messages);
    expect([message.uid, message.size, message.flags.has("\\Seen")]).toEqual([1, 4, true]);
    expect(Buffer.from(await readOctets(message.content)).toString()).toBe("body");
    expect((await messages.next()).done).toBe(true);
  });

  it.each([
    ["with NIL for a body", `* 2 FETCH (UID 2 FLAGS () INTERNALDATE ${DATE} BODY[] NIL)\r\n`],
    ["without a body", "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n"],
    ["without UID", `* 2 FETCH (FLAGS () INTERNALDATE ${DATE} BODY[] {3}\r\ntwo)\r\n`],
    ["that came before", row(1, "one, again")],
    ["that comes out of order", row(0, "zero")],
    ["of a message that nobody asked for", row(7, "seven")],
    ["that cannot be read", `* 2 FETCH (UID 2 FLAGS (\\Seen INTERNALDATE ${DATE} BODY[] {3}\r\ntwo)\r\n`],
    ["that cannot be read behind its body", `* 2 FETCH (UID 2 FLAGS () INTERNALDATE ${DATE} BODY[] "x" ")\r\n`],
    ["of something else", "* 2 EXPUNGE\r\n* 5 EXISTS\r\n* OK [CLOSED] x\r\n* VANISHED 4\r\n* SEARCH\r\n"],
  ])("leaves out a row %s, and delivers the others (R15)", async (_, line) => {
    const read = texts(fetch([1, 2, 3]));
    await socket.got("\r\n");
    socket.send(row(1, "one"), line, row(3, "three"), "m1 OK\r\n");
    expect(await read).toEqual([
      [1, "one"],
      [3, "three"],
    ]);
  });

  it("throws a body of 100 MB away that nobody wants, without holding it (R11)", async () => {
    const read = texts(fetch([1, 2]));
    await socket.got("\r\n");
    socket.send(row(1, "one"), `* 1 FETCH (UID 1 FLAGS () INTERNALDATE ${DATE} BODY[] {${100 * MEGABYTE}}\r\n`);
    const chunk = Buffer.alloc(MEGABYTE);
    await socket.supply(Array.from({ length: 100 }, () => chunk));
    socket.send(")\r\n", row(2, "two"), "m1 OK\r\n");
    expect(await read).toEqual([
      [1, "one"],
      [2, "two"],
    ]);
  });

  it("gives a content that has arrived all at once, and only then; the next message follows (R3)", async () => {
    const messages = fetch([1, 2]);
    const coming = arrived(messages);
    socket.send(row(1, "first").slice(0, -5));
    const { content } = await coming;
    expect(content.whole?.()).toBeUndefined();
    socket.send(row(1, "first").slice(-5) + row(2, "second"));
    await new Promise(setImmediate);
    const [next, whole] = [arrived(messages), content.whole?.() ?? []];
    expect(Buffer.concat(whole).toString("latin1")).toBe("first");
    expect(await readOctets(content)).toHaveLength(0);
    const second = await next;
    expect(Buffer.from(await readOctets(second.content)).toString("latin1")).toBe("second");
    expect(second.content.whole?.()).toBeUndefined();
  });

  it("gives no content at once that somebody has begun to read", async () => {
    const messages = fetch([1]);
    const coming = arrived(messages);
    socket.send(row(1, "first"));
    const { content } = await coming;
    await content[Symbol.asyncIterator]().next();
    expect(content.whole?.()).toBeUndefined();
  });

  it('hands out a `BODY[]` of "" as a content of no octets', async () => {
    const read = texts(fetch([1]));
    await socket.got("\r\n");
    socket.send(`* 1 FETCH (UID 1 FLAGS () INTERNALDATE ${DATE} BODY[] "")\r\nm1 OK\r\n`);
    expect(await read).toEqual([[1, ""]]);
  });

  it("goes on after a NO in the middle of its commands: what is missing, the caller sees", async () => {
    const uids = Array.from({ length: 3000 }, (_, at) => 2 * at + 1);
    const read = texts(fetch(uids));
    await socket.got("\r\n");
    socket.send(row(1, "one"), "m1 NO [SERVERBUG] gone wrong {5}\r\n");
    await socket.got("m2 ");
    socket.send(row(5999, "last"), "m2 OK\r\n");
    expect(await read).toEqual([
      [1, "one"],
      [5999, "last"],
    ]);
  });

  it("ends with the error of a BAD, after what came before it", async () => {
    const messages = fetch([1, 2]);
    await socket.got("\r\n");
    socket.send(row(1, "one"), "m1 BAD what\r\n");
    const first = await arrived(messages);
    expect(await readOctets(first.content)).toHaveLength(3);
    expect(await codeOf(messages.next())).toBe("protocol-error");
  });

  it("delivers nothing of a folder that could not be opened", async () => {
    const opening: FolderOpening = {};
    const messages = fetch([1], { open: () => opening });
    await socket.got("\r\n");
    opening.error = new MigrationError("uidvalidity-changed", "other UIDs");
    socket.send(row(1, "of another time"), "m1 OK\r\n");
    expect(await codeOf(messages.next())).toBe("uidvalidity-changed");
  });

  it("asks for a whole range at once, and for no more than a line of 8,000 octets holds", async () => {
    const range = texts(fetch(Array.from({ length: 100_000 }, (_, at) => at + 1)));
    await socket.got("m1 UID FETCH 1:100000 (");
    const uids = Array.from({ length: 6000 }, (_, at) => 2 * at + 1);
    const scattered = texts(fetch(uids));
    const tags = [...Array(6).keys()].map((at) => `m${at + 1}`);
    for (const tag of tags) {
      await socket.got(`${tag} `);
      socket.send(`${tag} OK\r\n`);
    }
    expect(await Promise.all([range, scattered])).toEqual([[], []]);
    const commands = commandsIn(socket.received);
    expect(Math.max(...commands.map(({ length }) => length))).toBeLessThan(7_900);
    expect(commands.slice(1).flatMap((line) => (line.split(" ")[2] ?? "").split(","))).toEqual(uids.map(String));
  });

  it("rejects on a connection that is lost already", async () => {
    wire.destroy(new MigrationError("connection-lost", "x"));
    expect(await codeOf(fetch([1]).next())).toBe("connection-lost");
    expect((await fetch([]).next()).done).toBe(true);
  });
});

describe("the flow of FetchLane", () => {
  it("holds the server back while a content stands still, however large it is (R11)", async () => {
    const messages = fetch([1]);
    await socket.got("\r\n");
    socket.send(`* 1 FETCH (UID 1 FLAGS () INTERNALDATE ${DATE} BODY[] {${64 * MEGABYTE}}\r\n`);
    const chunk = Buffer.alloc(64 * 1024, "x");
    const all = socket.supply(Array.from({ length: 1024 }, () => chunk));
    const { content } = await arrived(messages);
    await settled();
    expect(socket.isPaused()).toBe(true);
    expect(socket.taken).toBeLessThan(MOST_HELD);
    let octets = 0;
    for await (const piece of content) {
      octets += piece.length;
      expect(socket.taken - octets).toBeLessThan(MOST_HELD);
    }
    await all;
    expect(octets).toBe(64 * MEGABYTE);
  });

  it("holds the server back while messages stand in line, whatever form their rows have (R11)", async () => {
    const forms = [
      (uid: number, body: string) => row(uid, body),
      (uid: number, body: string) =>
        `* 1 FETCH (FLAGS () BODY[] {${body.length}}\r\n${body} UID ${uid} INTERNALDATE NIL)\r\n`,
      (uid: number, body: string) => `* 1 FETCH (UID ${uid} FLAGS () INTERNALDATE NIL BODY[] "${body}")\r\n`,
    ];
    for (const form of forms) {
      ({ socket, wire } = connectWire());
      lane = new FetchLane(wire);
      const uids = Array.from({ length: 400 }, (_, at) => at + 1);
      const messages = fetch(uids);
      await socket.got("\r\n");
      const body = "x".repeat(50_000);
      const all = socket.supply(uids.map((uid) => form(uid, body)));
      const first = await arrived(messages);
      await settled();
      expect(socket.taken).toBeLessThan(MOST_HELD);
      await readOctets(first.content);
      for (const uid of uids.slice(1)) {
        const { content } = await arrived(messages);
        expect(socket.taken - uid * body.length).toBeLessThan(MOST_HELD);
        await readOctets(content);
      }
      await all;
      socket.send("m1 OK\r\n");
      expect((await messages.next()).done).toBe(true);
    }
  });

  it("lets no more than 256 messages stand in line, however small they are (R11)", async () => {
    const uids = Array.from({ length: 4_000 }, (_, at) => at + 1);
    const messages = fetch(uids);
    await socket.got("\r\n");
    const all = socket.supply(uids.map((uid) => row(uid, "x")));
    const { length } = row(4_000, "x");
    const inLine = () => socket.taken / length;
    const first = await arrived(messages);
    await settled();
    // What the socket buffers was taken from the server, and is no message yet.
    const most = 256 + (3 * 64 * 1024) / length;
    expect(inLine()).toBeLessThan(most);
    await readOctets(first.content);
    for (const uid of uids.slice(1)) {
      const { content } = await arrived(messages);
      expect(inLine() - uid).toBeLessThan(most);
      await readOctets(content);
    }
    await all;
    socket.send("m1 OK\r\n");
    expect((await messages.next()).done).toBe(true);
  });

  it("holds nobody back for messages that were given up", async () => {
    const uids = Array.from({ length: 200 }, (_, at) => at + 1);
    for (let round = 1; round <= 3; round++) {
      const given = fetch(uids);
      await socket.got(`m${round} `);
      socket.send(...uids.map((uid) => row(uid, "x")), `m${round} OK\r\n`);
      await settled();
      await given.return?.();
    }
    expect(socket.isPaused()).toBe(false);
  });

  it("answers overlapping fetches in order, each with its own", async () => {
    const [one, two] = [texts(fetch([1, 2])), texts(fetch([2, 3]))];
    await socket.got("m2 ");
    socket.send(row(1, "a"), row(2, "b"), "m1 OK\r\n", row(2, "B"), row(3, "c"), "m2 OK\r\n");
    expect(await one).toEqual([
      [1, "a"],
      [2, "b"],
    ]);
    expect(await two).toEqual([
      [2, "B"],
      [3, "c"],
    ]);
  });

  it("hands out rows of a later fetch that come early to that fetch", async () => {
    const [one, two] = [texts(fetch([1])), texts(fetch([2]))];
    await socket.got("m2 ");
    socket.send(row(2, "of the second"), "m2 OK\r\n", row(1, "of the first"), "m1 OK\r\n");
    expect(await two).toEqual([[2, "of the second"]]);
    expect(await one).toEqual([[1, "of the first"]]);
  });

  it("stays usable after a fetch was left with a message unread", async () => {
    const messages = fetch([1, 2]);
    await socket.got("\r\n");
    socket.send(row(1, "x".repeat(600_000)));
    const { content } = await arrived(messages);
    await messages.return?.();
    expect(await codeOf(readOctets(content))).toBe("message-truncated");
    expect((await messages.next()).done).toBe(true);
    const read = texts(fetch([5]));
    socket.send(row(2, "nobody's"), "m1 OK\r\n", row(5, "five"), "m2 OK\r\n");
    expect(await read).toEqual([[5, "five"]]);
    expect(socket.isPaused()).toBe(false);
  });

  it("lets a content that is being read go on after its fetch was left", async () => {
    const messages = fetch([1, 2]);
    await socket.got("\r\n");
    socket.send(row(1, "12345678").slice(0, -6));
    const { content } = await arrived(messages);
    const chunks = content[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe("12345");
    await messages.return?.();
    socket.send("678)\r\n", "m1 OK\r\n");
    expect(String((await chunks.next()).value)).toBe("678");
    expect((await chunks.next()).done).toBe(true);
  });

  it.each([
    ["unread", async (_content: Message["content"]) => {}],
    [
      "half read",
      async (content: Message["content"]) => {
        await content[Symbol.asyncIterator]().next();
      },
    ],
  ])("stays usable after a fetch was aborted in the middle of a content that is %s (R12)", async (_, begin) => {
    const stop = new AbortController();
    const messages = fetch([1, 2], { signal: stop.signal });
    await socket.got("\r\n");
    socket.send(`* 1 FETCH (UID 1 FLAGS () INTERNALDATE ${DATE} BODY[] {2000000}\r\n`);
    const sent = socket.supply(Array.from({ length: 20 }, () => Buffer.alloc(100_000)));
    const { content } = await arrived(messages);
    await begin(content);
    const [next, rest] = [codeOf(messages.next()), codeOf(begin(content).then(() => readOctets(content)))];
    stop.abort();
    expect(await next).toBe("aborted");
    expect(await rest).toBe("aborted");
    await sent;
    socket.send(")\r\n", row(2, "x"), "m1 OK\r\n");
    const read = texts(fetch([7]));
    await socket.got("m2 ");
    socket.send(row(7, "seven"), "m2 OK\r\n");
    expect(await read).toEqual([[7, "seven"]]);
  });

  it("rejects at once where the host had given up before, and asks nothing", async () => {
    const messages = fetch([1], { signal: AbortSignal.abort() });
    expect(await codeOf(messages.next())).toBe("aborted");
    expect(socket.received).toBe("");
  });

  it("breaks a content off that is not whole when the connection is lost, and delivers those that are (R3)", async () => {
    const messages = fetch([1, 2]);
    await socket.got("\r\n");
    socket.send(row(1, "whole"), `* 2 FETCH (UID 2 FLAGS () INTERNALDATE ${DATE} BODY[] {10}\r\nhalf`);
    const first = await arrived(messages);
    const next = arrived(messages);
    const whole = readOctets(first.content);
    socket.fin();
    expect(Buffer.from(await whole).toString()).toBe("whole");
    expect(await codeOf(readOctets((await next).content))).toBe("connection-lost");
    expect(await codeOf(messages.next())).toBe("connection-lost");
  });

  it("leaves no rejection unhandled when nobody listens any more (R13)", async () => {
    const messages = fetch([1, 2]);
    fetch([3]);
    await socket.got("m2 ");
    socket.send(`* 1 FETCH (UID 1 FLAGS () INTERNALDATE ${DATE} BODY[] {10}\r\nhalf`);
    await arrived(messages);
    socket.destroy(new Error("ECONNRESET"));
    await settled();
    expect(wire.lost?.code).toBe("connection-lost");
  });
});

/** Resolves when the socket has done whatever it does by itself. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
