import { createHmac, randomBytes } from "node:crypto";
import { MigrationError } from "../../errors.js";
import { parseDovecotLogin, parseExchangeLogin, parseMirapointLogin } from "../../login-formats.js";
import { systemClock } from "../clock.js";
import { WaitingLine } from "./waiting-line.js";

/** Refusals in a row after which a password that was never accepted is not sent again: fewer than any common lockout. */
const MOST_UNPROVEN = 3;
/** The same for one that was accepted before: more likely these mailboxes are at fault, one after the other. */
const MOST_PROVEN = 10;
/** Of so many accounts it stays known that they were accepted; who signs in for many mailboxes is always among the last. */
const MOST_REMEMBERED = 100;

/** Whose password is checked. */
export interface SignIn {
  /** As it is sent; of an administrator's form only the administrator counts. */
  readonly user: string;
  /** Absent: a token signs in, and tokens lock no account. */
  readonly password?: string | undefined;
}

const neverStopped = new AbortController().signal;

/**
 * Keeps an account that signs in for many mailboxes from being locked: after some refusals in a row its password is not sent
 * again. Never more sign-ins are under way than may still be refused. Only refusals and the last accounts that were accepted
 * are remembered: thousands of users with logins of their own take no room.
 */
export class SignInGuard {
  readonly #key = randomBytes(32);
  /** Those that sign in now, and those that were refused last. */
  readonly #accounts = new Map<string, Account>();
  /** Those that were accepted, the last one last. */
  readonly #proven = new Set<string>();

  /** Of how many accounts anything is remembered. */
  get size(): number {
    return this.#accounts.size + this.#proven.size;
  }

  /**
   * Signs in by `open`, if that is safe.
   * @throws MigrationError `auth-failed` without calling it where it is not; `aborted`; whatever `open` rejects with
   */
  async open<Opened>({ user, password }: SignIn, open: () => Promise<Opened>, signal?: AbortSignal): Promise<Opened> {
    if (password === undefined) return await open();
    const name = signingName(user);
    const key = this.#keyOf(name, password);
    const account = this.#accounts.get(key) ?? new Account(this.#proven.has(key));
    this.#accounts.set(key, account);
    try {
      const opened = await account.signIn(name, open, signal ?? neverStopped);
      this.#remember(key);
      return opened;
    } finally {
      if (this.#accounts.get(key)?.isIdle) this.#accounts.delete(key);
    }
  }

  /** By name and password: a corrected password starts anew. Neither can be read from the key. */
  #keyOf(name: string, password: string): string {
    const both = JSON.stringify([name.toLowerCase(), password]);
    return createHmac("sha256", this.#key).update(both).digest("base64");
  }

  #remember(key: string): void {
    this.#proven.delete(key);
    this.#proven.add(key);
    const [oldest] = this.#proven;
    if (oldest !== undefined && this.#proven.size > MOST_REMEMBERED) this.#proven.delete(oldest);
  }
}

class Account {
  /** In a row. */
  #refusals = 0;
  #isProven: boolean;
  #underWay = 0;
  // Nobody waits for time here, only for one another.
  readonly #line = new WaitingLine<void>(systemClock, {
    blockedMs: () => (this.#isBarred || this.#refusals + this.#underWay < this.#most ? 0 : Number.POSITIVE_INFINITY),
    admit: () => {
      this.#underWay += 1;
    },
  });

  constructor(isProven: boolean) {
    this.#isProven = isProven;
  }

  /** True where nobody signs in or waits for it, and the last one was not refused. */
  get isIdle(): boolean {
    return this.#underWay === 0 && this.#line.length === 0 && this.#refusals === 0;
  }

  async signIn<Opened>(name: string, open: () => Promise<Opened>, signal: AbortSignal): Promise<Opened> {
    await this.#line.pass(undefined, signal);
    try {
      if (this.#isBarred) throw barred(name, this.#refusals);
      return await this.#judged(open);
    } finally {
      this.#underWay -= 1;
      this.#line.wake();
    }
  }

  /** Errors that are no refusal say nothing of the password. */
  async #judged<Opened>(open: () => Promise<Opened>): Promise<Opened> {
    try {
      const opened = await open();
      this.#isProven = true;
      this.#refusals = 0;
      return opened;
    } catch (error) {
      if (isRefusedSignIn(error)) this.#refusals += 1;
      throw error;
    }
  }

  get #isBarred(): boolean {
    return this.#refusals >= this.#most;
  }

  get #most(): number {
    return this.#isProven ? MOST_PROVEN : MOST_UNPROVEN;
  }
}

/** The account whose password is sent: the administrator in an administrator's form, else the name itself. */
function signingName(user: string): string {
  for (const parse of [parseExchangeLogin, parseMirapointLogin, parseDovecotLogin]) {
    try {
      return parse(user).admin;
    } catch {
      // Not of this form.
    }
  }
  return user;
}

/** True where the server judged the password, and did not take it. */
export function isRefusedSignIn(error: unknown): boolean {
  return MigrationError.is(error) && (error.code === "auth-failed" || error.code === "auth-expired");
}

function barred(name: string, refusals: number): MigrationError {
  const text = `Not tried: the server refused the last ${refusals} sign-ins as ${name}, and more of them might lock the account`;
  return new MigrationError("auth-failed", text);
}
