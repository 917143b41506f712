import { http } from "msw";
import { setupServer } from "msw/node";
import { afterEach, describe, expect, it } from "vitest";
import type { AccessTokenProvider, Microsoft365Credentials } from "../../../src/credentials/access-token.js";
import { MigrationError } from "../../../src/errors.js";
import { checkRecipients } from "../../../src/prepare/recipients.js";
import { Microsoft365Simulator } from "../../../src/testing/microsoft365/microsoft365-simulator.js";
import type { SimulatedTenantOptions } from "../../../src/testing/microsoft365/tenant.js";
import { SecretTokens } from "../graph/graph-fixture.js";

const ALL = ["Domain.Read.All", "User.Read.All", "Mail.ReadWrite"];
let stop = () => {};
afterEach(() => stop());

function simulate(
  tenant: Omit<SimulatedTenantOptions, "id">,
  { permissions = ALL, mailboxes }: { permissions?: string[]; mailboxes?: string[] } = {},
): Microsoft365Simulator {
  const application = { clientId: "migration-app", clientSecret: "migration-s3cret", permissions };
  const simulator = new Microsoft365Simulator({
    tenants: [
      { id: "contoso.onmicrosoft.com", applications: [{ ...application, ...(mailboxes && { mailboxes }) }], ...tenant },
    ],
  });
  const server = setupServer(...simulator.handlers(http));
  server.listen({ onUnhandledRequest: "error" });
  stop = () => server.close();
  return simulator;
}

function check(...emailAddresses: string[]) {
  return checkRecipients({ emailAddresses, credentials: signedInBy(new SecretTokens()) });
}

function signedInBy(tokens: AccessTokenProvider): Microsoft365Credentials {
  return { kind: "application", connect: () => tokens };
}

const notOk = (words: RegExp) => ({ state: "not-ok", remedy: expect.stringMatching(words) });
const notChecked = (words: RegExp) => ({ state: "not-checked", remedy: expect.stringMatching(words) });
const ok = { state: "ok" };

describe("Checking recipients", () => {
  it("calls ok what it saw to be so, and tells what the MX record is to become", async () => {
    simulate({
      users: ["terrya@contoso.com", "annb@contoso.com"],
      domains: [{ id: "contoso.com", mailExchange: "contoso-com.a-v1.mx.microsoft" }],
    });
    expect(await check("terrya@contoso.com", "annb@contoso.com")).toEqual({
      domains: [
        {
          domain: "contoso.com",
          ...{ verified: ok, email: ok },
          mxTargets: [{ exchange: "contoso-com.a-v1.mx.microsoft", preference: 0, ttl: 3600 }],
        },
      ],
      users: ["terrya@contoso.com", "annb@contoso.com"].map((emailAddress) => {
        return { emailAddress, user: ok, licence: ok, mailbox: ok };
      }),
    });
  });

  it("names domains that are unknown, not verified, or not set up for mail", async () => {
    simulate({
      users: [],
      domains: [
        { id: "new.example", isVerified: false },
        { id: "web.example", supportedServices: ["Sharepoint"] },
      ],
    });
    const { domains } = await check("a@new.example", "b@web.example", "c@other.example", "d@NEW.example");
    expect(domains).toMatchObject([
      { domain: "new.example", verified: notOk(/Verify/), email: ok },
      { domain: "web.example", verified: ok, email: notOk(/Email/) },
      {
        domain: "other.example",
        verified: notOk(/no domain of this tenant/),
        email: notOk(/no domain/),
        mxTargets: [],
      },
    ]);
  });

  it("names users and mailboxes that are missing, not there yet, without a licence, or closed to the application", async () => {
    simulate(
      {
        users: [
          { userPrincipalName: "soon@contoso.com", mailbox: "not-enabled" },
          { userPrincipalName: "unlicensed@contoso.com", mailbox: "missing", licensed: false },
          { userPrincipalName: "shared@contoso.com", licensed: false, userPurpose: "shared" },
          { userPrincipalName: "onprem@contoso.com", mailbox: "not-supported" },
          { userPrincipalName: "closed@contoso.com" },
        ],
      },
      { mailboxes: ["soon", "unlicensed", "shared", "onprem"].map((name) => `${name}@contoso.com`) },
    );
    const names = ["soon", "unlicensed", "shared", "onprem", "closed", "nobody"];
    const { users } = await check(...names.map((name) => `${name}@contoso.com`));
    expect(users).toMatchObject([
      { user: ok, licence: ok, mailbox: notOk(/Not yet: wait up to 15 minutes/) },
      { user: ok, licence: notOk(/licence/), mailbox: notOk(/Create and license/) },
      { user: ok, licence: notChecked(/shared mailbox/), mailbox: ok },
      { user: ok, licence: ok, mailbox: notOk(/Create and license/) },
      { user: ok, licence: ok, mailbox: notOk(/may not open this mailbox/) },
      { user: notOk(/principal name/), licence: notChecked(/no user/), mailbox: notOk(/./) },
    ]);
  });

  it("calls nothing ok that it may not read", async () => {
    simulate({ users: ["terrya@contoso.com"] }, { permissions: ["Mail.ReadWrite"] });
    const { domains, users } = await check("terrya@contoso.com");
    expect(domains).toMatchObject([{ verified: notChecked(/Domain.Read.All/), email: notChecked(/Domain.Read.All/) }]);
    expect(users).toMatchObject([
      { user: notChecked(/User.Read.All/), licence: notChecked(/User.Read.All/), mailbox: ok },
    ]);
  });

  it("calls nothing ok that the service did not answer, and goes on with the next", async () => {
    const simulator = simulate({ users: ["terrya@contoso.com", "annb@contoso.com"] });
    simulator.addFault({ when: { service: "graph", path: "terrya" }, do: { status: 503 } });
    simulator.addFault({ when: { service: "graph", path: "/domains/" }, do: { loseConnection: "after-effect" } });
    const { domains, users } = await check("terrya@contoso.com", "annb@contoso.com");
    expect(domains).toMatchObject([{ verified: { state: "not-checked" }, email: { state: "not-checked" } }]);
    expect(users).toMatchObject([
      { user: notChecked(/503/), licence: notChecked(/503/), mailbox: notChecked(/503/) },
      { user: ok, licence: ok, mailbox: ok },
    ]);
  });

  it("rejects with what concerns everybody: the application may not sign in", async () => {
    simulate({ users: ["terrya@contoso.com"] });
    const refusal = new MigrationError("credentials-refused", "the secret has expired");
    const tokens: AccessTokenProvider = { accessToken: () => Promise.reject(refusal) };
    const options = { emailAddresses: ["terrya@contoso.com"], credentials: signedInBy(tokens) };
    await expect(checkRecipients(options)).rejects.toBe(refusal);
  });

  it("sends nothing but GET", async () => {
    const simulator = simulate({ users: ["terrya@contoso.com"] });
    await check("terrya@contoso.com");
    const graph = simulator.requests.filter(({ service }) => service === "graph");
    expect(new Set(graph.map(({ method }) => method))).toEqual(new Set(["GET"]));
  });
});
