import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { ServerCertificate } from "../test/servers/certificates.js";

/** How a server is reached on loopback. */
export interface Ports {
  readonly plain: number;
  readonly tls: number;
}

export interface DovecotOptions {
  /** Where configuration, log and mail are kept. */
  readonly dir: string;
  readonly certificate: ServerCertificate;
  /** Between the levels of folder names. */
  readonly separator: "." | "/";
  /** Everything that it announces (`IMAP4rev1 LITERAL+ UIDPLUS`); absent: all it can do. */
  readonly capability?: string;
  /** The folder of unpacked Debian packages; absent: the installed Dovecot. */
  readonly packages: string | undefined;
}

/** The password of every user. */
export const PASSWORD = "secret";

const INSTALLED = "/usr/sbin/dovecot";
const START_TIMEOUT_MS = 15_000;
const isRoot = process.getuid?.() === 0;

/**
 * Finds a Dovecot: undefined for the installed one, else the folder where its packages are unpacked.
 * @throws Error when there is none, and none can be had
 */
export async function findDovecot(): Promise<string | undefined> {
  if (existsSync(INSTALLED)) return undefined;
  const { stdout } = await promisify(execFile)("bash", [resolve("test/servers/packages.sh"), "dovecot"]);
  return stdout.trim();
}

/**
 * A Dovecot of our own on loopback that lets every user in who knows {@link PASSWORD}, so that a new name is an empty
 * mailbox. It runs without root, and ends with this process.
 */
export class Dovecot {
  readonly ports: Ports;
  readonly #options: DovecotOptions;
  readonly #child: ChildProcess;

  private constructor(options: DovecotOptions, ports: Ports, child: ChildProcess) {
    this.#options = options;
    this.ports = ports;
    this.#child = child;
  }

  static async start(options: DovecotOptions): Promise<Dovecot> {
    const { dir, packages } = options;
    const ports: Ports = { plain: await freePort(), tls: await freePort() };
    const [user, group] = accountOf(packages);
    for (const part of ["run", "users"]) mkdirSync(join(dir, part), { recursive: true });
    writeFileSync(join(dir, "cert.pem"), options.certificate.certificate);
    writeFileSync(join(dir, "key.pem"), options.certificate.key, { mode: 0o600 });
    writeFileSync(join(dir, "dovecot.conf"), configuration(options, ports, user, group));
    writeFileSync(join(dir, "run.sh"), runScript(dir));
    const log = openSync(join(dir, "log"), "a");
    ownByServer(dir);
    const server = new Dovecot(options, ports, launch(dir, packages, log));
    closeSync(log);
    await server.#ready();
    return server;
  }

  /** As `dovecot --version` tells it. */
  get version(): string {
    return readFileSync(join(this.#options.dir, "version"), "utf8").trim();
  }

  /** Where a user's Maildir is or will be. */
  maildir(user: string): string {
    return join(this.home(user), "Maildir");
  }

  home(user: string): string {
    return join(this.#options.dir, "users", user);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await greets(this.ports.plain))) {
      if (this.#child.exitCode === null && Date.now() < deadline) {
        await pause(20);
        continue;
      }
      const log = readFileSync(join(this.#options.dir, "log"), "utf8").slice(-2000);
      await this.stop();
      throw new Error(`Dovecot did not start. The end of its log:\n${log}`);
    }
  }
}

/** Hands files to the user that Dovecot runs as. */
export function ownByServer(path: string): void {
  if (isRoot) execFileSync("chown", ["-R", "nobody:nogroup", path]);
}

function accountOf(packages: string | undefined): [user: string, group: string] {
  // In a namespace of its own, whoever we are is nobody.
  if (isRoot || packages !== undefined) return ["nobody", "nogroup"];
  return [userInfo().username, execFileSync("id", ["-gn"], { encoding: "utf8" }).trim()];
}

/** Either way the server ends when its standard input does, so that it never outlives us. */
function launch(dir: string, packages: string | undefined, log: number): ChildProcess {
  const setpriv = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
  const installed = [...(isRoot ? setpriv : []), "bash", "-c", 'bash "$0" </dev/null & read -r; kill $!; wait'];
  const [namespaces, unprivileged] = isRoot
    ? ["-mpf", setpriv]
    : ["-rmpf", ["unshare", "-U", "--map-user=65534", "--map-group=65534"]];
  const supervise = ["bash", resolve("test/servers/supervise.sh"), dir, packages ?? "", "remove", ...unprivileged];
  const [program = "", ...words] =
    packages === undefined
      ? [...installed, join(dir, "run.sh")]
      : ["unshare", namespaces, "--kill-child", ...supervise];
  // A process group of its own: Ctrl-C is for us, and we end the servers last.
  return spawn(program, words, { stdio: ["pipe", log, log], detached: true, cwd: dir });
}

function runScript(dir: string): string {
  return `PATH=/usr/sbin:/usr/bin:/sbin:/bin
ulimit -n "$(ulimit -Hn)"
dovecot --version >'${dir}/version'
exec dovecot -F -c '${dir}/dovecot.conf'
`;
}

function configuration(options: DovecotOptions, ports: Ports, user: string, group: string): string {
  const { dir, separator, capability } = options;
  const specialUse = ["Sent", "Drafts", "Trash", "Junk", "Archive"]
    .map((name) => `  mailbox ${name} {\n    special_use = \\${name}\n  }`)
    .join("\n");
  return `base_dir = ${dir}/run
state_dir = ${dir}/run
log_path = ${dir}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = ${user}
default_internal_group = ${group}
default_login_user = ${user}
default_process_limit = 400
default_client_limit = 4000
default_vsz_limit = 2G
first_valid_uid = 1
ssl = yes
ssl_cert = <${dir}/cert.pem
ssl_key = <${dir}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %u
mail_location = maildir:~/Maildir
mail_max_userip_connections = 1000
# what a client sends is what stands in the file, octet by octet
mail_save_crlf = yes
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${user} gid=${group} home=${dir}/users/%u allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = ${separator}
${specialUse}
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap {
  process_limit = 400
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = ${ports.plain}
  }
  inet_listener imaps {
    port = ${ports.tls}
    ssl = yes
  }
}
${capability === undefined ? "" : `imap_capability = ${capability}\n`}`;
}

/** A free port below the kernel's ephemeral range, so that no client takes it in the meantime. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((answer) => {
      probe.once("error", () => answer(false)).listen(port, "127.0.0.1", () => answer(true));
    });
    if (!isFree) continue;
    await new Promise((closed) => probe.close(closed));
    return port;
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", () => {
      answer(true);
      socket.destroy();
    });
    socket.once("error", () => answer(false)).once("close", () => answer(false));
  });
}
