import type { GraphClient } from "./graph-client.js";
import { faultCode, graphError } from "./graph-errors.js";

/**
 * Takes an unfinished message of ours away for good. Where `permanentDelete` is not offered (national clouds), by DELETE,
 * of which Microsoft does not say where the message goes.
 *
 * To be called with nothing but the id that a create has just answered, or that was found by our key and is marked as
 * unfinished.
 */
export async function removeMessage(
  client: GraphClient,
  mailbox: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const path = `${mailbox}/messages/${encodeURIComponent(id)}`;
  const purge = await client.send({ method: "POST", path: `${path}/permanentDelete` }, { signal });
  if (isGone(purge.status, faultCode(purge))) return;
  if (purge.status === 401 || purge.status === 429 || purge.status >= 500) throw graphError(purge, { doing: "look" });
  const removal = await client.send({ method: "DELETE", path }, { signal });
  if (!isGone(removal.status, faultCode(removal))) throw graphError(removal, { doing: "look" });
}

function isGone(status: number, code: string): boolean {
  return status === 204 || status === 200 || (status === 404 && code === "ErrorItemNotFound");
}
