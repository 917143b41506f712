/** The members of a JSON object; none where `value` is no object. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  // Any object can be read by names, whatever it holds.
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** A member that is text; "" where it is none. */
export function textOf(value: unknown, name: string): string {
  const member = record(value)[name];
  return typeof member === "string" ? member : "";
}

/** A member that is a number; 0 where it is none. */
export function numberOf(value: unknown, name: string): number {
  const member = record(value)[name];
  return typeof member === "number" ? member : 0;
}

/** The items of a member that is a list; none where it is no list. */
export function listOf(value: unknown, name: string): readonly unknown[] {
  const member = record(value)[name];
  return Array.isArray(member) ? member : [];
}
