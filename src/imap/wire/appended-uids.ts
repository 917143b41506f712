/** UIDs of a command's messages, in its order; none where they are not known. */
export interface AppendedUids {
  readonly uidValidity: number;
  readonly uids: readonly number[];
}

const APPEND_UID = /^APPENDUID (\d+) ([\d:,]+)$/i;

/**
 * `APPENDUID 38505 3955:3957,3960` names the UIDs of a command's messages in its order (RFC 4315 section 3). A list of
 * another length names none of them for sure.
 */
export function appendedUids(code: string | undefined, messages: number): AppendedUids {
  const [, uidValidity, list = ""] = APPEND_UID.exec(code ?? "") ?? [];
  const ranges = list.split(",").map((range) => {
    const [start = 0, end = start] = range.split(":").map(Number);
    return { start, step: start <= end ? 1 : -1, length: Math.abs(end - start) + 1 };
  });
  const named = ranges.reduce((sum, { length }) => sum + length, 0);
  if (uidValidity === undefined || named !== messages) return { uidValidity: 0, uids: [] };
  const uids = ranges.flatMap(({ start, step, length }) => Array.from({ length }, (_, at) => start + at * step));
  return { uidValidity: Number(uidValidity), uids };
}
