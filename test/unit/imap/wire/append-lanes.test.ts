import { describe, expect, it } from "vitest";
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

  it("says what the connection was lost with where none is left (R14)", async () => {
    const { lane, wire } = connect();
    wire.destroy(new MigrationError("server-unavailable", "Maintenance"));
    await expect(new AppendLanes([lane]).append(message("first"))).rejects.toMatchObject({
      code: "server-unavailable",
    });
  });
});
