import {
  type CsvRow,
  type ImapServerOptions,
  MigrationBatch,
  MigrationEndpoint,
  type MigrationEndpointOptions,
  type MigrationReport,
  memoryStore,
  noLimits,
} from "../../src/index.js";
import type { MailServer } from "../servers/mail-server.js";
import { targetOn } from "./seed-servers.js";

/** One migration of the seed's users between two real servers. */
export interface Migration {
  readonly source: MailServer;
  readonly target: MailServer;
  readonly users: readonly CsvRow[];
  /** What is not as usual at the source, and at the target. */
  readonly endpoint?: Partial<MigrationEndpointOptions>;
  readonly targetOptions?: Partial<ImapServerOptions>;
}

/** Runs it to the report. */
export async function migrate({ source, target, users, endpoint, targetOptions }: Migration): Promise<MigrationReport> {
  const batch = new MigrationBatch({
    name: "IMAPBatch1",
    store: memoryStore(),
    limits: noLimits,
    settleDelayMs: 0,
    sourceEndpoint: new MigrationEndpoint({
      ...{ name: "IMAPEndpoint", remoteServer: source.host, port: source.tlsPort, ca: source.ca },
      ...endpoint,
    }),
    target: targetOn(target, targetOptions),
    users,
  });
  return await batch.start();
}
