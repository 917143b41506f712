import { AsyncLocalStorage } from "node:async_hooks";
import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from "@azure/msal-node";
import { aborted } from "../abortable.js";
import { MigrationError } from "../errors.js";
import { readRetryAfter } from "../retry-after.js";
import { errorOfAnswer, isHappy, type SignInAnswer } from "./sign-in-answer.js";

/** Loaded when the first token is asked for: whoever never signs in to Microsoft 365 does not wait for it. */
export type Msal = typeof import("@azure/msal-node");

const TIMEOUT_MS = 60_000;

/** The parameters of a request (RFC 6749, 7523, 8628) and the members of an answer that nobody else may see. */
const SECRET_PARAMETERS = ["client_secret", "client_assertion", "refresh_token", "device_code"];
const SECRET_MEMBERS = ["access_token", "refresh_token", "id_token", "device_code"];

/** The signal of the request that is under way: MSAL has no way to hand it down. */
const signals = new AsyncLocalStorage<AbortSignal>();

/**
 * Runs a call of MSAL whose requests end with `signal`, and rejects with the MigrationError that stands behind what MSAL
 * threw.
 */
export async function signIn<Result>(signal: AbortSignal, call: () => Promise<Result>): Promise<Result> {
  try {
    return await signals.run(signal, call);
  } catch (thrown) {
    throw errorBehind(thrown);
  }
}

/**
 * The HTTP of sign-in. It turns every answer without a token into a MigrationError by itself: MSAL drops the HTTP status,
 * Retry-After and in the device flow also the reason, and holds a throttling back by a clock of its own.
 */
export function signInTransport(msal: Msal): INetworkModule {
  const send = async <Body>(method: "GET" | "POST", url: string, options: NetworkRequestOptions | undefined) => {
    try {
      return await exchange<Body>(method, url, options);
    } catch (error) {
      // MSAL lets its own class of errors through and replaces all others.
      const carrier = new msal.AuthError("sign_in_failed", "");
      carrier.cause = MigrationError.from(error);
      throw carrier;
    }
  };
  return {
    sendGetRequestAsync: (url, options) => send("GET", url, options),
    sendPostRequestAsync: (url, options) => send("POST", url, options),
  };
}

async function exchange<Body>(
  method: "GET" | "POST",
  url: string,
  { headers = {}, body = "" }: NetworkRequestOptions = {},
): Promise<NetworkResponse<Body>> {
  const signal = signals.getStore();
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const request: RequestInit = {
    method,
    headers,
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
    redirect: "manual", // 307 and 308 would carry the secret to whoever is named there
  };
  try {
    const response = await fetch(url, method === "POST" ? { ...request, body } : request);
    const answer = answerOf(response, await response.text(), body);
    if (!isHappy(answer) && !isChallenge(response)) throw errorOfAnswer(answer);
    const received = (answer.body ?? {}) as Body; // MSAL says what it expects, and checks it
    return { status: response.status, headers: Object.fromEntries(response.headers), body: received };
  } catch (error) {
    if (MigrationError.is(error)) throw error;
    if (signal?.aborted) throw aborted();
    throw unreachable(url, error);
  }
}

function answerOf(response: Response, text: string, sent: string): SignInAnswer {
  const body = jsonObject(text);
  const retryAfterMs = readRetryAfter(response.headers);
  const parameters = new URLSearchParams(sent);
  const secrets = [
    ...SECRET_PARAMETERS.map((name) => parameters.get(name)),
    ...SECRET_MEMBERS.map((name) => body?.[name]),
  ].filter((value) => typeof value === "string");
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    secrets,
    ...(body && { body }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** A machine under Azure Arc answers 401 first and names a file to read; MSAL asks again with what stands in it. */
function isChallenge(response: Response): boolean {
  return response.status === 401 && /^Basic realm=/i.test(response.headers.get("www-authenticate") ?? "");
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(url: string, error: unknown): MigrationError {
  const { host } = new URL(url);
  const reason = reasonOf(error);
  const hint = host === "169.254.169.254" ? "; managed identities exist on Azure machines only" : "";
  const cause = new Error(reason); // not fetch's own: its chain may hold whatever a dispatcher put there
  return new MigrationError("token-unavailable", `${host} cannot be reached: ${reason}${hint}`, { cause });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  if (error.name === "TimeoutError") return `no answer in ${TIMEOUT_MS / 1000} s`;
  const { cause } = error;
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  return error.message;
}

/** The errors of MSAL that come from no answer, by its own code. */
const LOCAL_REFUSALS: Readonly<Record<string, string>> = {
  device_code_expired: "Nobody signed in with the device code in time: start again, and enter the code sooner",
  no_account_found: "The sign-in has ended: sign in again",
};

function errorBehind(thrown: unknown): MigrationError {
  if (MigrationError.is(thrown)) return thrown;
  if (!(thrown instanceof Error)) return MigrationError.from(thrown);
  if (MigrationError.is(thrown.cause)) return thrown.cause;
  const code = "errorCode" in thrown && typeof thrown.errorCode === "string" ? thrown.errorCode : undefined;
  if (code === undefined) return MigrationError.from(thrown);
  const refusal = LOCAL_REFUSALS[code];
  if (refusal !== undefined) return new MigrationError("credentials-refused", refusal, { cause: new Error(code) });
  const text = `The sign-in library gave up (${code}): check authority, tenantId and the environment of this machine`;
  return new MigrationError("token-unavailable", text, { cause: new Error(code) });
}
