import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../../src/errors.js";
import { DISCARD, imapString, type UntaggedHandler } from "../../../../src/imap/wire/wire-connection.js";
import { commandsIn, connectWire, FakeSocket, wireOver } from "./fake-socket.js";

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: MigrationError) => error.code,
  );

/** Takes the answers that begin so. */
function taking(start: string): UntaggedHandler & { taken: string[] } {
  const taken: string[] = [];
  return {
    taken,
    untagged: (text) => {
      if (!text.startsWith(start)) return false;
      taken.push(text);
      return true;
    },
  };
}

describe("WireConnection", () => {
  it("writes commands without waiting for answers, and matches answers by tag", async () => {
    const { socket, wire } = connectWire();
    const answers = [wire.run("NOOP"), wire.run("X"), wire.run("Y")];
    await socket.got("m3 Y\r\n");
    expect(socket.received).toBe("m1 NOOP\r\nm2 X\r\nm3 Y\r\n");
    socket.send("m2 NO [NOPERM] not for you\r\nm1 ok done {3}\r\nm3 BAD\r\n");
    expect(await Promise.all(answers)).toEqual([
      { status: "OK", text: "done {3}" },
      { status: "NO", code: "NOPERM", text: "not for you" },
      { status: "BAD", text: "" },
    ]);
  });

  it("offers an untagged answer to later commands where the oldest does not take it", async () => {
    const { socket, wire } = connectWire();
    const [fetch, list] = [taking("1 FETCH"), taking("LIST")];
    const answers = [wire.run("UID FETCH", fetch), wire.run("LIST", list)];
    socket.send("* 1 FETCH (a)\r\n* LIST one\r\n* 1 FETCH (b)\r\n* LIST two\r\nm2 OK\r\n* 1 FETCH (c)\r\nm1 OK\r\n");
    await Promise.all(answers);
    expect(fetch.taken).toEqual(["1 FETCH (a)", "1 FETCH (b)", "1 FETCH (c)"]);
    expect(list.taken).toEqual(["LIST one", "LIST two"]);
  });

  it("offers nothing that comes before another folder is open to the commands behind it", async () => {
    const { socket, wire } = connectWire();
    const fetch = taking("1 FETCH");
    const answers = [wire.run("EXAMINE b", { changesFolder: true }), wire.run("UID FETCH", fetch)];
    socket.send("* 1 FETCH (of folder a)\r\nm1 OK\r\n* 1 FETCH (of folder b)\r\nm2 OK\r\n");
    await Promise.all(answers);
    expect(fetch.taken).toEqual(["1 FETCH (of folder b)"]);
  });

  it("gives the answer whose literal a command streams to that command alone", async () => {
    const { socket, wire } = connectWire();
    const first = taking("1 FETCH");
    const streamed: string[] = [];
    const second: UntaggedHandler = {
      untagged: (text) => streamed.push(text) > 0,
      literal: () => ({ data: (octets) => streamed.push(String(octets)), end: () => streamed.push("end") }),
    };
    const answers = [wire.run("A", { ...first, literal: () => DISCARD }), wire.run("B", second)];
    socket.send("* 1 FETCH (BODY[] {3}\r\nabc)\r\n* 1 FETCH (flags)\r\nm1 OK\r\nm2 OK\r\n");
    await Promise.all(answers);
    expect(streamed.slice(0, 2)).toEqual(["abc", "end"]);
    expect(streamed).toHaveLength(3);
    expect(first.taken).toEqual(["1 FETCH (flags)"]);
  });

  it("overlooks the rest of a line that it was handed over in, but no strange line later", async () => {
    const { socket, wire } = connectWire();
    const answer = wire.run("NOOP");
    socket.send("ABILITIES] still greeting\r\nm1 OK\r\n");
    await answer;
    const second = wire.run("NOOP");
    socket.send("gibberish\r\n");
    expect(await codeOf(second)).toBe("protocol-error");
    expect(socket.destroyed).toBe(true);
  });

  it("hands each continuation request to whoever waits, and overlooks others", async () => {
    const { socket, wire } = connectWire();
    socket.send("+ nobody asked\r\n");
    const invited = wire.continuation();
    socket.send("+\r\n");
    await invited;
    const second = wire.continuation();
    socket.fin();
    expect(await codeOf(second)).toBe("connection-lost");
  });

  it("resolves `drained` only when the server takes what was written (R11)", async () => {
    const { socket, wire } = connectWire();
    socket.holdWrites();
    wire.write(Buffer.alloc(2_000_000));
    await socket.until(() => socket.received.length > 0);
    let isDrained = false;
    const drained = wire.drained().then(() => {
      isDrained = true;
    });
    await new Promise(setImmediate);
    expect(isDrained).toBe(false);
    socket.releaseWrites();
    await drained;
  });

  it("rejects `drained` when the connection is lost meanwhile", async () => {
    const { socket, wire } = connectWire();
    socket.holdWrites();
    wire.write(Buffer.alloc(2_000_000));
    await socket.until(() => socket.received.length > 0);
    const drained = codeOf(wire.drained());
    socket.destroy();
    expect(await drained).toBe("connection-lost");
  });
});

