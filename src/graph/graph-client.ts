import { setMaxListeners } from "node:events";
import type { Middleware } from "@microsoft/microsoft-graph-client";
import { aborted } from "../abortable.js";
import type { AccessToken, AccessTokenProvider } from "../credentials/access-token.js";
import type { Cloud } from "../credentials/clouds.js";
import { MigrationError } from "../errors.js";
import type { Abortable } from "../mail/mail-source.js";
import { readRetryAfter } from "../retry-after.js";
import type { RequestGate } from "../throttle-profiles.js";
import { isThrottling, transportError } from "./graph-errors.js";
import { Turns } from "./turns.js";

/** Graph's limit for one application and mailbox (learn.microsoft.com/graph/throttling-limits, Outlook). */
const REQUESTS_AT_A_TIME = 4;
/** A message keeps its id when it is moved (learn.microsoft.com/graph/outlook-immutable-id). */
const IMMUTABLE_IDS = 'IdType="ImmutableId"';

/** One request to Graph. */
export interface GraphRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the version, with its query: `/users/…`; or a whole URL of this Graph, as `@odata.nextLink` gives it. */
  readonly path: string;
  /** Default v1.0. */
  readonly version?: "v1.0" | "beta";
  /** A body of JSON. */
  readonly json?: string;
  /** A body of plain text, instead. */
  readonly text?: string;
}

/** One range of an upload session. */
export interface UploadRange {
  /** Carries its own authorization: it stands in no error. */
  readonly url: string;
  readonly octets: Buffer;
  /** Where they stand in the whole, and how long that is. */
  readonly from: number;
  readonly size: number;
}

/** What came back, whatever its status. */
export interface GraphAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as JSON; undefined where it is none. */
  readonly json: unknown;
  /** What must stand in no error: the token, or the URL that carries its own. */
  readonly secrets: readonly string[];
}

/** What a {@link GraphClient} needs. */
export interface GraphAccess {
  /** Asked for `<cloud.graph>/.default`; one for all mailboxes of a batch. */
  readonly tokens: AccessTokenProvider;
  readonly cloud: Cloud;
  /**
   * Lets the requests about this mailbox through as Graph's limits allow, and outlives the client: the limits count for
   * the application and the mailbox, however often it is opened. Default: four requests at a time, and nothing else.
   */
  readonly gate?: RequestGate;
}

/** A token that Graph refused, and the one that is being fetched in its place: once for all mailboxes. */
interface Refusal {
  readonly token: string;
  renewal?: Promise<AccessToken>;
}

const refusals = new WeakMap<AccessTokenProvider, Refusal>();

/**
 * Sends requests for one mailbox, at most four at a time, each once: no retry, no redirect of its own. The only place
 * that loads the Graph client, and it loads it when the first request is sent.
 */
export class GraphClient {
  readonly #access: GraphAccess;
  readonly #turns = new Turns(REQUESTS_AT_A_TIME);
  readonly #closed = new AbortController();

  constructor(access: GraphAccess) {
    this.#access = access;
    // Every request and every content listens; that is no leak.
    setMaxListeners(0, this.#closed.signal);
  }

  /**
   * @throws MigrationError where no answer came: `connection-lost`, `command-timeout` and the codes of connections;
   * those of the token provider; `aborted`
   */
  send(request: GraphRequest, { signal }: Abortable = {}): Promise<GraphAnswer> {
    const octets = Buffer.byteLength(request.json ?? request.text ?? "");
    return this.#inTurn(octets, signal, async (either) => {
      const { token } = await this.#token(either);
      const answer = await read(await fetchByClient(this.#access.cloud, request, token, either), [token]);
      if (answer.status === 401) noteRefusal(this.#access.tokens, token);
      return answer;
    });
  }

  /** PUTs a range: without a token, by the URL alone. */
  upload({ url, octets, from, size }: UploadRange, { signal }: Abortable = {}): Promise<GraphAnswer> {
    return this.#inTurn(octets.length, signal, async (either) => {
      if (!url.startsWith("https://")) {
        throw new MigrationError("protocol-error", "Graph named an upload URL without TLS");
      }
      const headers = {
        "Content-Type": "application/octet-stream",
        "Content-Range": `bytes ${from}-${from + octets.length - 1}/${size}`,
      };
      return await read(await fetch(url, { method: "PUT", headers, body: octets, signal: either }), [url]);
    });
  }

