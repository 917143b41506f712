import type { Random } from "../fixtures/mail/random.js";
import { type DovecotOptions, type MailServer, startDovecot, TERRY } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import type { ChildMigration } from "./child-migration.js";
import type { Multiset } from "./invariants.js";
import { type History, historyFaults, newLedger } from "./kill-history.js";
import { differences, type MultisetOptions, mailboxMultiset, messageCount } from "./mailbox-multisets.js";
import { bundleMigrationProgram, type MigrationProgram } from "./migrating-process.js";
import { twinMailbox } from "./twin-mailbox.js";

const PASSWORD = "2111991";
/** The files hold the octets as they came. */
const KEEPS_CRLF = "mail_save_crlf = yes";

export interface TwoDovecotsOptions {
  readonly random: Random;
  /** How many histories there can be: each takes a mailbox of its own at the target. */
  readonly users: number;
  /** Octets of each message's body; default small. */
  readonly octets?: (random: Random) => number;
  readonly target?: DovecotOptions;
  readonly compared?: MultisetOptions;
}

/** Two servers, a full mailbox at one, many empty ones at the other, and a program that migrates. */
export class TwoDovecots {
  readonly source: MailServer;
  readonly target: MailServer;
  readonly program: MigrationProgram;
  /** What the source holds. */
  readonly mail: Multiset;
  readonly #compared: MultisetOptions | undefined;
  #users = 0;

  private constructor(parts: Pick<TwoDovecots, "source" | "target" | "program" | "mail">, compared?: MultisetOptions) {
    this.source = parts.source;
    this.target = parts.target;
    this.program = parts.program;
    this.mail = parts.mail;
    this.#compared = compared;
  }

  static async start(options: TwoDovecotsOptions): Promise<TwoDovecots> {
    const { random, octets, compared } = options;
    const users = Array.from({ length: options.users }, (_, at) => ({ name: `user${at + 1}`, password: PASSWORD }));
    const [source, target, program] = await Promise.all([
      startDovecot({ extraConfig: KEEPS_CRLF }),
      startDovecot({ ...options.target, extraConfig: KEEPS_CRLF, users }),
      bundleMigrationProgram(),
    ]);
    await writeMaildir(source, TERRY.name, twinMailbox(random, octets));
    const mail = await mailboxMultiset(source, TERRY.name, compared);
    return new TwoDovecots({ source, target, program, mail }, compared);
  }

  /** Into the next mailbox of the target. */
  migration(changes: Partial<ChildMigration> = {}): ChildMigration {
    this.#users += 1;
    const { source, target } = this;
    return {
      source: { host: source.host, port: source.tlsPort, ca: source.ca, user: TERRY.name, password: TERRY.password },
      target: {
        host: target.host,
        port: target.tlsPort,
        ca: target.ca,
        user: `user${this.#users}`,
        password: PASSWORD,
      },
      ledger: newLedger(this.program),
      settleDelayMs: 0,
      attempts: 5,
      pauseMs: 10,
      ...changes,
    };
  }

  /** Everything that must hold at the end of a history. */
  async faults(history: History, { target }: ChildMigration): Promise<string[]> {
    const arrived = await mailboxMultiset(this.target, target.user, this.#compared);
    return [...historyFaults(history, messageCount(this.mail)), ...differences(this.mail, arrived)];
  }

  async stop(): Promise<void> {
    await Promise.all([this.source.stop(), this.target.stop(), this.program.remove()]);
  }
}
