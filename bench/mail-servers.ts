import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { serverCertificate } from "../test/servers/certificates.js";
import { DelayLine } from "./delay-line.js";
import { Dovecot, type DovecotOptions, findDovecot, ownByServer, type Ports } from "./dovecot.js";
import type { MailSetName } from "./mail-sets.js";
import { type FolderContent, readMaildir, writeMailSet } from "./maildir.js";
import type { Programs } from "./programs.js";
import { warmUp } from "./warm-up.js";

/** What a target takes: MULTIAPPEND; plain APPEND with literals that need no leave; APPEND with synchronising literals. */
export type TargetKind = "multiappend" | "plain" | "sync";

const PLAIN =
  "IMAP4rev1 SASL-IR ID ENABLE IDLE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH LIST-STATUS BINARY MOVE STATUS=SIZE SPECIAL-USE";

const TARGETS: Readonly<Record<TargetKind, Pick<DovecotOptions, "capability">>> = {
  multiappend: {},
  plain: { capability: `${PLAIN} LITERAL+` },
  sync: { capability: PLAIN },
};

/** The servers of one benchmark: a source with the sets, targets, and lines of some length before them. */
export class MailServers {
  readonly version: string;
  readonly #source: Dovecot;
  readonly #targets: ReadonlyMap<TargetKind, Dovecot>;
  readonly #programs: Programs;
  readonly #lines = new Map<number, Promise<DelayLine>>();
  readonly #sets = new Map<MailSetName, Promise<ReadonlyMap<string, FolderContent>>>();

  private constructor(source: Dovecot, targets: ReadonlyMap<TargetKind, Dovecot>, programs: Programs) {
    this.#source = source;
    this.#targets = targets;
    this.#programs = programs;
    this.version = source.version;
  }

  /** @param dir where everything is kept; to be removed after {@link MailServers.stop} */
  static async start(dir: string, kinds: Iterable<TargetKind>, programs: Programs): Promise<MailServers> {
    const common = { certificate: await serverCertificate(), packages: await findDovecot() };
    const start = (name: string, options: Pick<DovecotOptions, "separator" | "capability">) => {
      mkdirSync(join(dir, name), { mode: 0o755 });
      return Dovecot.start({ ...common, ...options, dir: join(dir, name) });
    };
    const targets = new Map<TargetKind, Dovecot>();
    // Different separators, so that every tool has to translate folder names.
    const source = await start("source", { separator: "." });
    for (const kind of new Set(kinds)) targets.set(kind, await start(kind, { separator: "/", ...TARGETS[kind] }));
    return new MailServers(source, targets, programs);
  }

  /** Makes sure that the source has the mailbox of this set, and tells what it holds. Its user is the set's name. */
  prepare(set: MailSetName): Promise<ReadonlyMap<string, FolderContent>> {
    const prepared = this.#sets.get(set) ?? this.#write(set);
    this.#sets.set(set, prepared);
    return prepared;
  }

  target(kind: TargetKind): Dovecot {
    const target = this.#targets.get(kind);
    if (!target) throw new Error(`The target ${kind} was not started`);
    return target;
  }

  /** The ports of source and target, each behind a line with this round trip. */
  async ports(kind: TargetKind, rttMs: number): Promise<{ source: Ports; target: Ports }> {
    const source = this.#source.ports;
    const target = this.target(kind).ports;
    if (rttMs === 0) return { source, target };
    const line = await this.#line(rttMs);
    return { source: line.to(source), target: line.to(target) };
  }

  async stop(): Promise<void> {
    const lines = await Promise.all(this.#lines.values());
    await Promise.all([...lines, this.#source, ...this.#targets.values()].map((started) => started.stop()));
  }

  async #write(set: MailSetName): Promise<ReadonlyMap<string, FolderContent>> {
    const maildir = this.#source.maildir(set);
    writeMailSet(set, maildir);
    const content = readMaildir(maildir);
    ownByServer(this.#source.home(set));
    await warmUp(this.#source.ports.plain, set);
    return content;
  }

  #line(rttMs: number): Promise<DelayLine> {
    const servers = [this.#source, ...this.#targets.values()].map(({ ports }) => ports);
    const line = this.#lines.get(rttMs) ?? DelayLine.start(rttMs, servers, this.#programs);
    this.#lines.set(rttMs, line);
    return line;
  }
}
