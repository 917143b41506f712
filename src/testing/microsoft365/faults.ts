import { graphError, htmlPage, type Reply } from "./reply.js";
import type { SimulatedRequest } from "./requests.js";

/** Which requests a fault meets. Every member that is given must hold; an empty condition meets every request. */
export interface GraphFaultCondition {
  readonly service?: "sign-in" | "graph" | "upload";
  /** In upper case. */
  readonly method?: string;
  /** A part of the path with its query, in any case, or a pattern: `/attachments`, `/messages$/`. */
  readonly path?: string | RegExp;
  /** The user principal name of the mailbox. */
  readonly mailbox?: string;
  /** A part of the body as text: `"internetMessageId"` for a tenant that refuses this member. */
  readonly body?: string;
  /** Only this one of the requests that meet the condition otherwise, counted from 1. */
  readonly nth?: number;
  /** Every so many of them: 3 means the third, the sixth ... */
  readonly every?: number;
}

/** This answer comes in place of the true one. */
export interface AnswerStatusFault {
  readonly status: number;
  /** The error's code. Default: what Graph says with this status. */
  readonly code?: string;
  readonly message?: string;
  /** In place of an error by `code`: an object is sent as JSON, a text as HTML. */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `Retry-After`: seconds, fractional ones too, or a date. Default: no such header. */
  readonly retryAfter?: number | Date;
  /** True: the request has taken effect all the same, as behind a gateway that ran out of time. Default false. */
  readonly afterEffect?: boolean;
}

/** The connection is lost: before the request is handled, or with its answer. */
export interface LoseConnectionFault {
  readonly loseConnection: "before-effect" | "after-effect";
}

/** The answer is held back until this resolves; the request counts as running. */
export interface HoldAnswerFault {
  readonly delayUntil: Promise<unknown>;
  /** True: the effect is held back as well. Default false: it takes place at once. */
  readonly holdEffect?: boolean;
}

/** Sign-in refuses with this code of Microsoft Entra: 7000222 is `AADSTS7000222`, an expired secret. */
export interface RefuseSignInFault {
  readonly aadsts: number;
  /** The OAuth error. Default: the one that comes with the code, else `invalid_grant`. */
  readonly error?: string;
  readonly description?: string;
}

/** The request's access token is no longer accepted from now on. */
export interface ExpireTokenFault {
  readonly expireToken: true;
}

/** The upload session of the request is gone, and what was uploaded with it. */
export interface ExpireUploadSessionFault {
  readonly expireUploadSession: true;
}

export type GraphFaultAction =
  | AnswerStatusFault
  | LoseConnectionFault
  | HoldAnswerFault
  | RefuseSignInFault
  | ExpireTokenFault
  | ExpireUploadSessionFault;

/**
 * One thing that goes wrong, and when. All faults that meet a request apply together; a request that a limit refused meets
 * none.
 */
export interface GraphFault {
  readonly when: GraphFaultCondition;
  readonly do: GraphFaultAction;
}

/** The faults of one simulator with the count of the requests that each has met. */
export class GraphFaultBook {
  #faults: { fault: GraphFault; met: number }[] = [];

  add(fault: GraphFault): void {
    this.#faults.push({ fault, met: 0 });
  }

  clear(): void {
    this.#faults = [];
  }

  /** What goes wrong with this request. Counts it, so ask once for each. */
  match(request: SimulatedRequest, body: Buffer): GraphFaultAction[] {
    const matching: GraphFaultAction[] = [];
    for (const entry of this.#faults) {
      const { when } = entry.fault;
      if (!meets(when, request)) continue;
      if (when.body !== undefined && !body.includes(when.body)) continue;
      entry.met += 1;
      if (when.nth !== undefined && when.nth !== entry.met) continue;
      if (when.every !== undefined && entry.met % when.every !== 0) continue;
      matching.push(entry.fault.do);
    }
    return matching;
  }
}

function meets(when: GraphFaultCondition, { service, method, path, mailbox }: SimulatedRequest): boolean {
  if (when.service !== undefined && when.service !== service) return false;
  if (when.method !== undefined && when.method.toUpperCase() !== method) return false;
  if (when.mailbox !== undefined && when.mailbox.toLowerCase() !== mailbox?.toLowerCase()) return false;
  if (when.path === undefined) return true;
  if (typeof when.path === "string") return path.toLowerCase().includes(when.path.toLowerCase());
  return new RegExp(when.path.source, when.path.flags.replace(/[gy]/g, "")).test(path); // a sticky one keeps a place
}

