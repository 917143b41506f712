import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { FaultProxy, type FaultProxyOptions } from "../../../src/testing/fault-proxy.js";

interface EchoServer {
  port: number;
  received: () => Buffer;
  sockets: Socket[];
  /** How the first connection ended: `end` for FIN, or the error's code. */
  ending: Promise<string>;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startEcho(): Promise<EchoServer> {
  const chunks: Buffer[] = [];
  const sockets: Socket[] = [];
  let ended: (how: string) => void = () => {};
  const ending = new Promise<string>((resolve) => {
    ended = resolve;
  });
  const listener: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", (error: NodeJS.ErrnoException) => ended(error.code ?? ""));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      socket.write(chunk);
    });
    socket.on("end", () => {
      ended("end");
      socket.end();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => listener.close(resolve));
  });
  const address = listener.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { port, received: () => Buffer.concat(chunks), sockets, ending };
}

interface Client {
  socket: Socket;
  received: () => Buffer;
  /** Resolves when so many octets have come. */
  until: (octets: number) => Promise<void>;
  /** How the connection ended: `end` for FIN, or the error's code. */
  ending: Promise<string>;
}

/** Does not wait for the connection, which may be lost before it is noticed. */
function connectTo(port: number): Client {
  const socket = connect({ port, host: "127.0.0.1" });
  const chunks: Buffer[] = [];
  const ending = new Promise<string>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "")).on("end", () => resolve("end"));
  });
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  cleanups.push(async () => socket.destroy());
  const received = (): Buffer => Buffer.concat(chunks);
  const until = async (octets: number): Promise<void> => {
    while (received().length < octets) await once(socket, "data");
  };
  return { socket, received, until, ending };
}

async function startProxy(options: Partial<FaultProxyOptions> = {}): Promise<{ proxy: FaultProxy; echo: EchoServer }> {
  const echo = await startEcho();
  const proxy = await FaultProxy.start({ to: { host: "127.0.0.1", port: echo.port }, ...options });
  cleanups.push(() => proxy.close());
  return { proxy, echo };
}

describe("FaultProxy", () => {
  it("forwards every octet in both directions and counts them", async () => {
    const { proxy, echo } = await startProxy();
    const client = connectTo(proxy.port);
    const sent = Buffer.alloc(3_000_000, "0123456789");
    client.socket.end(sent);
    expect(await client.ending).toBe("end");
    expect(client.received().equals(sent)).toBe(true);
    expect(echo.received().equals(sent)).toBe(true);
    expect(proxy.octets).toEqual({ toServer: 3_000_000, toClient: 3_000_000 });
  });

  for (const [how, ending] of [
    ["fin", "end"],
    ["rst", "ECONNRESET"],
  ] as const) {
    it(`ends with ${how} after exactly so many octets to the server`, async () => {
      const fault = { direction: "toServer", afterOctets: 5, do: how } as const;
      const { proxy, echo } = await startProxy({ faults: [fault] });
      const client = connectTo(proxy.port);
      client.socket.write("0123456789");
      expect(await client.ending).toBe(ending);
      await echo.ending; // Node may show an RST behind octets as end
      expect(proxy.octets.toServer).toBe(5);
      expect(echo.received().toString()).toBe("01234");
      expect(proxy.appliedFaults).toBe(1);
    });

    it(`ends with ${how} after exactly so many octets to the client`, async () => {
      const { proxy, echo } = await startProxy({ faults: [{ direction: "toClient", afterOctets: 7, do: how }] });
      const client = connectTo(proxy.port);
      client.socket.write("0123456789");
      expect(await echo.ending).toBe(ending);
      await client.ending;
      expect(client.received().toString()).toBe("0123456");
    });

    it(`ends with ${how} before the first octet`, async () => {
      const { proxy, echo } = await startProxy({ faults: [{ direction: "toClient", afterOctets: 0, do: how }] });
      const client = connectTo(proxy.port);
      client.socket.write("0123456789");
      expect(await client.ending).toBe(ending);
      expect(client.received().length).toBe(0);
      expect(echo.received().length).toBe(0);
    });
  }

  it("stops forwarding at an octet and goes on when released, losing nothing", async () => {
    const { proxy, echo } = await startProxy({ faults: [{ direction: "toServer", afterOctets: 4, do: "stall" }] });
    const client = connectTo(proxy.port);
    client.socket.end("0123456789");
    await proxy.until(() => proxy.appliedFaults === 1 && proxy.octets.toClient === 4);
    expect(echo.received().toString()).toBe("0123");
    proxy.release();
    expect(await client.ending).toBe("end");
    expect(client.received().toString()).toBe("0123456789");
  });

  it("holds both directions of every connection while it is stalled", async () => {
    const { proxy } = await startProxy();
    const client = connectTo(proxy.port);
    client.socket.write("a");
    await proxy.until(() => proxy.octets.toClient === 1);
    proxy.stall();
    client.socket.write("b");
    const other = connectTo(proxy.port); // connections that come later are not held
    other.socket.write("c");
    await other.until(1);
    expect(proxy.connections).toEqual([
      { toServer: 1, toClient: 1 },
      { toServer: 1, toClient: 1 },
    ]);
    proxy.release();
    await client.until(2);
    expect(client.received().toString()).toBe("ab");
  });

  it("meets only the connection that a fault names", async () => {
    const fault = { connection: 2, direction: "toServer", afterOctets: 0, do: "rst" } as const;
    const { proxy } = await startProxy({ faults: [fault] });
    const first = connectTo(proxy.port);
    first.socket.write("hello");
    await first.until(5);
    const second = connectTo(proxy.port);
    expect(await second.ending).toBe("ECONNRESET");
    first.socket.end();
    expect(await first.ending).toBe("end");
    expect(first.received().toString()).toBe("hello");
  });

  it("delays each direction and keeps the order, the end included", async () => {
    const { proxy } = await startProxy({ delayMs: 15 });
    const client = connectTo(proxy.port);
    const start = performance.now();
    client.socket.write("first ");
    client.socket.end("second");
    expect(await client.ending).toBe("end");
    expect(performance.now() - start).toBeGreaterThanOrEqual(29); // timers may fire a fraction of a millisecond early
    expect(client.received().toString()).toBe("first second");
  });

  it("loses every connection on reset and takes new ones", async () => {
    const { proxy } = await startProxy();
    const client = connectTo(proxy.port);
    client.socket.write("x");
    await client.until(1);
    proxy.reset();
    expect(await client.ending).toBe("ECONNRESET");
    const next = connectTo(proxy.port);
    next.socket.end("y");
    expect(await next.ending).toBe("end");
    expect(next.received().toString()).toBe("y");
  });

  it("refuses the client when the server refuses the proxy", async () => {
    const { proxy, echo } = await startProxy();
    await cleanups.shift()?.(); // the echo server's
    expect(echo.sockets).toEqual([]);
    const client = connectTo(proxy.port);
    expect(await client.ending).toBe("ECONNRESET");
  });

  it("makes a sender wait for a reader that does not read", async () => {
    const { proxy, echo } = await startProxy();
    const client = connectTo(proxy.port);
    client.socket.pause();
    client.socket.write(Buffer.alloc(64 * 1024 * 1024));
    client.socket.end();
    await proxy.until(() => proxy.octets.toClient > 0);
    expect(client.received().length).toBe(0);
    client.socket.resume();
    expect(await client.ending).toBe("end");
    expect(client.received().length).toBe(64 * 1024 * 1024);
    expect(echo.received().length).toBe(64 * 1024 * 1024);
  });
});
