import { createHmac } from "node:crypto";

/** What a test Dovecot verifies tokens with. */
export const JWT_SECRET = "test-secret";

/**
 * A token that a test Dovecot takes for XOAUTH2 and OAUTHBEARER (a JWT, HS256).
 * @param expiresInSeconds from now; negative for a token that has expired
 */
export function accessToken(user: string, expiresInSeconds = 3600): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: user, iat: now - 60, nbf: now - 60, exp: now + expiresInSeconds };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", JWT_SECRET).update(signed).digest("base64url")}`;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
