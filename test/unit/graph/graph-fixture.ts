import { http } from "msw";
import { setupServer } from "msw/node";
import type { AccessToken, AccessTokenProvider } from "../../../src/credentials/access-token.js";
import { type Cloud, globalCloud } from "../../../src/credentials/clouds.js";
import { type GraphMailbox, type GraphTarget, openGraphTarget } from "../../../src/graph/graph-target.js";
import type { SimulatedMailbox } from "../../../src/testing/microsoft365/mailbox.js";
import {
  Microsoft365Simulator,
  type Microsoft365SimulatorOptions,
} from "../../../src/testing/microsoft365/microsoft365-simulator.js";
import type { SimulatedUserOptions } from "../../../src/testing/microsoft365/tenant.js";

const TENANT = "contoso.onmicrosoft.com";
const CLIENT = { clientId: "migration-app", clientSecret: "migration-s3cret" };

export const cloud: Cloud = globalCloud;

/** Signs in with a secret at the simulator, and keeps the token until a new one is asked for. */
export class SecretTokens implements AccessTokenProvider {
  readonly asked: { readonly scope: string; readonly renew: boolean }[] = [];
  #kept: Promise<AccessToken> | undefined;

  accessToken(scope: string, { renew = false }: { renew?: boolean } = {}): Promise<AccessToken> {
    this.asked.push({ scope, renew });
    if (renew || !this.#kept) this.#kept = signIn(scope);
    return this.#kept;
  }
}

async function signIn(scope: string): Promise<AccessToken> {
  const body = new URLSearchParams({
    client_id: CLIENT.clientId,
    client_secret: CLIENT.clientSecret,
    grant_type: "client_credentials",
    scope,
  });
  const answer = await fetch(`${cloud.authority}/${TENANT}/oauth2/v2.0/token`, { method: "POST", body });
  const token: unknown = Reflect.get(Object(await answer.json()), "access_token");
  if (typeof token !== "string") throw new Error(`no token: ${answer.status}`);
  return { token, expiresOn: new Date(Date.now() + 3_600_000) };
}

function byMsw(simulator: Microsoft365Simulator): () => void {
  const server = setupServer(...simulator.handlers(http));
  server.listen({ onUnhandledRequest: "error" });
  return () => server.close();
}

/** Takes the place of `fetch`: a tenth of msw's work, for tens of thousands of requests that nobody gives up. */
export function byFetch(simulator: Microsoft365Simulator): () => void {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const response = await simulator.respond(new Request(input, init));
    if (response.type === "error") throw new TypeError("fetch failed");
    return response;
  };
  return () => {
    globalThis.fetch = fetch;
  };
}

/** A simulated Microsoft 365 that everything in this process talks to, with a new mailbox for each test. */
export class GraphWorld {
  readonly simulator: Microsoft365Simulator;
  readonly tokens = new SecretTokens();
  readonly close: () => void;
  #users = 0;

  /** @param intercept how requests come to the simulator, with what ends that; default: by msw */
  constructor(options: Partial<Microsoft365SimulatorOptions> = {}, intercept = byMsw) {
    this.simulator = new Microsoft365Simulator({ tenants: [{ id: TENANT, applications: [CLIENT] }], ...options });
    this.close = intercept(this.simulator);
  }

  /** A new user; resolves to the address. */
  addUser(options: Omit<SimulatedUserOptions, "userPrincipalName"> = {}): string {
    this.#users += 1;
    const userPrincipalName = `user${this.#users}@contoso.com`;
    this.simulator.tenants[0]?.addUser({ userPrincipalName, ...options });
    return userPrincipalName;
  }

  open(user: string, mailbox: Partial<GraphMailbox> = {}): Promise<GraphTarget> {
    return openGraphTarget({ user, tokens: this.tokens, cloud, ...mailbox });
  }

  mailbox(user: string): SimulatedMailbox {
    return this.simulator.mailbox(user);
  }

  /** What was sent for this mailbox, as `POST messages` and such: ids are left out. */
  calls(user: string): string[] {
    const path = (text: string) =>
      decodeURIComponent(text)
        .replace(/\?.*$/, "")
        .replace(/^\/(v1\.0|beta)\/users\/[^/]+\//, "")
        .replace(/AAMk[^/]+|AAkAL[^/]+/g, "*");
    return this.simulator.requests
      .filter(({ mailbox }) => mailbox === user)
      .map((request) => (request.service === "upload" ? "PUT range" : `${request.method} ${path(request.path)}`));
  }
}
