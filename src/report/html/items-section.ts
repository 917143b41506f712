import type { ItemRecord } from "../../store/migration-store.js";
import { reasonOf, remedyOf } from "../reason.js";
import type { ReportView } from "../report-view.js";
import { address, foreign, Markup, markup } from "./markup.js";
import type { Survey } from "./survey.js";
import { count, number, octets, outcomeWords, time } from "./words.js";

/** Messages and folders named one by one: what a person reads, and a browser shows at once. */
const MOST_ROWS = 1_000;
/** A table with more rows than this is folded up at first. */
const MOST_OPEN = 50;
/** Columns that end at the right. */
const NUMERIC = new Set(["Messages", "Size", "UID"]);

/** What did not arrive, or not whole: by reason, then one by one. */
export async function* itemsSection(view: ReportView, survey: Survey): AsyncGenerator<Markup, void, undefined> {
  yield markup`<section>
<h2>What did not arrive, and why</h2>
`;
  if (survey.failed > 0) yield* failedUsers(view, survey.failed);
  if (survey.items === 0) {
    yield markup`<p class="good">Nothing is missing: every message with an outcome has arrived whole.</p>
`;
  } else {
    yield reasonsTable(survey);
    yield* itemsTable(view, survey.items);
  }
  if (survey.leftOut.folders > 0) yield* leftOutTable(view, survey.leftOut.folders);
  yield markup`</section>
`;
}

async function* failedUsers(view: ReportView, failed: number): AsyncGenerator<Markup, void, undefined> {
  yield fold(failed, `${count(failed, "user")} that failed`);
  yield head("", ["User", "Why", "What to do"]);
  let rows = 0;
  for await (const { user } of view.userReports()) {
    if (!user.error) continue;
    if (++rows > MOST_ROWS) break;
    const { code, message } = user.error;
    yield markup`<tr><th scope="row">${address(user.identity)}</th><td data-label="Why">${foreign(message)} <code>${code}</code></td><td data-label="What to do">${remedyOf(code)}</td></tr>
`;
  }
  yield end(failed);
  yield markup`</details>
`;
}

function reasonsTable({ reasons }: Survey): Markup {
  const rows = reasons.map(({ kind, reason, text, remedy, count: messages }) => {
    const why = kind === "refused" || kind === "failed" ? remedy : `${text} ${remedy}`;
    return markup`<tr><th scope="row"><i class="key ${kind}"></i>${kind === "copied" ? "changed" : outcomeWords[kind]} <code>${reason}</code></th><td class="number" data-label="Messages">${number(messages)}</td><td data-label="What to do">${why}</td></tr>
`;
  });
  return markup`${head("By reason", ["Reason", "Messages", "What to do"])}${rows}${end(rows.length)}`;
}

async function* itemsTable(view: ReportView, items: number): AsyncGenerator<Markup, void, undefined> {
  yield fold(items, `${count(items, "message")}, one by one`);
  yield head("", ["Folder", "UID", "Received", "Size", "Why"]);
  let rows = 0;
  for await (const { user } of view.userReports()) {
    if (rows >= MOST_ROWS) break;
    let named = false;
    for await (const item of view.itemsOf(user.identity)) {
      if (++rows > MOST_ROWS) break;
      if (!named)
        yield markup`<tr class="group"><th scope="rowgroup" colspan="5">${address(user.identity)}</th></tr>
`;
      named = true;
      yield itemRow(item);
    }
  }
  yield end(items);
  yield markup`</details>
`;
}

function itemRow(item: ItemRecord): Markup {
  const { folder, uid, size, kind, internalDate } = item;
  const date = internalDate === undefined ? "not known" : time(new Date(internalDate));
  return markup`<tr><th scope="row">${foreign(folder)}</th><td class="number" data-label="UID">${uid}</td><td data-label="Received">${date}</td><td class="number" data-label="Size">${
    size === 0 ? "not known" : octets(size)
  }</td><td data-label="Why"><i class="key ${kind}"></i>${foreign(reasonOf(item).text)}</td></tr>
`;
}

async function* leftOutTable(view: ReportView, folders: number): AsyncGenerator<Markup, void, undefined> {
  yield fold(folders, `${count(folders, "folder")} left out`);
  yield head("", ["User", "Folder", "Messages"]);
  let rows = 0;
  for await (const { user, folders: each } of view.userReports()) {
    if (rows >= MOST_ROWS) break;
    for (const { source, leftOut } of each) {
      if (leftOut === undefined || ++rows > MOST_ROWS) continue;
      yield markup`<tr><th scope="row">${address(user.identity)}</th><td data-label="Folder">${foreign(source)}</td><td class="number" data-label="Messages">${number(leftOut)}</td></tr>
`;
    }
  }
  yield end(folders);
  yield markup`</details>
`;
}

/** The beginning of a table that is folded up where it is long. */
function fold(rows: number, title: string): Markup {
  return markup`<details${rows <= MOST_OPEN ? new Markup(' open=""') : ""}><summary>${title}</summary>
`;
}

function head(title: string, columns: readonly string[]): Markup {
  return markup`<table class="list">${title === "" ? markup`` : markup`<caption>${title}</caption>`}
<thead><tr>${columns.map((column) => markup`<th scope="col"${NUMERIC.has(column) ? new Markup(' class="number"') : ""}>${column}</th>`)}</tr></thead>
<tbody>
`;
}

function end(rows: number): Markup {
  const more = rows - MOST_ROWS;
  return markup`</tbody></table>
${
  more > 0
    ? markup`<p class="note">${number(more)} more are in the error CSV and in the JSON Lines.</p>
`
    : markup``
}`;
}
