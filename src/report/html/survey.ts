import type { OutcomeKind } from "../../outcome.js";
import { type Reason, reasonOf } from "../reason.js";
import type { ReportView } from "../report-view.js";

/** How many messages there are for one reason. */
export interface ReasonCount extends Reason {
  readonly kind: OutcomeKind;
  count: number;
}

/** What has to be known of all users before the first is written. */
export interface Survey {
  users: number;
  /** Users with anything that a reader has to look at. */
  troubled: number;
  failed: number;
  items: number;
  readonly leftOut: { folders: number; messages: number };
  /** Most frequent first. */
  reasons: ReasonCount[];
  /** When each user was synced last, in milliseconds since 1970. */
  readonly syncTimes: number[];
}

export async function surveyOf(view: ReportView): Promise<Survey> {
  const survey: Survey = {
    users: 0,
    troubled: 0,
    failed: 0,
    items: 0,
    leftOut: { folders: 0, messages: 0 },
    reasons: [],
    syncTimes: [],
  };
  const reasons = new Map<string, ReasonCount>();
  for await (const { user, folders, balanced } of view.userReports()) {
    survey.users += 1;
    if (user.error) survey.failed += 1;
    if (user.lastSuccessfulSyncTime) survey.syncTimes.push(user.lastSuccessfulSyncTime.getTime());
    for (const { leftOut } of folders) {
      if (leftOut === undefined) continue;
      survey.leftOut.folders += 1;
      survey.leftOut.messages += leftOut;
    }
    const before = survey.items;
    for await (const item of view.itemsOf(user.identity)) {
      survey.items += 1;
      const reason = reasonOf(item);
      const key = `${item.kind} ${reason.reason}`;
      const known = reasons.get(key) ?? { ...reason, kind: item.kind, count: 0 };
      known.count += 1;
      reasons.set(key, known);
    }
    if (user.error || !balanced || survey.items > before) survey.troubled += 1;
  }
  survey.reasons = [...reasons.values()].sort((one, other) => other.count - one.count);
  return survey;
}
