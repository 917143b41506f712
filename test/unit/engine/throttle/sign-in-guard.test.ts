import { setMaxListeners } from "node:events";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { SignInGuard } from "../../../../src/engine/throttle/sign-in-guard.js";
import { MigrationError, type MigrationErrorCode } from "../../../../src/errors.js";
import { dovecotLogin, exchangeLogin, mirapointLogin } from "../../../../src/login-formats.js";

const { signal } = new AbortController();
setMaxListeners(0, signal);
const password = "Pa55word,§7";
const users = Array.from({ length: 40 }, (_, index) => `user${index}`);

/** A server that counts how often a password was judged. */
class Server {
  tried = 0;
  underWay = 0;
  underWayAtMost = 0;
  answer: (attempt: number) => MigrationErrorCode | undefined;

  constructor(answer: (attempt: number) => MigrationErrorCode | undefined) {
    this.answer = answer;
  }

  async signIn(): Promise<string> {
    const attempt = ++this.tried;
    this.underWay += 1;
    this.underWayAtMost = Math.max(this.underWayAtMost, this.underWay);
    await new Promise(setImmediate);
    this.underWay -= 1;
    const code = this.answer(attempt);
    if (code) throw new MigrationError(code, "NO");
    return "open";
  }
}

async function outcomes(names: readonly string[], server: Server, guard = new SignInGuard()): Promise<string[]> {
  const all = names.map((user) => guard.open({ user, password }, () => server.signIn(), signal));
  const text = (each: PromiseSettledResult<string>) =>
    each.status === "fulfilled" ? each.value : MigrationError.from(each.reason).code;
  return (await Promise.allSettled(all)).map(text);
}

describe("R16 one administrator's sign-in for many mailboxes", () => {
  it.each([
    ["Exchange", (user: string) => exchangeLogin({ domain: "contoso", admin: "admin", user })],
    ["Dovecot", (user: string) => dovecotLogin({ user, admin: "admin" })],
    ["Mirapoint", (user: string) => mirapointLogin({ user, domain: "contoso.com", admin: "admin" })],
    ["Courier", () => "admin"],
  ])("in the form of %s is refused three times and no more, however many come at once", async (_, form) => {
    const server = new Server(() => "auth-failed");
    expect(await outcomes(users.map(form), server)).toEqual(users.map(() => "auth-failed"));
    expect(server.tried).toBe(3);
  });

  it("says why it is not tried, and no password", async () => {
    const server = new Server(() => "auth-failed");
    const guard = new SignInGuard();
    await outcomes(["a", "a", "a"], server, guard);
    const error: unknown = await guard.open({ user: "a", password }, () => server.signIn(), signal).catch((e) => e);
    expect(error).toMatchObject({ code: "auth-failed", retry: "never", scope: "user" });
    expect(String(error)).toContain("refused the last 3 sign-ins as a");
    expect(inspect([guard, error], { depth: 9, showHidden: true })).not.toContain("Pa55word");
  });

  it("goes on where a few mailboxes are refused and the others are not", async () => {
    const server = new Server((attempt) => (attempt % 4 === 0 ? "auth-failed" : undefined));
    const all = await outcomes(
      users.map((user) => `${user}*admin`),
      server,
    );
    expect(all.filter((each) => each === "open")).toHaveLength(30);
    expect(server.underWayAtMost).toBeLessThanOrEqual(10);
  });

  it("is stopped after ten refusals in a row where the password was right before", async () => {
    const guard = new SignInGuard();
    const server = new Server((attempt) => (attempt > 1 ? "auth-failed" : undefined));
    await outcomes(["admin"], server, guard);
    await outcomes(
      users.map(() => "admin"),
      server,
      guard,
    );
    expect(server.tried).toBe(1 + 10);
  });

  it("is not counted where no password was judged", async () => {
    const server = new Server(() => "connection-refused");
    await outcomes(
      users.map(() => "admin"),
      server,
    );
    expect(server.tried).toBe(40);
  });

  it("starts anew with another password, and for another account", async () => {
    const guard = new SignInGuard();
    const server = new Server((attempt) => (attempt <= 3 ? "auth-failed" : undefined));
    await outcomes(
      users.map(() => "admin"),
      server,
      guard,
    );
    const open = () => server.signIn();
    expect(await guard.open({ user: "admin", password: "corrected" }, open, signal)).toBe("open");
    expect(await guard.open({ user: "other", password }, open, signal)).toBe("open");
  });

  it("lets whoever waits for the others go when it is stopped", async () => {
    const guard = new SignInGuard();
    const hanging = () => new Promise<never>(() => {});
    for (let under = 0; under < 3; under++) void guard.open({ user: "admin", password }, hanging, signal);
    const controller = new AbortController();
    const waiting = guard.open({ user: "admin", password }, hanging, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
  });

  it("is stopped after ten refusals in a row, however many others have signed in since it was accepted", async () => {
    const guard = new SignInGuard();
    const server = new Server((attempt) => (attempt > 1 ? "auth-failed" : undefined));
    const others = new Server(() => undefined);
    await outcomes(["admin"], server, guard);
    for (const user of users) {
      await outcomes([user], others, guard);
      await outcomes(["admin"], server, guard);
    }
    expect(server.tried).toBe(1 + 10);
  });

  it("keeps next to nothing of ten thousand users who were let in, and nothing of those that no server judged", async () => {
    const guard = new SignInGuard();
    const names = Array.from({ length: 10_000 }, (_, index) => `user${index}`);
    expect(await outcomes(names, new Server(() => undefined), guard)).toEqual(names.map(() => "open"));
    expect(guard.size).toBe(100);
    const strangers = users.map((user) => `${user} of another house`);
    await outcomes(strangers, new Server(() => "connection-refused"), guard);
    const stopped = AbortSignal.abort();
    await Promise.allSettled(strangers.map((user) => guard.open({ user, password }, async () => "open", stopped)));
    expect(guard.size).toBe(100);
  });

  it("remembers who was refused until he is let in, however many others sign in meanwhile", async () => {
    const guard = new SignInGuard();
    const refusing = new Server(() => "auth-failed");
    for (let attempt = 0; attempt < 5; attempt++) {
      await outcomes(["terry"], refusing, guard);
      await outcomes(
        users.map((user) => `${user} after ${attempt}`),
        new Server(() => undefined),
        guard,
      );
    }
    expect(refusing.tried).toBe(3);
  });

  it("keeps no token from being sent", async () => {
    const server = new Server(() => "auth-failed");
    const guard = new SignInGuard();
    const all = users.map(() => guard.open({ user: "admin" }, () => server.signIn(), signal));
    await Promise.allSettled(all);
    expect(server.tried).toBe(users.length);
  });
});
