import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "tsup";
import type { ChildLine, ChildMigration, ChildReport } from "./child-migration.js";

/** The program that children run, bundled so that one starts in a tenth of a second, and a folder for their ledgers. */
export interface MigrationProgram {
  readonly path: string;
  readonly folder: string;
  remove(): Promise<void>;
}

export async function bundleMigrationProgram(): Promise<MigrationProgram> {
  const folder = await mkdtemp(join(tmpdir(), "imap-to-m365-recovery-"));
  await build({
    config: false,
    entry: { child: "test/recovery/child-migration.ts" },
    outDir: folder,
    format: "cjs",
    target: "node20",
    noExternal: [/^(?!@photostructure\/)/],
    external: [/^@photostructure\//], // has native code
    removeNodeProtocol: false,
    minify: true,
    silent: true,
  });
  await symlink(resolve("node_modules"), join(folder, "node_modules"));
  return { path: join(folder, "child.cjs"), folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** How a child ended. */
export interface ChildEnd {
  readonly killed: boolean;
  /** Absent where it was killed before. */
  readonly report?: ChildReport;
  /** Most messages that it told of. */
  readonly told: number;
  /** The codes of what it waited for. */
  readonly waits: readonly string[];
  /** Milliseconds from the beginning of the batch to the end of the process. */
  readonly ms: number;
}

/** A migration in a process of its own. */
export class MigratingProcess {
  /** Resolves when the batch is about to start. */
  readonly begun: Promise<void>;
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcess;

  constructor(program: MigrationProgram, migration: ChildMigration) {
    const child = spawn(process.execPath, [program.path], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], MIGRATION: JSON.stringify(migration) },
    });
    this.#child = child;
    let begin = () => {};
    this.begun = new Promise((resolveBegun) => {
      begin = resolveBegun;
    });
    this.ended = readToEnd(child, begin).finally(begin);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** SIGKILL. Does nothing once it has ended. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** @throws Error where the child ends by itself and without a report, or complains */
async function readToEnd(child: ChildProcess, begin: () => void): Promise<ChildEnd> {
  let report: ChildReport | undefined;
  let told = 0;
  let began = performance.now();
  const waits: string[] = [];
  const complaints: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  if (child.stdout) {
    createInterface(child.stdout).on("line", (text) => {
      const line = readLine(text);
      if (line?.says === "begins") {
        began = performance.now();
        begin();
      } else if (line?.says === "synced") {
        told = Math.max(told, line.messages);
      } else if (line?.says === "waits") {
        waits.push(line.code);
      } else if (line?.says === "ends") {
        report = line;
      }
    });
  }
  const [code, signal] = await once(child, "close");
  const killed = signal === "SIGKILL";
  if ((!killed && (code !== 0 || report === undefined)) || complaints.length > 0)
    throw new Error(`the child ended with ${code ?? signal}: ${complaints.join("")}`);
  return { killed, told, waits, ms: performance.now() - began, ...(report && { report }) };
}

/** The last line of a killed process can be a piece of one. */
function readLine(text: string): ChildLine | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
