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

export { type CapabilityState, defaultCapabilities } from "./imap-server/capabilities.js";
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
export type { ReceivedCommand, TranscriptLine } from "./imap-server/transcript.js";

// A line that delays, stalls and cuts

export {
  FaultProxy,
  type FaultProxyOptions,
  type ProxyDirection,
  type ProxyFault,
  type ProxyOctets,
} from "./fault-proxy.js";
