import type { UserReport } from "../report.js";
import type { ItemRecord } from "../store/migration-store.js";

/** What the written forms of a report are made from, one user after the other. */
export interface ReportView {
  readonly batch: string;
  userReports(): AsyncIterable<UserReport>;
  /** The messages of one user that need a look. */
  itemsOf(emailAddress: string): AsyncIterable<ItemRecord>;
}
