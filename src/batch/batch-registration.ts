import { randomUUID } from "node:crypto";
import type { Clock } from "../engine/clock.js";
import { MigrationError } from "../errors.js";
import type { BatchRecord, EndpointRecord } from "../store/batch-records.js";
import type { MigrationStore } from "../store/migration-store.js";
import { changedSettings, defaultSettings, type MigrationBatchSettings, type SourceEndpoint } from "./batch-options.js";
import type { StoredBatch } from "./batch-record.js";

/** What a program says of a batch. */
export interface BatchWord {
  readonly name: string;
  readonly settings: MigrationBatchSettings;
  readonly endpoint: SourceEndpoint | undefined;
  /** False for an endpoint that came out of the store: it brings no old numbers back. */
  readonly isEndpointOwn: boolean;
}

/**
 * Puts endpoint and batch into the store, or finds them there; what the program says otherwise than the store is changed.
 * @throws MigrationError `name-taken` where the batch is another one, or must be new and is not
 */
export async function registerBatch(
  store: MigrationStore,
  stored: StoredBatch,
  word: BatchWord,
  { clock, isNew }: { clock: Clock; isNew: boolean },
): Promise<void> {
  if (word.endpoint) await registerEndpoint(store, word.endpoint, word.isEndpointOwn);
  const known = await stored.refresh();
  if (known && isNew) throw new MigrationError("name-taken", `There is a batch ${known.name} already`);
  if (!known) await stored.create(newRecord(word, clock));
  if (stored.record) await adjust(stored, stored.record, word);
}

/** What a store keeps of an endpoint; any other than a MigrationEndpoint has no settings to make it from. */
export function endpointRecord(endpoint: SourceEndpoint): EndpointRecord {
  const { name, settings = {}, maxConcurrentMigrations, maxConnections } = endpoint;
  const { maxConcurrentIncrementalSyncs = Math.min(10, maxConcurrentMigrations) } = endpoint;
  return {
    ...{ name, settings, maxConcurrentMigrations, maxConcurrentIncrementalSyncs },
    ...(maxConnections !== undefined && { maxConnections }),
    lastModifiedAt: Date.now(),
  };
}

async function registerEndpoint(store: MigrationStore, endpoint: SourceEndpoint, isOwn: boolean): Promise<void> {
  const record = endpointRecord(endpoint);
  if ((await store.createEndpoint(record)) || !isOwn) return;
  const before = await store.getEndpoint(record.name);
  const { maxConnections = null, ...change } = record;
  const isSame = JSON.stringify({ ...before, lastModifiedAt: 0 }) === JSON.stringify({ ...record, lastModifiedAt: 0 });
  if (!isSame) await store.updateEndpoint(record.name, { ...change, maxConnections });
}

function newRecord({ name, settings, endpoint }: BatchWord, clock: Clock): BatchRecord {
  return {
    name,
    batchGuid: randomUUID(),
    endpoint: endpoint?.name ?? "",
    status: "Created",
    settings: changedSettings(defaultSettings, settings),
    createdAt: clock.date(),
  };
}

/** Another spelling or endpoint is another batch, other settings are new ones. */
async function adjust(stored: StoredBatch, { name, endpoint, settings }: BatchRecord, word: BatchWord): Promise<void> {
  const own = word.endpoint?.name ?? endpoint;
  if (name !== word.name || (endpoint !== "" && endpoint.toLowerCase() !== own.toLowerCase())) {
    throw new MigrationError("name-taken", `The store has a batch ${name} that reads from endpoint ${endpoint}`);
  }
  const changed = changedSettings(settings, word.settings);
  const isSame = JSON.stringify(changed) === JSON.stringify(settings) && endpoint === own;
  if (!isSame) await stored.change({ settings: changed, endpoint: own });
}
