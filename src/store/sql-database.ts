/** A value that every SQL database of ours takes and gives. */
export type SqlValue = string | number | bigint | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** What the SQL store needs of a database. `?` marks a parameter. */
export interface SqlConnection {
  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** The same statement once for each list of parameters. */
  runEach(sql: string, parameterLists: Iterable<readonly SqlValue[]>): Promise<void>;
}

/** What one database says otherwise than another in the SQL that we write. */
export interface SqlDialect {
  /** The columns of a 64-bit primary key that the database counts up. */
  readonly countedKey: string;
  /** The type of octets. */
  readonly octets: string;
  /** Ends the CREATE TABLE of a table that is best kept in its primary key; empty where there is no such thing. */
  readonly keptInKey: string;
  /** Ends a SELECT whose rows stay as they are until the transaction ends; empty where transactions never overlap. */
  readonly forUpdate: string;
  /** Lists the tables there are, in a column `name`. */
  readonly tableNames: string;
}

/** A database: connections inside transactions that are durable once they have ended. */
export interface SqlDatabase extends SqlConnection {
  readonly dialect: SqlDialect;
  /**
   * True when no other process can work with this database while it is open: the leases that it holds when it is opened
   * belong to processes that are gone, and a table that is not ours makes it a foreign one.
   */
  readonly soleOwner: boolean;
  /** Runs `work` in one transaction; rolls back when it throws. */
  transaction<Result>(work: (connection: SqlConnection) => Promise<Result>): Promise<Result>;
  /** Milliseconds since 1970 by the database's own clock. */
  now(): Promise<number>;
  close(): Promise<void>;
}
