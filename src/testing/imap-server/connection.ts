import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { type SecureContext, TLSSocket } from "node:tls";
import type { CutKind } from "./faults.js";
import { OctetReader } from "./octet-reader.js";

const WRITE_SIZE = 64 * 1024;

/** Ends a session whose connection is no more. */
export class ConnectionGone extends Error {}

/** One client connection, in plain text or under TLS. Writes are gathered, and wait while the client does not read. */
export class Connection {
  readonly id: number;
  readonly #socket: Socket;
  #stream: Socket | TLSSocket;
  #reader: OctetReader;
  #pending: Buffer[] = [];
  #pendingOctets = 0;
  #isCut = false;

  constructor(id: number, socket: Socket) {
    this.id = id;
    this.#socket = socket;
    this.#stream = socket;
    this.#reader = this.#read(socket);
  }

  get reader(): OctetReader {
    return this.#reader;
  }

  get isTls(): boolean {
    return this.#stream !== this.#socket;
  }

  /** Queues octets; resolves when there is room for more. @throws ConnectionGone */
  async write(octets: Buffer): Promise<void> {
    if (this.#isCut || this.#stream.destroyed) throw new ConnectionGone();
    this.#pending.push(octets);
    this.#pendingOctets += octets.length;
    if (this.#pendingOctets < WRITE_SIZE) return;
    this.flush();
    await this.#drained();
  }

  /** Hands over to the socket what is queued. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingOctets = 0;
    if (this.#stream.destroyed) return;
    this.#stream.cork();
    for (const octets of pending) this.#stream.write(octets);
    this.#stream.uncork();
  }

  /** Sends octets one by one. */
  async drip(octets: Buffer, everyMs: number): Promise<void> {
    for (let at = 0; at < octets.length; at++) {
      this.flush();
      await this.write(octets.subarray(at, at + 1));
      this.flush();
      await (everyMs > 0 ? sleep(everyMs) : nextTurn());
    }
  }

  /** Starts TLS as the server; what the client sent in plain text beyond this point is thrown away. */
  async startTls(secureContext: SecureContext): Promise<void> {
    this.flush();
    this.#reader.detach();
    const secure = new TLSSocket(this.#socket, { isServer: true, secureContext });
    this.#stream = secure;
    this.#reader = this.#read(secure);
    await Promise.race([once(secure, "secure"), once(secure, "close")]).catch(() => {
      throw new ConnectionGone(); // once() rejects with the handshake's error
    });
    if (secure.destroyed) throw new ConnectionGone();
  }

  /** Sends what is queued and loses the connection. Always throws. @throws ConnectionGone */
  async cut(how: CutKind): Promise<never> {
    this.flush();
    this.#isCut = true;
    if (how === "fin") {
      this.#halfClose();
    } else {
      await new Promise<void>((resolve) => this.#stream.write("", () => resolve()));
      this.#socket.resetAndDestroy();
    }
    throw new ConnectionGone();
  }

  /** Loses the connection at once, whether or not the client has taken what was sent. */
  drop(how: CutKind): void {
    this.#isCut = true;
    if (how === "fin") this.#halfClose();
    else if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
  }

  /** Sends what is queued and closes in order. */
  end(): void {
    this.flush();
    this.#isCut = true;
    this.#halfClose();
  }

  /** Lets go of everything at once. */
  destroy(): void {
    this.#isCut = true;
    this.#stream.destroy();
    this.#socket.destroy();
  }

  #halfClose(): void {
    this.#stream.end();
    this.#reader.detach();
    this.#stream.resume(); // unread input would turn the FIN into an RST
  }

  #read(stream: Socket | TLSSocket): OctetReader {
    stream.on("error", () => {}); // "close" follows, and the reader ends with it
    return new OctetReader(stream, () => this.flush());
  }

  async #drained(): Promise<void> {
    if (!this.#stream.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#stream.off("drain", done).off("close", done);
        resolve();
      };
      this.#stream.on("drain", done).on("close", done);
    });
    if (this.#stream.destroyed) throw new ConnectionGone();
  }
}
