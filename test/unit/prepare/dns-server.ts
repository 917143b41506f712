import { createSocket } from "node:dgram";
import { type AddressInfo, createServer } from "node:net";

/** What a resolver double answers. */
export interface DnsScript {
  readonly records?: readonly { readonly preference: number; readonly exchange: string; readonly ttl: number }[];
  /** RCODE; default 0. */
  readonly code?: number;
  /** Every UDP answer says that it did not fit. */
  readonly truncates?: boolean;
  /** So many UDP questions get no answer. */
  readonly drops?: number;
  /** Sent before every UDP answer. */
  readonly forges?: (question: Buffer) => Buffer;
  /** Sent instead of the answer. */
  readonly garbles?: (answer: Buffer) => Buffer;
}

/** A resolver on this machine, over UDP and TCP at one port. */
export class DnsServer {
  readonly questions: string[] = [];
  readonly address: string;
  readonly #close: () => void;

  private constructor(port: number, close: () => void) {
    this.address = `127.0.0.1:${port}`;
    this.#close = close;
  }

  static async start(script: DnsScript): Promise<DnsServer> {
    let server: DnsServer | undefined;
    let drops = script.drops ?? 0;
    const tcp = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (data) => {
        server?.questions.push(`tcp ${nameIn(data.subarray(2))}`);
        const answer = answerTo(data.subarray(2), script, false);
        socket.end(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 0xff), answer]));
      });
    });
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as AddressInfo; // it listens at a port
    const udp = createSocket("udp4");
    udp.on("message", (question, from) => {
      server?.questions.push(`udp ${nameIn(question)}`);
      if (drops-- > 0) return;
      const send = (message: Buffer) => udp.send(message, from.port, from.address);
      if (script.forges) send(script.forges(question));
      const answer = answerTo(question, script, script.truncates ?? false);
      send(script.garbles ? script.garbles(answer) : answer);
    });
    await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
    server = new DnsServer(port, () => {
      udp.close();
      tcp.close();
    });
    return server;
  }

  close(): void {
    this.#close();
  }
}

function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; question[at]; at += 1 + (question[at] ?? 0)) {
    labels.push(question.toString("ascii", at + 1, at + 1 + (question[at] ?? 0)));
  }
  return labels.join(".");
}

/** Names of exchanges below the name that was asked for are compressed, as servers do. */
export function answerTo(question: Buffer, { records = [], code = 0 }: DnsScript, truncated: boolean): Buffer {
  const asked = nameIn(question);
  const rows = truncated ? [] : records;
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | code, 2);
  header.writeUInt16BE(rows.length, 6);
  const answers = rows.map(({ preference, exchange, ttl }) => {
    const isBelow = exchange.endsWith(`.${asked}`);
    const own = isBelow ? exchange.slice(0, -asked.length - 1) : exchange;
    const labels = own === "" ? [] : own.split(".");
    const name = Buffer.concat(labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])));
    const data = Buffer.concat([
      Buffer.of(preference >> 8, preference & 0xff),
      name,
      Buffer.from(isBelow ? [0xc0, 12] : [0]),
    ]);
    const row = Buffer.from([0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 0, 0, 0]);
    row.writeUInt32BE(ttl, 6);
    row.writeUInt16BE(data.length, 10);
    return Buffer.concat([row, data]);
  });
  return Buffer.concat([header, question.subarray(12), ...answers]);
}
