import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const APPENDED = /^\S+ OK \[APPENDUID /;

/**
 * Stands before a target in plain text, and loses every so many-th answer to an APPEND: the client's connection ends in
 * place of the answer. A new connection gets through when the server has done with the one before, as it has in life
 * after the settle delay.
 */
export class LostAnswerProxy {
  readonly host = "127.0.0.1";
  /** How many answers were lost. */
  lost = 0;
  readonly #to: number;
  readonly #every: number;
  readonly #listener: Server;
  #answers = 0;
  /** Resolves when the server has done with every connection so far. */
  #done: Promise<unknown> = Promise.resolve();

  private constructor(to: number, every: number) {
    this.#to = to;
    this.#every = every;
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => void this.#link(client));
  }

  static async start(to: { port: number; every: number }): Promise<LostAnswerProxy> {
    const proxy = new LostAnswerProxy(to.port, to.every);
    proxy.#listener.listen(0, proxy.host);
    await once(proxy.#listener, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  close(): void {
    this.#listener.close();
  }

  async #link(client: Socket): Promise<void> {
    client.on("error", () => {});
    const before = this.#done;
    let done = () => {};
    this.#done = new Promise<void>((resolve) => {
      done = resolve;
    });
    await before;
    const server = connect({ port: this.#to, host: this.host, noDelay: true, allowHalfOpen: true });
    server.on("error", () => {}).once("close", done);
    client.pipe(server); // a client that is gone leaves the server a FIN behind what it had sent
    client.once("close", () => server.end());
    server.once("end", () => client.end());
    this.#forwardAnswers(server, client);
  }

  #forwardAnswers(server: Socket, client: Socket): void {
    let piece = "";
    server.setEncoding("latin1").on("data", (text: string) => {
      if (client.destroyed) return;
      const lines = (piece + text).split(/(?<=\n)/);
      piece = lines.at(-1)?.endsWith("\n") ? "" : (lines.pop() ?? "");
      for (const line of lines) {
        if (APPENDED.test(line) && ++this.#answers % this.#every === 0) {
          this.lost += 1;
          client.resetAndDestroy();
          return;
        }
        client.write(line, "latin1");
      }
    });
  }
}
