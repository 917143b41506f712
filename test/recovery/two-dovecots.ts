import type { Random } from "../fixtures/mail/random.js";
import { type DovecotOptions, type MailServer, startDovecot, TERRY } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import type { ChildMigration } from "./child-migration.js";
import type { Multiset } from "./invariants.js";
import { type History, historyFaults, newLedger } from "./kill-history.js";
import { differences, mailboxMultiset, messageCount } from "./mailbox-multisets.js";
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
}

/** Two servers, a full mailbox at one, many empty ones at the other, and a program that migrates. */
export class TwoDovecots {
  readonly source: MailServer;
  readonly target: MailServer;
  readonly program: MigrationProgram;
  /** What the source holds. */
  readonly mail: Multiset;
  #users = 0;

  private constructor(source: MailServer, target: MailServer, program: MigrationProgram, mail: Multiset) {
    this.source = source;
    this.target = target;
    this.program = program;
    this.mail = mail;
  }

  static async start({ random, users, octets, target }: TwoDovecotsOptions): Promise<TwoDovecots> {
    const accounts = Array.from({ length: users }, (_, at) => ({ name: `user${at + 1}`, password: PASSWORD }));
    const [from, to, program] = await Promise.all([
      startDovecot({ extraConfig: KEEPS_CRLF }),
      startDovecot({ ...target, extraConfig: KEEPS_CRLF, users: accounts }),
      bundleMigrationProgram(),
    ]);
    await writeMaildir(from, TERRY.name, twinMailbox(random, octets));
    return new TwoDovecots(from, to, program, await mailboxMultiset(from, TERRY.name));
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
    const arrived = await mailboxMultiset(this.target, target.user);
    return [...historyFaults(history, messageCount(this.mail)), ...differences(this.mail, arrived)];
  }

  async stop(): Promise<void> {
    await Promise.all([this.source.stop(), this.target.stop(), this.program.remove()]);
  }
}
