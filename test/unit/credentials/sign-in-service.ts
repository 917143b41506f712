import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";

/** One request for a token, as it was sent. */
export interface TokenRequest {
  readonly url: string;
  readonly parameters: URLSearchParams;
}

type Answer = Response | ((request: Request) => Response | Promise<Response>);

/** Stands for the sign-in service of every cloud: answers token requests in turn, the last answer for ever. */
export class SignInService {
  readonly requests: TokenRequest[] = [];
  readonly #server = setupServer(
    http.post("*/oauth2/v2.0/token", ({ request }) => this.#answer(request)),
    http.post("*/oauth2/v2.0/devicecode", ({ request }) => this.#answer(request)),
    http.get("*/v2.0/.well-known/openid-configuration", ({ request }) => this.#describe(request)),
    http.get("http://169.254.169.254/metadata/identity/oauth2/token", ({ request }) => this.#answer(request)),
  );
  #answers: Answer[] = [];

  start(): void {
    this.#server.listen({ onUnhandledRequest: "error" });
  }

  stop(): void {
    this.#server.close();
  }

  answer(...answers: Answer[]): void {
    this.requests.length = 0;
    this.#answers = answers;
  }

  /** A sign-in host that MSAL does not know by heart is asked to describe itself (OpenID Connect Discovery 1.0). */
  #describe({ url }: Request): Response {
    this.requests.push({ url, parameters: new URLSearchParams() });
    const tenant = url.slice(0, url.indexOf("/v2.0/"));
    return HttpResponse.json({
      issuer: `${tenant}/v2.0`,
      authorization_endpoint: `${tenant}/oauth2/v2.0/authorize`,
      token_endpoint: `${tenant}/oauth2/v2.0/token`,
      jwks_uri: `${tenant}/discovery/v2.0/keys`,
    });
  }

  async #answer(request: Request): Promise<Response> {
    this.requests.push({ url: request.url, parameters: new URLSearchParams(await request.clone().text()) });
    const answer = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? HttpResponse.error();
    return typeof answer === "function" ? await answer(request) : answer.clone();
  }
}

/** The answer of "Get a token" in learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow. */
export function tokenAnswer(token: string, expiresIn = 3599): Response {
  return HttpResponse.json({ token_type: "Bearer", expires_in: expiresIn, access_token: token });
}

/** The answer of learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code; polled for without a pause. */
export function deviceCodeAnswer(userCode: string, deviceCode: string, expiresIn = 900): Response {
  return HttpResponse.json({
    user_code: userCode,
    device_code: deviceCode,
    verification_uri: "https://microsoft.com/devicelogin",
    expires_in: expiresIn,
    interval: 0,
    message: `To sign in, open https://microsoft.com/devicelogin and enter the code ${userCode}.`,
  });
}

/** A person's tokens, with what MSAL reads of the account. */
export function personAnswer(token: string, refreshToken: string): Response {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const [oid, tid] = ["00000000-0000-0000-66f3-3332eca7ea81", "3338040d-6c67-4c5b-b112-36a304b66dad"];
  const claims = {
    oid,
    tid,
    preferred_username: "ann@contoso.com",
    iss: `https://login.microsoftonline.com/${tid}/v2.0`,
  };
  return HttpResponse.json({
    token_type: "Bearer",
    expires_in: 3599,
    scope: "https://outlook.office.com/IMAP.AccessAsUser.All",
    access_token: token,
    refresh_token: refreshToken,
    id_token: `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.c2lnbmF0dXJl`,
    client_info: part({ uid: oid, utid: tid }),
  });
}

/** The error answer of learn.microsoft.com/entra/identity-platform/reference-error-codes. */
export function errorAnswer(number: number, error = "invalid_client", status = 401, words = "Words."): Response {
  const trace = "0000aaaa-11bb-cccc-dd22-eeeeee333333";
  return HttpResponse.json(
    {
      error,
      error_description: `AADSTS${number}: ${words} Trace ID: ${trace} Correlation ID: aaaa0000-bb11-2222-33cc-444444dddddd Timestamp: 2026-11-22 02:02:12Z`,
      error_codes: [number],
      timestamp: "2026-11-22 02:02:12Z",
      trace_id: trace,
      correlation_id: "aaaa0000-bb11-2222-33cc-444444dddddd",
      error_uri: `https://login.microsoftonline.com/error?code=${number}`,
    },
    { status },
  );
}
