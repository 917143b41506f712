// Mailboxes in memory, with a source and a target over them
export { type JournalEntry } from "./fake-connection.js";
export { FakeContent, type FakeContentOptions, fakeMessage, readOctets } from "./fake-content.js";
export {
  type AppendFault,
  type CallFault,
  type FakeFault,
  type FaultKinds,
  type FaultPoint,
  FaultScript,
  type FetchFault,
} from "./fake-faults.js";
export { FakeFolder, FakeMailbox, type FakeMessage, type FolderContent } from "./fake-mailbox.js";
export { type FakeSourceOptions, fakeSource, openFakeSource } from "./fake-source.js";
export { type FakeTargetOptions, fakeTarget, openFakeTarget } from "./fake-target.js";
