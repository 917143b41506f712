import type { MigrationReport } from "../../report.js";
import type { ReportView } from "../report-view.js";
import { booksSection } from "./books-section.js";
import { itemsSection } from "./items-section.js";
import { foreign, Markup, markup } from "./markup.js";
import { pageStyle } from "./page-style.js";
import { type Survey, surveyOf } from "./survey.js";
import { type Milestone, timelineSection } from "./timeline-section.js";
import { usersSection } from "./users-section.js";
import { arrived, count, number, time } from "./words.js";

/** What a page of a report may be told besides the ledger. */
export interface ReportPageOptions {
  /** What happened to the batch, for the timeline: created, MX switched, completed. Default none. */
  readonly milestones?: readonly Milestone[];
  /** The date of the page. Default now. */
  readonly generatedAt?: Date;
}

type Sums = Pick<MigrationReport, "batch" | "status" | "books" | "balanced" | "users">;

/** The page from top to bottom. The ledger is read some times over, so that no more than a user is held at once. */
export async function* reportPage(
  sums: Sums,
  view: ReportView,
  { milestones = [], generatedAt = new Date() }: ReportPageOptions,
): AsyncGenerator<string, void, undefined> {
  const survey = await surveyOf(view);
  yield top(sums, survey, generatedAt).text;
  yield booksSection(sums.books, survey.leftOut).text;
  for await (const piece of itemsSection(view, survey)) yield piece.text;
  yield timelineSection(survey.syncTimes, milestones).text;
  for await (const piece of usersSection(view, survey)) yield piece.text;
  yield markup`</main>
</body>
</html>
`.text;
}

function top(sums: Sums, survey: Survey, generatedAt: Date): Markup {
  const { batch, status, books, users } = sums;
  const tiles = [
    tile(number(users.Synced), "synced", users.Synced > 0 ? "good" : ""),
    tile(number(users.Failed), "failed", users.Failed > 0 ? "bad" : ""),
    tile(number(users.Active), "active", ""),
    tile(number(users.Stopped), "stopped", ""),
  ];
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="color-scheme" content="light dark"/>
<title>${batch}: migration report</title>
<style>
${new Markup(pageStyle)}</style>
</head>
<body>
<main>
<header>
<p class="note">Migration report</p>
<h1>${foreign(batch)} <span class="status ${summaryOf(status)}">${status}</span></h1>
<p class="verdict">${verdict(sums, survey)}</p>
<p class="note">${count(survey.users, "user")}, ${count(books.found, "message")} found; as the ledger stood at ${time(generatedAt)}.</p>
</header>
<section>
<h2>Where the users stand</h2>
<div class="tiles">${tiles}</div>
</section>
`;
}

function tile(value: string, word: string, mood: string): Markup {
  return markup`<div class="tile ${mood}"><b>${value}</b><span>${word}</span></div>`;
}

function verdict({ books, balanced, users }: Sums, { troubled }: Survey): string {
  if (!balanced) return "The books of some users do not balance yet.";
  const missing = books.found - arrived(books);
  if (missing > 0)
    return `${count(missing, "message")} did not arrive; ${count(troubled, "user")} need${troubled === 1 ? "s" : ""} a look.`;
  if (users.Failed > 0) return `${count(users.Failed, "user")} failed.`;
  if (users.Active + users.Stopped > 0) return "All that was found so far has arrived; not all users are synced yet.";
  return "Every message that the source listed has arrived.";
}

function summaryOf(status: string): string {
  if (status === "Synced" || status === "Completed") return "Synced";
  return /Failed|Errors|Corrupted/.test(status) ? "Failed" : "Active";
}
