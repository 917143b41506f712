import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** Where and when this is, and with what: a line each. */
export function surroundings(dovecotVersion: string, mailDir: string, withMbsync: boolean): string[] {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = processors[0]?.model.trim() || "unknown";
  return [
    `${new Date().toISOString().slice(0, 10)}: ${processors.length} × ${model}, ${memory} GiB; ${system()}, Linux ${release()}`,
    `Node ${process.versions.node}, Dovecot ${dovecotVersion} at both ends, Maildir in ${mailDir}${withMbsync ? `, ${mbsyncVersion()}` : ""}`,
  ];
}

function system(): string {
  const file = "/etc/os-release";
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return /^PRETTY_NAME="?([^"\n]+)/m.exec(text)?.[1] ?? "unknown system";
}

function mbsyncVersion(): string {
  return execFileSync("mbsync", ["--version"], { encoding: "utf8" }).trim();
}
