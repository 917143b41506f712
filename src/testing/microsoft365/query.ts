import type { GraphCall } from "./graph-call.js";
import { type Reply, refuse } from "./reply.js";

const DEFAULT_PAGE = 10;
const LARGEST_PAGE = 1000;

/** What `$select` leaves of an entity; `id` always stays. */
export function selected(call: GraphCall, entity: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const asked = call.url.searchParams.get("$select");
  if (asked === null || asked === "") return { ...entity };
  const names = new Set(["id", ...asked.split(",").map((name) => name.trim())]);
  return Object.fromEntries(Object.entries(entity).filter(([name]) => names.has(name) || name.startsWith("@")));
}

/** One page of a list, with `@odata.nextLink` where more follow (`$top`, `$skip`; 10 to a page). */
export function page<Item>(call: GraphCall, items: readonly Item[], entityOf: (item: Item) => object): Reply {
  const { searchParams } = call.url;
  const top = wholeNumber(searchParams.get("$top"), DEFAULT_PAGE);
  const skip = wholeNumber(searchParams.get("$skip"), 0);
  if (top < 1 || top > LARGEST_PAGE) refuse(400, "ErrorInvalidRequest", "The value of $top is out of range.");
  const end = skip + top;
  const body: Record<string, unknown> = { "@odata.context": `${call.url.origin}/${call.version}/$metadata#collection` };
  if (searchParams.get("$count") === "true") body["@odata.count"] = items.length;
  body["value"] = items.slice(skip, end).map(entityOf);
  if (end < items.length) {
    const next = new URL(call.url);
    next.searchParams.set("$skip", String(end));
    body["@odata.nextLink"] = next.href;
  }
  return { status: 200, body };
}

function wholeNumber(text: string | null, absent: number): number {
  if (text === null) return absent;
  return /^\d+$/.test(text) ? Number(text) : refuse(400, "BadRequest", "Invalid value in a query option.");
}