  /** Requests under way and to come reject with `connection-lost`. */
  close(): void {
    this.#closed.abort();
  }

  /** @throws MigrationError `connection-lost` once it was closed, `aborted` */
  check(signal: AbortSignal | undefined): void {
    if (signal?.aborted) throw aborted();
    if (this.#closed.signal.aborted) throw new MigrationError("connection-lost", "The mailbox was closed");
  }

  /** Aborted as soon as the host gives up or the mailbox is closed. */
  signal(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
  }

  async #inTurn(
    octets: number,
    signal: AbortSignal | undefined,
    send: (either: AbortSignal) => Promise<GraphAnswer>,
  ): Promise<GraphAnswer> {
    const either = this.signal(signal);
    try {
      return await this.#turns.take(either, async () => {
        const leave = await this.#access.gate?.enter(octets, either);
        try {
          return this.#noted(await send(either));
        } finally {
          leave?.();
        }
      });
    } catch (cause) {
      this.check(signal);
      throw MigrationError.is(cause) ? cause : transportError(cause);
    }
  }

  /** What asks for a pause asks it of every request about the mailbox. */
  #noted(answer: GraphAnswer): GraphAnswer {
    const pauseMs = isThrottling(answer.status) ? readRetryAfter(answer.headers) : undefined;
    if (pauseMs !== undefined) this.#access.gate?.pause(pauseMs);
    return answer;
  }

  async #token(signal: AbortSignal): Promise<AccessToken> {
    const { tokens, cloud } = this.#access;
    const scope = `${cloud.graph}/.default`;
    const kept = await tokens.accessToken(scope, { signal });
    const refusal = refusals.get(tokens);
    if (!refusal || kept.token !== refusal.token) return kept;
    // Without the signal: others wait for it too.
    refusal.renewal ??= tokens.accessToken(scope, { renew: true }).catch((error: unknown) => {
      delete refusal.renewal;
      throw error;
    });
    return await refusal.renewal;
  }
}

function noteRefusal(tokens: AccessTokenProvider, token: string): void {
  if (refusals.get(tokens)?.token !== token) refusals.set(tokens, { token });
}

/** The client wraps what went wrong in errors of its own, without the cause: a middleware keeps it. */
async function fetchByClient(
  cloud: Cloud,
  { method, path, version = "v1.0", json, text }: GraphRequest,
  token: string,
  signal: AbortSignal,
): Promise<Response> {
  const { AuthenticationHandler, Client, HTTPMessageHandler, ResponseType } = await import(
    "@microsoft/microsoft-graph-client"
  );
  const fault: { cause?: unknown } = {};
  const http = new HTTPMessageHandler();
  const witness: Middleware = {
    execute: (context) =>
      http.execute(context).catch((cause: unknown) => {
        fault.cause = cause;
        throw cause;
      }),
  };
  const client = Client.initWithMiddleware({
    baseUrl: `${cloud.graph}/`,
    customHosts: new Set([new URL(cloud.graph).host]),
    middleware: [new AuthenticationHandler({ getAccessToken: () => Promise.resolve(token) }), witness],
  });
  const request = client
    .api(path)
    .responseType(ResponseType.RAW)
    .headers({
      Prefer: IMMUTABLE_IDS,
      ...(json !== undefined && { "Content-Type": "application/json" }),
      ...(text !== undefined && { "Content-Type": "text/plain" }),
    })
    .options({ signal });
  if (!path.startsWith("https://")) request.version(version);
  try {
    // RAW gives the Response itself, which the client does not type.
    const response: unknown = await (method === "GET"
      ? request.get()
      : method === "DELETE"
        ? request.delete()
        : method === "PATCH"
          ? request.patch(json ?? "")
          : request.post(json ?? text ?? ""));
    if (response instanceof Response) return response;
    throw new MigrationError("unexpected", "The Graph client gave no response");
  } catch (error) {
    throw fault.cause ?? error;
  }
}

async function read(response: Response, secrets: readonly string[]): Promise<GraphAnswer> {
  const { status, headers } = response;
  return { status, headers, json: parseJson(await response.text()), secrets };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
