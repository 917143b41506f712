import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CopyJob, onlyMailbox } from "./copy-job.js";
import type { Programs } from "./programs.js";

export type ToolName = "ours" | "ours-4" | "mbsync" | "imapflow-naive" | "node-floor" | "imapsync";

/** A program that copies a mailbox. */
export interface Tool {
  /** Whether a second pass finds out what is there already; the others would copy everything again. */
  readonly hasSecondPass: boolean;
  /** False for a tool that is known to alter every message: only the number of messages is verified. */
  readonly keepsContent: boolean;
  /** The command that does a job; writes whatever else it needs into the folder for the state. */
  command(job: CopyJob, programs: Programs): string[];
}

export const tools: Readonly<Record<ToolName, Tool>> = {
  ours: { hasSecondPass: true, keepsContent: true, command: (job, { ours }) => withJobFile(ours, job) },
  "ours-4": {
    hasSecondPass: true,
    keepsContent: true,
    command: (job, { ours }) => withJobFile(ours, { ...job, connections: 4 }),
  },
  // It adds a header field, X-TUID.
  mbsync: { hasSecondPass: true, keepsContent: false, command: mbsync },
  "imapflow-naive": {
    hasSecondPass: false,
    keepsContent: true,
    command: (job, { imapflowNaive }) => withJobFile(imapflowNaive, job),
  },
  "node-floor": {
    hasSecondPass: false,
    keepsContent: true,
    command: (job, { nodeFloor }) => withJobFile(nodeFloor, job),
  },
  imapsync: { hasSecondPass: true, keepsContent: true, command: imapsync },
};

/** Where imapsync is, if the environment names it. */
export const imapsyncPath = process.env["IMAPSYNC"];

function withJobFile(program: readonly string[], job: CopyJob): string[] {
  const file = join(job.state, "job.json");
  writeFileSync(file, JSON.stringify(job), { mode: 0o600 });
  return [...program, file];
}

function mbsync(job: CopyJob): string[] {
  const { source, target } = onlyMailbox(job);
  const store = (name: string, port: number, user: string) => `IMAPAccount ${name}
Host ${job.host}
Port ${port}
User ${user}
Pass ${job.password}
${job.tls ? `SSLType IMAPS\nCertificateFile ${job.ca}` : "SSLType None\nAuthMechs LOGIN"}

IMAPStore ${name}
Account ${name}

`;
  const config = `${store("source", job.sourcePort, source)}${store("target", job.targetPort, target)}Channel copy
Far :source:
Near :target:
Patterns *
Create Near
Sync Pull
CopyArrivalDate yes
SyncState ${job.state}/mbsync/
`;
  mkdirSync(join(job.state, "mbsync"), { recursive: true });
  const file = join(job.state, "mbsyncrc");
  writeFileSync(file, config, { mode: 0o600 });
  return ["mbsync", "-q", "-c", file, "-a"];
}

function imapsync(job: CopyJob): string[] {
  if (imapsyncPath === undefined) throw new Error("Set IMAPSYNC to the path of imapsync");
  const { source, target } = onlyMailbox(job);
  const tls = job.tls ? ["--ssl1", "--ssl2"] : ["--nossl1", "--nossl2", "--notls1", "--notls2"];
  const side = (number: 1 | 2, port: number, user: string) => [
    ...[`--host${number}`, job.host, `--port${number}`, String(port)],
    ...[`--user${number}`, user, `--password${number}`, job.password],
  ];
  const quiet = ["--nolog", "--noreleasecheck", "--nomodulesversion"];
  const files = ["--tmpdir", job.state, "--pidfile", join(job.state, "imapsync.pid")];
  const ends = [...side(1, job.sourcePort, source), ...side(2, job.targetPort, target)];
  return ["perl", imapsyncPath, ...ends, ...tls, ...quiet, ...files];
}
