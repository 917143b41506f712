/** Milliseconds of a Retry-After in seconds, whole or not, or as a date (RFC 9110 section 10.2.3); undefined where there is none. */
export function readRetryAfter(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+(\.\d*)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  const date = value === "" ? Number.NaN : Date.parse(value);
  // The difference to the server's own clock, where it tells that.
  const from = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(date) ? undefined : Math.max(0, date - (Number.isNaN(from) ? now : from));
}
