import { ConfidentialClientApplication } from "@azure/msal-node";
import { http } from "msw";
import { setupServer } from "msw/node";
import { onTestFinished } from "vitest";
import { Microsoft365Simulator, type Microsoft365SimulatorOptions } from "../../../../src/testing/index.js";

export const TENANT = "11111111-2222-3333-4444-555555555555";
export const CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
export const SECRET = "a secret that nobody guesses";
export const TERRY = "terry@contoso.com";
export const GRAPH = "https://graph.microsoft.com";
export const MAILBOX = `${GRAPH}/v1.0/users/${TERRY}`;

/** A clock that goes on when it is told to. */
export class SetClock {
  ms = Date.UTC(2026, 10, 1);
  now = (): number => this.ms;
  date = (): number => this.ms;
}

/** A simulator behind msw, until the test ends. */
export function simulate(options: Partial<Microsoft365SimulatorOptions> = {}): Microsoft365Simulator {
  const simulator = new Microsoft365Simulator({
    tenants: [
      {
        id: TENANT,
        applications: [{ clientId: CLIENT, clientSecret: SECRET }],
        users: [TERRY, { userPrincipalName: "ulrike@contoso.com", language: "de" }],
      },
    ],
    ...options,
  });
  const server = setupServer(...simulator.handlers(http));
  server.listen({ onUnhandledRequest: "error" });
  onTestFinished(() => server.close());
  return simulator;
}

/** A token as msal-node gets it. */
export async function signIn(scope = `${GRAPH}/.default`, clientSecret = SECRET, tenant = TENANT): Promise<string> {
  const authority = `https://login.microsoftonline.com/${tenant}`;
  const application = new ConfidentialClientApplication({ auth: { clientId: CLIENT, clientSecret, authority } });
  const result = await application.acquireTokenByClientCredential({ scopes: [scope] });
  return result?.accessToken ?? "";
}

/** A body as JSON. The members that are named are those that tests rely on; a test fails where one is absent. */
export interface GraphJson {
  readonly [member: string]: unknown;
  readonly id: string;
  readonly value: readonly GraphJson[];
  readonly displayName: string;
  readonly uploadUrl: string;
  readonly "@odata.nextLink": string;
  readonly error: { readonly code: string };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: GraphJson;
}

/** Asks Graph, and reads the whole answer. */
export class GraphClient {
  constructor(readonly token: string) {}

  static async signedIn(): Promise<GraphClient> {
    return new GraphClient(await signIn());
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("GET", path, undefined, headers);
  }

  post(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("POST", path, JSON.stringify(body), { "Content-Type": "application/json", ...headers });
  }

  patch(path: string, body: object): Promise<Answer> {
    return this.send("PATCH", path, JSON.stringify(body), { "Content-Type": "application/json" });
  }

  postMime(path: string, text: string): Promise<Answer> {
    return this.send("POST", path, text, { "Content-Type": "text/plain" });
  }

  /** A path below the mailbox, or a whole address. */
  async send(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
    const url = path.startsWith("https:") ? path : `${MAILBOX}${path}`;
    const authorization = { Authorization: `Bearer ${this.token}` };
    return readAnswer(await fetch(url, { method, body: body ?? null, headers: { ...authorization, ...headers } }));
  }
}

export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
}
