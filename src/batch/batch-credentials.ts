import { CsvRow } from "../csv-row.js";
import { MigrationError } from "../errors.js";
import { type MigrationBatchContext, rowsByAddress } from "./batch-options.js";

/** How each user of a batch signs in: by its row, or by what the host says when asked. Never in a store. */
export class BatchCredentials {
  readonly #rows: Map<string, CsvRow>;
  readonly #secrets: MigrationBatchContext["secrets"];

  /** @throws MigrationError `option-invalid` for two rows of one mailbox */
  constructor({ users = [], secrets }: Pick<MigrationBatchContext, "users" | "secrets">) {
    this.#rows = rowsByAddress(users);
    this.#secrets = secrets;
  }

  /** True where nobody could sign in. */
  get isEmpty(): boolean {
    return this.#rows.size === 0 && !this.#secrets;
  }

  /** The EmailAddress of each row. */
  get addresses(): string[] {
    return [...this.#rows.values()].map(({ emailAddress }) => emailAddress);
  }

  add(rows: readonly CsvRow[]): void {
    for (const row of rows) this.#rows.set(row.emailAddress.toLowerCase(), row);
  }

  remove(emailAddress: string): void {
    this.#rows.delete(emailAddress.toLowerCase());
  }

  /** @throws MigrationError `credentials-missing` */
  async rowOf(emailAddress: string): Promise<CsvRow> {
    const row = this.#rows.get(emailAddress.toLowerCase());
    if (row) return row;
    const secrets = await this.#ask(emailAddress);
    if (secrets) return new CsvRow({ ...secrets, emailAddress });
    throw missing(`The store holds ${emailAddress}, but this program has neither its row nor its secrets`);
  }

  /** What the host's callback throws may hold a password: none of it is passed on. */
  async #ask(emailAddress: string) {
    try {
      return await this.#secrets?.(emailAddress);
    } catch {
      throw missing(`The secrets callback threw for ${emailAddress}`);
    }
  }
}

function missing(text: string): MigrationError {
  return new MigrationError("credentials-missing", text);
}
