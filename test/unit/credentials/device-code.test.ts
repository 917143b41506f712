import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { globalCloud } from "../../../src/credentials/clouds.js";
import { type DeviceCodePrompt, deviceCode } from "../../../src/credentials/device-code.js";
import { deviceCodeAnswer, errorAnswer, personAnswer, SignInService } from "./sign-in-service.js";

const tenantId = "contoso.com";
const clientId = "11111111-2222-3333-4444-555555555555";
const imap = globalCloud.imapUserScope;
const graph = "https://graph.microsoft.com/Mail.ReadWrite";
const service = new SignInService();
const pending = errorAnswer(70016, "authorization_pending", 400);

let prompts: DeviceCodePrompt[];
const connect = () =>
  deviceCode({ tenantId, clientId, onPrompt: (prompt) => void prompts.push(prompt) }).connect(globalCloud);
const grants = () =>
  service.requests.map(({ parameters }) => parameters.get("grant_type")?.split(":").at(-1) ?? "start");

beforeAll(() => service.start());
afterAll(() => service.stop());
beforeEach(() => {
  prompts = [];
});

describe("deviceCode", () => {
  it("shows the person a code, and waits until they have signed in", async () => {
    service.answer(
      deviceCodeAnswer("DEF6P7GHY", "a-device-code"),
      pending,
      pending,
      personAnswer("eyJ.ann", "refresh-1"),
    );
    expect((await connect().accessToken(imap)).token).toBe("eyJ.ann");
    expect(prompts).toEqual([
      {
        message: "To sign in, open https://microsoft.com/devicelogin and enter the code DEF6P7GHY.",
        verificationUri: "https://microsoft.com/devicelogin",
        userCode: "DEF6P7GHY",
        expiresOn: expect.any(Date),
      },
    ]);
    expect(grants()).toEqual(["start", "device_code", "device_code", "device_code"]);
    expect(service.requests[0]?.parameters.get("scope")).toBe(`${imap} openid profile offline_access`);
  });

  it("asks the person once for two resources, also when both are asked for at the same time", async () => {
    service.answer(
      deviceCodeAnswer("AAAA", "d"),
      personAnswer("for-imap", "refresh-1"),
      personAnswer("for-graph", "refresh-2"),
    );
    const provider = connect();
    const [first, second] = await Promise.all([provider.accessToken(imap), provider.accessToken(graph)]);
    expect([first.token, second.token]).toEqual(["for-imap", "for-graph"]);
    expect(prompts.length).toBe(1);
    expect(grants()).toEqual(["start", "device_code", "refresh_token"]);
    expect(service.requests[2]?.parameters.get("refresh_token")).toBe("refresh-1");
  });

  it("renews without the person, and asks them again when their sign-in was revoked", async () => {
    service.answer(
      ...[deviceCodeAnswer("AAAA", "d"), personAnswer("one", "refresh-1"), personAnswer("two", "refresh-2")],
      ...[errorAnswer(50173, "invalid_grant", 400), deviceCodeAnswer("BBBB", "e"), personAnswer("three", "refresh-3")],
    );
    const provider = connect();
    await provider.accessToken(imap);
    expect((await provider.accessToken(imap, { renew: true })).token).toBe("two");
    expect(prompts.map(({ userCode }) => userCode)).toEqual(["AAAA"]);
    expect((await provider.accessToken(imap, { renew: true })).token).toBe("three");
    expect(prompts.map(({ userCode }) => userCode)).toEqual(["AAAA", "BBBB"]);
  });

  it("does not ask the person again because the service is down", async () => {
    service.answer(
      ...[deviceCodeAnswer("AAAA", "d"), personAnswer("one", "refresh-1")],
      ...[new Response(null, { status: 503 }), personAnswer("two", "refresh-2")],
    );
    const provider = connect();
    await provider.accessToken(imap);
    await expect(provider.accessToken(imap, { renew: true })).rejects.toMatchObject({ code: "token-unavailable" });
    expect((await provider.accessToken(imap, { renew: true })).token).toBe("two");
    expect(prompts.length).toBe(1);
  });

  it.each([
    [
      "the code ran out at the service",
      [deviceCodeAnswer("A", "d"), errorAnswer(70020, "expired_token", 400)],
      /in time/,
    ],
    ["the code ran out here", [deviceCodeAnswer("A", "d", -1)], /in time/],
    ["the person declined", [deviceCodeAnswer("A", "d"), errorAnswer(1, "authorization_declined", 400)], /declined/],
    [
      "a policy is against it",
      [deviceCodeAnswer("A", "d"), errorAnswer(53003, "access_denied", 400)],
      /Conditional Access/,
    ],
    [
      "multifactor is missing",
      [deviceCodeAnswer("A", "d"), errorAnswer(50076, "interaction_required", 400)],
      /multifactor/,
    ],
    [
      "public flows are off",
      [deviceCodeAnswer("A", "d"), errorAnswer(7000218, "invalid_client")],
      /Allow public client/,
    ],
    ["the application is unknown", [errorAnswer(700016, "unauthorized_client", 400)], /does not know this application/],
  ])("says that and what to do when %s", async (_what, answers, words) => {
    service.answer(...answers);
    await expect(connect().accessToken(imap)).rejects.toMatchObject({
      code: "credentials-refused",
      message: expect.stringMatching(words),
    });
  });

  it("stops polling when nobody waits for the sign-in any more", async () => {
    const leaving = new AbortController();
    let polls = 0;
    service.answer(deviceCodeAnswer("AAAA", "d"), () => {
      polls += 1;
      if (polls === 3) leaving.abort();
      return pending.clone();
    });
    const provider = connect();
    await expect(provider.accessToken(imap, { signal: leaving.signal })).rejects.toMatchObject({ code: "aborted" });
    service.answer(deviceCodeAnswer("BBBB", "e"), personAnswer("later", "refresh"));
    expect((await provider.accessToken(imap)).token).toBe("later"); // its turn comes when the first has ended
    expect(grants()).toEqual(["start", "device_code"]);
    expect(polls).toBe(3);
  });

  it("passes what the prompt threw, and refuses options that cannot work", async () => {
    service.answer(deviceCodeAnswer("AAAA", "d"));
    const defect = new Error("no screen");
    const onPrompt = () => {
      throw defect;
    };
    const provider = deviceCode({ tenantId: "organizations", clientId, onPrompt }).connect(globalCloud);
    await expect(provider.accessToken(imap)).rejects.toMatchObject({ code: "unexpected", cause: defect });
    const invalid = expect.objectContaining({ code: "option-invalid" });
    expect(() => deviceCode({ tenantId: "", clientId, onPrompt })).toThrow(invalid);
    expect(() => deviceCode({ tenantId, clientId: "", onPrompt })).toThrow(invalid);
  });
});
