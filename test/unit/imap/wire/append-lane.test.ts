import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MigrationError, type MigrationErrorCode } from "../../../../src/errors.js";
import { type AppendAbilities, AppendLane, type AppendRequest } from "../../../../src/imap/wire/append-lane.js";
import type { WireConnection } from "../../../../src/imap/wire/wire-connection.js";
import type { MessageContent } from "../../../../src/mail/message.js";
import { FakeContent } from "../../../../src/testing/fake-content.js";
import { commandsIn, connectWire, type FakeSocket } from "./fake-socket.js";

const MEGABYTE = 1024 * 1024;
const LITERAL_PLUS: AppendAbilities = { unaskedLiteral: Number.POSITIVE_INFINITY, multiAppend: false, binary: false };
const LITERAL_MINUS: AppendAbilities = { ...LITERAL_PLUS, unaskedLiteral: 4096 };
const SYNCHRONISING: AppendAbilities = { ...LITERAL_PLUS, unaskedLiteral: 0 };
const MULTIAPPEND: AppendAbilities = { ...LITERAL_PLUS, multiAppend: true };

let socket: FakeSocket;
let wire: WireConnection;
let lane: AppendLane;
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

function connect(abilities: AppendAbilities): void {
  ({ socket, wire } = connectWire());
  lane = new AppendLane(wire, abilities, ({ code, text }, folder) => {
    const refused: MigrationErrorCode = code === "OVERQUOTA" ? "quota-exceeded" : "message-refused";
    return new MigrationError(refused, `${folder}: ${text}`);
  });
}

beforeEach(() => {
  connect(LITERAL_PLUS);
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  await new Promise(setImmediate);
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

const octetsOf = (text: string) => Buffer.from(text, "latin1");

function append(content: string | Buffer | MessageContent, more: Partial<AppendRequest> = {}) {
  const isOctets = typeof content === "string" || Buffer.isBuffer(content);
  return lane.append({
    folder: "Sent",
    flags: [],
    internalDate: new Date(Number.NaN),
    content: isOctets ? new FakeContent(typeof content === "string" ? octetsOf(content) : content) : content,
    ...more,
  });
}

/** A content that is there already. */
class Arrived extends FakeContent {
  readonly #chunks: readonly Uint8Array[];
  constructor(size: number, chunks: readonly Uint8Array[]) {
    super(Buffer.alloc(size));
    this.#chunks = chunks;
  }
  whole(): readonly Uint8Array[] {
    return this.#chunks;
  }
}

/** A content whose chunks the test gives. */
class Source implements MessageContent {
  cancelled = false;
  read = 0;
  #give: (result: IteratorResult<Uint8Array>) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #asked: () => void = () => {};
  constructor(readonly size: number) {}
  /** Resolves when the next chunk is asked for. */
  wanted(): Promise<void> {
    return new Promise((resolve) => {
      this.#asked = resolve;
    });
  }
  give(octets: number): void {
    this.#give({ done: false, value: Buffer.alloc(octets, "x") });
  }
  end(): void {
    this.#give({ done: true, value: undefined });
  }
  fail(error: unknown): void {
    this.#fail(error);
  }
  cancel(): void {
    this.cancelled = true;
    this.end();
  }
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () =>
        new Promise((resolve, reject) => {
          this.#give = resolve;
          this.#fail = reject;
          this.read += 1;
          this.#asked();
        }),
      return: async () => ({ done: true, value: undefined }),
    };
  }
}

interface Failed {
  readonly code: MigrationErrorCode;
  readonly scope: string;
}
const failure = (promise: Promise<unknown>): Promise<Failed | undefined> =>
  promise.then(
    () => undefined,
    (error: MigrationError) => ({ code: error.code, scope: error.scope }),
  );
const IN_DOUBT: Failed = { code: "connection-lost", scope: "user" };

