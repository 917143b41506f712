import {
  type Books,
  CsvRow,
  imapServer,
  MigrationBatch,
  MigrationEndpoint,
  type MigrationStore,
  type MigrationTarget,
  noLimits,
  sqliteStore,
} from "../../src/index.js";
import { intercepting } from "./world.js";

/** One end of a child's migration. */
export interface ChildServer {
  readonly host: string;
  readonly port: number;
  /** Absent: plain text. */
  readonly ca?: string;
  readonly user: string;
  readonly password: string;
}

/** What a child migrates, and how; it comes as JSON in the environment variable `MIGRATION`. */
export interface ChildMigration {
  readonly source: ChildServer;
  readonly target: ChildServer;
  /** The ledger's file. */
  readonly ledger: string;
  readonly settleDelayMs: number;
  /** Attempts without progress, and the pause between two. */
  readonly attempts: number;
  readonly pauseMs: number;
  /** What is wrong with the engine on purpose. Absent: nothing. */
  readonly sabotage?: Sabotage;
}

/** Never finds what it looks for; or keeps no beginning, and takes a half-filled target for an empty one. */
export type Sabotage = "no look" | "no begin";

/** What a child says, each as one line of JSON on its standard output. */
export type ChildLine =
  | { readonly says: "begins" }
  | { readonly says: "synced"; readonly messages: number }
  | { readonly says: "waits"; readonly code: string }
  | ({ readonly says: "ends" } & ChildReport);

export interface ChildReport {
  /** The user's. */
  readonly status: string;
  readonly balanced: boolean;
  readonly books: Books;
  /** Messages that this process copied. */
  readonly copied: number;
  /** What the user failed with; absent where it did not. */
  readonly code?: string;
  /** Most memory that the process ever had, in octets. */
  readonly peakMemory: number;
}

async function migrate(migration: ChildMigration): Promise<ChildReport> {
  const { source, attempts, pauseMs, settleDelayMs } = migration;
  const store = storeOf(migration);
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    store,
    limits: noLimits,
    settleDelayMs,
    retry: { attempts, firstPauseMs: pauseMs, maxPauseMs: pauseMs },
    sourceEndpoint: new MigrationEndpoint({ name: "IMAPEndpoint", ...addressOf(source) }),
    target: targetOf(migration),
    users: [new CsvRow({ emailAddress: "user@contoso.com", userName: source.user, password: source.password })],
  });
  batch.on("user:progress", ({ itemsSynced }) => say({ says: "synced", messages: itemsSynced }));
  batch.on("user:waiting", ({ error }) => say({ says: "waits", code: error.code }));
  say({ says: "begins" });
  const report = await batch.start();
  await batch.close();
  let code: string | undefined;
  let status = "";
  for await (const { user } of report.userReports()) {
    code = user.error?.code;
    status = user.status;
  }
  await store.close();
  const { balanced, books, run } = report;
  const peakMemory = process.resourceUsage().maxRSS * 1024;
  return { status, balanced, books, copied: run.copied, ...(code !== undefined && { code }), peakMemory };
}

function addressOf({ host, port, ca }: ChildServer) {
  const security = ca === undefined ? ({ security: "None" } as const) : ({ security: "Ssl", ca } as const);
  return { remoteServer: host, port, ...security };
}

function targetOf({ target, sabotage }: ChildMigration): MigrationTarget {
  const { user, password } = target;
  const server = imapServer({ ...addressOf(target), credentials: () => ({ user, password }) });
  if (sabotage === undefined) return server;
  return {
    name: server.name,
    openMailbox: async (address, options) => {
      const mailbox = await server.openMailbox(address, options);
      if (sabotage === "no look") return intercepting(mailbox, { find: async () => new Map() });
      return intercepting(mailbox, {
        ensureFolder: async (plan, signal) => ({ ...(await mailbox.ensureFolder(plan, signal)), messages: 0 }),
      });
    },
  };
}

function storeOf({ ledger, sabotage }: ChildMigration): MigrationStore {
  const store = sqliteStore(ledger);
  if (sabotage !== "no begin") return store;
  return intercepting(store, {
    openJournal: async (lease, folder) =>
      intercepting(await store.openJournal(lease, folder), { begin: async () => {} }),
  });
}

/** Written at once: a pipe of a Node process is synchronous on Linux. */
function say(line: ChildLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

void migrate(JSON.parse(process.env["MIGRATION"] ?? "")).then((report) => say({ says: "ends", ...report }));
