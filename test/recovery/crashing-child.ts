import { CsvRow, imapServer, MigrationBatch, MigrationEndpoint, memoryStore } from "../../src/index.js";

// Dies of what a failed user is told with, as a host does that handles nothing.
const { sourcePort, targetPort, password, targetPassword } = JSON.parse(process.env["CRASH"] ?? "");
const at = (port: number) => ({ remoteServer: "127.0.0.1", port, security: "None" }) as const;
const batch = new MigrationBatch({
  name: "Crash",
  store: memoryStore(),
  sourceEndpoint: new MigrationEndpoint({ name: "source", ...at(sourcePort) }),
  target: imapServer({ ...at(targetPort), credentials: () => ({ user: "terry", password: targetPassword }) }),
  users: [new CsvRow({ emailAddress: "terry@contoso.com", userName: "terry", password })],
  retry: { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 },
});
batch.on("user:failed", ({ error }) => {
  setImmediate(() => {
    throw error;
  });
});
await batch.start();
