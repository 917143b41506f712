import type { Cloud } from "./clouds.js";

/** An OAuth 2.0 access token for one resource. */
export interface AccessToken {
  readonly token: string;
  /** When it stops being accepted. */
  readonly expiresOn: Date;
}

/** How one access token is asked for. */
export interface AccessTokenRequest {
  /** Fetches a new one although the last is not used up: the service refused it. */
  readonly renew?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gives access tokens: kept, renewed early, and shared by every mailbox of a tenant. A token is good for one resource;
 * Graph and Exchange need one each.
 */
export interface AccessTokenProvider {
  /**
   * @param scope `https://graph.microsoft.com/.default`, `https://outlook.office365.com/.default`
   * @throws MigrationError `credentials-refused` where somebody has to change something, `token-unavailable` where
   * trying again can help, `throttled` where the sign-in service asked for a pause, `aborted`
   */
  accessToken(scope: string, request?: AccessTokenRequest): Promise<AccessToken>;
}

/** Who signs in to Microsoft 365; `clientCredentials()` and its siblings make one. Holds its secret where no dump shows it. */
export interface Microsoft365Credentials {
  /** `application` needs an administrator's consent and reaches every mailbox it is let into; `delegated` acts for one person. */
  readonly kind: "application" | "delegated";
  /** One provider for one cloud: call it once a batch, so that its mailboxes share the tokens. */
  connect(cloud: Cloud): AccessTokenProvider;
}
