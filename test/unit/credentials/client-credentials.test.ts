import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { HttpResponse } from "msw";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClientCredentialsOptions, clientCredentials } from "../../../src/credentials/client-credentials.js";
import {
  type Cloud,
  china21VianetCloud,
  dodCloud,
  gccHighCloud,
  globalCloud,
} from "../../../src/credentials/clouds.js";
import { knownRefusals } from "../../../src/credentials/sign-in-faults.js";
import { MigrationError } from "../../../src/errors.js";
import { errorAnswer, SignInService, tokenAnswer } from "./sign-in-service.js";

const tenantId = "contoso.onmicrosoft.com";
const clientId = "11111111-2222-3333-4444-555555555555";
const clientSecret = "Sup3r~Secret.Value_with-Signs";
const graph = `${globalCloud.graph}/.default`;
const service = new SignInService();

const connect = (cloud: Cloud = globalCloud) => clientCredentials({ tenantId, clientId, clientSecret }).connect(cloud);

const refusalOf = async (answer: Response): Promise<MigrationError> => {
  service.answer(answer);
  return await connect()
    .accessToken(graph)
    .then(
      () => {
        throw new Error("a token came");
      },
      (error: unknown) => {
        if (MigrationError.is(error)) return error;
        throw error;
      },
    );
};

beforeAll(() => service.start());
afterAll(() => service.stop());

