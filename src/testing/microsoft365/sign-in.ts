import { randomBytes } from "node:crypto";
import type { RefuseSignInFault } from "./faults.js";
import { Refusal, type Reply } from "./reply.js";
import type { SimulatedApplicationOptions, SimulatedTenant } from "./tenant.js";

/** What an access token stands for. */
export interface TokenGrant {
  readonly tenant: SimulatedTenant;
  readonly application: SimulatedApplicationOptions;
  /** The one resource that it is good for: `https://graph.microsoft.com`. */
  readonly resource: string;
  /** On the simulator's clock. */
  readonly expiresAt: number;
}

/** Where a sign-in service stands, and what it gives tokens for. */
export interface SignInOptions {
  readonly authority: string;
  readonly resources: readonly string[];
  readonly tokenLifetimeMs: number;
  readonly now: () => number;
  readonly date: () => Date;
}

const ERRORS: Readonly<Record<number, readonly [status: number, error: string, description: string]>> = {
  7000215: [
    401,
    "invalid_client",
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
  ],
  7000216: [
    401,
    "invalid_client",
    "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
  ],
  7000222: [401, "invalid_client", "The provided client secret keys for the app are expired."],
  700016: [400, "unauthorized_client", "Application was not found in the directory."],
  700027: [
    401,
    "invalid_client",
    "The certificate with identifier used to sign the client assertion is not registered on application, or the assertion is expired.",
  ],
  90002: [
    400,
    "invalid_request",
    "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
  ],
  70011: [400, "invalid_scope", "The provided value for the input parameter 'scope' is not valid."],
  70003: [400, "unsupported_grant_type", "The app requested an unsupported grant type."],
  500011: [400, "invalid_resource", "The resource principal was not found in the tenant."],
  65001: [400, "invalid_grant", "The user or administrator has not consented to use the application."],
  53003: [
    400,
    "invalid_grant",
    "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
  ],
  90033: [503, "temporarily_unavailable", "A transient error has occurred. Please try again."],
};

