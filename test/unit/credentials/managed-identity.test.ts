import { HttpResponse } from "msw";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { globalCloud } from "../../../src/credentials/clouds.js";
import { managedIdentity } from "../../../src/credentials/managed-identity.js";
import { MigrationError } from "../../../src/errors.js";
import { SignInService } from "./sign-in-service.js";

const service = new SignInService();
const refusalOf = async (answer: Response) => {
  service.answer(answer);
  const provider = managedIdentity().connect(globalCloud);
  return await provider.accessToken(globalCloud.imapScope).then(() => undefined, MigrationError.from);
};

/** The answer of learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token. */
const answer = (token: string) =>
  HttpResponse.json({
    access_token: token,
    expires_in: "3599",
    expires_on: String(Math.floor(Date.now() / 1000) + 3599),
    resource: "https://outlook.office365.com",
    token_type: "Bearer",
  });

beforeAll(() => service.start());
afterAll(() => service.stop());

describe("managedIdentity", () => {
  it("asks the machine for the resource of the scope, keeps the token, and fetches another when it was refused", async () => {
    service.answer(answer("eyJ.vm"), answer("eyJ.vm-2"));
    const provider = managedIdentity({ clientId: "22222222-0000-0000-0000-000000000000" }).connect(globalCloud);
    expect((await provider.accessToken(globalCloud.imapScope)).token).toBe("eyJ.vm");
    expect((await provider.accessToken(globalCloud.imapScope)).token).toBe("eyJ.vm");
    expect((await provider.accessToken(globalCloud.imapScope, { renew: true })).token).toBe("eyJ.vm-2");
    expect(service.requests.length).toBe(2);
    const query = new URL(service.requests[0]?.url ?? "").searchParams;
    expect(query.get("resource")).toBe("https://outlook.office365.com");
    expect(query.get("client_id")).toBe("22222222-0000-0000-0000-000000000000");
  });

  it("says that the machine has no such identity", async () => {
    const body = { error: "invalid_request", error_description: "Identity not found" };
    expect(await refusalOf(HttpResponse.json(body, { status: 400 }))).toMatchObject({
      code: "credentials-refused",
      message: expect.stringMatching(/no such managed identity/),
    });
  });

  it.each([404, 410, 500])("is tried later while the identity is set up or moved (status %i)", async (status) => {
    const body = { error: "not_found", error_description: "Being set up" };
    expect(await refusalOf(HttpResponse.json(body, { status }))).toMatchObject({ code: "token-unavailable" });
    expect(service.requests.length).toBe(1);
  });

  it("says that managed identities exist on Azure machines only where nothing answers", async () => {
    expect((await refusalOf(HttpResponse.error()))?.message).toMatch(/Azure machines only$/);
  });
});
