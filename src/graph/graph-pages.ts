import { MigrationError } from "../errors.js";
import type { GraphClient } from "./graph-client.js";
import { type GraphSubject, graphError } from "./graph-errors.js";
import { listOf, textOf } from "./graph-json.js";

/**
 * The items of a list, over all of its pages (`@odata.nextLink`).
 * @throws MigrationError what a page was refused with; `protocol-error` where the pages lead in a ring
 */
export async function* itemsOfPages(
  client: GraphClient,
  path: string,
  { signal, ...about }: GraphSubject & { readonly signal: AbortSignal },
): AsyncGenerator<unknown, void, undefined> {
  const seen = new Set<string>();
  for (let next = path; next !== ""; ) {
    if (seen.has(next)) throw new MigrationError("protocol-error", "The pages of a list lead in a ring");
    seen.add(next);
    const answer = await client.send({ method: "GET", path: next }, { signal });
    if (answer.status !== 200) throw graphError(answer, about);
    yield* listOf(answer.json, "value");
    next = textOf(answer.json, "@odata.nextLink");
  }
}
