import { ConfidentialClientApplication } from "@azure/msal-node";
import { describe, expect, it } from "vitest";
import { knownGraphFaults } from "../../../../src/testing/index.js";
import { CLIENT, GRAPH, GraphClient, SECRET, SetClock, signIn, simulate, TENANT, TERRY } from "./simulated-tenant.js";

describe("The simulated sign-in service", () => {
  it("gives msal-node a token that Graph accepts", async () => {
    simulate();
    const { status, json } = await (await GraphClient.signedIn()).get("/mailFolders/inbox");
    expect([status, json.displayName]).toEqual([200, "Inbox"]);
  });

  it.each([
    ["a wrong secret", () => signIn(undefined, "wrong"), 7000215],
    ["an unknown tenant", () => signIn(undefined, SECRET, "99999999-2222-3333-4444-555555555555"), 90002],
    ["an unknown resource", () => signIn("https://vault.azure.net/.default"), 500011],
  ])("tells %s by its AADSTS code", async (_, attempt, code) => {
    simulate();
    await expect(attempt()).rejects.toThrow(`AADSTS${code}`);
  });

  it("refuses with the code that a test asks for, as often as it asks", async () => {
    const simulator = simulate({ faults: [knownGraphFaults.signInRefused(7000222, { nth: 1 })] });
    await expect(signIn()).rejects.toThrow("AADSTS7000222");
    expect(await signIn()).not.toBe("");
    expect(simulator.requests.map(({ service, status }) => [service, status])).toEqual([
      ["sign-in", 401],
      ["sign-in", 200],
    ]);
  });

  it("stands where a test wants it: the hosts of another cloud, which tells msal-node about itself", async () => {
    const authority = "https://login.contoso.example";
    const graph = "https://graph.contoso.example";
    simulate({ cloud: { authority, graph, imapScope: "https://imap.contoso.example/.default" } });
    const application = new ConfidentialClientApplication({
      auth: {
        clientId: CLIENT,
        clientSecret: SECRET,
        authority: `${authority}/${TENANT}`,
        knownAuthorities: ["login.contoso.example"],
      },
    });
    const result = await application.acquireTokenByClientCredential({ scopes: [`${graph}/.default`] });
    const client = new GraphClient(result?.accessToken ?? "");
    expect((await client.get(`${graph}/v1.0/users/${TERRY}/mailFolders/inbox`)).status).toBe(200);
    const discovery = await fetch(`${authority}/common/discovery/instance?api-version=1.1`);
    expect(await discovery.json()).toMatchObject({ metadata: [{ preferred_network: "login.contoso.example" }] });
  });

  it("gives a token for one resource: that of IMAP is refused by Graph, and the other way round", async () => {
    const simulator = simulate();
    const token = await signIn("https://outlook.office365.com/.default");
    expect(simulator.acceptsToken(token, "https://outlook.office365.com")).toBe(true);
    expect(simulator.acceptsToken(token, GRAPH)).toBe(false);
    const { status, json } = await new GraphClient(token).get("/mailFolders");
    expect([status, json.error]).toMatchObject([401, { code: "InvalidAuthenticationToken" }]);
  });

  it("lets a token run out on its own clock", async () => {
    const clock = new SetClock();
    simulate({ clock, tokenLifetimeMs: 60_000 });
    const client = await GraphClient.signedIn();
    clock.ms += 59_999;
    expect((await client.get("/mailFolders")).status).toBe(200);
    clock.ms += 1;
    expect((await client.get("/mailFolders")).status).toBe(401);
    expect((await (await GraphClient.signedIn()).get("/mailFolders")).status).toBe(200);
  });

  it("answers 401 without a token and with one that was never given", async () => {
    simulate();
    expect((await fetch(`${GRAPH}/v1.0/users/${TERRY}/mailFolders`)).status).toBe(401);
    expect((await new GraphClient("eyJ0eXAi.invented.token").get("/mailFolders")).status).toBe(401);
  });

  it("answers 403 to an application without the permission or confined to other mailboxes", async () => {
    const application = { clientId: CLIENT, clientSecret: SECRET };
    const users = [TERRY, "ann@contoso.com"];
    const permissions = ["Mail.Read"];
    simulate({ tenants: [{ id: TENANT, users, applications: [{ ...application, permissions, mailboxes: [TERRY] }] }] });
    const client = await GraphClient.signedIn();
    expect((await client.get("/mailFolders")).status).toBe(200);
    const forbidden = await Promise.all([
      client.post("/mailFolders", { displayName: "Work" }),
      client.get(`${GRAPH}/v1.0/users/ann@contoso.com/mailFolders`),
    ]);
    expect(forbidden.map(({ status, json }) => [status, json.error.code])).toEqual([
      [403, "ErrorAccessDenied"],
      [403, "ErrorAccessDenied"],
    ]);
  });

  it("keeps tokens and secrets out of its records", async () => {
    const simulator = simulate();
    const client = await GraphClient.signedIn();
    await client.get("/mailFolders");
    const record = JSON.stringify(simulator.requests);
    expect(record).toContain("/mailFolders");
    expect(record).not.toContain(client.token);
    expect(record).not.toContain(SECRET);
  });
});
