import type { Socket } from "node:net";
import { MigrationError } from "../errors.js";
import { scrub } from "../scrub.js";
import type { ImapSecurity } from "./imap-connection.js";
import { type ImapVerb, type RefusedResponse, responseError } from "./imap-errors.js";

const MAX_LINE_OCTETS = 64 * 1024;
const MAX_OCTETS = 1024 * 1024;

/** A tagged answer and what came before it. */
export interface LineAnswer {
  readonly status: "OK" | "NO" | "BAD";
  readonly text: string;
  readonly untagged: readonly string[];
  /** What stood behind each `+`. */
  readonly continuations: readonly string[];
}

/** A server's words until somebody is signed in: a socket read by lines, within limits, and none read that was not asked for. */
export class LineSession {
  readonly socket: Socket;
  readonly #at: string;
  /** One character per octet. */
  #unread = "";
  #octets = 0;
  #tags = 0;
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
    return this.#unread !== "";
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf("\n");
      if (end >= 0) {
        const line = this.#unread.slice(0, end).replace(/\r$/, "");
        this.#unread = this.#unread.slice(end + 1);
        this.#greeted = true;
        return utf8(line);
      }
      if (this.#fault !== undefined) throw this.#fault;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /**
   * Sends a command, each further line of it when the server asks with `+`, and waits for the tagged answer.
   * @throws the fault of the socket; MigrationError of a BYE, by `verb`
   */
  async send(verb: ImapVerb, lines: readonly string[], secrets: readonly string[] = []): Promise<LineAnswer> {
    this.#tags += 1;
    const tag = `a${this.#tags}`;
    const rest = lines.values();
    this.socket.write(`${tag} ${rest.next().value}\r\n`);
    const untagged: string[] = [];
    const continuations: string[] = [];
    for (;;) {
      const line = await this.next();
      const bye = /^\* BYE\b ?(.*)/i.exec(line);
      if (bye !== null) throw refused("BYE", bye[1] ?? "", verb, secrets);
      const tagged = /^(\S+) (OK|NO|BAD)\b ?(.*)/i.exec(line);
      if (tagged?.[1] === tag) {
        const status = tagged[2]?.toUpperCase();
        const known = status === "OK" || status === "NO" ? status : "BAD";
        return { status: known, text: tagged[3] ?? "", untagged, continuations };
      }
      if (line.startsWith("* ")) {
        untagged.push(line.slice(2));
        continue;
      }
      const next = line.startsWith("+") ? rest.next() : undefined;
      if (next === undefined || next.done) {
        throw new MigrationError("protocol-error", `${this.#at} answers with ${quote(line, secrets)}`);
      }
      continuations.push(line.slice(1).trim());
      this.socket.write(`${next.value}\r\n`);
    }
  }

  /** Leaves the socket to somebody else. */
  detach(): void {
    this.socket.off("data", this.#onData);
    this.socket.off("error", this.#onEnd);
    this.socket.off("close", this.#onEnd);
  }

  /** Leaves the socket, paused, with what nobody has asked for in front of what comes. */
  release(): Socket {
    if (this.#fault !== undefined) throw this.#fault;
    this.detach();
    this.socket.pause();
    if (this.hasUnread) this.socket.unshift(Buffer.from(this.#unread, "latin1"));
    return this.socket;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#octets += chunk.length;
    this.#unread += chunk.toString("latin1");
    const partial = this.#unread.length - 1 - this.#unread.lastIndexOf("\n");
    if (this.#octets > MAX_OCTETS || partial > MAX_LINE_OCTETS) this.#fail(this.#tooLarge());
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
    return this.#greeted || this.#unread.startsWith("* ")
      ? new MigrationError("response-too-large", `${this.#at} sent more than any honest answer holds`)
      : new MigrationError("not-imap", `${this.#at} does not speak IMAP: its first line does not end`);
  }
}

/** The greeting's text, as it came. */
export async function readGreeting(session: LineSession, security: ImapSecurity, at: string): Promise<string> {
  const line = await session.next();
  const [, status, text = ""] = /^\* (OK|PREAUTH|BYE)\b ?(.*)/i.exec(line) ?? [];
  if (status === undefined) throw new MigrationError("not-imap", `${at} does not speak IMAP; it says ${quote(line)}`);
  if (status.toUpperCase() === "BYE") throw refused("BYE", text, "CONNECT");
  if (status.toUpperCase() === "OK") return text;
  // RFC 9051 section 6.2.1: STARTTLS is possible only before anybody is signed in.
  throw security === "Tls"
    ? new MigrationError("tls-required", `${at} greets with PREAUTH, which leaves no room for STARTTLS`)
    : new MigrationError("protocol-error", `${at} greets with PREAUTH: nobody could say whose mailbox that is`);
}

/** STARTTLS as far as the OK: nothing may follow it in plain text. */
export async function startTls(session: LineSession, at: string): Promise<void> {
  const offered = (await askCapabilities(session)).some((name) => name.toUpperCase() === "STARTTLS");
  if (!offered) throw new MigrationError("tls-required", `${at} does not offer STARTTLS`);
  const { status, text } = await session.send("STARTTLS", ["STARTTLS"]);
  if (status !== "OK") throw refused(status, text, "STARTTLS");
  // What is in the system's buffer already has arrived after one more round of the event loop.
  await nextTurn();
  await nextTurn();
  if (session.hasUnread) {
    throw new MigrationError("tls-injection", `${at} sent something between the OK to STARTTLS and the TLS handshake`);
  }
}

/**
 * RFC 9051 section 6.1.1.
 * @param secrets those that were sent before
 */
export async function askCapabilities(session: LineSession, secrets: readonly string[] = []): Promise<string[]> {
  const { status, text, untagged } = await session.send("CAPABILITY", ["CAPABILITY"], secrets);
  if (status !== "OK") throw refused(status, text, "CAPABILITY", secrets);
  const listed = announced(text, untagged);
  if (listed === undefined) throw new MigrationError("protocol-error", "CAPABILITY was answered without a list");
  return listed;
}

/** The capabilities that an answer or a greeting brings by itself; undefined where it brings none. */
export function announced(text: string, untagged: readonly string[] = []): string[] | undefined {
  const lists = untagged.flatMap((line) => /^CAPABILITY (.*)/i.exec(line)?.[1] ?? []);
  const listed = lists.at(-1) ?? /^\[CAPABILITY ([^\]]*)\]/i.exec(text)?.[1];
  return listed
    ?.split(" ")
    .map((name) => scrub(name, []))
    .filter((name) => name !== "");
}

function refused(
  status: RefusedResponse["status"],
  text: string,
  verb: ImapVerb,
  secrets: readonly string[] = [],
): MigrationError {
  const doing = verb === "CONNECT" ? "greeting" : verb === "LOGIN" ? "Sign-in" : verb;
  return responseError({ status, text }, { doing, verb, secrets });
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

function quote(line: string, secrets: readonly string[] = []): string {
  return JSON.stringify(scrub(line, secrets).slice(0, 100));
}
