import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../../src/errors.js";
import { type FakeFault, FaultScript } from "../../../../src/testing/fake-faults.js";
import { sampleMessage } from "../../../../src/testing/sample-message.js";
import { inShort, numbered, VerifyFixture } from "./verify-fixture.js";

describe("what the ledger says already", () => {
  it("is graded at level 0: what was refused has to be looked at, and a loss that was told is Good", async () => {
    const refusing = await VerifyFixture.inbox(numbered(20), {
      faults: [{ on: "append", uid: 3, do: { refuse: "NO virus" } }],
    });
    expect(await refusing.verify({ level: 0 })).toMatchObject({
      ...{ grade: "Investigate", itemsTotal: 0 },
      counts: { found: 20, checked: 19, notCopied: 1 },
    });
    const losing = await VerifyFixture.inbox([sampleMessage("x", { flags: ["projekt-x"] })], {
      target: { permanentFlags: new Set(["\\Seen"]) },
    });
    expect(await losing.verify({ level: 0 })).toMatchObject({ grade: "Good", counts: { checked: 1, lost: 1 } });
  });

  it("is Poor for a mailbox that was never migrated to its end", async () => {
    const fixture = new VerifyFixture([{ levels: ["INBOX"], messages: numbered(2) }]);
    expect(await fixture.verify({ level: 0 })).toMatchObject({ grade: "Poor", counts: { found: 0 } });
    expect(await fixture.verify({ level: 4 })).toMatchObject({ grade: "Poor", errors: [] });
  });

  it("is Investigate at best for a mailbox whose last pass failed", async () => {
    const fixture = await VerifyFixture.inbox(numbered(2), {
      faults: [{ on: "open", nth: 2, do: { throw: "auth-failed" } }],
    });
    fixture.sourceInbox.add(sampleMessage("new"));
    await fixture.migrate();
    expect((await fixture.batch.report()).users.Failed).toBe(1);
    expect(await fixture.verify({ level: 4 })).toMatchObject({ grade: "Investigate", items: [], errors: [] });
  });
});

describe("a mailbox that is hard to reach", () => {
  const losing = (...faults: FakeFault[]) => new FaultScript(faults);

  it("is verified to the end over lost connections, each folder counted once", async () => {
    const content = Array.from({ length: 4 }, (_, at) => ({
      levels: [`Folder ${at}`],
      messages: numbered(5, at * 10),
    }));
    const fixture = await VerifyFixture.migrated([{ levels: ["INBOX"] }, ...content]);
    fixture.target.folder("Folder 2").expunge(3);
    fixture.verifyFaults = {
      target: losing({ on: "fetch", every: 7, do: { throw: "connection-lost" } }),
      source: losing({ on: "listMessages", nth: 2, do: { throw: "connection-lost" } }),
    };
    const { counts, items, errors } = await fixture.verify({ level: 4 });
    expect(errors).toEqual([]);
    expect(counts).toMatchObject({ checked: 20, contentsChecked: 19, missing: 1, surplus: 0 });
    expect(inShort(items)).toEqual(["missing 3"]);
  });

  it("has the reason in its report, and its messages as unverified, where it stays unreachable", async () => {
    const fixture = await VerifyFixture.inbox(numbered(5));
    fixture.verifyFaults = { target: losing({ on: "open", do: { throw: "auth-failed" } }) };
    const { grade, counts, errors } = await fixture.verify({ level: 1 });
    expect({ grade, counts }).toMatchObject({ grade: "Investigate", counts: { checked: 0, unverified: 5 } });
    expect(errors.map(({ code }) => code)).toEqual(["auth-failed"]);
  });

  it("loses one folder that cannot be read, and no other (R15)", async () => {
    const content = [
      { levels: ["INBOX"], messages: numbered(2) },
      { levels: ["Locked"], messages: numbered(3, 10) },
      { levels: ["Work"], messages: numbered(4, 20) },
    ];
    const fixture = await VerifyFixture.migrated(content);
    fixture.verifyFaults = {
      target: losing({ on: "examineFolder", folder: "Locked", do: { throw: "access-denied" } }),
    };
    const { grade, counts, errors } = await fixture.verify({ level: 4 });
    expect({ grade, counts }).toMatchObject({ grade: "Investigate", counts: { checked: 6, unverified: 3 } });
    expect(errors.map(({ code }) => code)).toEqual(["access-denied"]);
  });

  it("closes what it opened, also when it fails", async () => {
    const fixture = await VerifyFixture.inbox(numbered(5));
    fixture.verifyFaults = { source: losing({ on: "listMessages", do: { throw: "protocol-error" } }) };
    const { errors } = await fixture.verify({ level: 2 });
    expect(errors.map(({ code }) => code)).toEqual(["protocol-error"]);
    const count = (call: string) =>
      [...fixture.sourceCalls, ...fixture.targetCalls].filter((e) => e.call === call).length;
    expect(count("open")).toBeGreaterThan(2);
    expect(count("close")).toBe(count("open"));
  });
});

describe("a target that cannot be read back", () => {
  it("is refused with `option-invalid` at level 1 and above, and is accepted at level 0", async () => {
    const fixture = await VerifyFixture.inbox(numbered(2), { target: { readable: false } });
    expect((await fixture.verify({ level: 0 })).grade).toBe("Perfect");
    const error = await fixture.verify({ level: 1 }).catch((thrown: unknown) => thrown);
    expect(MigrationError.is(error) && error.code).toBe("option-invalid");
  });
});