describe("AppendLane", () => {
  it("writes appends back to back, and matches the answers (R3)", async () => {
    const internalDate = new Date("2001-02-03T04:05:06Z");
    const appended = [
      append("one\r\n", { flags: ["\\Seen", "x"], internalDate }),
      append("two"),
      append("", { folder: 'a"b' }),
    ];
    await socket.got('m5 APPEND "a\\"b"');
    await socket.got("{0+}\r\n\r\n");
    expect(socket.received).toBe(
      'm1 SELECT "Sent"\r\n' +
        'm2 APPEND "Sent" (\\Seen x) " 3-Feb-2001 04:05:06 +0000" {5+}\r\none\r\n\r\n' +
        'm3 APPEND "Sent" () {3+}\r\ntwo\r\n' +
        'm4 SELECT "a\\"b"\r\nm5 APPEND "a\\"b" () {0+}\r\n\r\n',
    );
    socket.send("m1 NO\r\nm2 OK [APPENDUID 9 21] done\r\nm3 NO no {5}\r\nm4 OK\r\nm5 OK done\r\n");
    expect(await appended[0]).toEqual({ uidValidity: 9, uid: 21 });
    expect(await failure(appended[1] ?? Promise.resolve())).toEqual({ code: "message-refused", scope: "message" });
    expect(await appended[2]).toEqual({});
  });

  it("writes the octets of a content as they are, whatever they are (R3)", async () => {
    const contents = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((octets) => Buffer.from(octets));
    await fc.assert(
      fc.asyncProperty(contents, fc.integer({ min: 1, max: 40 }), async (octets, chunkOctets) => {
        connect(LITERAL_PLUS);
        const appended = append(new FakeContent(octets, { chunkOctets }));
        await socket.until(() => /\+\}\r\n.{1,}\r\n$/s.test(socket.received));
        const [, body = ""] = /\{\d+\+\}\r\n(.*)\r\n$/s.exec(socket.received) ?? [];
        socket.send("m1 OK\r\nm2 OK\r\n");
        await appended;
        expect(octetsOf(body)).toEqual(octets);
      }),
    );
  });

  it("sends NUL in a literal8 where the server takes one, and only then", async () => {
    connect({ ...LITERAL_PLUS, binary: true });
    const appended = [append("a\0b"), append("ab")];
    await socket.got("ab\r\n");
    expect(socket.received).toMatch(/\(\) ~\{3\+\}\r\na\0b\r\nm3 APPEND "Sent" \(\) \{2\+\}/);
    socket.send("m1 OK\r\nm2 OK\r\nm3 OK\r\n");
    await Promise.all(appended);
  });

  it("asks for literals over 4,096 octets with LITERAL-, and for none below", async () => {
    connect(LITERAL_MINUS);
    const appended = [append(Buffer.alloc(4096, "a")), append(Buffer.alloc(4097, "b"))];
    await socket.got("{4097}\r\n");
    expect(socket.received).toContain("{4096+}\r\naaa");
    expect(socket.received).not.toContain("b".repeat(10));
    socket.send("m1 OK\r\nm2 OK\r\n+ go\r\n");
    await socket.got(`${"b".repeat(4097)}\r\n`);
    socket.send("m3 OK\r\n");
    await Promise.all(appended);
  });

  it("asks for every literal where the server has neither, one after the other", async () => {
    connect(SYNCHRONISING);
    const appended = [append("one"), append("two")];
    await socket.got("{3}\r\n");
    socket.send("m1 OK\r\n+\r\n");
    await socket.got("one\r\nm3 APPEND");
    socket.send("m2 OK [APPENDUID 1 5]\r\n+ \r\n");
    await socket.got("two\r\n");
    socket.send("m3 OK [APPENDUID 1 6]\r\n");
    expect(await Promise.all(appended)).toEqual([
      { uidValidity: 1, uid: 5 },
      { uidValidity: 1, uid: 6 },
    ]);
  });

  it("takes a NO in place of `+` for the answer, sends nothing of that message, and goes on", async () => {
    connect(SYNCHRONISING);
    const content = new FakeContent(octetsOf("one"));
    const appended = [append(content), append("two")];
    await socket.got("{3}\r\n");
    socket.send("m1 OK\r\nm2 NO [TOOBIG] too big\r\n");
    expect(await failure(appended[0] ?? Promise.resolve())).toEqual({ code: "message-refused", scope: "message" });
    await socket.got("m3 APPEND");
    socket.send("+\r\n");
    await socket.got("two\r\n");
    socket.send("m3 OK\r\n");
    await appended[1];
    expect(socket.received).not.toContain("one");
  });

  it("takes an OK in place of `+` for no message stored", async () => {
    connect(SYNCHRONISING);
    const appended = failure(append("one"));
    await socket.got("{3}\r\n");
    socket.send("m1 OK\r\nm2 OK [APPENDUID 1 5] it is here\r\n");
    expect(await appended).toEqual({ code: "protocol-error", scope: "user" });
  });

  it("rejects where the `+` never comes and the connection is lost", async () => {
    connect(SYNCHRONISING);
    const appended = [append("one"), append("two")].map(failure);
    await socket.got("{3}\r\n");
    socket.fin();
    expect(await Promise.all(appended)).toEqual([IN_DOUBT, IN_DOUBT]);
  });

  it("selects a folder once, and again after other commands had their turn", async () => {
    const appended = [append("1"), append("2", { folder: "Other" }), append("3")];
    const between = lane.between("Third", () => wire.run("NOOP"));
    appended.push(append("4", { folder: "Third" }), append("5"));
    await socket.got("5\r\n");
    expect(commandsIn(socket.received).map((line) => line.replace(/ \(.*/, ""))).toEqual([
      ...['SELECT "Sent"', 'APPEND "Sent"', 'SELECT "Other"', 'APPEND "Other"', 'SELECT "Sent"', 'APPEND "Sent"'],
      ...["NOOP", 'APPEND "Third"', 'SELECT "Sent"', 'APPEND "Sent"'],
    ]);
    for (let tag = 1; tag <= 10; tag++) socket.send(`m${tag} OK\r\n`);
    await Promise.all([...appended, between]);
  });

  it("refuses a folder name that would end the command, and sends nothing of it (R13)", async () => {
    const content = new FakeContent(octetsOf("x"));
    expect(await failure(append(content, { folder: "a\r\nm9 DELETE INBOX" }))).toEqual({
      code: "folder-name",
      scope: "folder",
    });
    await content.consumed;
    expect(socket.received).toBe("");
  });
});

