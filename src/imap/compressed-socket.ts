import { Duplex } from "node:stream";
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";

type Done = (error?: Error | null) => void;

/** A connection on which both sides speak DEFLATE (RFC 4978). What is written in one go leaves in one piece. */
export class CompressedSocket extends Duplex {
  readonly #socket: Duplex;
  readonly #deflate = createDeflateRaw();
  /** A server that closes the line does not end its stream first: what is there is all of it. */
  readonly #inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
    this.#deflate.pipe(socket);
    socket.pipe(this.#inflate);
    this.#inflate.on("data", (octets: Buffer) => {
      if (!this.push(octets)) this.#inflate.pause();
    });
    this.#inflate.on("end", () => this.push(null));
    for (const stream of [socket, this.#deflate, this.#inflate]) stream.on("error", (error) => this.destroy(error));
    // Behind an end, the last octets may still be inflated.
    socket.on("close", () => {
      if (!socket.readableEnded) this.destroy();
    });
  }

  override _read(): void {
    this.#inflate.resume();
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#deflate.write(octets);
    this.#flush(done);
  }

  override _writev(pieces: { chunk: Buffer }[], done: Done): void {
    for (const { chunk } of pieces) this.#deflate.write(chunk);
    this.#flush(done);
  }

  override _final(done: Done): void {
    this.#deflate.end(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    for (const stream of [this.#deflate, this.#inflate, this.#socket]) stream.destroy();
    done(error);
  }

  /** Done once the line has taken it, so that a slow line holds the writer back. */
  #flush(done: Done): void {
    this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
      if (!this.#socket.writableNeedDrain) done();
      else this.#socket.once("drain", () => done());
    });
  }
}
