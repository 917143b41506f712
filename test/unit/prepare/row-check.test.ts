import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvRow } from "../../../src/csv-row.js";
import { MigrationError, type MigrationErrorCode } from "../../../src/errors.js";
import { MigrationEndpoint } from "../../../src/migration-endpoint.js";
import { checkRows, type RowCheck, type RowCheckOptions } from "../../../src/prepare/row-check.js";
import { FakeMailbox } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { ScriptedImapServer } from "../../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";

const row = (userName: string, password: string, emailAddress = `${userName.replace(/\W/g, "")}@contoso.edu`) =>
  new CsvRow({ emailAddress, userName, password });

const mailbox = new FakeMailbox([{ levels: ["INBOX"], messages: [sampleMessage("a")] }, { levels: ["Sent"] }]);

/** A server with these accounts, which notes every password that it was sent. */
class Server {
  readonly sent: string[] = [];
  mostAtOnce = 0;
  #open = 0;
  readonly #accounts: ReadonlyMap<string, string>;
  readonly #otherFault: MigrationErrorCode | undefined;

  constructor(accounts: Record<string, string>, otherFault?: MigrationErrorCode) {
    this.#accounts = new Map(Object.entries(accounts));
    this.#otherFault = otherFault;
  }

  async open({ userName, password }: CsvRow, signal: AbortSignal) {
    this.sent.push(`${userName} ${password}`);
    this.#open += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#open);
    await new Promise((resolve) => setImmediate(resolve));
    this.#open -= 1;
    if (this.#otherFault) throw new MigrationError(this.#otherFault, "The script says so");
    if (this.#accounts.get(userName) !== password) throw new MigrationError("auth-failed", "refused");
    return await openFakeSource(mailbox, {}, { signal });
  }

  async check(rows: readonly CsvRow[], more: Partial<RowCheckOptions> = {}): Promise<RowCheck[]> {
    const checks: RowCheck[] = [];
    const openSource = (each: CsvRow, signal: AbortSignal) => this.open(each, signal);
    for await (const check of checkRows({ rows, openSource, pauseMs: 0, ...more })) checks.push(check);
    return checks;
  }
}

describe("The check of each row", () => {
  it("signs in, counts folders and messages, and opens the target", async () => {
    const server = new Server({ terry: "1", ann: "2" });
    const openTarget = async ({ userName }: CsvRow, signal: AbortSignal) => {
      if (userName === "ann") throw new MigrationError("target-missing", "no such mailbox");
      return await openFakeTarget(new FakeMailbox(), {}, { signal });
    };
    const [terry, ann] = await server.check([row("terry", "1"), row("ann", "2")], { openTarget });
    expect(terry).toEqual({
      ...{ user: "terry@contoso.edu", ok: true },
      ...{ source: { ok: true, tried: true, folders: 2, messages: 1 }, target: { ok: true, tried: true, folders: 1 } },
    });
    expect(ann).toMatchObject({
      ok: false,
      source: { ok: true },
      target: { ok: false, error: { code: "target-missing" } },
    });
  });

  it("R16: never sends a refused password for the same name again", async () => {
    const server = new Server({ admin: "right" });
    const rows = [1, 2, 3, 4, 5].map((at) => row("admin", "wrong", `user${at}@contoso.edu`));
    const checks = await server.check(rows);
    expect(server.sent).toEqual(["admin wrong"]);
    expect(checks.map(({ source }) => source.tried)).toEqual([true, false, false, false, false]);
    expect(checks[4]?.source.error?.message).toContain("Not tried");
  });

  it("R16: takes names that differ in case alone for one account", async () => {
    const server = new Server({ terry: "right" });
    const rows = [row("terry", "wrong"), row("Terry", "another"), row("TERRY", "a third")];
    const checks = await server.check(rows);
    expect(server.sent).toEqual(["terry wrong"]);
    expect(checks.map(({ source }) => source.tried)).toEqual([true, false, false]);
  });

  it("R16: gives an administrator's password up after three refusals, whatever names it goes with", async () => {
    const server = new Server({});
    const checks = await server.check([...Array(20).keys()].map((at) => row(`user${at}*admin`, "wrong")));
    expect(server.sent).toHaveLength(3);
    expect(checks.filter(({ source }) => source.tried)).toHaveLength(3);
  });

  it("goes on with an administrator's password that was accepted, though single names are refused", async () => {
    const accounts = Object.fromEntries([...Array(20).keys()].map((at) => [`user${at}*admin`, "right"]));
    const rows = [...Array(40).keys()].map((at) => row(`user${at}*admin`, "right"));
    const checks = await new Server(accounts).check(rows);
    expect(checks.filter(({ ok }) => ok)).toHaveLength(20);
    expect(checks.filter(({ source }) => source.tried)).toHaveLength(40);
  });

  it("counts only refusals: a server that does not answer says nothing of a password", async () => {
    const server = new Server({}, "connection-refused");
    const checks = await server.check([...Array(6).keys()].map((at) => row(`user${at}*admin`, "right")));
    expect(checks.map(({ source }) => source.error?.code)).toEqual(Array(6).fill("connection-refused"));
  });

  it("takes another name for what signs in, where the host says so", async () => {
    const server = new Server({});
    const rows = [row("a", "1"), row("b", "2"), row("c", "3")];
    await server.check(rows, { signInName: () => "cyrus-admin" });
    expect(server.sent).toEqual(["a 1"]);
  });

  it("has at most so many at a time, and pauses after each", async () => {
    const accounts = Object.fromEntries([...Array(12).keys()].map((at) => [`u${at}`, `p${at}`]));
    const server = new Server(accounts);
    const pauses: number[] = [];
    const clock = { now: () => 0, date: () => 0, sleep: async (ms: number) => void pauses.push(ms) };
    const rows = Object.entries(accounts).map(([name, password]) => row(name, password));
    const checks = await server.check(rows, { atOnce: 3, pauseMs: 40, clock });
    expect(checks.map(({ user }) => user)).toEqual(rows.map(({ emailAddress }) => emailAddress));
    expect(server.mostAtOnce).toBe(3);
    expect(pauses).toEqual(Array(12).fill(40));
  });

  it("R16: whatever the list, no refused name is tried again, and no wrong password is sent more than three times", async () => {
    const cell = fc.constantFrom("a", "b", "c", "d", "e", "f");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 30 }),
        cell,
        fc.integer({ min: 1, max: 6 }),
        async (cells, good, atOnce) => {
          const server = new Server({ a: good, b: good });
          const rows = cells.map(([name, password], at) => row(name, password, `user${at}@contoso.edu`));
          const checks = await server.check(rows, { atOnce });
          expect(checks).toHaveLength(rows.length);
          const wrong = server.sent.filter((sent) => sent !== `a ${good}` && sent !== `b ${good}`);
          expect(new Set(wrong).size).toBe(wrong.length);
          const names = wrong.map((sent) => sent[0]);
          expect(new Set(names).size).toBe(names.length);
          for (const password of "abcdef".replace(good, "")) {
            expect(wrong.filter((sent) => sent.endsWith(password)).length).toBeLessThanOrEqual(3);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("R16: sends a refused password to a real server once, for however many rows, and changes nothing there", async () => {
    const server = await ScriptedImapServer.start({
      accounts: [{ user: "terry", password: "right", folders: ["Sent"] }],
    });
    const endpoint = new MigrationEndpoint({
      ...{ name: "IMAPEndpoint", remoteServer: "127.0.0.1", port: server.port, security: "None" },
    });
    const rows = [row("terry", "right"), ...[1, 2, 3, 4].map((at) => row("mailadmin", "wrong", `u${at}@contoso.edu`))];
    const openSource = (each: CsvRow, signal: AbortSignal) => endpoint.openSource(each, { signal });
    const checks: RowCheck[] = [];
    for await (const check of checkRows({ rows, openSource, pauseMs: 0 })) checks.push(check);
    expect(checks[0]?.source).toMatchObject({ ok: true, folders: 2 });
    expect(checks.slice(1).map(({ source }) => source.error?.code)).toEqual(Array(4).fill("auth-failed"));
    const names = server.commands().map(({ verb }) => verb);
    await server.close();
    expect(names.filter((name) => name === "LOGIN" || name === "AUTHENTICATE")).toHaveLength(2);
    expect(names.filter((name) => /^(SELECT|CREATE|APPEND|STORE|DELETE|EXPUNGE)$/.test(name))).toEqual([]);
  });

  it("holds no secret in what it tells", async () => {
    const checks = await new Server({}).check([row("terry", "s3cret-w0rd")]);
    expect(JSON.stringify(checks)).not.toContain("s3cret");
  });

  it("is stopped by its signal", async () => {
    const server = new Server({ terry: "1" });
    await expect(server.check([row("terry", "1")], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
  });
});
