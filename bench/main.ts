// npm run bench: this library beside other tools, on servers of its own. docs/performance.md says how to run and read it.
import { accessSync, chmodSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Arguments, readArguments, USAGE } from "./arguments.js";
import { Course } from "./course.js";
import { MailServers } from "./mail-servers.js";
import { measure } from "./measure.js";
import { checkPlan } from "./plans.js";
import { buildPrograms, type Programs, requirePrograms } from "./programs.js";
import { report } from "./report.js";
import { median, Results, type StartUp } from "./results.js";
import { surroundings } from "./surroundings.js";
import { writeDocument } from "./write-document.js";

const START_UP_RUNS = 5;

async function main(): Promise<void> {
  const wanted = argumentsOrUsage();
  const text = await run(wanted, interruption());
  console.log(text);
  if (wanted.write !== undefined) writeDocument(wanted.write, text);
}

function argumentsOrUsage(): Arguments {
  try {
    const wanted = readArguments(process.argv.slice(2));
    checkPlan(wanted.plan);
    return wanted;
  } catch (error) {
    console.error(USAGE);
    throw error;
  }
}

async function run({ plan, isFull }: Arguments, signal: AbortSignal): Promise<string> {
  const contestants = plan.flatMap((comparison) => comparison.contestants);
  const withMbsync = contestants.some(({ tool }) => tool === "mbsync");
  requirePrograms(withMbsync ? ["mbsync", "time"] : ["time"]);
  const { dir, programs } = await buildPrograms();
  const mailRoot = memoryOrTemporary();
  const mailDir = mkdtempSync(join(mailRoot, "imap-to-m365-bench-"));
  chmodSync(mailDir, 0o755);
  let servers: MailServers | undefined;
  let course: Course | undefined;
  try {
    servers = await MailServers.start(
      mailDir,
      contestants.map(({ target }) => target),
      programs,
    );
    course = new Course(servers, programs, signal);
    const results = new Results();
    for (const comparison of plan) results.add(await course.run(comparison));
    if (plan.some(({ pass }) => pass === "second")) results.startUp = await startUp(programs, dir, signal);
    return report(results, surroundings(servers.version, mailRoot, withMbsync), isFull);
  } finally {
    course?.close();
    await servers?.stop();
    for (const folder of [mailDir, dir]) rmSync(folder, { recursive: true, force: true });
  }
}

async function startUp(programs: Programs, dir: string, signal: AbortSignal): Promise<StartUp> {
  const time = async (command: readonly string[]) => {
    const walls: number[] = [];
    for (let run = 0; run < START_UP_RUNS; run++) walls.push((await measure(command, dir, 60, signal)).wallSeconds);
    return median(walls);
  };
  return { node: await time([process.execPath, "-e", "0"]), ours: await time(programs.ours) };
}

/** Memory, so that the disk is no part of what is compared; else wherever temporary files go. */
function memoryOrTemporary(): string {
  const memory = "/dev/shm";
  if (!existsSync(memory)) return tmpdir();
  accessSync(memory, constants.W_OK);
  return memory;
}

/** Ctrl-C ends the run under way; servers and folders are cleared away as after any other. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => controller.abort(new Error(`Stopped by ${signal}`)));
  }
  return controller.signal;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
