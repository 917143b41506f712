// The batch, and what it is made of

export type { CsvColumn, CsvFault, CsvFaultKind } from "./csv/csv-faults.js";
export type { CsvParseOptions } from "./csv/read-user-list.js";
export { CsvRow, type CsvRowInit } from "./csv-row.js";
export type { Clock } from "./engine/clock.js";
export type { RetryPolicy } from "./engine/retry.js";
export type { ImapSecurity } from "./imap/imap-connection.js";
export { type MigrationLimits, microsoft365Limits, noLimits } from "./limits.js";
export {
  type BatchCutoverOptions,
  type BatchPlanOptions,
  type BatchRowCheckOptions,
  type CompleteOptions,
  type Completion,
  MigrationBatch,
  type MigrationBatchContext,
  type MigrationBatchOptions,
  type MigrationBatchSettings,
  type SourceEndpoint,
  type UserSecrets,
  type WaitsFor,
} from "./migration-batch.js";
export { MigrationEndpoint, type MigrationEndpointOptions } from "./migration-endpoint.js";

// What services allow, as data

export {
  exchangeImapThrottle,
  gmailThrottle,
  graphThrottle,
  type RateLimit,
  type ThrottleProfile,
  unthrottled,
} from "./throttle-profiles.js";

// Targets

export {
  type ExchangeOnlineCredentials,
  type ExchangeOnlineGraphOptions,
  type ExchangeOnlineImapOptions,
  type ExchangeOnlineOptions,
  exchangeOnline,
} from "./exchange-online.js";
export type { GraphTargetOptions } from "./graph/graph-target.js";
export { type ImapServerOptions, imapServer, type TargetCredentials } from "./imap-server.js";
export type { MigrationTarget } from "./migration-target.js";

// Signing in to Microsoft 365

export type {
  AccessToken,
  AccessTokenProvider,
  AccessTokenRequest,
  Microsoft365Credentials,
} from "./credentials/access-token.js";
export {
  type ClientCertificate,
  type ClientCredentialsOptions,
  clientCredentials,
} from "./credentials/client-credentials.js";
export { type Cloud, china21VianetCloud, dodCloud, gccHighCloud, globalCloud } from "./credentials/clouds.js";
export { type DeviceCodeOptions, type DeviceCodePrompt, deviceCode } from "./credentials/device-code.js";
export { type ManagedIdentityOptions, managedIdentity } from "./credentials/managed-identity.js";
export { type TokenCallbackOptions, type TokenCallbackRequest, tokenCallback } from "./credentials/token-callback.js";

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

// What source servers are like

export {
  type ExcludedFolder,
  type ProviderFolder,
  type ProviderFolderPlan,
  planProviderFolders,
} from "./providers/plan-provider-folders.js";
export { courier, cyrus, dovecot, exchangeOnPremises, gmail, yahoo, zimbra } from "./providers/profiles.js";
export type { ProviderFolderRules, ProviderLogin, ProviderProfile } from "./providers/provider-profile.js";

// The endpoint's test

export type { ServerCertificate, ServerProbeStageName } from "./imap/server-probe.js";
export type {
  MigrationEndpointTest,
  MigrationEndpointTestStage,
  MigrationEndpointTestStageName,
} from "./prepare/server-test.js";

// Before the first run: a dry run, a sign-in for each row

export type { DurationRange } from "./prepare/estimate.js";
export type {
  BatchPlan,
  PlannedFolder,
  PlannedLeftOut,
  PlanOptions,
  PredictedRefusal,
  UserPlan,
} from "./prepare/plan.js";
export {
  checkRecipients,
  type DomainCheck,
  type MxTarget,
  type RecipientCheck,
  type RecipientsCheck,
  type RecipientsOptions,
  type UserCheck,
} from "./prepare/recipients.js";
export type { RowCheck, RowCheckEnd, RowCheckOptions } from "./prepare/row-check.js";

// Cutover: where mail goes, and whether the batch can be removed

export {
  type CutoverCheck,
  type CutoverOptions,
  type CutoverState,
  checkCutover,
  type ResolverAnswer,
  watchCutover,
} from "./prepare/cutover.js";
export type { MxAnswer, MxRecord } from "./prepare/dns-message.js";
export type { MailDestination } from "./prepare/mail-destination.js";
export type { BatchStanding, MailFlow, RemovalGap, RemovalGapName } from "./prepare/removal-gaps.js";

// What a run tells: events, statuses, outcomes, the report, errors

export {
  type ErrorRetry,
  type ErrorScope,
  MigrationError,
  type MigrationErrorCode,
  type MigrationErrorDetails,
  migrationErrorCodes,
} from "./errors.js";
export type {
  BatchEvent,
  BatchNotification,
  FolderEvent,
  MigrationEvents,
  UserEvent,
  UserProgress,
  UserVerified,
  UserWaiting,
  WaitAskedBy,
} from "./events.js";
export { MigrationUser } from "./migration-user.js";
export {
  type AlreadyThere,
  type Books,
  type Copied,
  type Failed,
  isBalanced,
  type MovedFrom,
  type Outcome,
  type OutcomeKind,
  type OutcomeOf,
  type Refused,
  type Skipped,
  type SkipRule,
  type Vanished,
} from "./outcome.js";
export type { ReportPageOptions } from "./report/html/report-page.js";
export type { Milestone } from "./report/html/timeline-section.js";
export { type FolderReport, MigrationReport, type RunFigures, type UserReport } from "./report.js";
export type {
  Forecast,
  MigrationBatchStatistics,
  MigrationUserStatistics,
  TransferRate,
  TransferStatistics,
} from "./statistics.js";
export type {
  MigrationBatchAction,
  MigrationBatchStatus,
  MigrationUserAction,
  MigrationUserCounts,
  MigrationUserStatus,
  MigrationUserStatusSummary,
  UsersByStatus,
} from "./status.js";
export type {
  BatchChange,
  BatchRecord,
  BatchSettings,
  EndpointChange,
  EndpointRecord,
  EndpointRemoval,
  JsonObject,
  JsonValue,
  OctetsByHour,
  PassKind,
  StoredMessageFilter,
  UserSelection,
  UserTally,
} from "./store/batch-records.js";

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
  HeldFlags,
  HeldRecord,
  ItemRecord,
  KeptFlags,
  Lease,
  MigrationStore,
  PageTarget,
  RecognisableRecord,
  SyncPoint,
  UserChange,
  UserRecord,
} from "./store/migration-store.js";
export { sqliteStore } from "./store/sqlite.js";

// The words of mail, for hosts that write a source or a target of their own

export type { Flag } from "./mail/flags.js";
export type { FolderPlan, ListedFolder, SourceFolder, TargetFolder } from "./mail/folder.js";
export type { FolderFilter, FolderFilterOptions, FolderLeftOut } from "./mail/folder-filter.js";
export type { Abortable, ListMessagesOptions, MailSource } from "./mail/mail-source.js";
export type {
  Appended,
  FindOptions,
  FlagUpdate,
  FolderNameRules,
  Found,
  Loss,
  MailTarget,
  TargetCapabilities,
  TargetReading,
} from "./mail/mail-target.js";
export type { Message, MessageContent, MessageHead } from "./mail/message.js";
export type { MessageFilter, MessageFilterRule } from "./mail/message-filter.js";
export type { SpecialUse } from "./mail/special-use.js";
