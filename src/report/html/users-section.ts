import type { UserReport } from "../../report.js";
import type { ReportView } from "../report-view.js";
import { bar } from "./books-section.js";
import { address, foreign, type Markup, markup } from "./markup.js";
import type { Survey } from "./survey.js";
import { arrived, count, number, time } from "./words.js";

/** Users shown one by one; those that need a look come first. */
const MOST_USERS = 1_000;
/** With more users than this, their folders are in the JSON Lines alone. */
const MOST_USERS_WITH_FOLDERS = 100;

/** Each user with its bar, those that a reader has to look at before all others. */
export async function* usersSection(view: ReportView, { users }: Survey): AsyncGenerator<Markup, void, undefined> {
  yield markup`<section>
<h2>Users</h2>
<ul class="users">
`;
  let shown = 0;
  for (const wanted of [true, false]) {
    for await (const report of view.userReports()) {
      if (shown >= MOST_USERS) break;
      if (needsALook(report) !== wanted) continue;
      shown += 1;
      yield userRow(report, users <= MOST_USERS_WITH_FOLDERS);
    }
  }
  yield markup`</ul>
${
  users > shown
    ? markup`<p class="note">${count(users - shown, "more user")} in the statistics CSV.</p>
`
    : markup``
}</section>
`;
}

function needsALook({ user, books, balanced }: UserReport): boolean {
  return user.error !== undefined || !balanced || arrived(books) < books.found;
}

function userRow(report: UserReport, withFolders: boolean): Markup {
  const { user, books, folders } = report;
  const synced = user.lastSuccessfulSyncTime;
  return markup`<li>
<div class="line"><strong>${address(user.identity)}</strong> <span class="status ${user.statusSummary}">${user.status}</span></div>
${bar(books)}
<div class="line note"><span>${number(arrived(books))} of ${count(books.found, "message")} arrived</span> <span>${
    synced ? markup`synced ${time(synced)}` : "not synced yet"
  }</span></div>
${withFolders && folders.length > 0 ? folderTable(report) : markup``}</li>
`;
}

function folderTable({ folders }: UserReport): Markup {
  const rows = folders.map(({ source, target, books, leftOut }) => {
    const where = leftOut !== undefined ? "left out" : target === undefined ? "nothing to copy" : target;
    const sum =
      leftOut !== undefined ? `${number(leftOut)} there` : `${number(arrived(books))} of ${number(books.found)}`;
    return markup`<tr><th scope="row">${foreign(source)}</th><td data-label="Goes to">${
      target === undefined || leftOut !== undefined ? markup`<em>${where}</em>` : foreign(where)
    }</td><td class="number" data-label="Arrived">${sum}</td></tr>
`;
  });
  return markup`<details><summary>${count(folders.length, "folder")}</summary>
<table class="list"><thead><tr><th scope="col">Folder</th><th scope="col">Goes to</th><th scope="col" class="number">Arrived</th></tr></thead>
<tbody>
${rows}</tbody></table></details>
`;
}
