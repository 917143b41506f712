import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { connect, createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { type Account, ADMIN, ANN, PAUL, TERRY } from "./accounts.js";
import { serverCertificate } from "./certificates.js";
import type { MailServer, ServerOptions } from "./mail-server.js";

/** Where a server lives; what its configuration is made from. */
export interface ServerPlace {
  readonly dir: string;
  readonly port: number;
  readonly tlsPort: number;
  /** The mailboxes, the administrator not among them. */
  readonly users: readonly Account[];
}

/** The files below `dir` by name: a text, or where a symbolic link leads. `run.sh` runs the server in the foreground. */
export type ServerFiles = Readonly<Record<string, string | { readonly linkTo: string }>>;

/** The user and group that every server runs as, inside its namespaces: Debian's nobody and nogroup. */
export const NOBODY = 65534;

const runsAsRoot = process.getuid?.() === 0;

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const run = promisify(execFile);

/**
 * Starts a server of that kind with the files that `configure` makes.
 * @throws Error that says what the machine lacks, or holds the end of the server's log
 */
export async function startServer(
  kind: "dovecot" | "courier" | "cyrus",
  options: ServerOptions,
  configure: (place: ServerPlace) => ServerFiles,
): Promise<MailServer> {
  const packages = await unpackPackages(kind);
  const users = [TERRY, ANN, PAUL, ...(options.users ?? [])];
  const { ca, certificate, key } = await serverCertificate();
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), `${kind}-`)));
  await mkdir(dir, { recursive: true });
  const place: ServerPlace = { dir, users, port: await freePort(), tlsPort: await freePort() };
  const pems = { "cert.pem": certificate, "key.pem": key, "both.pem": key + certificate };
  await writeFiles(dir, { ...configure(place), ...pems });
  const server = new ServerProcess(kind, packages, place, ca, options.dir !== undefined);
  await server.start();
  return server;
}

class ServerProcess implements MailServer {
  readonly host = "localhost";
  readonly admin = ADMIN;
  readonly port: number;
  readonly tlsPort: number;
  readonly users: readonly Account[];
  readonly dir: string;
  #child: ChildProcess | undefined;

  constructor(
    private readonly kind: string,
    private readonly packages: string,
    place: ServerPlace,
    readonly ca: string,
    readonly keepsFolder: boolean,
  ) {
    ({ dir: this.dir, port: this.port, tlsPort: this.tlsPort, users: this.users } = place);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const child = await this.#spawn();
    this.#child = child;
    child.once("exit", () => {
      if (this.#child === child) this.#child = undefined;
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!((await greets(this.port)) && (await accepts(this.tlsPort)))) {
      if (!this.#child || Date.now() > deadline) throw await this.#startFailure();
      await pause(10);
    }
    letProcessEnd(child);
  }

  async stop(): Promise<void> {
    await this.#end((child) => (this.keepsFolder ? child.stdin?.write("stop\n") : child.stdin?.end()));
    if (!this.keepsFolder) await rm(this.dir, { recursive: true, force: true });
  }

  async kill(): Promise<void> {
    await this.#end(killAll);
  }

  async restart(): Promise<void> {
    await this.#end((child) => child.stdin?.write("stop\n"));
    await this.start();
  }

  async #spawn(): Promise<ChildProcess> {
    const log = await open(join(this.dir, "log"), "a");
    try {
      await giveToNobody(this.dir);
      const [namespaces, unprivileged] = runsAsRoot
        ? ["-mpf", ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"]]
        : ["-rmpf", ["unshare", "-U", `--map-user=${NOBODY}`, `--map-group=${NOBODY}`]];
      const supervise = [
        "bash",
        script("supervise.sh"),
        this.dir,
        this.packages,
        this.keepsFolder ? "keep" : "remove",
        ...unprivileged,
      ];
      return spawn("unshare", [namespaces, "--kill-child", ...supervise], {
        detached: true, // a process group of its own, which kill() ends as a whole
        stdio: ["pipe", log.fd, log.fd],
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: this.dir, LANG: "C" },
      });
    } finally {
      await log.close();
    }
  }

  async #end(ask: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const ended = once(child, "exit");
    const overdue = setTimeout(() => killAll(child), STOP_TIMEOUT_MS);
    ask(child);
    await ended;
    clearTimeout(overdue);
    // the namespace's other processes may outlive its first one by a moment
    while ((await accepts(this.port)) || (await accepts(this.tlsPort))) await pause(5);
  }

  async #startFailure(): Promise<Error> {
    const log = await readFile(join(this.dir, "log"), "utf8").catch(() => "");
    await this.stop();
    const needs = /unshare|mount:|uid_map/.test(log) ? ": it needs root or unprivileged user namespaces" : "";
    return new Error(`${this.kind} did not start${needs}. The end of its log:\n${log.slice(-3000)}`);
  }
}

/** Hands a folder and all in it to the user that the servers run as. */
export async function giveToNobody(folder: string): Promise<void> {
  // without root, nobody of the namespaces is the user who started them
  if (runsAsRoot) await run("chown", ["-R", `${NOBODY}:${NOBODY}`, folder]);
}

/** A server that runs must not keep the process alive that started it. */
function letProcessEnd(child: ChildProcess): void {
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
}

function killAll(child: ChildProcess): void {
  const running = child.exitCode === null && child.signalCode === null;
  if (child.pid !== undefined && running) process.kill(-child.pid, "SIGKILL");
}

async function unpackPackages(kind: string): Promise<string> {
  const { stdout } = await run("bash", [script("packages.sh"), kind]);
  return stdout.trim();
}

function script(name: string): string {
  return resolve("test/servers", name);
}

async function writeFiles(dir: string, files: ServerFiles): Promise<void> {
  await chmod(dir, 0o755); // Courier's programs look into it before they give root up
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof content !== "string") await symlink(content.linkTo, path);
    else await writeFile(path, content, { mode: name.endsWith(".pem") ? 0o600 : 0o644 });
  }
}

/** A free port below the kernel's ephemeral range, so that no client takes it between `kill` and `restart`. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const probe = createServer();
    probe.listen(port, "127.0.0.1");
    const [outcome] = await Promise.race([once(probe, "listening").then(() => ["free"]), once(probe, "error")]);
    probe.close();
    if (outcome === "free") return port;
  }
}

function accepts(port: number): Promise<boolean> {
  return opens(port, "connect");
}

function greets(port: number): Promise<boolean> {
  return opens(port, "data");
}

/** True when a connection brings that event, false when it is refused or broken off. */
function opens(port: number, event: "connect" | "data"): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, "127.0.0.1");
    socket.once(event, () => {
      answer(true);
      socket.destroy();
    });
    socket.once("error", () => answer(false));
    socket.once("close", () => answer(false));
  });
}
