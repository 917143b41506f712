import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KeptTokens, type TokenFetch } from "../../../src/credentials/kept-tokens.js";
import { MigrationError } from "../../../src/errors.js";

const HOUR = 3_600_000;
const graph = "https://graph.microsoft.com/.default";
const exchange = "https://outlook.office365.com/.default";

/** Numbers its tokens, an hour each, and fails as told. */
class Issuer {
  readonly fetches: TokenFetch[] = [];
  failWith: MigrationError | undefined;
  gate: Promise<void> = Promise.resolve();

  readonly fetch = async (request: TokenFetch) => {
    const number = this.fetches.push(request);
    await this.gate;
    if (this.failWith) throw this.failWith;
    return { token: `token-${number}`, expiresOn: new Date(Date.now() + HOUR) };
  };

  /** From now on every request waits for the function that comes back. */
  close(): () => void {
    let open = () => {};
    this.gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => open();
  }
}

let issuer: Issuer;
let tokens: KeptTokens;
const ask = async (scope = graph, request = {}) => (await tokens.accessToken(scope, request)).token;
const codeOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(() => undefined, MigrationError.from);
  return error?.code;
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  issuer = new Issuer();
  tokens = new KeptTokens(issuer.fetch);
});

afterEach(() => {
  vi.useRealTimers();
});

describe("KeptTokens", () => {
  it("keeps a token to 80 % of its life, and then fetches the next", async () => {
    expect(await ask()).toBe("token-1");
    vi.setSystemTime(Date.now() + 0.79 * HOUR);
    expect(await ask()).toBe("token-1");
    vi.setSystemTime(Date.now() + 0.02 * HOUR);
    expect([await ask(), await ask()]).toEqual(["token-2", "token-2"]);
    expect(issuer.fetches.map(({ renew }) => renew)).toEqual([false, false]);
  });

  it("measures the life from when the token came: one that is given out half used is renewed in time", async () => {
    const late = new KeptTokens(async () => {
      issuer.fetches.push({ scope: graph, renew: false, signal: new AbortController().signal });
      return { token: "t", expiresOn: new Date(Date.now() + 100_000) };
    });
    await late.accessToken(graph);
    vi.setSystemTime(Date.now() + 79_000);
    await late.accessToken(graph);
    expect(issuer.fetches.length).toBe(1);
    vi.setSystemTime(Date.now() + 2000);
    await late.accessToken(graph);
    expect(issuer.fetches.length).toBe(2);
  });

  it("keeps one token for each scope", async () => {
    expect(await Promise.all([ask(graph), ask(exchange), ask(graph)])).toEqual(["token-1", "token-2", "token-1"]);
    expect(issuer.fetches.map(({ scope }) => scope)).toEqual([graph, exchange]);
  });

  it("fetches a new one when the service refused the last, once for all who say so", async () => {
    await ask();
    const renewed = await Promise.all([ask(graph, { renew: true }), ask(graph, { renew: true })]);
    expect(renewed).toEqual(["token-2", "token-2"]);
    expect(issuer.fetches.map(({ renew }) => renew)).toEqual([false, true]);
  });

  it("makes one request for two hundred askers", async () => {
    const open = issuer.close();
    const asked = Array.from({ length: 200 }, () => ask());
    open();
    expect(new Set(await Promise.all(asked))).toEqual(new Set(["token-1"]));
    expect(issuer.fetches.length).toBe(1);
  });

  it("lets the others have the token when one asker gives up, and the giver-up go at once", async () => {
    const open = issuer.close();
    const impatient = new AbortController();
    const [first, second] = [ask(graph, { signal: impatient.signal }), ask()];
    impatient.abort();
    expect(await codeOf(first)).toBe("aborted");
    expect(issuer.fetches[0]?.signal.aborted).toBe(false);
    open();
    expect(await second).toBe("token-1");
  });

  it("ends a request that nobody waits for any more, and begins another for who comes then", async () => {
    const open = issuer.close();
    const leaving = new AbortController();
    const left = [ask(graph, { signal: leaving.signal }), ask(graph, { signal: leaving.signal })];
    leaving.abort();
    expect(await Promise.all(left.map(codeOf))).toEqual(["aborted", "aborted"]);
    expect(issuer.fetches[0]?.signal.aborted).toBe(true);
    const next = ask();
    open();
    expect(await next).toBe("token-2");
  });

  it("asks nothing for somebody who had given up before", async () => {
    expect(await codeOf(ask(graph, { signal: AbortSignal.abort() }))).toBe("aborted");
    expect(issuer.fetches).toEqual([]);
  });

  it("gives the old token to its end while an early renewal fails, and the error after it", async () => {
    await ask();
    issuer.failWith = new MigrationError("token-unavailable", "down");
    vi.setSystemTime(Date.now() + 0.9 * HOUR);
    expect(await ask()).toBe("token-1");
    expect(issuer.fetches.length).toBe(2);
    vi.setSystemTime(Date.now() + 0.11 * HOUR);
    expect(await codeOf(ask())).toBe("token-unavailable");
    issuer.failWith = undefined;
    expect(await ask()).toBe("token-4");
  });

  it("never gives the old token to somebody whose token was refused", async () => {
    await ask();
    issuer.failWith = new MigrationError("token-unavailable", "down");
    expect(await codeOf(ask(graph, { renew: true }))).toBe("token-unavailable");
  });

  it("leaves a throttled sign-in alone for as long as it asked, and says how long is left (R16)", async () => {
    issuer.failWith = new MigrationError("throttled", "slowly", { retryAfterMs: 30_000, scope: "endpoint" });
    expect(await codeOf(ask())).toBe("throttled");
    vi.setSystemTime(Date.now() + 10_000);
    const error = await ask().then(() => undefined, MigrationError.from);
    expect(error).toMatchObject({ code: "throttled", scope: "endpoint", retryAfterMs: 20_000 });
    expect(await codeOf(ask(graph, { renew: true }))).toBe("throttled");
    expect(issuer.fetches.length).toBe(1);
    issuer.failWith = undefined;
    vi.setSystemTime(Date.now() + 20_001);
    expect(await ask()).toBe("token-2");
  });

  it("asks again after a minute where the credentials were refused, not for each mailbox (R16)", async () => {
    issuer.failWith = new MigrationError("credentials-refused", "no");
    for (let mailbox = 0; mailbox < 50; mailbox++) expect(await codeOf(ask())).toBe("credentials-refused");
    expect(issuer.fetches.length).toBe(1);
    issuer.failWith = undefined;
    vi.setSystemTime(Date.now() + 60_001);
    expect(await ask()).toBe("token-2");
  });

  it("calls a token that has expired when it arrives unavailable", async () => {
    const stale = new KeptTokens(async () => ({ token: "t", expiresOn: new Date(Date.now() - 1) }));
    const invalid = new KeptTokens(async () => ({ token: "t", expiresOn: new Date(Number.NaN) }));
    expect(await codeOf(stale.accessToken(graph))).toBe("token-unavailable");
    expect(await codeOf(invalid.accessToken(graph))).toBe("token-unavailable");
  });

  it("leaves no rejection unhandled when everybody has gone before the request fails", async () => {
    const open = issuer.close();
    issuer.failWith = new MigrationError("token-unavailable", "down");
    const leaving = new AbortController();
    const left = ask(graph, { signal: leaving.signal });
    leaving.abort();
    expect(await codeOf(left)).toBe("aborted");
    open();
    await turn(); // vitest fails the run at an unhandled rejection
  });
});