/** The sign-in service: gives tokens by client credentials, and knows those that it gave. */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #tenants: readonly SimulatedTenant[];
  readonly #grants = new Map<string, TokenGrant>();

  constructor(options: SignInOptions, tenants: readonly SimulatedTenant[]) {
    this.#options = options;
    this.#tenants = tenants;
  }

  /** What the token stands for; undefined for one that was never given, was revoked, or has run out. */
  grantOf(token: string): TokenGrant | undefined {
    const grant = this.#grants.get(token);
    return grant && grant.expiresAt > this.#options.now() ? grant : undefined;
  }

  revoke(token: string): void {
    this.#grants.delete(token);
  }

  revokeAll(): void {
    this.#grants.clear();
  }

  answer(request: { method: string; url: URL; body: Buffer }, fault: RefuseSignInFault | undefined): Reply {
    const { method, url, body } = request;
    if (method === "GET" && url.pathname.endsWith("/discovery/instance")) return this.#instanceDiscovery(url);
    const [tenantName = "", ...rest] = url.pathname.split("/").filter((part) => part !== "");
    const path = rest.join("/");
    if (method === "GET" && path === "v2.0/.well-known/openid-configuration")
      return this.#openIdConfiguration(tenantName);
    if (method !== "POST" || path !== "oauth2/v2.0/token") return { status: 404 };
    if (fault) return this.#error(fault.aadsts, fault);
    return this.#token(decodeURIComponent(tenantName), new URLSearchParams(body.toString("utf8")));
  }

  #token(tenantName: string, form: URLSearchParams): Reply {
    const tenant = this.#tenants.find((each) => each.isNamed(tenantName));
    if (!tenant) return this.#error(90002);
    if (form.get("grant_type") !== "client_credentials") return this.#error(70003);
    const application = tenant.application(form.get("client_id") ?? "");
    if (!application) return this.#error(700016);
    const refusal = refusalOf(application, form);
    if (refusal !== undefined) return this.#error(refusal);
    const [, resource] = /^(\S+?)\/?\/\.default(?: |$)/.exec(form.get("scope") ?? "") ?? [];
    if (resource === undefined) return this.#error(70011);
    if (!this.#options.resources.includes(resource)) return this.#error(500011);
    const { now, tokenLifetimeMs } = this.#options;
    const token = this.#newToken({ tenant, application, resource, expiresAt: now() + tokenLifetimeMs });
    const seconds = Math.floor(tokenLifetimeMs / 1000);
    return {
      status: 200,
      body: { token_type: "Bearer", expires_in: seconds, ext_expires_in: seconds, access_token: token },
      headers: { "Cache-Control": "no-store" },
    };
  }

  /** In the form of a JWT, since clients look inside; nothing can be made of its signature. */
  #newToken(grant: TokenGrant): string {
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
    const issuedAt = Math.floor(this.#options.date().getTime() / 1000);
    const claims = {
      aud: grant.resource,
      iss: `https://sts.windows.net/${grant.tenant.id}/`,
      appid: grant.application.clientId,
      tid: grant.tenant.id,
      idtyp: "app",
      ...(grant.application.permissions && { roles: grant.application.permissions }),
      iat: issuedAt,
      exp: issuedAt + Math.floor(this.#options.tokenLifetimeMs / 1000),
    };
    const token = `${encode({ typ: "JWT", alg: "RS256" })}.${encode(claims)}.${randomBytes(64).toString("base64url")}`;
    this.#grants.set(token, grant);
    return token;
  }

  #error(aadsts: number, given: { error?: string; description?: string } = {}): Reply {
    const [status, error, description] = ERRORS[aadsts] ?? [400, "invalid_grant", "The sign-in was refused."];
    const date = `${this.#options.date().toISOString().slice(0, 19).replace("T", " ")}Z`;
    return {
      status,
      body: {
        error: given.error ?? error,
        error_description: `AADSTS${aadsts}: ${given.description ?? description} Trace ID: 00000000-0000-0000-0000-000000000000 Timestamp: ${date}`,
        error_codes: [aadsts],
        timestamp: date,
        trace_id: "00000000-0000-0000-0000-000000000000",
        correlation_id: "00000000-0000-0000-0000-000000000000",
        error_uri: `${this.#options.authority}/error?code=${aadsts}`,
      },
    };
  }

  #openIdConfiguration(tenantName: string): Reply {
    const base = `${this.#options.authority}/${tenantName}`;
    return {
      status: 200,
      body: {
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
        end_session_endpoint: `${base}/oauth2/v2.0/logout`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      },
    };
  }

  #instanceDiscovery(url: URL): Reply {
    const asked = url.searchParams.get("authorization_endpoint") ?? `${this.#options.authority}/common`;
    const { host } = new URL(this.#options.authority);
    return {
      status: 200,
      body: {
        tenant_discovery_endpoint: `${asked.replace(/\/oauth2.*$/, "")}/v2.0/.well-known/openid-configuration`,
        "api-version": "1.1",
        metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
      },
    };
  }
}

/** The AADSTS code for credentials that do not sign in. */
function refusalOf(application: SimulatedApplicationOptions, form: URLSearchParams): number | undefined {
  const assertion = form.get("client_assertion");
  if (assertion !== null) return application.acceptsAssertion?.(assertion) ? undefined : 700027;
  const secret = form.get("client_secret");
  if (secret === null) return 7000216;
  return secret === application.clientSecret ? undefined : 7000215;
}

/** The grant behind a request's `Authorization` header. @throws Refusal 401 as Graph words it */
export function authorize(signIn: SignIn, headers: Headers, resource: string): TokenGrant {
  const token = bearerToken(headers);
  if (token === undefined) throw unauthorized("Access token is empty.");
  const grant = signIn.grantOf(token);
  if (!grant) throw unauthorized("Access token has expired or is not yet valid.");
  if (grant.resource !== resource) throw unauthorized("Access token validation failure. Invalid audience.");
  return grant;
}

export function bearerToken(headers: Headers): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get("Authorization") ?? "")?.[1];
}

function unauthorized(message: string): Refusal {
  return new Refusal({
    status: 401,
    body: { error: { code: "InvalidAuthenticationToken", message } },
    headers: { "WWW-Authenticate": 'Bearer realm="", error="invalid_token"' },
  });
}
