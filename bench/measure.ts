import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What one run of a program took. */
export interface Measurement {
  /** From the start of the process to its end. */
  readonly wallSeconds: number;
  /** User and system time of the process and its children. */
  readonly cpuSeconds: number;
  /** Most resident memory, of whichever process had most. */
  readonly peakMebibytes: number;
}

/**
 * Runs a program under GNU time, which knows its children's figures exactly.
 * @param dir gets `output` and `time`, files with what the program printed and what it took
 * @param signal ends the program
 * @throws Error with the end of its output when it fails or takes longer than `limitSeconds`
 */
export async function measure(
  command: readonly string[],
  dir: string,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<Measurement> {
  signal.throwIfAborted();
  const output = openSync(join(dir, "output"), "w");
  const began = performance.now();
  const child = spawn("time", ["-q", "-o", join(dir, "time"), "-f", "%U %S %M", ...command], {
    stdio: ["ignore", output, output],
    cwd: dir,
    detached: true,
  });
  closeSync(output);
  const kill = () => killGroup(child);
  const limit = setTimeout(kill, limitSeconds * 1000);
  signal.addEventListener("abort", kill);
  const code = await new Promise<number | null>((resolve, reject) => child.on("exit", resolve).on("error", reject));
  const wallSeconds = (performance.now() - began) / 1000;
  clearTimeout(limit);
  signal.removeEventListener("abort", kill);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(failure(dir, code, limitSeconds));
  const [user = 0, system = 0, kibibytes = 0] = readFileSync(join(dir, "time"), "utf8").split(" ").map(Number);
  return { wallSeconds, cpuSeconds: user + system, peakMebibytes: kibibytes / 1024 };
}

function failure(dir: string, code: number | null, limitSeconds: number): string {
  const how = code === null ? `was stopped after ${limitSeconds} s` : `failed with exit code ${code}`;
  return `${how}. The end of its output:\n${readFileSync(join(dir, "output"), "utf8").slice(-3000)}`;
}

/** GNU time would leave its child running. */
function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
}