describe("clientCredentials", () => {
  it("signs in with a secret by one request, and keeps the token", async () => {
    service.answer(tokenAnswer("eyJ.one"));
    const provider = connect();
    const { token, expiresOn } = await provider.accessToken(graph);
    expect(token).toBe("eyJ.one");
    expect(Math.abs(expiresOn.getTime() - Date.now() - 3_599_000)).toBeLessThan(30_000);
    expect((await provider.accessToken(graph)).token).toBe("eyJ.one");
    expect(service.requests.length).toBe(1);
    const [{ url, parameters } = { url: "", parameters: new URLSearchParams() }] = service.requests;
    expect(url).toMatch(/^https:\/\/login\.microsoftonline\.com\/contoso\.onmicrosoft\.com\/oauth2\/v2\.0\/token/);
    expect(Object.fromEntries(parameters)).toMatchObject({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
      scope: graph,
    });
  });

  it("gets a token of its own for Graph and for Exchange, and a new one when one was refused", async () => {
    service.answer(tokenAnswer("graph"), tokenAnswer("exchange"), tokenAnswer("exchange-2"));
    const provider = connect();
    expect((await provider.accessToken(graph)).token).toBe("graph");
    expect((await provider.accessToken(globalCloud.imapScope)).token).toBe("exchange");
    expect((await provider.accessToken(globalCloud.imapScope, { renew: true })).token).toBe("exchange-2");
    expect((await provider.accessToken(graph)).token).toBe("graph");
    expect(service.requests.map(({ parameters }) => parameters.get("scope"))).toEqual([
      graph,
      globalCloud.imapScope,
      globalCloud.imapScope,
    ]);
  });

  it("signs in with a certificate: a signed assertion that names it by its SHA-256", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const thumbprint = createHash("sha256").update("a certificate").digest("hex");
    const thumbprintSha256 = thumbprint.toUpperCase().replace(/..(?=.)/g, "$&:"); // as openssl prints it
    service.answer(tokenAnswer("certified"));
    const credentials = clientCredentials({ tenantId, clientId, certificate: { privateKey: pem, thumbprintSha256 } });
    expect((await credentials.connect(globalCloud).accessToken(graph)).token).toBe("certified");
    const parameters = service.requests[0]?.parameters;
    expect(parameters?.get("client_assertion_type")).toBe("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    const [header = "", payload = "", signature = ""] = (parameters?.get("client_assertion") ?? "").split(".");
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    expect(read(header)).toMatchObject({
      alg: "PS256",
      "x5t#S256": Buffer.from(thumbprint, "hex").toString("base64url"),
    });
    expect(read(payload)).toMatchObject({ iss: clientId, sub: clientId });
    const key = { key: createPublicKey(privateKey), padding: 6, saltLength: 32 }; // RSASSA-PSS, RFC 7518 section 3.5
    expect(verify("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))).toBe(true);
  });

  it("signs in with a federated assertion, asking the function for each token", async () => {
    let asked = 0;
    const assertion = async () => `assertion-${++asked}`;
    service.answer(tokenAnswer("federated"));
    const provider = clientCredentials({ tenantId, clientId, assertion }).connect(globalCloud);
    await provider.accessToken(graph);
    await provider.accessToken(graph, { renew: true });
    const sent = service.requests.map(({ parameters }) => parameters.get("client_assertion"));
    expect(sent).toEqual(["assertion-1", "assertion-2"]);
  });

  it("says so when the assertion function fails, and asks Microsoft nothing", async () => {
    service.answer(tokenAnswer("never"));
    const assertion = () => Promise.reject(new Error("no identity provider"));
    const provider = clientCredentials({ tenantId, clientId, assertion }).connect(globalCloud);
    await expect(provider.accessToken(graph)).rejects.toMatchObject({ code: "token-unavailable" });
    expect(service.requests).toEqual([]);
  });

  it.each([
    ["two proofs", { tenantId, clientId, clientSecret, assertion: "a" }],
    ["no proof", { tenantId, clientId }],
    ["an empty secret", { tenantId, clientId, clientSecret: " " }],
    ["a tenant that stands for many", { tenantId: "common", clientId, clientSecret }],
    ["a tenant that leads elsewhere", { tenantId: "contoso.com/../x", clientId, clientSecret }],
    ["no application", { tenantId, clientId: "", clientSecret }],
    ["a SHA-1 thumbprint", { tenantId, clientId, certificate: { privateKey: "x", thumbprintSha256: "ab".repeat(20) } }],
    ["a key that is none", { tenantId, clientId, certificate: { privateKey: "x", thumbprintSha256: "ab".repeat(32) } }],
  ])("refuses %s at once", (_what, options) => {
    const act = () => clientCredentials(options as ClientCredentialsOptions); // what JavaScript lets through
    expect(act).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });
});

describe("Clouds", () => {
  it.each([globalCloud, gccHighCloud, dodCloud, china21VianetCloud])(
    "$name signs in at its own host and asks no other",
    async (cloud) => {
      service.answer(tokenAnswer("national"));
      expect((await connect(cloud).accessToken(`${cloud.graph}/.default`)).token).toBe("national");
      expect(service.requests.map(({ url }) => new URL(url).origin)).toEqual([cloud.authority]);
    },
  );

  it("lets a host replace the sign-in host by any other, and asks Microsoft nothing then", async () => {
    service.answer(tokenAnswer("replaced"));
    const authority = "https://login.cloud-of-tomorrow.example/";
    expect((await connect({ ...globalCloud, authority }).accessToken(graph)).token).toBe("replaced");
    const hosts = service.requests.map(({ url }) => new URL(url).host);
    expect(new Set(hosts)).toEqual(new Set(["login.cloud-of-tomorrow.example"]));
  });
});

describe("A refused sign-in", () => {
  it.each([
    ["a wrong secret", errorAnswer(7000215), /Value, not its Secret ID/],
    ["an expired secret", errorAnswer(7000222), /secret has expired/],
    ["a missing application", errorAnswer(700016, "unauthorized_client", 400), /does not know this application/],
    ["an unknown tenant", errorAnswer(90002, "invalid_request", 400), /no such tenant/],
    ["missing consent", errorAnswer(65001, "invalid_grant", 400), /administrator .* has to grant/],
    ["consent that was never asked for", errorAnswer(650051, "invalid_request", 400), /has to grant/],
    ["an unknown certificate", errorAnswer(700027), /certificate is not known/],
    ["an assertion out of its time", errorAnswer(700024), /check the clock/],
    ["a Conditional Access policy", errorAnswer(53003, "invalid_grant", 400), /Conditional Access/],
    ["multifactor authentication", errorAnswer(50076, "invalid_grant", 400), /multifactor/],
    ["multifactor registration", errorAnswer(50079, "invalid_grant", 400), /multifactor/],
    ["a disabled account", errorAnswer(50057, "invalid_grant", 400), /account is disabled/],
    ["a number that is not known here", errorAnswer(1234567, "invalid_client"), /the cause has its words/],
  ])("by %s is told with what to do, its number and the trace id", async (_what, answer, words) => {
    const [, number] = /AADSTS(\d+)/.exec(await answer.clone().text()) ?? [];
    const error = await refusalOf(answer);
    expect(error).toMatchObject({ code: "credentials-refused", scope: "batch", retry: "never" });
    expect(error.message).toMatch(words);
    expect(error.message).toContain(`(AADSTS${number}, trace id 0000aaaa-11bb-cccc-dd22-eeeeee333333)`);
    expect(String(error.cause)).toContain("Words.");
  });

  it("is told apart by its number where only the text has it", async () => {
    const body = { error: "invalid_client", error_description: "AADSTS7000222: The keys are expired." };
    expect((await refusalOf(HttpResponse.json(body, { status: 401 }))).message).toMatch(/secret has expired/);
  });

  it("has words for each number once", () => {
    expect(knownRefusals.size).toBeGreaterThan(60);
    for (const [number, text] of knownRefusals) {
      expect([number, text]).toEqual([number, expect.stringMatching(/^[A-Z].{20,}[^.]$/)]);
    }
  });
});

describe("A sign-in that fails for a while", () => {
  it.each([
    ["seconds", "17", 17_000],
    ["a fraction", "2.128", 2128],
    ["a date", new Date(Date.now() + 90_000).toUTCString(), 90_000],
  ])(
    "keeps the pause of a throttled sign-in, given as %s, and makes no second request (R16)",
    async (_form, value, ms) => {
      service.answer(
        HttpResponse.json({ error: "temporarily_unavailable" }, { status: 429, headers: { "Retry-After": value } }),
      );
      const provider = connect();
      const ask = () => provider.accessToken(graph).then(() => undefined, MigrationError.from);
      const error = await ask();
      expect(error).toMatchObject({ code: "throttled", scope: "endpoint", retry: "later" });
      expect(Math.abs((error?.retryAfterMs ?? 0) - ms)).toBeLessThan(30_000);
      expect((await ask())?.code).toBe("throttled");
      expect(service.requests.length).toBe(1);
    },
  );

  it.each([
    ["a throttled tenant", errorAnswer(90055, "invalid_request", 400), "throttled"],
    ["a busy service", HttpResponse.json({ error: "temporarily_unavailable" }, { status: 503 }), "token-unavailable"],
    ["a fault of its directory", errorAnswer(90033, "server_error", 400), "token-unavailable"],
    ["a 500 without a body", new Response(null, { status: 500 }), "token-unavailable"],
    ["a token answer without a token", HttpResponse.json({ token_type: "Bearer" }), "token-unavailable"],
    ["JSON that is no object", HttpResponse.json(["?"]), "token-unavailable"],
  ])("is tried later after %s", async (_what, answer, code) => {
    expect(await refusalOf(answer)).toMatchObject({ code, retry: "later" });
  });

  it.each([200, 403, 502])("names the web page that a proxy answers with, whatever its status (%i)", async (status) => {
    const error = await refusalOf(HttpResponse.html("<html>Please log in to the network</html>", { status }));
    expect(error).toMatchObject({ code: "token-unavailable" });
    expect(error.message).toMatch(/web page answered \(HTTP status \d+\): is a proxy or firewall/);
  });

  it.each([302, 307, 308])("never follows a redirect (%i): it would carry the secret elsewhere", async (status) => {
    const headers = { Location: "https://collector.example/contoso/oauth2/v2.0/token" };
    const error = await refusalOf(new Response(null, { status, headers }));
    expect(error).toMatchObject({ code: "token-unavailable" });
    expect(error.message).toContain(`(HTTP status ${status})`);
    expect(service.requests.map(({ url }) => new URL(url).host)).toEqual(["login.microsoftonline.com"]);
  });

  it("names the host that cannot be reached", async () => {
    const error = await refusalOf(HttpResponse.error());
    expect(error).toMatchObject({ code: "token-unavailable", scope: "endpoint" });
    expect(error.message).toMatch(/^login\.microsoftonline\.com cannot be reached/);
  });

  it("goes on by itself after that: the next request is a fresh one", async () => {
    service.answer(new Response(null, { status: 500 }), tokenAnswer("back"));
    const provider = connect();
    await expect(provider.accessToken(graph)).rejects.toMatchObject({ code: "token-unavailable" });
    expect((await provider.accessToken(graph)).token).toBe("back");
  });

  it("ends the HTTP request when nobody waits for it any more", async () => {
    const leaving = new AbortController();
    const ended = new Promise<string>((resolve) => {
      service.answer((request) => {
        request.signal.addEventListener("abort", () => resolve("ended"));
        leaving.abort();
        return new Promise<Response>(() => {});
      }, tokenAnswer("later"));
    });
    const provider = connect();
    await expect(provider.accessToken(graph, { signal: leaving.signal })).rejects.toMatchObject({ code: "aborted" });
    expect(await ended).toBe("ended");
    expect((await provider.accessToken(graph)).token).toBe("later");
  });
});
