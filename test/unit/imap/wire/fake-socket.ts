import { Duplex } from "node:stream";
import { MigrationError } from "../../../../src/errors.js";
import { WireConnection, type WireOptions } from "../../../../src/imap/wire/wire-connection.js";

/** The client's end of a connection whose server is the test. Texts hold one character per octet. */
export class FakeSocket extends Duplex {
  /** Everything that the client has written. */
  received = "";
  /** Octets handed to the client so far; what is supplied counts when it is asked for. */
  taken = 0;
  #supply: Iterator<string | Buffer> | undefined;
  #supplied: () => void = () => {};
  #watchers: { isTrue: () => boolean; resolve: () => void }[] = [];
  #heldWrites: (() => void)[] | undefined;

  constructor() {
    super({ readableHighWaterMark: 16 * 1024 });
  }

  override _read(): void {
    if (!this.#supply) return;
    const { done, value } = this.#supply.next();
    if (done) {
      this.#supply = undefined;
      this.#supplied();
    } else {
      this.send(value);
    }
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received += chunk.toString("latin1");
    if (this.#heldWrites) this.#heldWrites.push(done);
    else done();
    this.#look();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error);
    this.#look();
  }

  /** What the server says, at once. */
  send(...octets: (string | Buffer)[]): void {
    for (const piece of octets) {
      const chunk = typeof piece === "string" ? Buffer.from(piece, "latin1") : piece;
      this.taken += chunk.length;
      this.push(chunk);
    }
  }

  /** What the server says as fast as the client takes it; resolves when it has taken all. */
  supply(chunks: Iterable<string | Buffer>): Promise<void> {
    this.#supply = chunks[Symbol.iterator]();
    return new Promise((resolve) => {
      this.#supplied = resolve;
      this._read();
    });
  }

  /** The server sends FIN. */
  fin(): void {
    this.push(null);
  }

  /** The server takes nothing more until it is released. */
  holdWrites(): void {
    this.#heldWrites ??= [];
  }

  releaseWrites(): void {
    const held = this.#heldWrites ?? [];
    this.#heldWrites = undefined;
    for (const done of held) done();
  }

  /** Resolves when the condition is true; it is looked at after everything that the client does. */
  until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.push({ isTrue, resolve });
    });
  }

  /** Resolves when the client has written this. */
  got(text: string): Promise<void> {
    return this.until(() => this.received.includes(text));
  }

  #look(): void {
    for (const watcher of this.#watchers.filter(({ isTrue }) => isTrue())) {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
      watcher.resolve();
    }
  }
}

/** A connection of ours on a server that the test plays. */
export function connectWire(options: Partial<WireOptions> = {}): { socket: FakeSocket; wire: WireConnection } {
  const socket = new FakeSocket();
  return { socket, wire: wireOver(socket, options) };
}

export function wireOver(socket: Duplex, options: Partial<WireOptions> = {}): WireConnection {
  return new WireConnection(socket, {
    idleTimeoutMs: 60_000,
    byeError: (text) => new MigrationError("server-unavailable", `BYE ${text}`),
    socketError: (error) => new MigrationError("connection-lost", String(error)),
    ...options,
  });
}

/** The commands in what a client wrote, without tags, one a line. */
export function commandsIn(received: string): string[] {
  return received.match(/(?<=^m\d+ ).*(?=\r\n)/gm) ?? [];
}
