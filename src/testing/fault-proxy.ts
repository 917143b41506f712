import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Seen from the proxy. */
export type ProxyDirection = "toServer" | "toClient";

/** One thing that goes wrong on the line, and when. */
export interface ProxyFault {
  /** The number of the connection, counted from 1. Default: every connection. */
  connection?: number;
  direction: ProxyDirection;
  /** As soon as exactly so many octets of this direction were forwarded; 0: before the first. */
  afterOctets: number;
  /**
   * `fin` and `rst` end the connection on both sides, `stall` forwards nothing more in this direction until released. A
   * Node client that finds octets and the RST behind them in one read reports a plain end; that is libuv's doing.
   */
  do: "fin" | "rst" | "stall";
}

/** How a proxy is made. */
export interface FaultProxyOptions {
  /** Where connections go. */
  to: { host: string; port: number };
  /** Milliseconds that an octet is on its way, in each direction; a round trip takes twice as long. Default 0. */
  delayMs?: number;
  faults?: readonly ProxyFault[];
}

/** Octets that were forwarded. */
export interface ProxyOctets {
  readonly toServer: number;
  readonly toClient: number;
}

/** Most octets on their way in one direction; beyond, the sender waits. */
const MOST_QUEUED_OCTETS = 16 * 1024 * 1024;

/**
 * A TCP proxy on 127.0.0.1 that counts octets, delays them, stops forwarding, and cuts connections at an exact octet. It
 * knows nothing of what passes. Needs no test framework.
 */
export class FaultProxy {
  readonly #options: FaultProxyOptions;
  readonly #listener: Server;
  readonly #links: Link[] = [];
  readonly #faults: ProxyFault[];
  readonly #watchers = new Set<{ isTrue: () => boolean; resolve: () => void }>();
  #port = 0;
  #appliedFaults = 0;

  private constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#faults = [...(options.faults ?? [])];
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#link(client));
  }

  /** Starts a proxy and resolves when it listens. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#listener.once("error", reject).listen(0, proxy.host, resolve);
    });
    const address = proxy.#listener.address();
    proxy.#port = typeof address === "object" && address ? address.port : 0;
    return proxy;
  }

  /** Always `127.0.0.1`. */
  get host(): string {
    return "127.0.0.1";
  }

  get port(): number {
    return this.#port;
  }

  /** Of all connections so far. */
  get octets(): ProxyOctets {
    const sum = { toServer: 0, toClient: 0 };
    for (const link of this.#links) {
      sum.toServer += link.octets.toServer;
      sum.toClient += link.octets.toClient;
    }
    return sum;
  }

  /** Of each connection, in the order in which they came. */
  get connections(): readonly ProxyOctets[] {
    return this.#links.map((link) => link.octets);
  }

  /** How many times a fault has struck so far. */
  get appliedFaults(): number {
    return this.#appliedFaults;
  }

  /** Adds a fault for connections that come from now on. */
  addFault(fault: ProxyFault): void {
    this.#faults.push(fault);
  }

  /** From now on connections come without faults. */
  clearFaults(): void {
    this.#faults.length = 0;
  }

  /** Forwards nothing more, in either direction, until released. */
  stall(): void {
    for (const link of this.#links) link.stall();
  }

  /** Goes on with everything that was stalled. */
  release(): void {
    for (const link of this.#links) link.release();
  }

  /** Loses every connection with RST; new ones are taken. */
  reset(): void {
    for (const link of this.#links) link.end("rst");
  }

  /** Resolves when the condition is true; it is looked at whenever octets were forwarded or a fault has struck. */
  until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.add({ isTrue, resolve });
    });
  }

  /** Stops listening and closes every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const link of this.#links) link.destroy();
    await closed;
  }

  #link(client: Socket): void {
    const number = this.#links.length + 1;
    const faults = this.#faults.filter((fault) => (fault.connection ?? number) === number);
    const { host, port } = this.#options.to; // read, not spread: a server's own members are getters
    const server = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const struck = (): void => {
      this.#appliedFaults += 1;
    };
    const options = { delayMs: this.#options.delayMs ?? 0, faults, changed: () => this.#changed(), struck };
    this.#links.push(new Link(client, server, options));
  }

  #changed(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.isTrue()) continue;
      this.#watchers.delete(watcher);
      watcher.resolve();
    }
  }
}

interface LinkOptions {
  readonly delayMs: number;
  readonly faults: readonly ProxyFault[];
  readonly changed: () => void;
  readonly struck: () => void;
}

/** One client connection and its counterpart at the server. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #toServer: Lane;
  readonly #toClient: Lane;

  constructor(client: Socket, server: Socket, options: LinkOptions) {
    this.#client = client;
    this.#server = server;
    this.#toServer = this.#lane("toServer", client, server, options);
    this.#toClient = this.#lane("toClient", server, client, options);
    client.on("error", () => reset(server));
    server.on("error", () => reset(client));
  }

  get octets(): ProxyOctets {
    return { toServer: this.#toServer.octets, toClient: this.#toClient.octets };
  }

  stall(): void {
    this.#toServer.stall();
    this.#toClient.stall();
  }

  release(): void {
    this.#toServer.release();
    this.#toClient.release();
  }

  end(how: "fin" | "rst"): void {
    this.#toServer.giveUp();
    this.#toClient.giveUp();
    for (const socket of [this.#client, this.#server]) {
      if (how === "fin") socket.end();
      else reset(socket);
    }
  }

  destroy(): void {
    this.#toServer.giveUp();
    this.#toClient.giveUp();
    this.#client.destroy();
    this.#server.destroy();
  }

  #lane(direction: ProxyDirection, from: Socket, to: Socket, options: LinkOptions): Lane {
    const { delayMs, changed } = options;
    const faults = options.faults
      .filter((fault) => fault.direction === direction)
      .sort((one, other) => one.afterOctets - other.afterOctets);
    const strike = (fault: ProxyFault): void => {
      options.struck();
      if (fault.do !== "stall") this.end(fault.do);
    };
    return new Lane(from, to, { delayMs, faults, changed, strike });
  }
}

function reset(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}

interface LaneOptions {
  readonly delayMs: number;
  /** In the order of their octets. */
  readonly faults: readonly ProxyFault[];
  readonly changed: () => void;
  readonly strike: (fault: ProxyFault) => void;
}

