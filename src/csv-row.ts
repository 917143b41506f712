import { type InspectOptions, inspect } from "node:util";
import { type CsvCells, checkCells, trimCell } from "./csv/check-cells.js";
import { csvInvalid } from "./csv/csv-faults.js";
import { type CsvParseOptions, readUserList } from "./csv/read-user-list.js";

/** The cells of one row. */
export interface CsvRowInit {
  /** Address of the mailbox at the target. */
  emailAddress: string;
  /** What the source server takes as user name; for an administrator's login in the server's credential format. */
  userName: string;
  /** Password of the account that signs in, exact to the code unit. */
  password: string;
  /** Where the mailbox stands in the tree that the administrator sees (Courier IMAP); absent or empty for none. */
  userRoot?: string;
}

/**
 * One row of the user list: a mailbox to move and how to sign in to it. The password is there for whoever asks for
 * {@link CsvRow.password}; JSON, util.inspect, a spread and structuredClone leave it out.
 */
export class CsvRow {
  /** Address of the mailbox at the target. */
  readonly emailAddress: string;
  /** What the source server takes as user name. */
  readonly userName: string;
  /** Where the mailbox stands in the tree that the administrator sees; absent where the row names no such place. */
  declare readonly userRoot?: string; // declared only: an absent one is no property at all
  readonly #password: string;

  /**
   * Blanks and tabs around everything but the password are removed.
   * @throws MigrationError `csv-invalid` when a cell could not stand in a user list
   */
  constructor({ emailAddress, userName, password, userRoot = "" }: CsvRowInit) {
    this.emailAddress = trimCell("EmailAddress", emailAddress);
    this.userName = trimCell("UserName", userName);
    this.#password = password;
    const root = trimCell("UserRoot", userRoot);
    if (root !== "") this.userRoot = root;
    const cells: CsvCells = {
      EmailAddress: this.emailAddress,
      UserName: this.userName,
      Password: password,
      UserRoot: root,
    };
    const faults = checkCells(cells, 0);
    if (faults.length > 0) throw csvInvalid(faults);
  }

  /** Password of the account that signs in, exact to the code unit. */
  get password(): string {
    return this.#password;
  }

  /**
   * Reads a user list as Microsoft describes it ("CSV files for IMAP migration batches"): a header that names
   * EmailAddress, UserName, Password and perhaps UserRoot in any order, spelled exactly so, and a row for each mailbox.
   *
   * - Octets are UTF-8 with or without a byte order mark, or UTF-16 with one. Lines end in LF, CRLF or CR.
   * - Cells are separated by commas and quoted as in RFC 4180.
   * - Passwords are taken to the code unit, neither trimmed nor normalised. Blanks and tabs around other cells go away.
   * - An empty UserRoot cell means none. Blank lines at the end are passed over.
   *
   * @throws MigrationError `csv-invalid`: its `faults` names every fault with its line. Neither they nor the message
   * quote a cell.
   */
  static parse(input: string | Uint8Array, options: CsvParseOptions = {}): CsvRow[] {
    return readUserList(input, options).map(
      ({ EmailAddress = "", UserName = "", Password = "", UserRoot = "" }) =>
        new CsvRow({ emailAddress: EmailAddress, userName: UserName, password: Password, userRoot: UserRoot }),
    );
  }

  /**
   * Writes rows so that {@link CsvRow.parse} reads the same: header, CRLF, the column UserRoot only when a row has one.
   *
   * The text holds every password in clear. It is the only output of this package that does; no cell is neutralised
   * against spreadsheet formulas, since that would alter passwords.
   */
  static stringify(rows: Iterable<CsvRow>): string {
    const list = [...rows];
    const withRoot = list.some(({ userRoot }) => userRoot !== undefined);
    const lines = list.map((row) => [
      row.emailAddress,
      row.userName,
      row.password,
      ...(withRoot ? [row.userRoot ?? ""] : []),
    ]);
    const header = ["EmailAddress", "UserName", "Password", ...(withRoot ? ["UserRoot"] : [])];
    return [header, ...lines].map((cells) => `${cells.map(quote).join(",")}\r\n`).join("");
  }

  /** Everything but the password. */
  toJSON(): { emailAddress: string; userName: string; userRoot?: string } {
    return { ...this };
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `CsvRow ${inspect(this.toJSON(), options)}`;
  }
}

/** Blanks at the ends are quoted too, since some programs remove them. */
function quote(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
