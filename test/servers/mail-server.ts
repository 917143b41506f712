import type { Account } from "./accounts.js";

export { type Account, ADMIN, ANN, PAUL, TERRY } from "./accounts.js";
export { type CourierOptions, startCourier } from "./courier.js";
export { type CyrusOptions, startCyrus } from "./cyrus.js";
export { type DovecotOptions, startDovecot } from "./dovecot.js";

/**
 * A real IMAP server on loopback, unpacked from Debian packages (see packages.sh) and run as nobody in namespaces of its
 * own. It needs Linux with apt-get, and root or unprivileged user namespaces; the working directory must be the top of
 * the package, as it is under `npm run` and vitest. Any number may run at once. It ends with the process that started it.
 */
export interface MailServer {
  readonly host: "localhost";
  /** Plain text and STARTTLS. */
  readonly port: number;
  /** TLS from the first octet. */
  readonly tlsPort: number;
  /** The certificate authority to trust, PEM. */
  readonly ca: string;
  readonly users: readonly Account[];
  readonly admin: Account;
  /** Holds the mail, the configuration and the log. */
  readonly dir: string;
  /** The process that stands for the whole server; undefined while it is not running. */
  readonly pid: number | undefined;
  /** Ends the server and removes its folder, unless it was asked for by name. Twice is as once. */
  stop(): Promise<void>;
  /** Ends every process of the server at once (SIGKILL), for crash tests. The folder stays; `restart` goes on with it. */
  kill(): Promise<void>;
  /** Ends the server in good order if it is running, and starts it again with the same mail and on the same ports. */
  restart(): Promise<void>;
}

/** What every server can be started with. */
export interface ServerOptions {
  /** Mailboxes besides those of Terry, Ann and Paul. */
  readonly users?: readonly Account[];
  /** The folder to work in, which is kept when the server ends, mail and all. Absent: a temporary one that goes with it. */
  readonly dir?: string;
}