/** One direction of a link. */
class Lane {
  octets = 0;
  readonly #to: Socket;
  readonly #options: LaneOptions;
  readonly #faults: ProxyFault[];
  /** What is on its way; without a chunk, the end. */
  readonly #queue: { chunk: Buffer | undefined; due: number }[] = [];
  readonly #from: Socket;
  #queuedOctets = 0;
  #isStalled = false;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(from: Socket, to: Socket, options: LaneOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#faults = [...options.faults];
    from.on("data", (chunk: Buffer) => this.#push(chunk)).on("end", () => this.#push(undefined));
    to.on("close", () => this.giveUp());
    queueMicrotask(() => void this.#forward()); // a fault at octet 0 needs the whole link
  }

  stall(): void {
    this.#isStalled = true;
  }

  release(): void {
    this.#isStalled = false;
    this.#wake();
  }

  giveUp(): void {
    this.#isOver = true;
    this.#queue.length = 0;
    this.#from.resume(); // what still comes is thrown away
    this.#wake();
  }

  #push(chunk: Buffer | undefined): void {
    if (this.#isOver) return;
    this.#queue.push({ chunk, due: performance.now() + this.#options.delayMs });
    this.#queuedOctets += chunk?.length ?? 0;
    if (this.#queuedOctets > MOST_QUEUED_OCTETS) this.#from.pause();
    this.#wake();
  }

  async #forward(): Promise<void> {
    for (;;) {
      this.#strikeIfDue();
      const [first] = this.#queue;
      if (this.#isOver) return;
      if (!first || this.#isStalled) {
        await this.#woken();
        continue;
      }
      const early = first.due - performance.now();
      if (this.#options.delayMs > 0 && early > 0) {
        await sleep(early);
        continue;
      }
      this.#queue.shift();
      if (!first.chunk) {
        this.#to.end();
        return;
      }
      await this.#forwardChunk(first.chunk, first.due);
      this.#options.changed();
    }
  }

  /** Forwards the chunk or, where a fault is due inside it, the part before. */
  async #forwardChunk(chunk: Buffer, due: number): Promise<void> {
    const room = (this.#faults[0]?.afterOctets ?? Number.POSITIVE_INFINITY) - this.octets;
    const part = chunk.subarray(0, room);
    if (part.length < chunk.length) this.#queue.unshift({ chunk: chunk.subarray(room), due });
    this.octets += part.length;
    this.#queuedOctets -= part.length;
    const isAccepted = this.#to.write(part);
    if (!isAccepted || part.length === room) await new Promise<void>((resolve) => this.#to.write("", () => resolve()));
    if (this.#queuedOctets <= MOST_QUEUED_OCTETS && !this.#isOver) this.#from.resume();
  }

  #strikeIfDue(): void {
    while (!this.#isOver && this.#faults[0] && this.#faults[0].afterOctets <= this.octets) {
      const fault = this.#faults.shift();
      if (!fault) return;
      if (fault.do === "stall") this.#isStalled = true;
      this.#options.strike(fault);
      this.#options.changed();
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
