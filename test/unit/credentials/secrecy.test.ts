import { generateKeyPairSync } from "node:crypto";
import { inspect } from "node:util";
import { HttpResponse } from "msw";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Microsoft365Credentials } from "../../../src/credentials/access-token.js";
import { clientCredentials } from "../../../src/credentials/client-credentials.js";
import { globalCloud } from "../../../src/credentials/clouds.js";
import { deviceCode } from "../../../src/credentials/device-code.js";
import { managedIdentity } from "../../../src/credentials/managed-identity.js";
import { tokenCallback } from "../../../src/credentials/token-callback.js";
import { deviceCodeAnswer, personAnswer, SignInService, tokenAnswer } from "./sign-in-service.js";

const tenantId = "contoso.com";
const clientId = "11111111-2222-3333-4444-555555555555";
const scope = globalCloud.imapScope;
const secret = "Sup3r~Secret.Value";
const assertion = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.QXNzZXJ0aW9u";
const token = "eyJ0eXAiOiJKV1QifQ.eyJyb2xlcyI6WyJJTUFQIl19.VG9rZW4";
const refreshToken = "0.AXoA-refresh-token";
const device = "GMMhmHCXhWEzkobqIHGG_EnNYYsAkukHspeYUk9E8";
const privateKey = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const secrets = [secret, assertion, token, refreshToken, device, privateKey.split("\n")[5] ?? ""];

const service = new SignInService();
beforeAll(() => service.start());
afterAll(() => service.stop());

/** Every text that a host could write somewhere without meaning to. */
function dumps(value: unknown): string {
  const all = { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true, maxStringLength: null };
  const texts = [inspect(value, all), String(JSON.stringify(value)), String(value), inspect({ ...Object(value) }, all)];
  for (let error = value; error instanceof Error; error = error.cause) texts.push(String(error), error.stack ?? "");
  return texts.join("\n");
}

function expectSecrecy(value: unknown): void {
  const text = dumps(value);
  for (const each of secrets) {
    for (const form of [each, encodeURIComponent(each), ...base64Cores(each)]) expect(text).not.toContain(form);
  }
}

/** What stands in every base64 text that holds the secret, at each of the three alignments. */
function base64Cores(each: string): string[] {
  const cores = [0, 1, 2].map((offset) =>
    Buffer.from(" ".repeat(offset) + each)
      .toString("base64")
      .slice(4, -4),
  );
  return [...cores, ...cores.map((core) => core.replaceAll("+", "-").replaceAll("/", "_"))];
}

const expires = Math.floor(Date.now() / 1000) + 3599;
const machineAnswer = HttpResponse.json({ token_type: "Bearer", expires_on: String(expires), access_token: token });

/** Credentials, what comes before the token, and the answer with it. */
const ways: readonly [string, Microsoft365Credentials, readonly Response[], Response][] = [
  ["a secret", clientCredentials({ tenantId, clientId, clientSecret: secret }), [], tokenAnswer(token)],
  ["an assertion", clientCredentials({ tenantId, clientId, assertion }), [], tokenAnswer(token)],
  [
    "a certificate",
    clientCredentials({ tenantId, clientId, certificate: { privateKey, thumbprintSha256: "ab".repeat(32) } }),
    [],
    tokenAnswer(token),
  ],
  [
    "a device code",
    deviceCode({ tenantId, clientId, onPrompt: () => {} }),
    [deviceCodeAnswer("AAAA", device)],
    personAnswer(token, refreshToken),
  ],
  ["a managed identity", managedIdentity(), [], machineAnswer],
];

describe.each(ways)("Signing in with %s (R10)", (_way, credentials, before, last) => {
  it("shows nothing in credentials, provider and token, before and after", async () => {
    service.answer(...before, last);
    const provider = credentials.connect(globalCloud);
    expectSecrecy([credentials, provider]);
    const given = await provider.accessToken(scope);
    expect(given.token).toBe(token);
    expectSecrecy([credentials, provider, given]);
    expect(inspect(given)).toContain("expiresOn");
  });

  it("shows nothing in an error, whatever the service sends back of what it was sent", async () => {
    service.answer(...before, repeat);
    const provider = credentials.connect(globalCloud);
    const error: unknown = await provider.accessToken(scope).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "credentials-refused" });
    expect(inspect(error)).toContain("words of its own");
    expectSecrecy(error);
    expectSecrecy(provider);
  });
});

describe("A host's own token (R10)", () => {
  it("shows in no dump either", async () => {
    const provider = tokenCallback(() => ({ token, expiresOn: new Date(Date.now() + 60_000) })).connect(globalCloud);
    expectSecrecy([provider, await provider.accessToken(scope)]);
  });
});

/** A refusal that repeats the whole request, plain and as base64, and tokens that nobody asked for. */
async function repeat(request: Request): Promise<Response> {
  const sent = await request.clone().text();
  const values = [...new URLSearchParams(sent).values()];
  const encoded = values.map((value) => Buffer.from(`x${value}`).toString("base64"));
  const words = ["words of its own:", sent, ...values, ...encoded, token, Buffer.from(token).toString("base64url")];
  return HttpResponse.json(
    { error: "invalid_client", error_description: words.join(" "), access_token: token, refresh_token: refreshToken },
    { status: 401 },
  );
}
