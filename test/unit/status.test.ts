import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../src/errors.js";
import {
  batchMayBecome,
  batchStatusesBefore,
  checkBatchAction,
  checkUserAction,
  countUsers,
  type MigrationBatchAction,
  type MigrationBatchStatus,
  migrationBatchStatuses,
  migrationUserStatuses,
  restingBatchStatus,
  summarizeUserStatus,
  supportedBatchActions,
  supportedUserActions,
} from "../../src/status.js";

const actions: readonly MigrationBatchAction[] = ["start", "stop", "set", "syncNow", "addUsers", "complete", "remove"];

/** Microsoft's table ("Manage migration batches", Start- to Remove-MigrationBatch), and `complete` of ours. */
const supported: Readonly<Record<MigrationBatchStatus, string>> = {
  Created: "start set addUsers remove",
  Waiting: "start stop set addUsers",
  Starting: "start stop set syncNow addUsers",
  Syncing: "start stop set syncNow addUsers",
  IncrementalSyncing: "start stop set syncNow addUsers complete",
  Synced: "start stop set syncNow addUsers complete remove",
  SyncedWithErrors: "start stop set syncNow addUsers complete remove",
  Stopping: "stop",
  Stopped: "start stop set addUsers remove",
  Failed: "start stop set addUsers remove",
  Completing: "stop complete",
  Completed: "remove",
  CompletedWithErrors: "remove",
  Corrupted: "remove",
  Removing: "remove",
};

describe("the table of batches", () => {
  it.each(Object.entries(supported))("lets a batch that is %s do: %s", (status, expected) => {
    expect(supportedBatchActions(status as MigrationBatchStatus)).toEqual(expected.split(" ")); // a key of the table
  });

  it("refuses every other action by code, with the status and what to do instead", () => {
    for (const status of migrationBatchStatuses) {
      for (const action of actions.filter((each) => !supportedBatchActions(status).includes(each))) {
        const refused = () => checkBatchAction("IMAPBatch1", status, action);
        expect(refused).toThrow(expect.objectContaining({ code: "state-invalid" }));
        expect(refused).toThrow(new RegExp(`IMAPBatch1 is ${status}: ${action} is not possible; \\w.{5,}`));
      }
    }
  });

  it("leads out of every status but those whose ledger is frozen to a removal, and nowhere from there", () => {
    const reached = (from: MigrationBatchStatus) => {
      const seen = new Set<MigrationBatchStatus>([from]);
      for (const each of seen) for (const to of migrationBatchStatuses) if (batchMayBecome(each, to)) seen.add(to);
      return seen;
    };
    for (const status of migrationBatchStatuses) expect(reached(status)).toContain("Removing");
    expect([...reached("Removing")]).toEqual(["Removing"]);
    expect([...reached("Completed")]).toEqual(["Completed", "Removing"]);
    expect(reached("Created").size).toBe(migrationBatchStatuses.length - 1);
    expect(reached("Created")).not.toContain("Corrupted");
  });

  it("knows the statuses before each", () => {
    expect(batchStatusesBefore("Stopped")).toContain("Stopping");
    expect(batchStatusesBefore("Syncing")).not.toContain("Stopping");
    expect(batchStatusesBefore("Completing")).toEqual([
      "IncrementalSyncing",
      "Synced",
      "SyncedWithErrors",
      "Completing",
    ]);
  });
});

describe("the table of users", () => {
  it("refuses by code what a status does not allow, and lets every user be removed", () => {
    for (const status of migrationUserStatuses) {
      expect(supportedUserActions(status)).toContain("remove");
      for (const action of ["start", "stop", "syncNow"] as const) {
        if (supportedUserActions(status).includes(action)) continue;
        let refusal: unknown;
        try {
          checkUserAction("terry@contoso.com", status, action);
        } catch (error) {
          refusal = error;
        }
        expect(MigrationError.from(refusal)).toMatchObject({ code: "state-invalid", scope: "user" });
        expect(MigrationError.from(refusal).message).toContain(`terry@contoso.com is ${status}`);
      }
    }
  });

  it("lets a user at rest be started, and one that is under way be stopped", () => {
    for (const status of migrationUserStatuses) {
      const actionsOf = supportedUserActions(status);
      const isUnderWay = status === "Syncing" || status === "IncrementalSyncing";
      expect(actionsOf.includes("start")).toBe(!isUnderWay);
      if (isUnderWay) expect(actionsOf).toContain("stop");
    }
  });
});

describe("counts of users", () => {
  const users = fc.dictionary(fc.constantFrom(...migrationUserStatuses), fc.nat(50_000));

  it("always add up, and agree with the summaries", () => {
    fc.assert(
      fc.property(users, (byStatus) => {
        const { total, active, synced, failed, stopped, pending } = countUsers(byStatus);
        expect(active + synced + failed + stopped + pending).toBe(total);
        expect(total).toBe(Object.values(byStatus).reduce((sum, count) => sum + count, 0));
        const summary = (name: string) =>
          migrationUserStatuses
            .filter((status) => summarizeUserStatus(status) === name)
            .reduce((sum, status) => sum + (byStatus[status] ?? 0), 0);
        expect([active + pending, synced, failed, stopped]).toEqual(
          ["Active", "Synced", "Failed", "Stopped"].map(summary),
        );
      }),
    );
  });

  it("decide the status of a batch at rest", () => {
    const resting = (byStatus: Parameters<typeof countUsers>[0]) => restingBatchStatus(countUsers(byStatus));
    expect(resting({ Synced: 3 })).toBe("Synced");
    expect(resting({ Synced: 3, Stopped: 1 })).toBe("Synced");
    expect(resting({ Synced: 3, IncrementalFailed: 1 })).toBe("SyncedWithErrors");
    expect(resting({ Failed: 2, Stopped: 1 })).toBe("Failed");
    expect(resting({ Stopped: 2, IncrementalStopped: 1 })).toBe("Stopped");
    expect(resting({})).toBe("Synced");
  });
});
