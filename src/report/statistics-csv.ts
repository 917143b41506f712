import type { UserReport } from "../report.js";
import { CSV_START, csvLine } from "./csv-line.js";
import { remedyOf } from "./reason.js";
import type { ReportView } from "./report-view.js";

type Cell = string | number | undefined;

/** Up to ErrorSummary those of Get-MigrationUserStatistics. */
const COLUMNS: readonly (readonly [name: string, value: (report: UserReport) => Cell])[] = [
  ["Identity", ({ user }) => user.identity],
  ["BatchId", ({ user }) => user.batchId],
  ["Status", ({ user }) => user.status],
  ["StatusSummary", ({ user }) => user.statusSummary],
  ["SyncedItemCount", ({ books }) => books.copied + books.alreadyThere],
  ["SkippedItemCount", ({ books }) => books.skipped + books.refused + books.failed + books.vanished],
  ["BytesTransferred", ({ books }) => books.octetsCopied],
  ["LastSuccessfulSyncTime", ({ user }) => user.lastSuccessfulSyncTime?.toISOString()],
  ["QueuedDuration", ({ user }) => timeSpan(user.queuedDuration)],
  ["InProgressDuration", ({ user }) => timeSpan(user.inProgressDuration)],
  ["SyncedDuration", ({ user }) => timeSpan(user.syncedDuration)],
  ["StalledDuration", ({ user }) => timeSpan(user.stalledDuration)],
  ["ErrorSummary", ({ user }) => user.error?.message],
  ["ErrorCode", ({ user }) => user.error?.code],
  ["Remedy", ({ user }) => user.error && remedyOf(user.error.code)],
  ["Found", ({ books }) => books.found],
  ["Copied", ({ books }) => books.copied],
  ["AlreadyThere", ({ books }) => books.alreadyThere],
  ["Skipped", ({ books }) => books.skipped],
  ["Refused", ({ books }) => books.refused],
  ["Failed", ({ books }) => books.failed],
  ["Vanished", ({ books }) => books.vanished],
  ["Uncertain", ({ books }) => books.uncertain],
  ["BooksBalance", ({ balanced }) => (balanced ? "True" : "False")],
  ["Folders", ({ folders }) => folders.length],
  ["FoldersLeftOut", ({ folders }) => folders.filter(({ leftOut }) => leftOut !== undefined).length],
  ["MessagesLeftOut", ({ folders }) => folders.reduce((sum, { leftOut = 0 }) => sum + leftOut, 0)],
];

/** One line for each user. */
export async function* statisticsCsv(view: ReportView): AsyncGenerator<string, void, undefined> {
  yield CSV_START + csvLine(COLUMNS.map(([name]) => name));
  for await (const report of view.userReports()) yield csvLine(COLUMNS.map(([, value]) => value(report)));
}

/** As PowerShell writes a TimeSpan: `1.02:03:04`, days only where there are any. */
function timeSpan(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const clock = [hours, minutes, seconds % 60].map((part) => String(part).padStart(2, "0")).join(":");
  return days > 0 ? `${days}.${clock}` : clock;
}
