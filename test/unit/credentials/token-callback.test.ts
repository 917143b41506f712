import { describe, expect, it } from "vitest";
import type { AccessToken } from "../../../src/credentials/access-token.js";
import { globalCloud } from "../../../src/credentials/clouds.js";
import { type TokenCallbackRequest, tokenCallback } from "../../../src/credentials/token-callback.js";
import { MigrationError } from "../../../src/errors.js";

const scope = globalCloud.imapScope;
const inAnHour = () => new Date(Date.now() + 3_600_000);

describe("tokenCallback", () => {
  it("asks the host for each scope, once, and again when a service refused the token", async () => {
    const asked: TokenCallbackRequest[] = [];
    const provider = tokenCallback((request) => {
      asked.push(request);
      return { token: `token-${asked.length}`, expiresOn: inAnHour() };
    }).connect(globalCloud);
    await Promise.all([provider.accessToken(scope), provider.accessToken(scope)]);
    expect((await provider.accessToken(scope)).token).toBe("token-1");
    expect((await provider.accessToken(scope, { renew: true })).token).toBe("token-2");
    const [first, second] = asked;
    expect([asked.length, first?.scope, first?.renew, second?.renew]).toEqual([2, scope, false, true]);
    expect(first?.cloud).toBe(globalCloud);
  });

  it("calls a failure of the host's unavailable, and passes a MigrationError as it is", async () => {
    const failing = async (error: Error) => {
      const provider = tokenCallback(() => Promise.reject(error)).connect(globalCloud);
      return await provider.accessToken(scope).then(() => undefined, MigrationError.from);
    };
    const cause = new Error("vault sealed");
    expect(await failing(cause)).toMatchObject({ code: "token-unavailable", cause });
    const refused = new MigrationError("credentials-refused", "no");
    expect(await failing(refused)).toBe(refused);
  });

  it.each([
    ["nothing", undefined],
    ["no date", { token: "t" }],
    ["an empty token", { token: "", expiresOn: inAnHour() }],
    ["a token that would end the line it is sent in", { token: "t\r\nA1 NOOP", expiresOn: inAnHour() }],
  ])("takes %s for no token", async (_what, given) => {
    const provider = tokenCallback(() => given as AccessToken).connect(globalCloud); // what JavaScript lets through
    await expect(provider.accessToken(scope)).rejects.toMatchObject({ code: "token-unavailable" });
  });

  it("acts for an application unless it says that a person signs in", () => {
    const callback = () => ({ token: "t", expiresOn: inAnHour() });
    expect(tokenCallback(callback).kind).toBe("application");
    expect(tokenCallback(callback, { kind: "delegated" }).kind).toBe("delegated");
  });
});
