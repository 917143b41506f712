import { type InspectOptions, inspect } from "node:util";
import { aborted } from "../abortable.js";
import { MigrationError } from "../errors.js";
import type { AccessToken, AccessTokenProvider, AccessTokenRequest } from "./access-token.js";
import { SharedRequest } from "./shared-request.js";

/** How one new token is had. */
export interface TokenFetch {
  readonly scope: string;
  /** True where the service refused the last token although it was not used up. */
  readonly renew: boolean;
  /** Aborted when nobody waits for the token any more. */
  readonly signal: AbortSignal;
}

export type FetchToken = (request: TokenFetch) => Promise<AccessToken>;

/** A new token is fetched when this part of the life that the last one had left has passed. */
const RENEW_AT = 0.8;
/** A refusal is not asked for again before this many milliseconds have passed: fifty mailboxes make one request. */
const REFUSAL_HOLDS_MS = 60_000;

/**
 * Keeps one token for each scope: fetched when it is first asked for, again at 80 % of its life, and when a service
 * refused it. Who asks while a request is under way shares it. While an early renewal fails, the old token serves on
 * to its end. A throttled sign-in is left alone for as long as it asked, a refused one for a minute.
 */
export class KeptTokens implements AccessTokenProvider {
  readonly #fetch: FetchToken;
  readonly #kept = new Map<string, KeptToken>();

  constructor(fetch: FetchToken) {
    this.#fetch = fetch;
  }

  async accessToken(scope: string, { renew = false, signal }: AccessTokenRequest = {}): Promise<AccessToken> {
    if (signal?.aborted) throw aborted();
    let kept = this.#kept.get(scope);
    if (!kept) {
      kept = new KeptToken(scope, this.#fetch);
      this.#kept.set(scope, kept);
    }
    return await kept.get(renew, signal);
  }
}

class KeptToken {
  readonly #scope: string;
  readonly #fetch: FetchToken;
  #token: SecretToken | undefined;
  #renewAt = 0;
  #running: SharedRequest<SecretToken> | undefined;
  #held: { readonly error: MigrationError; readonly until: number } | undefined;

  constructor(scope: string, fetch: FetchToken) {
    this.#scope = scope;
    this.#fetch = fetch;
  }

  async get(renew: boolean, signal: AbortSignal | undefined): Promise<AccessToken> {
    const token = this.#token;
    if (!renew && token && Date.now() < this.#renewAt) return token;
    try {
      return await this.#request(renew).join(signal);
    } catch (error) {
      const isOnlyEarly = !renew && token !== undefined && Date.now() < token.expiresOn.getTime();
      if (isOnlyEarly && MigrationError.is(error) && error.retry === "later") return token;
      throw error;
    }
  }

  #request(renew: boolean): SharedRequest<SecretToken> {
    if (!this.#running || this.#running.isOver) {
      this.#running = new SharedRequest((signal) => this.#renew(renew, signal));
    }
    return this.#running;
  }

  async #renew(renew: boolean, signal: AbortSignal): Promise<SecretToken> {
    this.#throwHeld();
    try {
      const token = new SecretToken(await this.#fetch({ scope: this.#scope, renew, signal }));
      const now = Date.now();
      const life = token.expiresOn.getTime() - now;
      if (!(life > 0)) throw alreadyExpired();
      this.#token = token;
      this.#renewAt = now + RENEW_AT * life;
      this.#held = undefined;
      return token;
    } catch (cause) {
      const error = MigrationError.from(cause);
      this.#hold(error);
      throw error;
    }
  }

  #hold(error: MigrationError): void {
    const ms = error.code === "credentials-refused" ? REFUSAL_HOLDS_MS : error.retryAfterMs;
    if (ms !== undefined) this.#held = { error, until: Date.now() + ms };
  }

  #throwHeld(): void {
    if (!this.#held) return;
    const { error, until } = this.#held;
    const left = until - Date.now();
    if (left <= 0) this.#held = undefined;
    else if (error.retryAfterMs === undefined) throw error;
    else {
      const { code, message, scope, cause } = error;
      throw new MigrationError(code, message, { scope, cause, retryAfterMs: left });
    }
  }
}

/** A token that no dump shows: not JSON, not util.inspect, not a spread. */
class SecretToken implements AccessToken {
  readonly #token: string;
  readonly expiresOn: Date;

  constructor({ token, expiresOn }: AccessToken) {
    this.#token = token;
    this.expiresOn = expiresOn;
  }

  get token(): string {
    return this.#token;
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `AccessToken ${inspect({ expiresOn: this.expiresOn }, options)}`;
  }
}

function alreadyExpired(): MigrationError {
  return new MigrationError(
    "token-unavailable",
    "The access token had expired when it arrived: check the clock of this machine",
  );
}