describe("the UIDs of APPENDUID", () => {
  const append3 = async (code: string) => {
    connect(MULTIAPPEND);
    const appended = ["a", "b", "c"].map((text) => append(text));
    await socket.got("c\r\n");
    socket.send(`m1 OK\r\nm2 OK [${code}] done\r\n`);
    return (await Promise.all(appended)).map(({ uid }) => uid);
  };

  it.each<[string, (number | undefined)[]]>([
    ["APPENDUID 7 11:13", [11, 12, 13]],
    ["APPENDUID 7 11,14:15", [11, 14, 15]],
    ["appenduid 7 5,9,12", [5, 9, 12]],
    ["APPENDUID 7 13:11", [13, 12, 11]],
    ["APPENDUID 7 11", [undefined, undefined, undefined]],
    ["APPENDUID 7 11:14", [undefined, undefined, undefined]],
    ["APPENDUID 7 1:4294967295", [undefined, undefined, undefined]],
    ["APPENDUID x", [undefined, undefined, undefined]],
    ["HIGHESTMODSEQ 5", [undefined, undefined, undefined]],
  ])("are read from %s for three messages", async (code, uids) => {
    expect(await append3(code)).toEqual(uids);
  });
});

describe("MULTIAPPEND", () => {
  beforeEach(() => connect(MULTIAPPEND));

  it("puts messages that come together into one command, and closes it when no more come", async () => {
    const appended = [append("one", { flags: ["\\Seen"] }), append("two")];
    await socket.got("two\r\n");
    expect(socket.received).toBe('m1 SELECT "Sent"\r\nm2 APPEND "Sent" (\\Seen) {3+}\r\none () {3+}\r\ntwo\r\n');
    socket.send("m1 OK\r\nm2 OK [APPENDUID 1 5:6]\r\n");
    expect(await Promise.all(appended)).toEqual([
      { uidValidity: 1, uid: 5 },
      { uidValidity: 1, uid: 6 },
    ]);
  });

  it("closes a group while the next content stands still, so that its answer does not wait for mail", async () => {
    const slow = new Source(4);
    const [first, second] = [append("one"), append(slow)];
    await slow.wanted();
    await socket.got("one\r\n");
    socket.send("m1 OK\r\nm2 OK\r\n");
    await first;
    slow.give(4);
    await slow.wanted();
    slow.end();
    await socket.got("xxxx\r\n");
    socket.send("m3 OK\r\n");
    await second;
  });

  it("bounds a group by messages and octets", async () => {
    const appended = Array.from({ length: 101 }, (_, at) => append(`message ${at}`));
    await socket.got("message 100\r\n");
    expect(commandsIn(socket.received).filter((line) => line.startsWith("APPEND"))).toHaveLength(2);
    socket.send("m1 OK\r\nm2 OK\r\nm3 OK\r\n");
    await Promise.all(appended);
    const large = Array.from({ length: 4 }, () => append(Buffer.alloc(3 * MEGABYTE)));
    await socket.until(
      () => socket.received.split(`{${3 * MEGABYTE}+}`).length === 5 && socket.received.endsWith("\0\r\n"),
    );
    socket.send("m4 OK\r\nm5 OK\r\n");
    await Promise.all(large);
  });

  it("rejects each message of a refused group with `group-refused`, and sends each by itself then (R15)", async () => {
    const refused = ["one", "bad", "two"].map((text) => failure(append(text)));
    await socket.got("two\r\n");
    socket.send("m1 OK\r\nm2 NO bad message\r\n");
    const again = { code: "group-refused", scope: "message" };
    expect(await Promise.all(refused)).toEqual([again, again, again]);
    const sent = ["one", "bad", "two"].map((text) => failure(append(text)));
    await socket.got("m5 APPEND");
    await socket.until(() => socket.received.endsWith("two\r\n"));
    socket.send("m3 OK\r\nm4 NO bad message\r\nm5 OK\r\n");
    expect(await Promise.all(sent)).toEqual([undefined, { code: "message-refused", scope: "message" }, undefined]);
    // Groups are made again afterwards.
    const later = [append("3"), append("4")];
    await socket.got('m6 APPEND "Sent" () {1+}\r\n3 () {1+}\r\n4\r\n');
    socket.send("m6 OK\r\n");
    await Promise.all(later);
  });

  it("rejects a group as it is where the refusal is about more than a message", async () => {
    const refused = ["one", "two"].map((text) => failure(append(text)));
    await socket.got("two\r\n");
    socket.send("m1 OK\r\nm2 NO [OVERQUOTA] full\r\n");
    const quota = { code: "quota-exceeded", scope: "user" };
    expect(await Promise.all(refused)).toEqual([quota, quota]);
  });

  it("refuses no message for the one behind it whose literal was not let in (R15)", async () => {
    connect({ ...MULTIAPPEND, unaskedLiteral: 4096 });
    const refused = [append("small"), append(Buffer.alloc(5000))].map(failure);
    await socket.got("{5000}\r\n");
    socket.send("m1 OK\r\nm2 NO [TOOBIG] too big\r\n");
    const again = { code: "group-refused", scope: "message" };
    expect(await Promise.all(refused)).toEqual([again, again]);
  });

  it("leaves a whole group in doubt when the connection is lost", async () => {
    const appended = [append("one"), append("two")].map(failure);
    await socket.got("two");
    socket.fin();
    expect(await Promise.all(appended)).toEqual([IN_DOUBT, IN_DOUBT]);
  });
});

