import { MigrationError } from "../errors.js";
import type { AccessToken, Microsoft365Credentials } from "./access-token.js";
import type { Cloud } from "./clouds.js";
import { KeptTokens } from "./kept-tokens.js";

/** What a host's own sign-in is asked for. */
export interface TokenCallbackRequest {
  /** `https://graph.microsoft.com/.default`, `https://outlook.office365.com/.default` */
  readonly scope: string;
  readonly cloud: Cloud;
  /** True where the service refused the last token: give a new one, not one from a cache. */
  readonly renew: boolean;
  /** Aborted when nobody waits for the token any more. */
  readonly signal: AbortSignal;
}

export interface TokenCallbackOptions {
  /** Whose tokens they are. Default `application`. */
  readonly kind?: Microsoft365Credentials["kind"];
}

/**
 * The host signs in by its own means, such as `@azure/identity`. The function is called for each scope when the first
 * token is needed, at 80 % of its life and when a service refused it, never twice at a time. What it throws becomes
 * `token-unavailable`; a MigrationError passes as it is.
 * @throws MigrationError `option-invalid`
 */
export function tokenCallback(
  callback: (request: TokenCallbackRequest) => AccessToken | Promise<AccessToken>,
  { kind = "application" }: TokenCallbackOptions = {},
): Microsoft365Credentials {
  if (typeof callback !== "function") throw new MigrationError("option-invalid", "tokenCallback needs a function");
  return {
    kind,
    connect(cloud: Cloud) {
      return new KeptTokens(async (fetch) => checked(await ask(callback, { ...fetch, cloud })));
    },
  };
}

async function ask(callback: Parameters<typeof tokenCallback>[0], request: TokenCallbackRequest): Promise<AccessToken> {
  try {
    return await callback(request);
  } catch (cause) {
    if (MigrationError.is(cause)) throw cause;
    throw new MigrationError("token-unavailable", "The token callback failed", { cause });
  }
}

/** A line end in a token would end the header or the command that it is sent in. */
function checked(given: AccessToken): AccessToken {
  const { token, expiresOn }: Partial<AccessToken> = given ?? {};
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token) && expiresOn instanceof Date) {
    return { token, expiresOn };
  }
  throw new MigrationError("token-unavailable", "The token callback must give { token, expiresOn }");
}
