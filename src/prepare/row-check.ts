import type { CsvRow } from "../csv-row.js";
import { type Clock, systemClock } from "../engine/clock.js";
import { isRefusedSignIn } from "../engine/throttle/sign-in-guard.js";
import { MigrationError } from "../errors.js";
import type { MailSource } from "../mail/mail-source.js";
import type { MailTarget } from "../mail/mail-target.js";
import { inOrder } from "./in-order.js";
import { RowSignIns } from "./row-sign-ins.js";

export interface RowCheckOptions {
  readonly rows: readonly CsvRow[];
  openSource(row: CsvRow, signal: AbortSignal): Promise<MailSource>;
  /** Absent: the target is not checked. */
  openTarget?(row: CsvRow, signal: AbortSignal): Promise<MailTarget>;
  /** What signs in at the source for a row. Default: its UserName. */
  signInName?(row: CsvRow): string;
  /** Rows at a time. Default 4. */
  readonly atOnce?: number;
  /** Milliseconds between the end of one row and the next in its place. Default 250. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal;
  /** For tests. */
  readonly clock?: Clock;
}

/** Whether one row can be migrated. */
export interface RowCheck {
  /** The row's EmailAddress. */
  readonly user: string;
  /** True where everything that was to be checked went well. */
  readonly ok: boolean;
  readonly source: RowCheckEnd;
  /** Absent where the target was not to be checked. */
  readonly target?: RowCheckEnd;
}

/** What one end said. */
export interface RowCheckEnd {
  readonly ok: boolean;
  /** False: nothing was sent, since another row with this name or password was refused, and an account could be locked. */
  readonly tried: boolean;
  /** Folders that can hold messages, and the messages in them; absent where they were not listed. */
  readonly folders?: number;
  /** At the source alone. */
  readonly messages?: number;
  readonly error?: MigrationError;
}

const AT_ONCE = 4;
const PAUSE_MS = 250;

/**
 * Signs in for each row at both ends and lists the folders, before anything is copied; one check for each row, in their
 * order. Nothing is changed. At most `atOnce` rows at a time, with a pause after each; a refused password is never sent
 * again, and one that many rows share is given up after three refusals.
 * @throws MigrationError `aborted`; what goes wrong with one row is in its check
 */
export function checkRows(options: RowCheckOptions): AsyncGenerator<RowCheck, void, undefined> {
  const { clock = systemClock, signal = new AbortController().signal } = options;
  const signIns = new RowSignIns();
  return inOrder(options.rows, options.atOnce ?? AT_ONCE, async (row) => {
    const source = await checkSource(options, row, signIns, signal);
    const target = options.openTarget && (await checkTarget(options.openTarget, row, signal));
    if (signal.aborted) throw new MigrationError("aborted", "The check of the rows was stopped");
    if (source.tried) await clock.sleep(options.pauseMs ?? PAUSE_MS, signal);
    const ok = source.ok && (target?.ok ?? true);
    return { user: row.emailAddress, ok, source, ...(target && { target }) };
  });
}

async function checkSource(
  { openSource, signInName = ({ userName }) => userName }: RowCheckOptions,
  row: CsvRow,
  signIns: RowSignIns,
  signal: AbortSignal,
): Promise<RowCheckEnd> {
  let end = notTried();
  await signIns.tryOne(signInName(row), row, async () => {
    let source: MailSource | undefined;
    try {
      source = await openSource(row, signal);
      const listed = (await source.listFolders({ signal })).filter(({ selectable }) => selectable);
      const messages = listed.reduce((sum, folder) => sum + folder.messages, 0);
      end = { ok: true, tried: true, folders: listed.length, messages };
      return "accepted";
    } catch (cause) {
      const error = MigrationError.from(cause);
      end = { ok: false, tried: true, error };
      if (source) return "accepted";
      return isRefusedSignIn(error) ? "refused" : "unknown";
    } finally {
      await source?.close().catch(() => {});
    }
  });
  return end;
}

function notTried(): RowCheckEnd {
  const text = "Not tried: this name or password was refused for another row, and the account could be locked";
  return { ok: false, tried: false, error: new MigrationError("auth-failed", text) };
}

async function checkTarget(
  openTarget: NonNullable<RowCheckOptions["openTarget"]>,
  row: CsvRow,
  signal: AbortSignal,
): Promise<RowCheckEnd> {
  let target: MailTarget | undefined;
  try {
    target = await openTarget(row, signal);
    const folders = (await target.listFolders({ signal })).filter(({ selectable }) => selectable).length;
    return { ok: true, tried: true, folders };
  } catch (cause) {
    return { ok: false, tried: true, error: MigrationError.from(cause) };
  } finally {
    await target?.close().catch(() => {});
  }
}
