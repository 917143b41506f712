import { expect, it } from "vitest";
import { MigrationError } from "../../../../src/errors.js";
import { AppendLane } from "../../../../src/imap/wire/append-lane.js";
import { FetchLane } from "../../../../src/imap/wire/fetch-lane.js";
import { connectWire } from "./fake-socket.js";

const MEGABYTE = 1024 * 1024;
/** What both lanes may hold together: the source's high water, the target's, and what the sockets buffer. */
const MOST_HELD = 512 * 1024 + MEGABYTE + 512 * 1024;

it.each([
  ["one message of 10 MB", 1, 10 * MEGABYTE],
  ["200 messages of 50 KB", 200, 50_000],
])("a target that takes nothing holds the source's socket back, for %s (R11)", async (_, count, size) => {
  const [source, target] = [connectWire(), connectWire()];
  const fetched = new FetchLane(source.wire).fetch({
    uids: Array.from({ length: count }, (_, at) => at + 1),
    open: () => ({}),
    refusal: ({ text }) => new MigrationError("protocol-error", text),
    aborted: () => new MigrationError("aborted", "stopped"),
  });
  const abilities = { unaskedLiteral: Number.POSITIVE_INFINITY, multiAppend: false, binary: false };
  const lane = new AppendLane(target.wire, abilities, ({ text }) => new MigrationError("message-refused", text));
  const appended: Promise<unknown>[] = [];
  const copied = (async () => {
    for await (const { flags, internalDate, content } of fetched) {
      appended.push(lane.append({ folder: "Sent", flags: [...flags], internalDate, content }));
    }
  })();
  target.socket.holdWrites();
  const chunk = Buffer.alloc(60_000, "x");
  const sent = source.socket.supply(
    (function* () {
      for (let uid = 1; uid <= count; uid++) {
        yield `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE NIL BODY[] {${size}}\r\n`;
        for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length));
        yield ")\r\n";
      }
      yield "m1 OK done\r\n";
    })(),
  );
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  expect(source.socket.isPaused()).toBe(true);
  expect(source.socket.taken).toBeLessThan(MOST_HELD);
  expect(target.socket.writableLength).toBeGreaterThan(0);

  target.socket.releaseWrites();
  await target.socket.until(() => target.socket.received.length > count * size);
  for (let tag = 1; tag <= count + 1; tag++) target.socket.send(`m${tag} OK\r\n`);
  await Promise.all([sent, copied]);
  await Promise.all(appended);
  expect(appended).toHaveLength(count);
});
