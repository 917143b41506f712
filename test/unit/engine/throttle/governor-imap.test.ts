import { afterEach, expect, it } from "vitest";
import { CsvRow } from "../../../../src/csv-row.js";
import { imapServer } from "../../../../src/imap-server.js";
import { MigrationBatch } from "../../../../src/migration-batch.js";
import { MigrationEndpoint } from "../../../../src/migration-endpoint.js";
import { memoryStore } from "../../../../src/store/memory-store.js";
import { ScriptedImapServer } from "../../../../src/testing/imap-server/scripted-imap-server.js";

const names = Array.from({ length: 12 }, (_, index) => `user${index}`);
const password = "Pa55word";
const servers: ScriptedImapServer[] = [];

async function serve(): Promise<ScriptedImapServer> {
  const server = await ScriptedImapServer.start({ accounts: names.map((user) => ({ user, password })) });
  servers.push(server);
  return server;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

it("R16 a batch from IMAP to IMAP comes once more to a server that refused half of its connections, and loses nobody", async () => {
  const [source, target] = [await serve(), await serve()];
  const refused = [4, 5, 6, 7, 8, 9];
  const bye = "[UNAVAILABLE] Too many connections";
  for (const connection of refused) source.addFault({ when: { verb: "greeting", connection }, do: { bye } });
  const address = (server: ScriptedImapServer) =>
    ({ remoteServer: server.host, port: server.port, security: "None" }) as const;
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    sourceEndpoint: new MigrationEndpoint({ name: "IMAPEndpoint", ...address(source) }),
    target: imapServer({ ...address(target), credentials: (user) => ({ user: user.split("@")[0] ?? "", password }) }),
    users: names.map((name) => new CsvRow({ emailAddress: `${name}@contoso.com`, userName: name, password })),
    store: memoryStore(),
    retry: { attempts: 2, firstPauseMs: 20, maxPauseMs: 100 },
  });
  const asked = new Map<string, number>();
  batch.on("user:waiting", ({ askedBy, error, until, waitMs }) => {
    asked.set(askedBy, (asked.get(askedBy) ?? 0) + 1);
    expect(error.code).toBe("too-many-connections");
    expect(Math.abs(until - waitMs - Date.now())).toBeLessThan(1_000);
  });
  const report = await batch.start();
  expect(report.status).toBe("Synced");
  expect(source.acceptedConnections).toBe(names.length + refused.length);
  expect(asked.get("source")).toBe(refused.length);
});

it("R16 an administrator's wrong password is sent three times, and not once for each row", async () => {
  const accounts = names.map((name) => ({ user: `${name}*admin`, password }));
  const [source, target] = [await ScriptedImapServer.start({ accounts }), await serve()];
  servers.push(source);
  const address = ({ host, port }: ScriptedImapServer) => ({ remoteServer: host, port, security: "None" }) as const;
  const row = (name: string) => ({ emailAddress: `${name}@contoso.com`, userName: `${name}*admin`, password: "wrong" });
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    sourceEndpoint: new MigrationEndpoint({ name: "IMAPEndpoint", ...address(source) }),
    target: imapServer({ ...address(target), credentials: (user) => ({ user: user.split("@")[0] ?? "", password }) }),
    users: names.map((name) => new CsvRow(row(name))),
    store: memoryStore(),
  });
  const codes: string[] = [];
  batch.on("user:failed", ({ error }) => void codes.push(error.code));
  await batch.start();
  expect(codes).toEqual(names.map(() => "auth-failed"));
  expect(source.commands().filter(({ verb }) => verb === "LOGIN" || verb === "AUTHENTICATE")).toHaveLength(3);
});
