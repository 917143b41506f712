/** A value that every SQL database of ours takes and gives. */
export type SqlValue = string | number | bigint | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** What the SQL store needs of a database. `?` marks a parameter. */
export interface SqlConnection {
  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** The same statement once for each list of parameters. */
  runEach(sql: string, parameterLists: Iterable<readonly SqlValue[]>): Promise<void>;
}

/** A database: connections inside transactions that are durable once they have ended. */
export interface SqlDatabase extends SqlConnection {
  /** Runs `work` in one transaction; rolls back when it throws. */
  transaction<Result>(work: (connection: SqlConnection) => Promise<Result>): Promise<Result>;
  /** The rows of one query, one after the other, in constant memory. */
  stream(sql: string, parameters?: readonly SqlValue[]): AsyncIterable<SqlRow>;
  /** Milliseconds since 1970 by the database's own clock. */
  now(): Promise<number>;
  close(): Promise<void>;
}
