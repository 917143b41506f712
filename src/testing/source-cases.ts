import type { MailSource } from "../mail/mail-source.js";
import type { BehaviourCase } from "./behaviour-case.js";
import type { FolderContent } from "./fake-mailbox.js";
import { type MailboxKeeps, Opened, type OpenSource } from "./opened-source.js";
import { sourceErrorCases } from "./source-error-cases.js";
import { sourceFetchCases, sourceFlowCases } from "./source-fetch-cases.js";
import { sourceFolderCases } from "./source-folder-cases.js";
import { sourceListingCases } from "./source-listing-cases.js";

export type { MailboxKeeps, OpenedSource, OpenSource } from "./opened-source.js";

/**
 * What every {@link MailSource} does, as cases for any test runner:
 * `for (const { title, run } of sourceCases(open)) it(title, run)`.
 */
export function sourceCases(open: OpenSource, keeps: MailboxKeeps = {}): BehaviourCase[] {
  const withSource = async (content: readonly FolderContent[], check: (opened: Opened) => Promise<void>) => {
    const { source, uidsOf } = await open(content);
    try {
      await check(new Opened(source, uidsOf));
    } finally {
      await source.close();
    }
  };
  return [
    ...sourceFolderCases(withSource, keeps),
    ...sourceListingCases(withSource, keeps),
    ...sourceFetchCases(withSource, keeps),
  ].concat(sourceFlowCases(withSource), sourceErrorCases(withSource));
}
