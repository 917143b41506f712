import { foreign, type Markup, markup } from "./markup.js";
import { count, number, time } from "./words.js";

/** Something that happened to the batch, for the timeline. */
export interface Milestone {
  readonly at: Date;
  /** In a few words: `MX switched`. */
  readonly text: string;
}

const COLUMNS = 40;
const HOUR_MS = 3_600_000;

/** When the users were synced last, and the milestones between. Empty where nothing is known. */
export function timelineSection(syncTimes: readonly number[], milestones: readonly Milestone[]): Markup {
  const sorted = [...milestones].sort((one, other) => one.at.getTime() - other.at.getTime());
  const times = [...sorted.map(({ at }) => at.getTime()), ...extremes(syncTimes)];
  if (times.length === 0) return markup``;
  const start = Math.min(...times);
  const end = Math.max(...times, start + HOUR_MS);
  const share = (at: number) => (at - start) / (end - start);
  const columns = columnsOf(syncTimes, share);
  const most = Math.max(1, ...columns);
  return markup`<section>
<h2>Timeline</h2>
<div class="timeline" aria-hidden="true">
<div class="columns">${columns.map((users) => markup`<i style="height:${height(users, most)}%" title="${count(users, "user")}"></i>`)}</div>
<div class="marks">${sorted.map(({ at }, index) => markup`<b style="left:${percent(share(at.getTime()))}%">${index + 1}</b>`)}</div>
<div class="ends"><span>${time(new Date(start))}</span><span>${time(new Date(end))}</span></div>
</div>
${
  syncTimes.length > 0
    ? markup`<p class="note">Columns: when each of ${count(syncTimes.length, "user")} was synced last; at most ${number(most)} in one column.</p>
`
    : markup``
}${
  sorted.length > 0
    ? markup`<ol class="milestones">
${sorted.map(
  ({ at, text }) => markup`<li>${time(at)} ${foreign(text)}</li>
`,
)}</ol>
`
    : markup``
}</section>
`;
}

function extremes(times: readonly number[]): number[] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const at of times) {
    least = Math.min(least, at);
    most = Math.max(most, at);
  }
  return times.length > 0 ? [least, most] : [];
}

function columnsOf(times: readonly number[], share: (at: number) => number): number[] {
  const columns = new Array<number>(COLUMNS).fill(0);
  for (const at of times) {
    const column = Math.min(COLUMNS - 1, Math.floor(share(at) * COLUMNS));
    columns[column] = (columns[column] ?? 0) + 1;
  }
  return columns;
}

/** One user in a thousand still shows. */
function height(users: number, most: number): string {
  return users === 0 ? "0" : percent(Math.max(0.04, users / most));
}

function percent(share: number): string {
  return (share * 100).toFixed(2);
}
