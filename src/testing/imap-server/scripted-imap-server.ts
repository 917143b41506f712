import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { MigrationError } from "../../errors.js";
import { type CapabilityState, defaultCapabilities } from "./capabilities.js";
import { quote } from "./command-syntax.js";
import { Connection } from "./connection.js";
import { type CutKind, FaultBook, type ServerFault } from "./faults.js";
import { ScriptedAccount, type ScriptedAccountOptions } from "./mailbox-state.js";
import type { ServerContext, SignInAttempt, StoreRule } from "./server-context.js";
import { defaultTexts, type ServerProfile } from "./server-profile.js";
import { Session } from "./session.js";
import { type ReceivedCommand, Transcript, type TranscriptLine } from "./transcript.js";

/** The certificate of a scripted server, and where it is used. */
export interface ScriptedTlsOptions
  extends Pick<SecureContextOptions, "key" | "cert" | "minVersion" | "maxVersion" | "ciphers"> {
  /** `implicit`: on {@link ScriptedImapServer.tlsPort}. `starttls`: on {@link ScriptedImapServer.port}. */
  mode: "implicit" | "starttls" | "both";
}

/** How a scripted server is made. Nothing is needed; without accounts nobody can sign in. */
export interface ScriptedImapServerOptions {
  accounts?: readonly ScriptedAccountOptions[];
  /** The kind of server that it takes after, such as `exchangeOnlineProfile()`. The other options come before it. */
  profile?: ServerProfile;
  /** Default: no TLS. */
  tls?: ScriptedTlsOptions;
  /** The list as it is announced, or a function of the connection's state. Default: {@link defaultCapabilities}. */
  capabilities?: readonly string[] | ((state: CapabilityState) => readonly string[]);
  /** False: the greeting and the answer to a login carry no CAPABILITY code. Default true. */
  announcesCapabilities?: boolean;
  /** Between the levels of a name; null for a server without levels (`NIL`). Default `/`. */
  delimiter?: string | null;
  /** What stands behind `* NAMESPACE`. Default: the personal namespace alone, without a prefix. */
  namespace?: string;
  /** Largest message in octets; announced as APPENDLIMIT, APPEND beyond answers `NO [TOOBIG]`. Default: no limit. */
  appendLimit?: number;
  /** What becomes of appended messages. Default: stored octet by octet. */
  store?: StoreRule;
  /** Who is signed in by an attempt: an account's user name, or undefined for nobody. Default: the account's own secret. */
  signIn?: (attempt: SignInAttempt) => string | undefined;
  /** Milliseconds before each command is carried out. Default 0. */
  commandLatencyMs?: number;
  faults?: readonly ServerFault[];
}

interface Watcher {
  readonly isTrue: () => boolean;
  readonly resolve: () => void;
}

/**
 * An IMAP server in this process, on 127.0.0.1 and a port of its own, for tests: it behaves as RFC 9051 and RFC 3501 want
 * it until a {@link ServerFault} says otherwise. Mailboxes can be looked at and changed at any time, and everything that went over
 * the wire is recorded without credentials. Needs no test framework.
 *
 * ```ts
 * const server = await ScriptedImapServer.start({ accounts: [{ user: "terry", password: "secret", folders: ["Sent"] }] });
 * server.account("terry").folder("INBOX").addMessage({ octets: "Subject: hello\r\n\r\nhello\r\n" });
 * ...
 * await server.close();
 * ```
 */
export class ScriptedImapServer {
  /** What becomes of appended messages; undefined stores them octet by octet. May be changed at any time. */
  store: StoreRule | undefined;
  readonly #options: ScriptedImapServerOptions;
  readonly #accounts = new Map<string, ScriptedAccount>();
  readonly #faults = new FaultBook();
  readonly #transcript = new Transcript();
  readonly #commands: ReceivedCommand[] = [];
  readonly #connections = new Set<Connection>();
  readonly #listeners: Server[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #holds = new Set<() => void>();
  readonly #context: ServerContext;
  #accepted = 0;
  #peakConnections = 0;
  #failure: { error: unknown } | undefined;
  #port = 0;
  #tlsPort: number | undefined;

  private constructor(options: ScriptedImapServerOptions) {
    this.#options = options;
    this.store = options.store ?? options.profile?.store;
    for (const account of options.accounts ?? []) this.addAccount(account);
    for (const fault of options.faults ?? []) this.#faults.add(fault);
    this.#context = this.#makeContext();
  }

  /** Starts a server and resolves when it listens. */
  static async start(options: ScriptedImapServerOptions = {}): Promise<ScriptedImapServer> {
    const server = new ScriptedImapServer(options);
    server.#port = await server.#listen({ implicitTls: false });
    const mode = options.tls?.mode;
    if (mode === "implicit" || mode === "both") server.#tlsPort = await server.#listen({ implicitTls: true });
    return server;
  }

  /** Always `127.0.0.1`. */
  get host(): string {
    return "127.0.0.1";
  }

  /** The port for plain text and STARTTLS. */
  get port(): number {
    return this.#port;
  }

