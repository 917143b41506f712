import { MigrationError } from "../errors.js";
import type { AccessToken } from "./access-token.js";

/** The parts of MSAL's AuthenticationResult that are looked at. */
interface SignInResult {
  readonly accessToken: string;
  readonly expiresOn: Date | null;
}

/** @throws MigrationError `token-unavailable` where the answer had no token, or none that ends */
export function tokenOf(result: SignInResult | null): AccessToken {
  if (!result?.accessToken || !result.expiresOn) {
    throw new MigrationError("token-unavailable", "The sign-in service gave no access token");
  }
  return { token: result.accessToken, expiresOn: result.expiresOn };
}