describe("a WireConnection that is lost", () => {
  const bye = (socket: FakeSocket, text: string) => {
    socket.send(`* BYE${text}\r\n`);
    return socket;
  };
  const losses: [string, (socket: FakeSocket) => unknown, string][] = [
    ["by FIN", (socket) => socket.fin(), "connection-lost"],
    ["by RST", (socket) => socket.destroy(new Error("ECONNRESET")), "connection-lost"],
    ["by BYE and FIN", (socket) => bye(socket, " shutting down").fin(), "server-unavailable"],
    ["by BYE without a text and RST", (socket) => bye(socket, "").destroy(new Error("x")), "server-unavailable"],
    ["by a line that never ends", (socket) => socket.send(`* OK ${"x".repeat(1_100_000)}`), "response-too-large"],
    ["by a literal of 4 GB", (socket) => socket.send("* 1 FETCH (BODY[] {4294967296}\r\n"), "response-too-large"],
    ["by a handler that throws", (socket) => socket.send("* throw\r\n"), "unexpected"],
  ];

  it.each(losses)(
    "%s rejects every command with the same error, and all later ones (R12, R13)",
    async (_, lose, code) => {
      const { socket, wire } = connectWire();
      const untagged = (text: string) => {
        if (text === "throw") throw new TypeError("a defect");
        return false;
      };
      const commands = [wire.run("A", { untagged }), wire.run("B"), wire.continuation()].map(codeOf);
      let told = 0;
      wire.onLost(() => told++);
      lose(socket);
      expect(await Promise.all(commands)).toEqual([code, code, code]);
      expect(wire.lost?.code).toBe(code);
      expect(await codeOf(wire.run("C"))).toBe(code);
      expect(await codeOf(wire.drained())).toBe(code);
      expect(await codeOf(wire.continuation())).toBe(code);
      if (!socket.destroyed) await once(socket, "close");
      wire.write("x");
      wire.destroy(new MigrationError("unexpected", "too late"));
      await wire.close();
      expect(told).toBe(1);
    },
  );

  it("answers what was answered before the BYE", async () => {
    const { socket, wire } = connectWire();
    const [first, second] = [wire.run("A"), wire.run("B")];
    socket.send("* BYE see you\r\nm1 OK\r\n");
    expect(await first).toEqual({ status: "OK", text: "" });
    socket.fin();
    expect(await codeOf(second)).toBe("server-unavailable");
  });

  it("knows of an end that came before it", async () => {
    const [destroyed, ended] = [new FakeSocket(), new FakeSocket()];
    destroyed.destroy();
    ended.resume().fin();
    await once(ended, "end");
    for (const socket of [destroyed, ended]) expect(wireOver(socket).lost?.code).toBe("connection-lost");
  });

  it("takes no error of the socket for an unhandled one afterwards (R13)", async () => {
    const { socket, wire } = connectWire();
    wire.destroy(new MigrationError("connection-lost", "x"));
    socket.emit("error", new Error("late"));
    expect(wire.lost?.message).toBe("x");
  });
});

describe("the idle timeout of a WireConnection", () => {
  it("ends a command that nothing moves for with `command-timeout` (R12)", async () => {
    const { socket, wire } = connectWire({ idleTimeoutMs: 20 });
    await expect(wire.run("NOOP")).rejects.toMatchObject({ code: "command-timeout", scope: "user", retry: "now" });
    expect(socket.destroyed).toBe(true);
  });

  it("does not end a connection without commands, nor one that we hold back ourselves", async () => {
    const { socket, wire } = connectWire({ idleTimeoutMs: 20 });
    const other = connectWire({ idleTimeoutMs: 20 });
    const held = wire.run("FETCH");
    wire.pause();
    // Another connection's timeout is the clock here: it began later and is over.
    for (let round = 0; round < 3; round++) {
      await codeOf(connectWire({ idleTimeoutMs: 20 }).wire.run("NOOP"));
    }
    expect(wire.lost).toBeUndefined();
    expect(other.wire.lost).toBeUndefined();
    wire.resume();
    socket.send("m1 OK\r\n");
    await held;
  });
});

describe("closing a WireConnection", () => {
  it("says LOGOUT, and ends when the server has closed", async () => {
    const { socket, wire } = connectWire();
    const closed = wire.close();
    await socket.got("m1 LOGOUT\r\n");
    socket.send("* BYE\r\nm1 OK\r\n");
    socket.fin();
    await closed;
    expect(socket.destroyed).toBe(true);
    await wire.close();
    expect(await codeOf(wire.run("NOOP"))).toBe("connection-lost");
  });

  it("drops the connection where commands are under way, also when it is held back", async () => {
    const { socket, wire } = connectWire();
    const answer = codeOf(wire.run("FETCH"));
    wire.pause();
    await wire.close();
    expect(await answer).toBe("connection-lost");
    expect(socket.destroyed).toBe(true);
    expect(commandsIn(socket.received)).toEqual(["FETCH"]);
  });
});

describe("imapString", () => {
  it("quotes what has to be quoted, and keeps every other octet", () => {
    expect(imapString('a"b\\c {5} \xff&AOk-')).toBe('"a\\"b\\\\c {5} \xff&AOk-"');
  });

  it.each(["a\r\nA1 DELETE INBOX", "a\nb", "a\rb", "a\0b"])("refuses %j: it could end the command (R13)", (name) => {
    expect(() => imapString(name)).toThrow(expect.objectContaining({ code: "folder-name" }));
  });
});
