import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CsvRow } from "../../src/csv-row.js";
import { MigrationEndpoint } from "../../src/migration-endpoint.js";
import { memoryStore } from "../../src/store/memory-store.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";

const PASSWORD = "s3cret-of-the-pr%xy";
const ROW = new CsvRow({ emailAddress: "terry@contoso.example", userName: "terry", password: "p4ssw0rd-of-terry" });
/** Nothing listens there. */
const CLOSED = "socks5://127.0.0.1:1";
const WITH_PASSWORD = `socks5://mover:${PASSWORD}@127.0.0.1:1`;
let server: ScriptedImapServer;

beforeEach(async () => {
  server = await ScriptedImapServer.start({ accounts: [{ user: "terry", password: "p4ssw0rd-of-terry" }] });
});
/** Whatever was tried, nothing went past the proxy (R9). */
afterEach(async () => {
  expect(server.acceptedConnections).toBe(0);
  await server.close();
});

function options(proxy: string) {
  return { name: "Proxied", remoteServer: server.host, port: server.port, security: "None", proxy } as const;
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("an endpoint behind a proxy", () => {
  it("is tested through it with a row, and not at all without one (R9)", async () => {
    const endpoint = new MigrationEndpoint(options(CLOSED));
    expect(await endpoint.test(ROW)).toMatchObject({ ok: false, failedStage: "login", stages: [{ stage: "login" }] });
    await expect(endpoint.test()).rejects.toMatchObject({ code: "option-invalid" });
  });

  it("comes out of a store with it (R9)", async () => {
    const store = memoryStore();
    const created = await MigrationEndpoint.create(store, options(CLOSED));
    const found = await MigrationEndpoint.get(store, "Proxied");
    expect(found.settings).toEqual(created.settings);
    expect(await failure(found.openSource(ROW))).toMatchObject({ code: "connect-timeout" });
  });

  it("has no password in the store, and connects to nothing without it (R9, R10)", async () => {
    const store = memoryStore();
    const created = await MigrationEndpoint.create(store, options(WITH_PASSWORD));
    const record = await store.getEndpoint("Proxied");
    const found = await MigrationEndpoint.get(store, "Proxied");
    const error = await failure(found.openSource(ROW));
    expect(error).toMatchObject({ code: "option-invalid" });
    await expect(found.test(ROW)).rejects.toMatchObject({ code: "option-invalid" });
    for (const shown of [created, record, found, found.settings, error]) {
      expect(`${JSON.stringify(shown)} ${inspect(shown, { depth: 10, showHidden: true })}`).not.toContain("s3cret");
    }
  });

  it("still lacks the password when something else of it is changed, and works again when it is given (R9)", async () => {
    const store = memoryStore();
    await MigrationEndpoint.create(store, options(WITH_PASSWORD));
    const changed = await MigrationEndpoint.set(store, "Proxied", { maxConcurrentMigrations: 50 });
    expect(await failure(changed.openSource(ROW))).toMatchObject({ code: "option-invalid" });
    const again = await MigrationEndpoint.get(store, "Proxied");
    expect(await failure(again.openSource(ROW))).toMatchObject({ code: "option-invalid" });
    const given = await MigrationEndpoint.set(store, "Proxied", { proxy: WITH_PASSWORD });
    expect(await failure(given.openSource(ROW))).toMatchObject({ code: "connect-timeout" });
  });
});

it("An endpoint comes out of a store with its compression", async () => {
  const store = memoryStore();
  const { proxy: _, ...plain } = options(CLOSED);
  await MigrationEndpoint.create(store, { ...plain, compress: true });
  expect((await MigrationEndpoint.get(store, "Proxied")).settings).toMatchObject({ compress: true });
});
