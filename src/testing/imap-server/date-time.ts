const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DATE_TIME =
  /^( \d|\d\d)-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/i;

const two = (value: number): string => String(value).padStart(2, "0");

/** An instant as RFC 9051 date-time, in UTC: ` 1-Feb-2003 04:05:06 +0000`. */
export function formatDateTime(instant: Date): string {
  const day = String(instant.getUTCDate()).padStart(2, " ");
  const year = String(instant.getUTCFullYear()).padStart(4, "0");
  const time = [instant.getUTCHours(), instant.getUTCMinutes(), instant.getUTCSeconds()].map(two).join(":");
  return `${day}-${MONTHS[instant.getUTCMonth()]}-${year} ${time} +0000`;
}

/** The instant of an RFC 9051 date-time; undefined where the text is none. */
export function parseDateTime(text: string): Date | undefined {
  const match = DATE_TIME.exec(text);
  if (!match) return undefined;
  const [, day = "", month = "", year, hours, minutes, seconds, sign, zoneHours, zoneMinutes] = match;
  const monthIndex = MONTHS.findIndex((name) => name.toLowerCase() === month.toLowerCase());
  const [d, h, m, s] = [Number(day), Number(hours), Number(minutes), Number(seconds)];
  if (d < 1 || d > 31 || h > 23 || m > 59 || s > 60) return undefined;
  const local = new Date(0);
  local.setUTCFullYear(Number(year), monthIndex, d); // Date.UTC would read the years 0 to 99 as 1900 to 1999
  local.setUTCHours(h, m, s);
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return new Date(local.getTime() - (sign === "+" ? offset : -offset));
}
