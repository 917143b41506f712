import type { SkipRule } from "../outcome.js";
import type { UserReport } from "../report.js";
import { CSV_START, csvLine } from "./csv-line.js";
import { FILTERED, reasonOf, remedyOf } from "./reason.js";
import type { ReportView } from "./report-view.js";

const HELD_ELSEWHERE: SkipRule = "held-elsewhere";

const COLUMNS = [
  ...["EmailAddress", "ErrorMessage"],
  ...["Kind", "FolderName", "Uid", "MessageSize", "DateReceived", "Reason", "Remedy"],
];

/** Every user that failed, every folder left out and every message that needs a look: a line each. */
export async function* errorCsv(view: ReportView): AsyncGenerator<string, void, undefined> {
  yield CSV_START + csvLine(COLUMNS);
  for await (const report of view.userReports()) {
    const { identity, error } = report.user;
    if (error) yield csvLine([identity, error.message, "user", ...Array(4), error.code, remedyOf(error.code)]);
    yield* foldersLeftOut(report);
    for await (const item of view.itemsOf(identity)) {
      // The target has it: as many lines as a Gmail mailbox has messages would hide the others.
      if (item.reason === HELD_ELSEWHERE) continue;
      const { kind, folder, uid, size } = item;
      const { reason, text, remedy } = reasonOf(item);
      yield csvLine([identity, text, kind, folder, uid, size, dateOf(item), reason, remedy]);
    }
  }
}

function* foldersLeftOut({ user, folders }: UserReport): Generator<string, void, undefined> {
  for (const { source, leftOut } of folders) {
    if (leftOut === undefined) continue;
    const text = `It is left out by a filter, or since it only shows messages of others; it holds ${leftOut} messages.`;
    yield csvLine([user.identity, text, "folder", source, ...Array(3), "folder-left-out", FILTERED]);
  }
}

function dateOf({ internalDate }: { readonly internalDate?: number }): string | undefined {
  return internalDate === undefined ? undefined : new Date(internalDate).toISOString();
}
