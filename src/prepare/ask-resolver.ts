import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { MigrationError } from "../errors.js";
import { answers, isTruncated, type MxAnswer, mxQuestion, readMxAnswer } from "./dns-message.js";

const PORT = 53;
/** For each of two attempts over UDP, whose packets may get lost, and for TCP. */
const TIMEOUT_MS = 4_000;
const ATTEMPTS = 2;

/**
 * The MX records of a domain as one resolver tells them, with their TTL, which node:dns leaves out for MX.
 * @param resolver an address, as node:dns takes it: `9.9.9.9`, `127.0.0.1:5353`, `[::1]:53`
 * @throws MigrationError `dns-failed` where the resolver does not answer or cannot tell; `aborted`; `option-invalid`
 */
export async function askForMx(domain: string, resolver: string, signal: AbortSignal): Promise<MxAnswer> {
  const server = checkResolver(resolver);
  const question = mxQuestion(randomInt(0x10000), checkDomain(domain));
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await overUdp(question, server, signal);
      return readMxAnswer(isTruncated(answer) ? await overTcp(question, server, signal) : answer, question);
    } catch (cause) {
      if (signal.aborted) throw new MigrationError("aborted", "The look at the MX records was stopped");
      if (MigrationError.is(cause) || attempt === ATTEMPTS) {
        if (MigrationError.is(cause)) throw cause;
        throw new MigrationError("dns-failed", `${resolver} does not answer`, { cause });
      }
    }
  }
}

/**
 * The domain in ASCII, as it stands in DNS.
 * @throws MigrationError `option-invalid`
 */
export function checkDomain(domain: string): string {
  const ascii = typeof domain === "string" ? domainToASCII(domain.trim().replace(/\.$/, "")) : "";
  const isName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+$/.test(
    ascii,
  );
  if (isName) return ascii;
  throw new MigrationError("option-invalid", `${JSON.stringify(domain)} is no mail domain`);
}

interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** @throws MigrationError `option-invalid` */
export function checkResolver(resolver: string): ServerAddress {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/i.exec(resolver) ?? [];
  const host = isIPv6(resolver) ? resolver : (bracketed ?? plain);
  if (host !== undefined) return { host, port: port === undefined ? PORT : Number(port) };
  throw new MigrationError("option-invalid", `A resolver is given by its address, not as ${JSON.stringify(resolver)}`);
}

function overUdp(question: Buffer, { host, port }: ServerAddress, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  return new Promise<Buffer>((resolve, reject) => {
    AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]).addEventListener("abort", () =>
      reject(new Error("no answer in time")),
    );
    if (signal.aborted) reject(new Error("stopped"));
    socket.on("error", reject);
    socket.on("message", (message) => {
      if (answers(message, question)) resolve(message);
    });
    // Connected, so that nobody but the resolver is heard.
    socket.connect(port, host, () => socket.send(question));
  }).finally(() => socket.close());
}

/** The same with two octets of length in front (RFC 1035 section 4.2.2). */
function overTcp(question: Buffer, { host, port }: ServerAddress, signal: AbortSignal): Promise<Buffer> {
  const socket = connect({ host, port });
  let received = Buffer.alloc(0);
  return new Promise<Buffer>((resolve, reject) => {
    AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]).addEventListener("abort", () =>
      reject(new Error("no answer in time")),
    );
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed before it answered")));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 2 ? Number.POSITIVE_INFINITY : received.readUInt16BE(0);
      const message = received.subarray(2, 2 + length);
      if (message.length < length) return;
      if (answers(message, question)) resolve(message);
      else reject(new Error("answered another question"));
    });
    socket.write(Buffer.concat([Buffer.of(question.length >> 8, question.length & 0xff), question]));
  }).finally(() => socket.destroy());
}
