import type { MailTarget } from "../mail/mail-target.js";
import type { BehaviourCase } from "./behaviour-case.js";
import { Opened, type OpenTarget, type TargetMailbox, type WithTarget } from "./opened-target.js";
import { targetAppendCases, targetConcurrencyCases } from "./target-append-cases.js";
import { targetFailureCases } from "./target-failure-cases.js";
import { targetFindCases } from "./target-find-cases.js";
import { targetFlagCases } from "./target-flag-cases.js";
import { targetFolderCases } from "./target-folder-cases.js";
import { targetReadingCases } from "./target-reading-cases.js";

export type { OpenedTarget, OpenTarget, TargetMailbox } from "./opened-target.js";

/**
 * What every {@link MailTarget} does, as cases for any test runner:
 * `for (const { title, run } of targetCases(open)) it(title, run)`.
 */
export function targetCases(open: OpenTarget, mailbox: TargetMailbox = {}): BehaviourCase[] {
  const withTarget: WithTarget = async (check) => {
    const { target, read } = await open();
    try {
      await check(new Opened(target, read));
    } finally {
      await target.close();
    }
  };
  return [
    ...targetFolderCases(withTarget, mailbox),
    ...targetAppendCases(withTarget, mailbox),
    ...targetConcurrencyCases(withTarget, mailbox),
    ...targetFailureCases(withTarget, mailbox),
    ...targetFindCases(withTarget, mailbox),
    ...targetFlagCases(withTarget, mailbox),
    ...(mailbox.readable === false ? [] : targetReadingCases(withTarget)),
  ];
}
