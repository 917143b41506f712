// The batch, and what it is made of

export type { CsvColumn, CsvFault, CsvFaultKind } from "./csv/csv-faults.js";
export type { CsvParseOptions } from "./csv/read-user-list.js";
export { CsvRow, type CsvRowInit } from "./csv-row.js";
export type { Clock } from "./engine/clock.js";
export type { RetryPolicy } from "./engine/retry.js";
export type { ImapSecurity } from "./imap/imap-connection.js";
export { type MigrationLimits, microsoft365Limits, noLimits } from "./limits.js";
export { MigrationBatch, type MigrationBatchOptions, type SourceEndpoint } from "./migration-batch.js";
export { MigrationEndpoint, type MigrationEndpointOptions } from "./migration-endpoint.js";

// Targets

export { type ImapServerOptions, imapServer, type TargetCredentials } from "./imap-server.js";
export type { MigrationTarget } from "./migration-target.js";

// Credential formats

export {
  type CourierUserRoot,
  courierUserRoot,
  type DovecotLogin,
  type DovecotSeparator,
  dovecotLogin,
  type ExchangeLogin,
  exchangeLogin,
  type MirapointLogin,
  mirapointLogin,
  parseCourierUserRoot,
  parseDovecotLogin,
  parseExchangeLogin,
  parseMirapointLogin,
} from "./login-formats.js";

// The endpoint's test

export type { ServerCertificate, ServerProbeStageName } from "./imap/server-probe.js";
export type {
  MigrationEndpointTest,
  MigrationEndpointTestStage,
  MigrationEndpointTestStageName,
} from "./prepare/server-test.js";

// What a run tells: events, statuses, outcomes, the report, errors

export {
  type ErrorRetry,
  type ErrorScope,
  MigrationError,
  type MigrationErrorCode,
  type MigrationErrorDetails,
  migrationErrorCodes,
} from "./errors.js";
export type { BatchEvent, FolderEvent, MigrationEvents, UserEvent, UserProgress, UserVerified } from "./events.js";
export { MigrationUser } from "./migration-user.js";
export {
  type AlreadyThere,
  type Books,
  type Copied,
  type Failed,
  isBalanced,
  type Outcome,
  type OutcomeKind,
  type OutcomeOf,
  type Refused,
  type Skipped,
  type SkipRule,
  type Vanished,
} from "./outcome.js";
export { type FolderReport, MigrationReport, type RunFigures, type UserReport } from "./report.js";
export type { MigrationBatchStatus, MigrationUserStatus, MigrationUserStatusSummary } from "./status.js";

// Verification: the target asked, and not the ledger

export {
  type ChangedMessage,
  type DataConsistencyScore,
  type Difference,
  defaultGradeThresholds,
  type GradeThresholds,
  type KnownChange,
  type MissingMessage,
  type SurplusMessage,
  type UserVerification,
  type VerificationCounts,
  type VerificationItem,
  type VerificationItemOf,
  type VerificationLevel,
  type VerificationReport,
  type VerifyOptions,
} from "./verification.js";

// The ledger

export { memoryStore } from "./store/memory-store.js";
export type {
  BeginTarget,
  BegunMessage,
  Claim,
  Doubt,
  FolderJournal,
  FolderRecord,
  HeldRecord,
  ItemRecord,
  Lease,
  MigrationStore,
  SyncPoint,
  UserChange,
  UserRecord,
} from "./store/migration-store.js";
export { sqliteStore } from "./store/sqlite.js";

// The words of mail, for hosts that write a source or a target of their own

export type { Flag } from "./mail/flags.js";
export type { FolderPlan, ListedFolder, SourceFolder, TargetFolder } from "./mail/folder.js";
export type { Abortable, ListMessagesOptions, MailSource } from "./mail/mail-source.js";
export type {
  Appended,
  FindOptions,
  FolderNameRules,
  Loss,
  MailTarget,
  TargetCapabilities,
  TargetReading,
} from "./mail/mail-target.js";
export type { Message, MessageContent, MessageHead } from "./mail/message.js";
export type { SpecialUse } from "./mail/special-use.js";
