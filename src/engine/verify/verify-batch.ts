import { setMaxListeners } from "node:events";
import { MigrationError } from "../../errors.js";
import type { MailSource } from "../../mail/mail-source.js";
import type { MailTarget } from "../../mail/mail-target.js";
import type { MigrationStore, UserRecord } from "../../store/migration-store.js";
import {
  addVerificationCounts,
  type GradeThresholds,
  noVerificationCounts,
  type UserVerification,
  type VerificationReport,
  worstGrade,
} from "../../verification.js";
import type { Clock } from "../clock.js";
import type { RetryPolicy } from "../retry.js";
import { ItemRoom } from "./verification-tally.js";
import type { VerifyDepth } from "./verify-run.js";
import { verifyUser } from "./verify-user.js";

/** What verifying a batch needs to know of it. */
export interface BatchVerifyRun extends VerifyDepth {
  readonly batch: string;
  /** EmailAddresses. */
  readonly users: readonly string[];
  readonly store: MigrationStore;
  /** Mailboxes at a time. */
  readonly cap: number;
  openSource(user: string, signal: AbortSignal): Promise<MailSource>;
  openTarget(user: string, signal: AbortSignal): Promise<MailTarget>;
  userVerified(verification: UserVerification): void;
  readonly thresholds: GradeThresholds;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  /** Each of them ends it. */
  readonly signals: readonly (AbortSignal | undefined)[];
}

/**
 * Verifies mailboxes side by side. One that cannot be verified stops no other.
 * @throws MigrationError `aborted`, and what concerns the whole batch
 */
export async function verifyBatch(run: BatchVerifyRun): Promise<VerificationReport> {
  const { batch, level, sample, seed, thresholds, store, retry, clock } = run;
  const records = await recordsOf(run);
  const ending = endedBy(run.signals);
  const { signal } = ending.controller;
  const room = new ItemRoom();
  const queue = run.users.entries();
  const users: UserVerification[] = [];
  const work = async () => {
    for (const [at, user] of queue) {
      if (signal.aborted) throw new MigrationError("aborted", "The verification was stopped");
      const record = records.get(user.toLowerCase());
      const verification = await verifyUser({
        ...{ batch, user, level, sample, seed, thresholds, store, retry, clock, room, signal },
        ...(record && { record }),
        openSource: (openSignal) => run.openSource(user, openSignal),
        openTarget: (openSignal) => run.openTarget(user, openSignal),
      });
      users[at] = verification;
      run.userVerified(verification);
    }
  };
  const workers = Array.from({ length: Math.min(run.cap, run.users.length) }, async () => {
    try {
      await work();
    } catch (error) {
      ending.fault ??= MigrationError.from(error);
      ending.controller.abort();
    }
  });
  await Promise.all(workers);
  ending.detach();
  if (ending.fault) throw ending.fault;
  const counts = users.reduce((sum, user) => addVerificationCounts(sum, user.counts), noVerificationCounts);
  return { batch, level, sample, seed, thresholds, grade: worstGrade(users.map(({ grade }) => grade)), counts, users };
}

async function recordsOf({ batch, store }: BatchVerifyRun): Promise<Map<string, UserRecord>> {
  const records = new Map<string, UserRecord>();
  for await (const record of store.listUsers(batch)) records.set(record.emailAddress.toLowerCase(), record);
  return records;
}

/** Ends all mailboxes when the host says so, and when one of them cannot go on for all. */
function endedBy(signals: readonly (AbortSignal | undefined)[]) {
  const controller = new AbortController();
  // Every mailbox and every fetch listens; that is no leak.
  setMaxListeners(0, controller.signal);
  const abort = () => controller.abort();
  for (const signal of signals) {
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
  }
  const ending: { controller: AbortController; fault?: MigrationError; detach(): void } = {
    controller,
    detach: () => {
      for (const signal of signals) signal?.removeEventListener("abort", abort);
    },
  };
  return ending;
}
