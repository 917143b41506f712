// Mailboxes in memory, with a source and a target over them

export type { JournalEntry } from "./fake-connection.js";
export { FakeContent, type FakeContentOptions, fakeMessage, readOctets } from "./fake-content.js";
export {
  type AppendFault,
  type CallFault,
  type FakeFault,
  type FaultAt,
  type FaultKinds,
  type FaultPoint,
  FaultScript,
  type FetchFault,
} from "./fake-faults.js";
export { FakeFolder, FakeMailbox, type FakeMessage, type FolderContent } from "./fake-mailbox.js";
export { type FakeSourceOptions, fakeSource, openFakeSource } from "./fake-source.js";
export { type FakeTargetOptions, fakeTarget, openFakeTarget } from "./fake-target.js";

// Messages to fill mailboxes with

export { rawMessage, type SampleOptions, type StoredMessage, sampleMessage } from "./sample-message.js";

// What every source, target and store does, for any test runner

export type { BehaviourCase } from "./behaviour-case.js";
export { type MailboxKeeps, type OpenedSource, type OpenSource, sourceCases } from "./source-cases.js";
export { type OpenedStore, type OpenStore, storeCases } from "./store-cases.js";
export { type OpenedTarget, type OpenTarget, type TargetMailbox, targetCases } from "./target-cases.js";

// An IMAP server in this process that does wrong what a script says

export { rebuiltByExchange } from "./exchange-rewriting.js";
export { type CapabilityState, defaultCapabilities } from "./imap-server/capabilities.js";
export { exchangeFaults } from "./imap-server/exchange-faults.js";
export {
  type ExchangeOnlineProfileOptions,
  exchangeFolders,
  exchangeOnlineProfile,
} from "./imap-server/exchange-online-profile.js";
export type {
  AnswerFault,
  BodyFault,
  ByeFault,
  ClaimedSizeFault,
  CutFault,
  CutKind,
  DelayFault,
  DripFault,
  DropAnswerFault,
  DuplicateAnswerFault,
  FaultAction,
  FaultCondition,
  FloodFault,
  InsertAfterFault,
  InsertBeforeFault,
  LiteralSizeFault,
  OmitRowFault,
  PreauthFault,
  RawRowFault,
  RepeatRowFault,
  ReplaceLineFault,
  ReverseRowsFault,
  ServerFault,
} from "./imap-server/faults.js";
export {
  GmailMailbox,
  type GmailProfileOptions,
  gmailBandwidthRefusal,
  gmailFolders,
  gmailProfile,
} from "./imap-server/gmail-profile.js";
export { knownFaults } from "./imap-server/known-faults.js";
export {
  type NewScriptedMessage,
  ScriptedAccount,
  type ScriptedAccountOptions,
  ScriptedFolder,
  type ScriptedFolderOptions,
  type ScriptedMessage,
} from "./imap-server/mailbox-state.js";
export {
  ScriptedImapServer,
  type ScriptedImapServerOptions,
  type ScriptedTlsOptions,
} from "./imap-server/scripted-imap-server.js";
export type { IncomingMessage, SignInAttempt, StoreRule } from "./imap-server/server-context.js";
export type { RefusalTexts, ServerProfile } from "./imap-server/server-profile.js";
export type { ReceivedCommand, TranscriptLine } from "./imap-server/transcript.js";

// Microsoft 365 in this process: sign-in and Graph, with limits and faults

export {
  type AnswerStatusFault,
  type ExpireTokenFault,
  type ExpireUploadSessionFault,
  type GraphFault,
  type GraphFaultAction,
  type GraphFaultCondition,
  type HoldAnswerFault,
  knownGraphFaults,
  type LoseConnectionFault,
  type RefuseSignInFault,
} from "./microsoft365/faults.js";
export type { ImportedDate } from "./microsoft365/graph-call.js";
export type { MswHttp } from "./microsoft365/handlers.js";
export {
  type SimulatedAttachment,
  SimulatedFolder,
  SimulatedMailbox,
  type SimulatedMessage,
  type SimulatedRecipient,
} from "./microsoft365/mailbox.js";
export {
  Microsoft365Simulator,
  type Microsoft365SimulatorOptions,
  type SimulatorClock,
} from "./microsoft365/microsoft365-simulator.js";
export type { SimulatedRequest } from "./microsoft365/requests.js";
export {
  type MailboxState,
  type SimulatedApplicationOptions,
  type SimulatedDomainOptions,
  SimulatedTenant,
  type SimulatedTenantOptions,
  SimulatedUser,
  type SimulatedUserOptions,
} from "./microsoft365/tenant.js";
export { documentedLimits, type GraphLimits, type LimitName } from "./microsoft365/throttle.js";
export type { MailboxLanguage, WellKnownFolder } from "./microsoft365/well-known-folders.js";

// A line that delays, stalls and cuts

export {
  FaultProxy,
  type FaultProxyOptions,
  type ProxyDirection,
  type ProxyFault,
  type ProxyOctets,
} from "./fault-proxy.js";
