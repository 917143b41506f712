import type { CsvRow } from "../csv-row.js";

/** What a sign-in told of the password that it sent; `unknown` where it did not come so far. */
export type SignInAnswer = "accepted" | "refused" | "unknown";

/** A wrong name in one row does not make the password of all others wrong; lockouts begin at five refusals or ten. */
const MOST_REFUSALS = 3;

/**
 * Signs in for the rows of a list, and so that no account is locked. A sign-in name that was refused is not tried again,
 * with no password. Rows that share a name or a password, as an administrator's do, go one at a time until the password was
 * accepted once; refused for three of them before that, it is taken for wrong and not sent any more.
 *
 * Stricter than the `SignInGuard` of the endpoint below it, which counts for each account by itself: nothing is known yet of
 * a list that is checked, and it may hold one wrong password for thousands of accounts.
 */
export class RowSignIns {
  /** Resolves when the last row with this name or password that took its turn is through. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #refusedNames = new Set<string>();
  readonly #acceptedPairs = new Set<string>();
  readonly #acceptedPasswords = new Set<string>();
  readonly #refusals = new Map<string, number>();

  /**
   * Signs in as soon as that is harmless.
   * @param signInName what signs in: the row's UserName, or the account that acts for it; without regard to case, since a
   * server that does not tell cases apart counts them for one account
   * @returns false where it was not called, since it could lock an account
   */
  async tryOne(signInName: string, { password }: CsvRow, signIn: () => Promise<SignInAnswer>): Promise<boolean> {
    const name = signInName.toLowerCase();
    const pair = JSON.stringify([name, password]);
    const once = async (): Promise<boolean> => {
      if (!this.#isHarmless(name, password, pair)) return false;
      const answer = await signIn();
      if (answer === "refused") {
        this.#refusedNames.add(name);
        this.#refusals.set(password, (this.#refusals.get(password) ?? 0) + 1);
      } else if (answer === "accepted") {
        this.#acceptedPairs.add(pair);
        this.#acceptedPasswords.add(password);
      }
      return true;
    };
    if (this.#acceptedPairs.has(pair)) return await once();
    // Under a password that is known to be right, other names wait for one another alone.
    const keys = [`name ${name}`, ...(this.#acceptedPasswords.has(password) ? [] : [`password ${password}`])];
    const result = Promise.all(keys.map((key) => this.#turns.get(key))).then(once);
    const turn = result.then(
      () => {},
      () => {},
    );
    for (const key of keys) this.#turns.set(key, turn);
    return await result;
  }

  #isHarmless(name: string, password: string, pair: string): boolean {
    if (this.#acceptedPairs.has(pair)) return true;
    if (this.#refusedNames.has(name)) return false;
    return this.#acceptedPasswords.has(password) || (this.#refusals.get(password) ?? 0) < MOST_REFUSALS;
  }
}
