import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Ports } from "./dovecot.js";
import type { Programs } from "./programs.js";

/** A line of some length before servers: the same round trip to each. */
export class DelayLine {
  readonly #child: ChildProcess;
  readonly #ports: ReadonlyMap<number, number>;

  private constructor(child: ChildProcess, ports: ReadonlyMap<number, number>) {
    this.#child = child;
    this.#ports = ports;
  }

  static async start(rttMs: number, servers: readonly Ports[], programs: Programs): Promise<DelayLine> {
    const targets = servers.flatMap(({ plain, tls }) => [plain, tls]);
    const [program = "", ...words] = programs.delayProxy;
    const child = spawn(program, [...words, String(rttMs / 2), ...targets.map(String)], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    for await (const line of createInterface(child.stdout)) {
      const listeners = line.trim().split(" ").map(Number);
      return new DelayLine(child, new Map(targets.map((port, at) => [port, listeners[at] ?? 0])));
    }
    throw new Error("The delay proxy did not start");
  }

  /** Where a server is reached over this line. */
  to({ plain, tls }: Ports): Ports {
    return { plain: this.#ports.get(plain) ?? 0, tls: this.#ports.get(tls) ?? 0 };
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}