describe("a content that breaks off", () => {
  const breaks: [string, (source: Source) => void][] = [
    ["ends early", (source) => source.end()],
    ["throws a connection-lost", (source) => source.fail(new MigrationError("connection-lost", "gone"))],
    ["throws a message error", (source) => source.fail(new MigrationError("message-truncated", "short"))],
    ["throws something", (source) => source.fail(new TypeError("a defect"))],
  ];

  it.each(breaks)("and %s while it is small is not begun: the connection stays (R3)", async (_, breakOff) => {
    const source = new Source(1000);
    const appended = failure(append(source));
    await source.wanted();
    source.give(500);
    await source.wanted();
    breakOff(source);
    expect(await appended).toEqual(IN_DOUBT);
    expect(socket.received).not.toContain("APPEND");
    const next = append("next");
    await socket.got("next\r\n");
    socket.send("m1 OK\r\nm2 OK\r\n");
    await next;
  });

  it.each(breaks)(
    "and %s while it is large takes the connection with it: nothing can be stored (R3)",
    async (_, breakOff) => {
      const source = new Source(200_000);
      const before = failure(append("before"));
      const appended = failure(append(source));
      const after = failure(append("after"));
      await source.wanted();
      source.give(100_000);
      await source.wanted();
      await socket.got("x".repeat(1000));
      breakOff(source);
      expect(await appended).toEqual(IN_DOUBT);
      expect(await before).toEqual(IN_DOUBT);
      expect(await after).toEqual(IN_DOUBT);
      expect(socket.destroyed).toBe(true);
      expect(socket.received.split("{200000+}\r\n")[1]?.length).toBeLessThan(200_000);
    },
  );

  it.each([[["four"]], [["five!", "x"]], [[]]])(
    "and is there at once as %j instead of 5 octets is not begun (R3)",
    async (chunks) => {
      const appended = failure(append(new Arrived(5, chunks.map(octetsOf))));
      expect(await appended).toEqual(IN_DOUBT);
      expect(socket.received).not.toContain("APPEND");
    },
  );

  it("and brings more than it promised is never sent further than promised (R3)", async () => {
    const source = new Source(100_000);
    const appended = failure(append(source));
    await source.wanted();
    source.give(99_999);
    await source.wanted();
    await socket.got("{100000+}\r\nx");
    source.give(2);
    expect(await appended).toEqual(IN_DOUBT);
    expect(socket.destroyed).toBe(true);
    expect(socket.received.split("{100000+}\r\n")[1]?.length).toBeLessThan(100_000);
  });
});

