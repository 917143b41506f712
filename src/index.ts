// The batch and what it is made of
export { CsvRow, type CsvRowInit } from "./csv-row.js";
export { type MigrationBatchOptions, MigrationBatch, type SourceEndpoint } from "./migration-batch.js";
export { MigrationEndpoint, type MigrationEndpointOptions } from "./migration-endpoint.js";
export { MigrationUser } from "./migration-user.js";
