import type { MigrationReport } from "../report.js";
import { reasonOf } from "./reason.js";
import type { ReportView } from "./report-view.js";
import { visibleJson } from "./visible-text.js";

/** The sums of a batch. */
type Sums = Pick<MigrationReport, "batch" | "status" | "books" | "balanced" | "users" | "run">;

/** The batch, then each user with its folders and its messages that need a look, then a line that shows the end. */
export async function* jsonLines(sums: Sums, view: ReportView): AsyncGenerator<string, void, undefined> {
  const { batch, status, books, balanced, users, run } = sums;
  const counts = { users: 0, folders: 0, items: 0 };
  yield line("batch", { batch, status, books, balanced, users, run });
  for await (const { folders, user, ...sumsOfUser } of view.userReports()) {
    const { identity, statusSummary } = user;
    counts.users += 1;
    yield line("user", { ...user, statusSummary, ...sumsOfUser });
    for (const folder of folders) {
      counts.folders += 1;
      yield line("folder", { user: identity, ...folder });
    }
    for await (const { emailAddress, ...item } of view.itemsOf(identity)) {
      counts.items += 1;
      const { remedy } = reasonOf({ emailAddress, ...item });
      yield line("item", { user: emailAddress, ...item, remedy });
    }
  }
  yield line("end", counts);
}

function line(type: string, facts: object): string {
  return `${visibleJson({ type, ...facts })}\n`;
}
