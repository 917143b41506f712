import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "tsup";

/** What the benchmark starts: each the command and its first arguments. */
export interface Programs {
  readonly ours: string[];
  readonly imapflowNaive: string[];
  readonly nodeFloor: string[];
  readonly delayProxy: string[];
}

/** In this folder a bundle finds the package's dependencies. */
const CACHE = resolve("node_modules/.cache");

/** The Debian package of each program. */
const PACKAGES = { mbsync: "isync", time: "time" };

/** @throws Error that names the Debian packages to install */
export function requirePrograms(programs: readonly (keyof typeof PACKAGES)[]): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = missing.map((program) => PACKAGES[program]);
  throw new Error(`This machine lacks ${missing.join(" and ")}. On Debian: apt-get install ${packages.join(" ")}`);
}

function isInstalled(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** Bundles the runners, so that no run pays for compiling them; `dir` is to be removed afterwards. */
export async function buildPrograms(): Promise<{ dir: string; programs: Programs }> {
  mkdirSync(CACHE, { recursive: true });
  const dir = mkdtempSync(join(CACHE, "imap-to-m365-bench-"));
  const names = ["ours", "imapflow-naive", "node-floor", "delay-proxy"];
  await build({
    entry: names.map((name) => `bench/${name}.ts`),
    outDir: dir,
    format: "esm",
    outExtension: () => ({ js: ".mjs" }),
    target: "node20",
    splitting: false,
    dts: false,
    config: false,
    silent: true,
    removeNodeProtocol: false,
    external: [/^@photostructure\/sqlite/], // tsup bundles optionalDependencies otherwise
  });
  const node = (name: string) => [process.execPath, join(dir, `${name}.mjs`)];
  const programs: Programs = {
    ours: node("ours"),
    imapflowNaive: node("imapflow-naive"),
    nodeFloor: node("node-floor"),
    delayProxy: (await compileDelayProxy(dir)) ?? node("delay-proxy"),
  };
  return { dir, programs };
}

/** In C where there is a compiler: the proxy shares the processors with what is measured. */
async function compileDelayProxy(dir: string): Promise<string[] | undefined> {
  const program = join(dir, "delay-proxy");
  try {
    await promisify(execFile)("cc", ["-O2", "-o", program, resolve("bench/delay-proxy.c")]);
    return [program];
  } catch {
    return undefined;
  }
}
