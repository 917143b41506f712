import { http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientCredentials } from "../../../src/credentials/client-credentials.js";
import { globalCloud } from "../../../src/credentials/clouds.js";
import { Microsoft365Simulator } from "../../../src/testing/microsoft365/microsoft365-simulator.js";

const application = { tenantId: "contoso.onmicrosoft.com", clientId: "app", clientSecret: "secret" };
const simulator = new Microsoft365Simulator({
  tenants: [
    {
      id: application.tenantId,
      applications: [{ clientId: "app", clientSecret: "secret" }],
      users: ["terry@contoso.com"],
    },
  ],
});
const server = setupServer(...simulator.handlers(http));
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterAll(() => server.close());

describe("clientCredentials at a simulated tenant", () => {
  it.each([`${globalCloud.graph}/.default`, globalCloud.imapScope])("gets a token for %s", async (scope) => {
    const provider = clientCredentials(application).connect(globalCloud);
    const { token, expiresOn } = await provider.accessToken(scope);
    expect(token.length).toBeGreaterThan(10);
    expect(expiresOn.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
  });

  it.each([
    ["the secret", { ...application, clientSecret: "wrong" }, /client secret is wrong/],
    ["the application", { ...application, clientId: "another" }, /does not know this application/],
    ["the tenant", { ...application, tenantId: "fabrikam.onmicrosoft.com" }, /no such tenant/],
  ])("is told when %s is wrong", async (_what, wrong, words) => {
    const asked = clientCredentials(wrong).connect(globalCloud).accessToken(globalCloud.imapScope);
    await expect(asked).rejects.toMatchObject({ code: "credentials-refused", message: expect.stringMatching(words) });
  });
});
