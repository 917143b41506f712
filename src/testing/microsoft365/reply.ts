/** What a request is answered with, before it becomes a `Response`. */
export interface Reply {
  readonly status: number;
  /** An object is sent as JSON, a string as HTML, octets as `text/plain`; absent: no body. */
  readonly body?: object | string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Ends a request with an answer that is an error. */
export class Refusal extends Error {
  constructor(readonly reply: Reply) {
    super(`HTTP ${reply.status}`);
  }
}

/** An error as Graph writes it: `{ "error": { "code", "message", ... } }`. */
export function graphError(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, body: { error: { code, message } }, headers };
}

/** @throws Refusal always */
export function refuse(status: number, code: string, message: string): never {
  throw new Refusal(graphError(status, code, message));
}

/** The page that a gateway in front of Graph answers with: no JSON, so only the status tells what happened. */
export function htmlPage(status: number, title: string, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = `<!DOCTYPE html>\r\n<html><head><title>${title}</title></head><body><h2>${status} ${title}</h2></body></html>\r\n`;
  return { status, body, headers };
}

/** The status of a {@link Reply} that stands for a connection lost before any answer. */
export const NO_ANSWER = 0;

export function toResponse(reply: Reply, ids: { requestId: string; clientRequestId: string; date: Date }): Response {
  if (reply.status === NO_ANSWER) return Response.error();
  const headers = new Headers({ "request-id": ids.requestId, "client-request-id": ids.clientRequestId });
  headers.set("Date", ids.date.toUTCString());
  for (const [name, value] of Object.entries(reply.headers ?? {})) headers.set(name, value);
  const { body } = reply;
  if (body === undefined) return new Response(null, { status: reply.status, headers });
  if (!headers.has("Content-Type")) headers.set("Content-Type", contentType(body));
  if (typeof body === "string") return new Response(body, { status: reply.status, headers });
  if (body instanceof Uint8Array) return new Response(new Uint8Array(body), { status: reply.status, headers });
  return new Response(JSON.stringify(withInnerError(body, ids)), { status: reply.status, headers });
}

function contentType(body: object | string): string {
  if (typeof body === "string") return "text/html; charset=us-ascii";
  return body instanceof Uint8Array ? "text/plain" : "application/json; charset=utf-8";
}

/** Graph repeats the ids inside the error. */
function withInnerError(body: object, ids: { requestId: string; clientRequestId: string; date: Date }): object {
  if (!("error" in body) || typeof body.error !== "object" || body.error === null) return body;
  const innerError = {
    date: ids.date.toISOString().slice(0, 19),
    "request-id": ids.requestId,
    "client-request-id": ids.clientRequestId,
  };
  return { ...body, error: { ...body.error, innerError } };
}