  /** The port for implicit TLS. @throws MigrationError `option-invalid` where the server was started without */
  get tlsPort(): number {
    if (this.#tlsPort === undefined) throw new MigrationError("option-invalid", "Started without implicit TLS.");
    return this.#tlsPort;
  }

  addAccount(options: ScriptedAccountOptions): ScriptedAccount {
    const account = new ScriptedAccount(options, this.#options.profile);
    this.#accounts.set(account.user, account);
    for (const secret of account.secrets()) this.#transcript.hide(secret);
    return account;
  }

  /** @throws MigrationError `option-invalid` where there is no such account */
  account(user: string): ScriptedAccount {
    const account = this.#accounts.get(user);
    if (!account) throw new MigrationError("option-invalid", `There is no account ${JSON.stringify(user)}.`);
    return account;
  }

  /** Adds a fault; it counts commands from now on. */
  addFault(fault: ServerFault): void {
    this.#faults.add(fault);
  }

  /** From now on nothing goes wrong. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /** Everything that went over the wire, in order, with literals as octet counts and credentials as three bullets. */
  get transcript(): readonly TranscriptLine[] {
    return this.#transcript.lines;
  }

  /** The commands that clients sent, in order; with `verb`, those alone (`UID FETCH` is not `FETCH`). */
  commands(verb?: string): readonly ReceivedCommand[] {
    const wanted = verb?.toUpperCase();
    return this.#commands.filter((command) => wanted === undefined || command.verb === wanted);
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#connections.size;
  }

  /** How many were at most. */
  get peakConnections(): number {
    return this.#peakConnections;
  }

  /** How many have connected so far. */
  get acceptedConnections(): number {
    return this.#accepted;
  }

  /** How many commands a fault holds back. */
  get held(): number {
    return this.#holds.size;
  }

  /** Lets go of everything that a fault holds back until released. */
  release(): void {
    for (const letGo of [...this.#holds]) letGo();
  }

  /**
   * Resolves when the condition is true. It is looked at after everything that happens on the server:
   * `await server.until(() => server.commands("APPEND").length === 3)`.
   */
  until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.add({ isTrue, resolve });
    });
  }

  /** Loses every connection at once; new ones are taken. */
  dropConnections(how: CutKind = "rst"): void {
    for (const connection of this.#connections) connection.drop(how);
  }

  /**
   * Stops listening and closes every connection.
   * @throws what a function of the test's own threw while it was called by the server
   */
  async close(): Promise<void> {
    const closed = this.#listeners.map((listener) => new Promise((resolve) => listener.close(resolve)));
    for (const connection of this.#connections) connection.destroy();
    await Promise.all(closed);
    if (this.#failure) throw this.#failure.error;
  }

  async #listen(options: { implicitTls: boolean }): Promise<number> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#serve(socket, options.implicitTls);
    });
    this.#listeners.push(listener);
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject).listen(0, this.host, resolve);
    });
    const address = listener.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  #serve(socket: Socket, implicitTls: boolean): void {
    this.#accepted += 1;
    const connection = new Connection(this.#accepted, socket);
    this.#connections.add(connection);
    this.#peakConnections = Math.max(this.#peakConnections, this.#connections.size);
    socket.once("close", () => {
      this.#connections.delete(connection);
      this.#changed();
    });
    const session = new Session(connection, this.#context);
    const isReady = implicitTls ? session.startTls() : Promise.resolve();
    isReady.then(
      () => session.run(),
      () => connection.destroy(), // the handshake failed
    );
    this.#changed();
  }

  #makeContext(): ServerContext {
    const { profile = {}, tls, delimiter = "/" } = this.#options;
    const capabilities = this.#options.capabilities ?? profile.capabilities ?? defaultCapabilities;
    const readStore = (): StoreRule | undefined => this.store;
    return {
      transcript: this.#transcript,
      commands: this.#commands,
      faults: this.#faults,
      secureContext: tls && createSecureContext(tls),
      offersStartTls: tls?.mode === "starttls" || tls?.mode === "both",
      announcesCapabilities: this.#options.announcesCapabilities ?? true,
      delimiter,
      namespace: this.#options.namespace ?? `(("" ${delimiter === null ? "NIL" : quote(delimiter)})) NIL NIL`,
      appendLimit: this.#options.appendLimit ?? profile.appendLimit,
      commandLatencyMs: this.#options.commandLatencyMs ?? 0,
      get store() {
        return readStore();
      },
      profile,
      texts: { ...defaultTexts, ...profile.texts },
      capabilities: (state) => (typeof capabilities === "function" ? capabilities(state) : capabilities),
      signIn: (attempt) => this.#signIn(attempt),
      isStillGood: (attempt) => !profile.asksForTokenAgain || !isToken(attempt) || this.#signIn(attempt) !== undefined,
      account: (user) => this.account(user),
      hold: (until) => this.#hold(until),
      changed: () => this.#changed(),
      failed: (error) => {
        this.#failure ??= { error };
      },
    };
  }

  #signIn(attempt: SignInAttempt): ScriptedAccount | undefined {
    if (this.#options.signIn) {
      const user = this.#options.signIn(attempt);
      return user === undefined ? undefined : this.account(user);
    }
    const account = this.#accounts.get(attempt.user);
    const { acceptsToken } = this.#options.profile ?? {};
    if (account && acceptsToken && isToken(attempt)) return acceptsToken(attempt) ? account : undefined;
    if (!account?.accepts(isToken(attempt) ? "accessToken" : "password", attempt.secret)) return undefined;
    if (attempt.authorizeAs === undefined || attempt.authorizeAs === attempt.user) return account;
    return account.isAdmin ? this.#accounts.get(attempt.authorizeAs) : undefined;
  }

  #hold(until: Promise<unknown> | undefined): Promise<void> {
    return new Promise((resolve) => {
      const letGo = (): void => {
        this.#holds.delete(letGo);
        resolve();
      };
      this.#holds.add(letGo);
      until?.then(letGo, () => this.#holds.delete(letGo)); // what was rejected is never let go
      this.#changed();
    });
  }

  #changed(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.isTrue()) continue;
      this.#watchers.delete(watcher);
      watcher.resolve();
    }
  }
}

const isToken = ({ mechanism }: SignInAttempt): boolean =>
  mechanism === "AUTH=XOAUTH2" || mechanism === "AUTH=OAUTHBEARER";