describe("giving an append up", () => {
  it("before its turn sends nothing, and lets its content go (R12)", async () => {
    const content = new FakeContent(octetsOf("x"));
    expect(await failure(append(content, { signal: AbortSignal.abort() }))).toEqual({
      code: "aborted",
      scope: "batch",
    });
    await content.consumed;
    expect(socket.received).toBe("");
  });

  it("while a small content stands still leaves the connection as it is (R12)", async () => {
    const [stop, source] = [new AbortController(), new Source(1000)];
    const appended = failure(append(source, { signal: stop.signal }));
    await source.wanted();
    stop.abort();
    expect(await appended).toEqual({ code: "aborted", scope: "batch" });
    expect(source.cancelled).toBe(true);
    expect(wire.lost).toBeUndefined();
  });

  it("in the middle of a literal drops the connection, so that nothing is stored (R3, R12)", async () => {
    const [stop, source] = [new AbortController(), new Source(200_000)];
    const before = failure(append("before"));
    const appended = failure(append(source, { signal: stop.signal }));
    await source.wanted();
    source.give(1000);
    await source.wanted();
    stop.abort();
    expect(await appended).toEqual({ code: "aborted", scope: "batch" });
    expect(await before).toEqual(IN_DOUBT);
    expect(socket.destroyed).toBe(true);
  });

  it("after the last octet still hears the answer", async () => {
    const stop = new AbortController();
    const appended = append("sent", { signal: stop.signal });
    await socket.got("sent\r\n");
    stop.abort();
    socket.send("m1 OK\r\nm2 OK [APPENDUID 1 2]\r\n");
    expect(await appended).toEqual({ uidValidity: 1, uid: 2 });
  });

  it("by closing the connection ends the reading of a content that stands still", async () => {
    for (const size of [1000, 200_000]) {
      connect(LITERAL_PLUS);
      const source = new Source(size);
      const appended = failure(append(source));
      await source.wanted();
      await wire.close();
      expect(await appended).toEqual(IN_DOUBT);
      expect(source.cancelled).toBe(true);
    }
  });

  it("tells why the target was lost in the middle of a content", async () => {
    const source = new Source(2_000_000);
    const appended = failure(append(source));
    await source.wanted();
    socket.send("* BYE [UNAVAILABLE] shutting down\r\n");
    socket.fin();
    expect(await appended).toEqual({ code: "server-unavailable", scope: "endpoint" });
  });
});

describe("the flow of AppendLane", () => {
  it("reads no further into a content than the server takes (R11)", async () => {
    const source = new Source(32 * MEGABYTE);
    const appended = failure(append(source));
    await source.wanted();
    socket.holdWrites();
    for (let at = 0; at < 17; at++) {
      source.give(64 * 1024);
      await new Promise(setImmediate);
    }
    const { read } = source;
    await new Promise(setImmediate);
    expect(source.read).toBe(read);
    expect(read).toBeLessThanOrEqual(17);
    expect(socket.writableLength).toBeLessThan(1.2 * MEGABYTE);
    socket.releaseWrites();
    await source.wanted();
    wire.destroy(new MigrationError("connection-lost", "enough"));
    expect(await appended).toEqual(IN_DOUBT);
  });

  it("leaves at most 16 MB and a message unanswered (R11)", async () => {
    const size = 6 * MEGABYTE;
    const appended = Array.from({ length: 5 }, () => append(Buffer.alloc(size, "x")));
    await socket.until(() => socket.received.endsWith("x\r\n") && socket.received.split("APPEND").length === 4);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(socket.received.length).toBeLessThan(16 * MEGABYTE + size);
    socket.send("m1 OK\r\n");
    for (let tag = 2; tag <= 6; tag++) {
      await socket.got(`m${tag} APPEND`);
      socket.send(`m${tag} OK\r\n`);
    }
    await Promise.all(appended);
  });
});
