import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { CompressedSocket } from "../../../src/imap/compressed-socket.js";
import { connectionError } from "../../../src/imap/connection-errors.js";
import { FakeSocket, wireOver } from "./wire/fake-socket.js";

/** What a server has deflated and flushed, without the end that only a server which says it will say no more writes. */
const deflated = (text: string) => deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });

async function textOf(socket: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

it("hands over everything that came before an end by FIN, and takes that for an end (RFC 4978)", async () => {
  const socket = new FakeSocket();
  const compressed = new CompressedSocket(socket);
  const read = textOf(compressed);
  socket.send(deflated("* BYE Maintenance\r\n"));
  socket.fin();
  expect(await read).toBe("* BYE Maintenance\r\n");
});

it("hands over what has come before the line is closed behind it", async () => {
  const socket = new FakeSocket();
  const read = textOf(new CompressedSocket(socket));
  const text = `* BYE Maintenance\r\n${"x".repeat(500_000)}`;
  socket.send(deflated(text));
  socket.fin();
  socket.end();
  expect((await read).length).toBe(text.length);
});

it("loses the connection, and says nothing else, where the line is reset", async () => {
  const socket = new FakeSocket();
  const compressed = new CompressedSocket(socket);
  const wire = wireOver(compressed);
  const answer = wire.run("NOOP");
  socket.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  await expect(answer).rejects.toMatchObject({ code: "connection-lost" });
  expect(compressed.destroyed).toBe(true);
});

it("is a server's fault where what comes is not compressed (R13)", async () => {
  const socket = new FakeSocket();
  const wire = wireOver(new CompressedSocket(socket), {
    socketError: (error) => connectionError(error, { host: "imap.contoso.com", port: 993, loggedIn: true }),
  });
  const answer = wire.run("NOOP");
  socket.send("* OK in plain text behind COMPRESS\r\n");
  await expect(answer).rejects.toMatchObject({ code: "protocol-error" });
});

it("inflates no further than its reader takes, however small the line's octets (R11, R13)", async () => {
  const socket = new FakeSocket();
  const compressed = new CompressedSocket(socket);
  let read = 0;
  compressed.on("data", (octets: Buffer) => {
    read += octets.length;
    compressed.pause();
  });
  const deflate = createDeflateRaw();
  deflate.write(Buffer.alloc(64 * 1024 * 1024));
  deflate.end();
  const octets: Buffer[] = [];
  for await (const chunk of deflate) octets.push(chunk);
  const taken = socket.supply(octets);
  const settled = await Promise.race([taken.then(() => "taken"), idle().then(() => "held back")]);
  expect([settled, read < 1024 * 1024]).toEqual(["held back", true]);
  compressed.destroy();
});

/** The event loop has gone round often enough for whatever can go on to have gone on. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) await new Promise(setImmediate);
}

it("holds its writer back while the line takes nothing (R11)", async () => {
  const socket = new FakeSocket();
  const compressed = new CompressedSocket(socket);
  socket.holdWrites();
  let done = 0;
  for (let count = 0; count < 40; count++) compressed.write(randomBytes(64 * 1024), () => (done += 1));
  await idle();
  expect(done).toBeLessThan(10);
  socket.releaseWrites();
  await once(compressed, "drain");
  compressed.destroy();
});