/** The first action with this member. */
export function faultWith<Key extends "status" | "loseConnection" | "delayUntil" | "aadsts">(
  faults: readonly GraphFaultAction[],
  key: Key,
): Extract<GraphFaultAction, { [K in Key]: unknown }> | undefined {
  const found = faults.find((fault) => key in fault);
  return found as Extract<GraphFaultAction, { [K in Key]: unknown }> | undefined; // `in` narrows no generic key
}

const CODES: Readonly<Record<number, readonly [code: string, message: string]>> = {
  401: ["InvalidAuthenticationToken", "Access token has expired or is not yet valid."],
  403: ["ErrorAccessDenied", "Access is denied. Check credentials and try again."],
  404: ["ErrorItemNotFound", "The specified object was not found in the store."],
  409: ["ErrorFolderExists", "A folder with the specified name already exists."],
  429: ["ApplicationThrottled", "Application is over its MailboxConcurrency limit."],
  500: ["ErrorInternalServerError", "An internal server error occurred. The operation failed."],
  503: ["ErrorServerBusy", "The server cannot service this request right now. Try again later."],
  504: ["UnknownError", "The gateway did not receive an answer in time."],
  509: ["BandwidthLimitExceeded", "The bandwidth limit is exceeded."],
};

export function replyOfFault(fault: AnswerStatusFault): Reply {
  const headers = { ...fault.headers, ...retryAfterHeader(fault.retryAfter) };
  if (typeof fault.body === "string") return { status: fault.status, body: fault.body, headers };
  if (fault.body) return { status: fault.status, body: fault.body, headers };
  const [code, message] = CODES[fault.status] ?? ["UnknownError", "The request failed."];
  return graphError(fault.status, fault.code ?? code, fault.message ?? message, headers);
}

function retryAfterHeader(value: number | Date | undefined): Record<string, string> {
  if (value === undefined) return {};
  return { "Retry-After": typeof value === "number" ? String(value) : value.toUTCString() };
}

/** Faults with a name: what Graph is known or documented to do. Each is a {@link GraphFault} to give to a simulator. */
export const knownGraphFaults = {
  /** 429 with this `Retry-After`; Graph sends seconds, fractional ones too. */
  throttled: (retryAfter: number | Date, when: GraphFaultCondition = {}): GraphFault => ({
    when: { service: "graph", ...when },
    do: { status: 429, retryAfter },
  }),

  /** A gateway gives up waiting; with `afterEffect`, the request was carried out. */
  gatewayTimeout: (when: GraphFaultCondition = {}, afterEffect = false): GraphFault => ({
    when: { service: "graph", ...when },
    do: { status: 504, afterEffect },
  }),

  /** An answer with this status whose body is a page, not JSON. */
  htmlAnswer: (status: number, when: GraphFaultCondition = {}): GraphFault => ({
    when: { service: "graph", ...when },
    do: { status, body: String(htmlPage(status, "Our services aren't available right now").body) },
  }),

  /** The request takes effect, and its answer is lost. */
  lostAnswer: (when: GraphFaultCondition = {}): GraphFault => ({
    when: { service: "graph", ...when },
    do: { loseConnection: "after-effect" },
  }),

  /** The connection is lost before the request is handled. */
  lostRequest: (when: GraphFaultCondition = {}): GraphFault => ({
    when: { service: "graph", ...when },
    do: { loseConnection: "before-effect" },
  }),

  /** The token of this request has run out: 401 `InvalidAuthenticationToken`, for every later request with it too. */
  tokenExpired: (when: GraphFaultCondition = {}): GraphFault => ({
    when: { service: "graph", ...when },
    do: { expireToken: true },
  }),

  /** A range of an upload is lost on the way (`before-effect`, the default), or the answer to it. */
  rangeLost: (nth: number, loseConnection: "before-effect" | "after-effect" = "before-effect"): GraphFault => ({
    when: { service: "upload", method: "PUT", nth },
    do: { loseConnection },
  }),

  /** The upload session is gone when this range arrives. */
  uploadSessionExpired: (nth: number): GraphFault => ({
    when: { service: "upload", method: "PUT", nth },
    do: { expireUploadSession: true },
  }),

  /** Sign-in refuses with this code: 7000215 a wrong secret, 7000222 an expired one, 65001 no consent, 53003 conditional access. */
  signInRefused: (aadsts: number, when: GraphFaultCondition = {}): GraphFault => ({
    when: { service: "sign-in", method: "POST", ...when },
    do: { aadsts },
  }),
} as const;
