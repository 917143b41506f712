const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/** Hours from UTC (RFC 5322 section 4.3); every other name means nothing. */
const ZONES = new Map([
  ...["ut", "gmt", "utc", "z"].map((zone) => [zone, 0] as const),
  ...[["edt", -4] as const, ["est", -5] as const, ["cdt", -5] as const, ["cst", -6] as const],
  ...[["mdt", -6] as const, ["mst", -7] as const, ["pdt", -7] as const, ["pst", -8] as const],
]);
const DATE =
  /(\d{1,2})[ -]+([a-z]{3})[a-z]*[ -]+(\d{2,4})[ ,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*([+-]\d{4}|[a-z]+)?/i;

/** A date of a header (RFC 5322 section 3.3, with the obsolete forms of section 4.3); undefined where it is none. */
export function parseMailDate(value: string): Date | undefined {
  const [, day = "", month = "", year = "", hour = "", minute = "", second = "0", zone = ""] =
    DATE.exec(value.replace(/\([^()]*\)/g, " ").replace(/\s+/g, " ")) ?? [];
  const monthIndex = MONTHS.indexOf(month.toLowerCase());
  if (monthIndex < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const date = Date.UTC(fullYear(year), monthIndex, Number(day), Number(hour), Number(minute), Number(second));
  if (Number(day) < 1 || new Date(Date.UTC(fullYear(year), monthIndex, Number(day))).getUTCMonth() !== monthIndex) {
    return undefined;
  }
  return new Date(date - minutesFromUtc(zone) * 60_000);
}

/** Two digits up to 49 are of this century, other short ones of the last (RFC 5322 section 4.3). */
function fullYear(year: string): number {
  const number = Number(year);
  if (year.length >= 4) return number;
  return number + (year.length === 2 && number < 50 ? 2000 : 1900);
}

function minutesFromUtc(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? [];
  if (sign === undefined) return 60 * (ZONES.get(zone.toLowerCase()) ?? 0);
  return (sign === "-" ? -1 : 1) * (60 * Number(hours) + Number(minutes));
}
