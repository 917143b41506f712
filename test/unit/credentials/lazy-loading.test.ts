import { expect, it, vi } from "vitest";

const loads = vi.hoisted(() => ({ count: 0 }));
vi.mock("@azure/msal-node", async (importOriginal) => {
  loads.count += 1;
  return await importOriginal();
});

it("loads Microsoft's sign-in library with the first token, not with the package or the credentials", async () => {
  const { clientCredentials } = await import("../../../src/credentials/client-credentials.js");
  const { deviceCode } = await import("../../../src/credentials/device-code.js");
  const { managedIdentity } = await import("../../../src/credentials/managed-identity.js");
  const { globalCloud } = await import("../../../src/credentials/clouds.js");
  const [tenantId, clientId] = ["contoso.com", "11111111-2222-3333-4444-555555555555"];
  const assertion = () => Promise.reject(new Error("far enough"));
  const application = clientCredentials({ tenantId, clientId, assertion }).connect(globalCloud);
  deviceCode({ tenantId, clientId, onPrompt: () => {} }).connect(globalCloud);
  managedIdentity().connect(globalCloud);
  expect(loads.count).toBe(0);
  await expect(application.accessToken(globalCloud.imapScope)).rejects.toMatchObject({ code: "token-unavailable" });
  expect(loads.count).toBe(1);
});
