import type { BatchChange, BatchRecord, BatchSettings, EndpointChange, EndpointRecord } from "./batch-records.js";

/** The endpoint with the change; only members that a store keeps. */
export function changedEndpoint(endpoint: EndpointRecord, change: EndpointChange): EndpointRecord {
  const { settings, maxConcurrentMigrations, maxConcurrentIncrementalSyncs, lastModifiedAt } = endpoint;
  const maxConnections = change.maxConnections === undefined ? endpoint.maxConnections : change.maxConnections;
  return {
    name: endpoint.name,
    settings: change.settings ?? settings,
    maxConcurrentMigrations: change.maxConcurrentMigrations ?? maxConcurrentMigrations,
    maxConcurrentIncrementalSyncs: change.maxConcurrentIncrementalSyncs ?? maxConcurrentIncrementalSyncs,
    ...(maxConnections !== null && maxConnections !== undefined && { maxConnections }),
    lastModifiedAt: change.lastModifiedAt ?? lastModifiedAt,
  };
}

/** The batch with the change; only members that a store keeps. */
export function changedBatch(batch: BatchRecord, change: BatchChange): BatchRecord {
  const startedAt = change.startedAt ?? batch.startedAt;
  const initialSyncedAt = change.initialSyncedAt ?? batch.initialSyncedAt;
  const lastSyncedAt = change.lastSyncedAt ?? batch.lastSyncedAt;
  const nextReportAt = change.nextReportAt ?? batch.nextReportAt;
  return {
    name: batch.name,
    batchGuid: batch.batchGuid,
    endpoint: change.endpoint ?? batch.endpoint,
    status: change.status ?? batch.status,
    settings: keptSettings(change.settings ?? batch.settings),
    createdAt: batch.createdAt,
    ...(startedAt !== undefined && { startedAt }),
    ...(initialSyncedAt !== undefined && { initialSyncedAt }),
    ...(lastSyncedAt !== undefined && { lastSyncedAt }),
    ...(nextReportAt !== undefined && { nextReportAt }),
  };
}

function keptSettings(settings: BatchSettings): BatchSettings {
  const { startAfter, syncIntervalMs, reportIntervalMs, notificationEmails } = settings;
  const { excludeFolders, includeFolders, messageFilter } = settings;
  return {
    ...(startAfter !== undefined && { startAfter }),
    ...{ syncIntervalMs, reportIntervalMs, notificationEmails: [...notificationEmails] },
    ...(excludeFolders && { excludeFolders: [...excludeFolders] }),
    ...(includeFolders && { includeFolders: [...includeFolders] }),
    ...(messageFilter && { messageFilter: { ...messageFilter } }),
  };
}
