import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverCertificate } from "../test/servers/certificates.js";
import { Attempt } from "./attempt.js";
import {
  type Comparison,
  type ComparisonResult,
  type Contestant,
  comparisonName,
  contestantName,
} from "./comparison.js";
import type { CopyJob } from "./copy-job.js";
import { PASSWORD } from "./dovecot.js";
import type { MailServers } from "./mail-servers.js";
import type { Measurement } from "./measure.js";
import type { Programs } from "./programs.js";

/** A tool whose run took longer than that is not run again. */
const SLOW_SECONDS = 60;

/** Runs comparisons between servers. */
export class Course {
  readonly #servers: MailServers;
  readonly #programs: Programs;
  readonly #signal: AbortSignal;
  /** Ledgers and state files, on the disk that an application would keep them on. */
  readonly #dir = mkdtempSync(join(tmpdir(), "imap-to-m365-bench-"));
  #attempts = 0;

  constructor(servers: MailServers, programs: Programs, signal: AbortSignal) {
    this.#servers = servers;
    this.#programs = programs;
    this.#signal = signal;
  }

  /** @throws Error when a tool fails, or its copy differs from the original */
  async run(comparison: Comparison): Promise<ComparisonResult> {
    const content = await this.#servers.prepare(comparison.set);
    const octets = [...content.values()].reduce((sum, folder) => sum + folder.octets, 0);
    const runs = comparison.pass === "copy" ? await this.#copies(comparison) : await this.#secondPasses(comparison);
    return { comparison, octets, runs };
  }

  close(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #copies(comparison: Comparison): Promise<Map<string, Measurement[]>> {
    return await takeTurns(comparison, async (contestant) => {
      const attempt = await this.#attempt(comparison, contestant);
      try {
        return await attempt.run();
      } finally {
        attempt.remove();
      }
    });
  }

  async #secondPasses(comparison: Comparison): Promise<Map<string, Measurement[]>> {
    const attempts = new Map<Contestant, Attempt>();
    try {
      for (const contestant of comparison.contestants) {
        const attempt = await this.#attempt(comparison, contestant);
        attempts.set(contestant, attempt);
        const { wallSeconds } = await attempt.run();
        tell(comparison, contestant, `copied first, in ${wallSeconds.toFixed(2)} s`);
      }
      return await takeTurns(comparison, async (contestant) => {
        const attempt = attempts.get(contestant);
        if (!attempt) throw new Error(`${contestantName(contestant)} has not copied anything`);
        return await attempt.run();
      });
    } finally {
      for (const attempt of attempts.values()) attempt.remove();
    }
  }

  /** A place for a contestant: an empty mailbox, and a folder for its state. */
  async #attempt(comparison: Comparison, contestant: Contestant): Promise<Attempt> {
    const { set, rttMs, tls, mailboxes } = comparison;
    this.#attempts += 1;
    const state = join(this.#dir, String(this.#attempts));
    mkdirSync(state);
    const ca = join(this.#dir, "ca.pem");
    writeFileSync(ca, (await serverCertificate()).ca);
    const { source, target } = await this.#servers.ports(contestant.target, rttMs);
    const newUser = (_: unknown, at: number) => ({ source: set, target: `${this.#attempts}.${at}@bench.example` });
    const job: CopyJob = {
      host: tls ? "localhost" : "127.0.0.1",
      sourcePort: tls ? source.tls : source.plain,
      targetPort: tls ? target.tls : target.plain,
      tls,
      ca,
      password: PASSWORD,
      mailboxes: Array.from({ length: mailboxes }, newUser),
      state,
    };
    return new Attempt(contestant, job, set, this.#servers, this.#programs, this.#signal);
  }
}

/** Round by round, so that what disturbs the machine hits all alike. */
async function takeTurns(
  comparison: Comparison,
  run: (contestant: Contestant) => Promise<Measurement>,
): Promise<Map<string, Measurement[]>> {
  const runs = new Map<string, Measurement[]>();
  for (let round = 1; round <= comparison.rounds; round++) {
    for (const contestant of comparison.contestants) {
      const name = contestantName(contestant);
      const past = runs.get(name) ?? [];
      if (past.some(({ wallSeconds }) => wallSeconds > SLOW_SECONDS)) continue;
      const measurement = await run(contestant);
      runs.set(name, [...past, measurement]);
      const { wallSeconds, cpuSeconds, peakMebibytes } = measurement;
      const figures = [
        `${wallSeconds.toFixed(3)} s`,
        `${cpuSeconds.toFixed(2)} s CPU`,
        `${peakMebibytes.toFixed(0)} MiB`,
      ];
      tell(comparison, contestant, `round ${round}: ${figures.join(", ")}`);
    }
  }
  return runs;
}

function tell(comparison: Comparison, contestant: Contestant, text: string): void {
  console.error(`${comparisonName(comparison)}: ${contestantName(contestant)} ${text}`);
}
