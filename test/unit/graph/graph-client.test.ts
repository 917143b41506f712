import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterEach, describe, expect, it } from "vitest";
import type { AccessTokenProvider } from "../../../src/credentials/access-token.js";
import { globalCloud } from "../../../src/credentials/clouds.js";
import { GraphClient } from "../../../src/graph/graph-client.js";
import { ImportDates } from "../../../src/graph/import-dates.js";

const tokens: AccessTokenProvider = {
  accessToken: (scope) => Promise.resolve({ token: `token for ${scope}`, expiresOn: new Date() }),
};
const server = setupServer();
afterEach(() => server.close());

function answerWith(answer: (request: Request) => Response | Promise<Response>): void {
  server.listen({ onUnhandledRequest: "error" });
  server.resetHandlers(http.all("*", ({ request }) => answer(request)));
}

describe("A Graph client", () => {
  it("asks for the token of its cloud, and shows it to that cloud's Graph whatever its host", async () => {
    const seen: (string | null)[] = [];
    answerWith((request) => {
      seen.push(`${request.url} ${request.headers.get("authorization")} ${request.headers.get("prefer")}`);
      return HttpResponse.json({});
    });
    for (const graph of ["https://graph.microsoft.us", "https://graph.sovereign.example"]) {
      const client = new GraphClient({ tokens, cloud: { ...globalCloud, graph } });
      await client.send({ method: "GET", path: "/users/a%40b.c/mailFolders?$top=1&$select=id" });
    }
    const shown = (graph: string) =>
      `${graph}/v1.0/users/a%40b.c/mailFolders?$top=1&$select=id Bearer token for ${graph}/.default IdType="ImmutableId"`;
    expect(seen).toEqual(["https://graph.microsoft.us", "https://graph.sovereign.example"].map(shown));
  });

  it("shows no token to an upload session, and sends exactly the octets of the range", async () => {
    const seen: unknown[] = [];
    answerWith(async (request) => {
      const octets = Buffer.from(await request.arrayBuffer()).toString();
      seen.push([octets, request.headers.get("authorization"), request.headers.get("content-range")]);
      return new HttpResponse(null, { status: 201 });
    });
    const client = new GraphClient({ tokens, cloud: globalCloud });
    const octets = Buffer.from("0123456789").subarray(2, 5);
    await client.upload({ url: "https://outlook.office.com/x?authtoken=y", octets, from: 2, size: 10 });
    expect(seen).toEqual([["234", null, "bytes 2-4/10"]]);
    const plain = client.upload({ url: "http://outlook.office.com/x", octets, from: 2, size: 10 });
    await expect(plain).rejects.toMatchObject({ code: "protocol-error" });
  });

  it("follows a page's link as it stands, in the version that it names", async () => {
    const seen: string[] = [];
    answerWith(({ url }) => {
      seen.push(url);
      return HttpResponse.json({});
    });
    const link =
      "https://graph.microsoft.com/beta/users/x/messages?$top=5&$skiptoken=a%3D%3D&%24filter=id%20eq%20%271%27";
    await new GraphClient({ tokens, cloud: globalCloud }).send({ method: "GET", path: link });
    expect(seen).toEqual([link]);
  });

  it("rejects what is under way with `connection-lost` when it is closed, and with `aborted` when the host gives up", async () => {
    answerWith(() => new Promise<Response>(() => {}));
    const client = new GraphClient({ tokens, cloud: globalCloud });
    const giveUp = new AbortController();
    const requests = [client.send({ method: "GET", path: "/a" }, giveUp), client.send({ method: "GET", path: "/b" })];
    giveUp.abort();
    await expect(requests[0]).rejects.toMatchObject({ code: "aborted" });
    client.close();
    await expect(requests[1]).rejects.toMatchObject({ code: "connection-lost" });
    await expect(client.send({ method: "GET", path: "/c" })).rejects.toMatchObject({ code: "connection-lost" });
  });

  it("waits for its gate, tells it what it is to send, and what pause was asked for", async () => {
    const seen: unknown[] = [];
    answerWith(() => new HttpResponse(null, { status: 429, headers: { "Retry-After": "2.5" } }));
    const gate = {
      enter: async (octets: number) => {
        seen.push(`enter ${octets}`);
        return () => seen.push("leave");
      },
      pause: (ms: number) => seen.push(`pause ${ms}`),
    };
    const client = new GraphClient({ tokens, cloud: globalCloud, gate });
    await client.send({ method: "POST", path: "/a", json: '"ü"' });
    expect(seen).toEqual(["enter 4", "pause 2500", "leave"]);
  });
});

describe("The received date of imports", () => {
  const old = new Date("2010-01-01T00:00:00Z");
  const never = new AbortController().signal;

  it("once seen to be kept lets any number go at a time", async () => {
    const dates = new ImportDates(false);
    await dates.oneFirst(never, async (judge) => expect(judge(old, old)).toBeUndefined());
    let atOnce = 0;
    const both = [1, 2].map(() =>
      dates.oneFirst(never, async () => {
        atOnce += 1;
        await new Promise((resolve) => setImmediate(resolve));
        return atOnce;
      }),
    );
    expect(await Promise.all(both)).toEqual([2, 2]);
  });

  it("cannot be told from mail that has only just come: the next one decides", async () => {
    const dates = new ImportDates(false);
    const now = new Date();
    await dates.oneFirst(never, async (judge) => expect(judge(now, now)).toBeUndefined());
    await dates.oneFirst(never, async (judge) => expect(judge(now, old)).toMatchObject({ code: "option-invalid" }));
  });
});
