import { describe, expect, it } from "vitest";
import { type FakeFault, FaultScript } from "../../../src/testing/fake-faults.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { sampleMessage } from "../../../src/testing/sample-message.js";
import { intercepting } from "../../recovery/world.js";
import { Mailbox } from "./mailbox-fixture.js";

const folders = ["INBOX", "Work", "Sent"].map((name) => ({
  levels: [name],
  messages: Array.from({ length: 300 }, (_, at) => sampleMessage(`${name} ${at}`)),
}));

/** A mailbox whose target wears out after so many appends on one connection. */
function wearingOut(appends: number, faults: readonly FakeFault[] = []) {
  const mailbox = new Mailbox(folders);
  const script = new FaultScript(faults);
  const openTarget = async (signal: AbortSignal) => {
    const target = await openFakeTarget(mailbox.target, { faults: script, journal: mailbox.targetCalls }, { signal });
    let left = appends;
    return intercepting(target, {
      append: (...parameters) => {
        left -= 1;
        return target.append(...parameters);
      },
      get goodUntil() {
        return new Date(mailbox.clock.date() + (left > 0 ? 1 : 0));
      },
    });
  };
  return { mailbox, openTarget };
}

describe("a target whose token wears out", () => {
  it("is opened again between two groups: nothing is in doubt, nothing is waited for, nothing fails", async () => {
    const { mailbox, openTarget } = wearingOut(250);
    const books = await mailbox.migrate({ openTarget });
    expect(books).toMatchObject({ found: 900, copied: 900, alreadyThere: 0, uncertain: 0 });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    expect(mailbox.opened(mailbox.targetCalls)).toBeGreaterThan(1);
    expect(mailbox.opened(mailbox.sourceCalls)).toBe(mailbox.opened(mailbox.targetCalls));
    expect(mailbox.targetCalls.filter(({ call }) => call === "find")).toEqual([]);
    expect([mailbox.waits, mailbox.failedFolders, mailbox.clock.pauses]).toEqual([[], [], []]);
  });

  it("is given up where it wears out before anything can be begun, time and again", async () => {
    const { mailbox, openTarget } = wearingOut(0);
    await expect(mailbox.migrate({ openTarget })).rejects.toMatchObject({ code: "token-expired", retry: "now" });
    expect(mailbox.opened(mailbox.targetCalls)).toBe(3);
    expect(mailbox.target.folder("INBOX").messages).toEqual([]);
  });

  it("does not hide a connection that is lost meanwhile: what that left in doubt is looked up after the delay (R2)", async () => {
    const { mailbox, openTarget } = wearingOut(250, [{ on: "append", nth: 400, do: { throw: "connection-lost" } }]);
    await mailbox.migrate({ openTarget });
    expect(mailbox.target.content()).toEqual(mailbox.source.content());
    expect(mailbox.waits.map(({ error }) => error.code)).toEqual(["connection-lost"]);
    expect(mailbox.targetCalls.some(({ call }) => call === "find")).toBe(true);
  });
});
