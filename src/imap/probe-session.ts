import type { Socket } from "node:net";
import { MigrationError } from "../errors.js";
import type { ImapSecurity } from "./imap-connection.js";
import { type RefusedResponse, responseError } from "./imap-errors.js";
import { scrub } from "./scrub.js";

const MAX_LINE_OCTETS = 64 * 1024;
const MAX_OCTETS = 1024 * 1024;

/** A socket read by lines, within limits, and nothing read that was not asked for. */
export class ProbeSession {
  readonly socket: Socket;
  readonly #at: string;
  readonly #lines: string[] = [];
  #partial = "";
  #octets = 0;
  #greeted = false;
  #fault: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, at: string) {
    this.socket = socket;
    this.#at = at;
    socket.on("data", this.#onData);
    socket.once("error", this.#onEnd);
    socket.once("close", this.#onEnd);
    if (socket.destroyed) this.#onEnd();
  }

  /** True when something has arrived that nobody has asked for yet. */
  get hasUnread(): boolean {
    return this.#lines.length > 0 || this.#partial !== "";
  }

  async next(): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) {
        this.#greeted = true;
        return line;
      }
      if (this.#fault !== undefined) throw this.#fault;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The tagged answer and what came before it. */
  async send(tag: string, command: string): Promise<{ status: string; text: string; untagged: string[] }> {
    this.socket.write(`${tag} ${command}\r\n`);
    const untagged: string[] = [];
    for (;;) {
      const line = await this.next();
      const bye = /^\* BYE\b ?(.*)/i.exec(line);
      if (bye !== null) throw refused("BYE", bye[1] ?? "", "CAPABILITY");
      const tagged = /^(\S+) (OK|NO|BAD)\b ?(.*)/i.exec(line);
      if (tagged?.[1] === tag) return { status: (tagged[2] ?? "").toUpperCase(), text: tagged[3] ?? "", untagged };
      if (!line.startsWith("* ")) throw new MigrationError("protocol-error", `${this.#at} answers with ${quote(line)}`);
      untagged.push(line.slice(2));
    }
  }

  /** Leaves the socket to somebody else. */
  detach(): void {
    this.socket.off("data", this.#onData);
    this.socket.off("error", this.#onEnd);
    this.socket.off("close", this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#octets += chunk.length;
    const parts = chunk.toString("latin1").split("\n");
    for (const part of parts.slice(0, -1)) {
      this.#lines.push(utf8(`${this.#partial}${part}`.replace(/\r$/, "")));
      this.#partial = "";
    }
    this.#partial += parts.at(-1) ?? "";
    if (this.#octets > MAX_OCTETS || this.#partial.length > MAX_LINE_OCTETS) this.#fail(this.#tooLarge());
    this.#wake();
  };

  readonly #onEnd = (error?: unknown): void => {
    this.#fail(error instanceof Error ? error : closedError());
    this.#wake();
  };

  #fail(fault: Error): void {
    this.#fault ??= fault;
    this.detach();
    this.socket.pause();
  }

  #tooLarge(): MigrationError {
    return this.#greeted
      ? new MigrationError("response-too-large", `${this.#at} sent more than any honest answer holds`)
      : new MigrationError("not-imap", `${this.#at} does not speak IMAP: its first line does not end`);
  }
}

/** The greeting's text. */
export async function readGreeting(session: ProbeSession, security: ImapSecurity, at: string): Promise<string> {
  const line = await session.next();
  const [, status, text = ""] = /^\* (OK|PREAUTH|BYE)\b ?(.*)/i.exec(line) ?? [];
  if (status === undefined) throw new MigrationError("not-imap", `${at} does not speak IMAP; it says ${quote(line)}`);
  if (status.toUpperCase() === "BYE") throw refused("BYE", text, "CONNECT");
  if (status.toUpperCase() === "OK") return scrub(text, []);
  // RFC 9051 section 6.2.1: STARTTLS is possible only before anybody is signed in.
  throw security === "Tls"
    ? new MigrationError("tls-required", `${at} greets with PREAUTH, which leaves no room for STARTTLS`)
    : new MigrationError("protocol-error", `${at} greets with PREAUTH: nobody could say whose mailbox that is`);
}

/** STARTTLS as far as the OK: nothing may follow it in plain text. */
export async function startTls(session: ProbeSession, at: string): Promise<void> {
  const offered = (await askCapabilities(session)).some((name) => name.toUpperCase() === "STARTTLS");
  if (!offered) throw new MigrationError("tls-required", `${at} does not offer STARTTLS`);
  const { status, text } = await session.send("a2", "STARTTLS");
  if (status !== "OK") throw refused(status === "BAD" ? "BAD" : "NO", text, "STARTTLS");
  // What is in the system's buffer already has arrived after one more round of the event loop.
  await nextTurn();
  await nextTurn();
  if (session.hasUnread) {
    throw new MigrationError("tls-injection", `${at} sent something between the OK to STARTTLS and the TLS handshake`);
  }
}

/** RFC 9051 section 6.1.1. */
export async function askCapabilities(session: ProbeSession): Promise<string[]> {
  const { status, text, untagged } = await session.send("a1", "CAPABILITY");
  if (status !== "OK") throw refused(status === "BAD" ? "BAD" : "NO", text, "CAPABILITY");
  const listed = untagged.flatMap((line) => /^CAPABILITY (.*)/i.exec(line)?.[1] ?? []).at(-1);
  if (listed === undefined) throw new MigrationError("protocol-error", "CAPABILITY was answered without a list");
  return listed
    .split(" ")
    .map((name) => scrub(name, []))
    .filter((name) => name !== "");
}

function refused(
  status: RefusedResponse["status"],
  text: string,
  verb: "CONNECT" | "CAPABILITY" | "STARTTLS",
): MigrationError {
  return responseError({ status, text }, { doing: verb === "CONNECT" ? "greeting" : verb, verb });
}

/** What a socket that ends too early stands for. */
export function closedError(): Error {
  return Object.assign(new Error("The server closed the connection"), { code: "ECONNRESET" });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function utf8(octets: string): string {
  return Buffer.from(octets, "latin1").toString();
}

function quote(line: string): string {
  return JSON.stringify(scrub(line, []).slice(0, 100));
}
