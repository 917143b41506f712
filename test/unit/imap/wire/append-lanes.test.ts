import { describe, expect, it } from "vitest";
import { DigestedContent } from "../../../../src/engine/digested-content.js";
import { LeaseHold } from "../../../../src/engine/lease-hold.js";
import { MigrationError } from "../../../../src/errors.js";
import { AppendLane } from "../../../../src/imap/wire/append-lane.js";
import { AppendLanes } from "../../../../src/imap/wire/append-lanes.js";
import { FakeContent } from "../../../../src/testing/fake-content.js";
import { connectWire } from "./fake-socket.js";

const ASKING = { unaskedLiteral: 0, multiAppend: false, binary: false };

function connect() {
  const { socket, wire } = connectWire();
  const lane = new AppendLane(wire, ASKING, ({ text }) => new MigrationError("message-refused", text));
  return { socket, wire, lane };
}

const message = (text: string) => ({
  folder: "Sent",
  flags: [],
  internalDate: new Date(Number.NaN),
  content: new FakeContent(Buffer.from(text)),
});

describe("AppendLanes", () => {
  it("gives nothing to a connection that was lost while it had nothing to do (R14)", async () => {
    const [one, other] = [connect(), connect()];
    const lanes = new AppendLanes([one.lane, other.lane]);
    other.wire.destroy(new MigrationError("connection-lost", "The server was tired of waiting"));
    const answers = [lanes.append(message("first")), lanes.append(message("second"))];
    await one.socket.got("{5}\r\n");
    one.socket.send("m1 OK\r\n+ go on\r\n");
    await one.socket.got("first\r\n");
    one.socket.send("m2 OK\r\n");
    await one.socket.got("{6}\r\n");
    one.socket.send("+ go on\r\n");
    await one.socket.got("second\r\n");
    one.socket.send("m3 OK\r\n");
    await expect(Promise.all(answers)).resolves.toHaveLength(2);
  });

  it("sends nothing that was read ahead once the lease was lost (R17)", async () => {
    const [one, other] = [connect(), connect()];
    const lanes = new AppendLanes([one.lane, other.lane]);
    let isDoubtful = false;
    const confirm = () => Promise.reject(new MigrationError("lease-lost", "Another worker has it"));
    const hold = Object.create(LeaseHold.prototype, {
      isDoubtful: { get: () => isDoubtful },
      confirm: { value: confirm },
    });
    const inner = new FakeContent(Buffer.from("third!!"));
    const appends = [
      lanes.append(message("first")),
      lanes.append(message("second")),
      lanes.append({ ...message(""), content: new DigestedContent(inner, hold) }),
    ];
    await Promise.all([one.socket.got("{5}\r\n"), other.socket.got("{6}\r\n"), inner.consumed]);
    await new Promise(setImmediate);
    const why = { message: expect.stringContaining("Another worker has it") };
    const refused = expect(appends[2]).rejects.toMatchObject(why);
    isDoubtful = true;
    one.socket.send("m1 OK\r\n+ go on\r\n");
    await one.socket.got("first\r\n");
    one.socket.send("m2 OK\r\n");
    await refused;
    expect(one.socket.received + other.socket.received).not.toContain("{7}");
    for (const { wire } of [one, other]) wire.destroy(new MigrationError("connection-lost", "The test is over"));
    await Promise.allSettled(appends);
  });

  it("reads the next message of each connection while that waits to be asked, and no further", async () => {
    const [one, other] = [connect(), connect()];
    const lanes = new AppendLanes([one.lane, other.lane]);
    const read: string[] = [];
    const texts = ["first", "second", "third", "fourth", "fifth", "sixth"];
    const contents = texts.map(
      (text) => new FakeContent(Buffer.from(text), { beforeChunk: (at) => void (at === 0 && read.push(text)) }),
    );
    const appends = contents.map((content, at) => lanes.append({ ...message(texts[at] ?? ""), content }));
    await Promise.all([one.socket.got("{5}\r\n"), other.socket.got("{6}\r\n")]);
    await contents[3]?.consumed;
    await new Promise(setImmediate);
    expect(read).toEqual(texts.slice(0, 4));
    // SELECT goes before the first message of a folder.
    other.socket.send("m1 OK\r\n+ go on\r\n");
    await other.socket.got('second\r\nm3 APPEND "Sent" () {6}\r\n');
    await contents[4]?.consumed;
    await new Promise(setImmediate);
    expect(read).toEqual(texts.slice(0, 5));
    for (const { wire } of [one, other]) wire.destroy(new MigrationError("connection-lost", "The test is over"));
    await expect(Promise.allSettled(appends)).resolves.toHaveLength(6);
  });

  it("goes on over the others while one is busy with other commands", async () => {
    const [one, other] = [connect(), connect()];
    const lanes = new AppendLanes([one.lane, other.lane]);
    let end = () => {};
    const busy = one.lane.alone(undefined, () => new Promise<void>((resolve) => (end = resolve)));
    const answers = ["first", "second", "number three"].map((text) => lanes.append(message(text)));
    await other.socket.got("{6}\r\n");
    other.socket.send("m1 OK\r\n+ go on\r\n");
    await other.socket.got("{12}\r\n");
    other.socket.send("m2 OK\r\n+ go on\r\n");
    await other.socket.got("number three\r\n");
    other.socket.send("m3 OK\r\n");
    expect(one.socket.received).toBe("");
    end();
    await busy;
    await one.socket.got("{5}\r\n");
    one.socket.send("m1 OK\r\n+ go on\r\n");
    await one.socket.got("first\r\n");
    one.socket.send("m2 OK\r\n");
    expect(await Promise.all(answers)).toEqual([{}, {}, {}]);
  });

  it("sends nothing of a message that breaks off while it waits, and goes on with the next (R3)", async () => {
    const [one, other] = [connect(), connect()];
    const lanes = new AppendLanes([one.lane, other.lane]);
    const broken = new FakeContent(Buffer.from("broken off"), {
      beforeChunk: (at) => {
        if (at > 0) throw new MigrationError("message-truncated", "The source broke off");
      },
    });
    const answers = [message("first"), message("second"), { ...message(""), content: broken }, message("third")].map(
      (each) => lanes.append(each).catch((error: MigrationError) => error.code),
    );
    await Promise.all([one.socket.got("{5}\r\n"), other.socket.got("{6}\r\n")]);
    one.socket.send("m1 OK\r\n+ go on\r\n");
    other.socket.send("m1 OK\r\n+ go on\r\n");
    await Promise.all([one.socket.got("first\r\n"), other.socket.got("second\r\n")]);
    await other.socket.got("{5}\r\n");
    for (const { socket } of [one, other]) socket.send("m2 OK\r\n");
    other.socket.send("+ go on\r\n");
    await other.socket.got("third\r\n");
    other.socket.send("m3 OK\r\n");
    expect(await Promise.all(answers)).toEqual([{}, {}, "connection-lost", {}]);
    expect(one.socket.received + other.socket.received).not.toContain("broken");
  });

  it("gives the messages in hand to nobody else when a connection is lost: each ends once (R14)", async () => {
    const [one, other] = [connect(), connect()];
    const lanes = new AppendLanes([one.lane, other.lane]);
    const appends = ["first", "second", "third", "number four", "fifth"].map((text) => lanes.append(message(text)));
    await Promise.all([one.socket.got("{5}\r\n"), other.socket.got("{6}\r\n")]);
    const ended = Promise.allSettled(appends);
    one.wire.destroy(new MigrationError("connection-lost", "The server is gone"));
    other.socket.send("m1 OK\r\n+ go on\r\n");
    await other.socket.got("{11}\r\n");
    other.socket.send("m2 OK\r\n+ go on\r\n");
    await other.socket.got("{5}\r\n");
    other.socket.send("m3 OK\r\n+ go on\r\n");
    await other.socket.got("fifth\r\n");
    other.socket.send("m4 OK\r\n");
    expect((await ended).map(({ status }) => status)).toEqual([
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
  });

  it("says what the connection was lost with where none is left (R14)", async () => {
    const { lane, wire } = connect();
    wire.destroy(new MigrationError("server-unavailable", "Maintenance"));
    await expect(new AppendLanes([lane]).append(message("first"))).rejects.toMatchObject({
      code: "server-unavailable",
    });
  });
});
