import { createHmac, randomBytes } from "node:crypto";
import { MigrationError } from "../../errors.js";
import { parseDovecotLogin, parseExchangeLogin, parseMirapointLogin } from "../../login-formats.js";
import { systemClock } from "../clock.js";
import { WaitingLine } from "./waiting-line.js";

/** Refusals in a row after which a password that was never accepted is not sent again: fewer than any common lockout. */
const MOST_UNPROVEN = 3;
/** The same for one that was accepted before: more likely these mailboxes are at fault, one after the other. */
const MOST_PROVEN = 10;

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
 * again. Never more sign-ins are under way than may still be refused.
 */
export class SignInGuard {
  readonly #key = randomBytes(32);
  readonly #accounts = new Map<string, Account>();

  /**
   * Signs in by `open`, if that is safe.
   * @throws MigrationError `auth-failed` without calling it where it is not; `aborted`; whatever `open` rejects with
   */
  async open<Opened>({ user, password }: SignIn, open: () => Promise<Opened>, signal?: AbortSignal): Promise<Opened> {
    if (password === undefined) return await open();
    const name = signingName(user);
    const account = this.#account(name, password);
    await account.enter(signal ?? neverStopped);
    if (account.isBarred) {
      account.end(undefined);
      throw barred(name, account.refusals);
    }
    try {
      const opened = await open();
      account.end(true);
      return opened;
    } catch (error) {
      account.end(isRefusal(error) ? false : undefined);
      throw error;
    }
  }

  /** By name and password: a corrected password starts anew. Neither can be read from the key. */
  #account(name: string, password: string): Account {
    const both = JSON.stringify([name.toLowerCase(), password]);
    const key = createHmac("sha256", this.#key).update(both).digest("base64");
    const account = this.#accounts.get(key) ?? new Account();
    this.#accounts.set(key, account);
    return account;
  }
}

class Account {
  /** In a row. */
  refusals = 0;
  #isProven = false;
  #underWay = 0;
  // Nobody waits for time here, only for one another.
  readonly #line = new WaitingLine<void>(systemClock, {
    blockedMs: () => (this.isBarred || this.refusals + this.#underWay < this.#most ? 0 : Number.POSITIVE_INFINITY),
    admit: () => {
      this.#underWay += 1;
    },
  });

  get isBarred(): boolean {
    return this.refusals >= this.#most;
  }

  enter(signal: AbortSignal): Promise<void> {
    return this.#line.pass(undefined, signal);
  }

  /** Undefined where nobody has judged the password. */
  end(wasAccepted: boolean | undefined): void {
    this.#underWay -= 1;
    if (wasAccepted) {
      this.#isProven = true;
      this.refusals = 0;
    } else if (wasAccepted === false) {
      this.refusals += 1;
    }
    this.#line.wake();
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

function isRefusal(error: unknown): boolean {
  return MigrationError.is(error) && (error.code === "auth-failed" || error.code === "auth-expired");
}

function barred(name: string, refusals: number): MigrationError {
  const text = `Not tried: the server refused the last ${refusals} sign-ins as ${name}, and more of them might lock the account`;
  return new MigrationError("auth-failed", text);
}
