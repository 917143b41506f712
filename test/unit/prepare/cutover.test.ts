import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../src/errors.js";
import { type CutoverCheck, type CutoverOptions, checkCutover, watchCutover } from "../../../src/prepare/cutover.js";
import type { MxAnswer } from "../../../src/prepare/dns-message.js";
import { destinationOf } from "../../../src/prepare/mail-destination.js";
import { type BatchStanding, standingOf } from "../../../src/prepare/removal-gaps.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import { BATCH, claimed } from "../../../src/testing/store-fixtures.js";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 22);

const mx = (...exchanges: string[]): MxAnswer => ({
  records: exchanges.map((exchange, at) => ({ preference: 10 * (at + 1), exchange })),
  ttl: 3_600,
});
const OLD = mx("mail.contoso.edu");
const NEW = mx("contoso-edu.mail.protection.outlook.com");

/** A domain over the hours: what each resolver answers, and the state handed on from check to check. */
class Domain {
  now = START;
  answers: Record<string, MxAnswer | Error> = { "192.0.2.1": OLD, "192.0.2.2": OLD };
  standing: BatchStanding = { total: 3, synced: 3, oldestSync: new Date(START - HOUR), newInLastPass: 0 };
  last: CutoverCheck | undefined;

  get options(): CutoverOptions {
    return {
      domain: "contoso.edu",
      sourceHosts: ["mail.contoso.edu"],
      resolvers: Object.keys(this.answers),
      standing: () => this.standing,
      resolveMx: async (_, resolver) => {
        const answer = this.answers[resolver];
        if (!answer || answer instanceof Error) throw answer;
        return answer;
      },
      clock: {
        now: () => this.now,
        date: () => this.now,
        sleep: async (ms) => {
          this.now += ms;
        },
      },
    };
  }

  all(answer: MxAnswer): void {
    for (const resolver of Object.keys(this.answers)) this.answers[resolver] = answer;
  }

  async check(more: Partial<CutoverOptions> = {}): Promise<CutoverCheck> {
    // As a host keeps it: through JSON.
    const state = this.last && JSON.parse(JSON.stringify(this.last.state));
    this.last = await checkCutover({ ...this.options, ...(state && { state }), ...more });
    return this.last;
  }

  async gaps(more: Partial<CutoverOptions> = {}): Promise<string[]> {
    return (await this.check(more)).missing.map(({ what }) => what);
  }
}

describe("Where mail goes", () => {
  const known = { source: ["mail.contoso.edu", ".old.example"], target: [".filter.example"] };
  it.each<[string, string[], string]>([
    ["the old host", ["mail.contoso.edu"], "source"],
    ["hosts below its name", ["mx1.old.example", "mx2.old.example"], "source"],
    ["Microsoft 365", ["contoso-edu.mail.protection.outlook.com"], "microsoft365"],
    ["Microsoft 365 with DNSSEC", ["contoso-edu.r-v1.mx.microsoft"], "microsoft365"],
    ["21Vianet", ["contoso-cn.mail.protection.partner.outlook.cn"], "microsoft365"],
    ["GCC High", ["contoso.mail.protection.office365.us"], "microsoft365"],
    ["a name that only ends alike", ["evilmx.microsoft"], "in-front"],
    ["a filter that nobody named", ["mx.unknown.example"], "in-front"],
    ["a filter that counts as the target", ["mx.filter.example"], "target"],
    ["Microsoft 365 and the old host as a reserve", ["x.mail.protection.outlook.com", "mail.contoso.edu"], "mixed"],
    ["a filter before Microsoft 365", ["mx.unknown.example", "x.mail.protection.outlook.com"], "in-front"],
    ["nowhere", [], "nowhere"],
    ["nowhere, said so", [""], "nowhere"],
  ])("is told for %s", (_, exchanges, destination) => {
    expect(destinationOf(mx(...exchanges).records, known)).toBe(destination);
  });
});

describe("The check of a cutover", () => {
  it("names the old host, the TTL and since when, and what to do", async () => {
    const domain = new Domain();
    await domain.check();
    domain.now += 5 * HOUR;
    const check = await domain.check();
    expect(check).toMatchObject({ destination: "source", agree: true, ttl: 3_600, safeToRemove: false });
    expect(check.answers[0]).toMatchObject({ resolver: "192.0.2.1", destination: "source", since: new Date(START) });
    expect(check.missing).toEqual([
      { what: "mx-moved", text: expect.stringContaining("old host"), remedy: expect.stringContaining("MX") },
    ]);
  });

  it("ignores case and the final dot of what a resolver tells", async () => {
    const domain = new Domain();
    domain.all(mx("Contoso-edu.Mail.Protection.Outlook.com."));
    expect((await domain.check()).destination).toBe("microsoft365");
  });

  it("is safe only when 72 h are over since the switch, and every user was synced after that", async () => {
    const domain = new Domain();
    expect(await domain.gaps()).toEqual(["mx-moved"]);
    domain.all(NEW);
    domain.now += HOUR;
    const { missing, switchedAt } = await domain.check();
    expect(switchedAt).toEqual(new Date(START + HOUR));
    expect(missing.map(({ what }) => what)).toEqual(["wait", "last-sync"]);
    expect(missing[0]?.until).toEqual(new Date(START + 73 * HOUR));
    domain.now = START + 73 * HOUR;
    expect(await domain.gaps()).toEqual(["last-sync"]);
    domain.standing = { ...domain.standing, oldestSync: new Date(START + 73 * HOUR), newInLastPass: 4 };
    expect(await domain.gaps()).toEqual(["nothing-new"]);
    domain.standing = { ...domain.standing, newInLastPass: 0 };
    expect(await domain.check()).toMatchObject({ safeToRemove: true, missing: [] });
  });

  it("waits for the TTL of the old records where that is longer than 72 h", async () => {
    const domain = new Domain();
    domain.all({ ...OLD, ttl: 100 * 3_600 });
    await domain.check();
    domain.all(NEW);
    const { waitUntil } = await domain.check();
    expect(waitUntil).toEqual(new Date(START + 100 * HOUR));
  });

  it("takes the administrator's word for when the records were changed", async () => {
    const domain = new Domain();
    domain.all(NEW);
    domain.standing = { ...domain.standing, oldestSync: new Date(START) };
    expect(await domain.gaps({ switchedAt: new Date(START - 72 * HOUR) })).toEqual([]);
    await expect(domain.check({ switchedAt: new Date(START + 1) })).rejects.toMatchObject({ code: "option-invalid" });
  });

  it("begins the wait again when mail went back to the old host meanwhile", async () => {
    const domain = new Domain();
    for (const [hours, answer] of [
      [0, NEW],
      [24, OLD],
      [30, NEW],
    ] as const) {
      domain.now = START + hours * HOUR;
      domain.all(answer);
      await domain.check();
    }
    expect(domain.last?.switchedAt).toEqual(new Date(START + 30 * HOUR));
  });

  it("tells resolvers that disagree, and one that does not answer", async () => {
    const domain = new Domain();
    domain.answers["192.0.2.2"] = NEW;
    const split = await domain.check();
    expect(split).toMatchObject({ agree: false, destination: "mixed" });
    expect(split.missing.map(({ what }) => what)).toEqual(["resolvers-agree"]);
    domain.answers["192.0.2.1"] = new Error("timeout");
    const silent = await domain.check();
    expect(silent.answers[0]).toMatchObject({ resolver: "192.0.2.1", error: { code: "dns-failed" } });
    expect(silent.missing.map(({ what }) => what)).toEqual(["resolvers-agree"]);
    domain.answers["192.0.2.2"] = new Error("timeout");
    expect(await domain.gaps()).toEqual(["mx-known"]);
  });

  it("asks what stands behind a server in front, and takes the answer", async () => {
    const domain = new Domain();
    domain.all(mx("mx.filter.example"));
    expect(await domain.gaps()).toEqual(["mx-in-front"]);
    expect(await domain.gaps({ targetHosts: ["mx.filter.example"] })).toEqual(["wait", "last-sync"]);
  });

  it("names users that are not synced, and a batch that was not asked", async () => {
    const domain = new Domain();
    domain.all(NEW);
    const switchedAt = new Date(START - 100 * HOUR);
    domain.standing = { total: 3, synced: 2 };
    const check = await domain.check({ switchedAt });
    expect(check.missing.map(({ what }) => what)).toEqual(["users-synced", "last-sync", "nothing-new"]);
    expect(check.missing[0]?.text).toBe("1 of 3 users are not Synced.");
    const { standing: _, ...withoutBatch } = domain.options;
    expect(await checkCutover({ ...withoutBatch, switchedAt })).toMatchObject({ safeToRemove: false });
  });

  it("refuses the state of another domain", async () => {
    const state = { domain: "fabrikam.com", seen: {} };
    await expect(new Domain().check({ state })).rejects.toMatchObject({ code: "option-invalid" });
  });

  it("never calls a removal safe before the wait is over and a pass after it found nothing", async () => {
    const answer = fc.constantFrom(NEW, NEW, NEW, NEW, NEW, NEW, OLD, new Error("silent"));
    const step = fc.record({
      hours: fc.integer({ min: 1, max: 40 }),
      answers: fc.tuple(answer, answer),
      syncs: fc.boolean(),
      found: fc.nat(1),
    });
    let safe = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const domain = new Domain();
        let lastOld = domain.now;
        let synced = domain.now - HOUR;
        for (const { hours, answers, syncs, found } of steps) {
          domain.now += hours * HOUR;
          [domain.answers["192.0.2.1"], domain.answers["192.0.2.2"]] = answers;
          if (answers.includes(OLD)) lastOld = domain.now;
          if (syncs) synced = domain.now;
          domain.standing = { total: 1, synced: 1, oldestSync: new Date(synced), newInLastPass: found };
          const { safeToRemove } = await domain.check();
          if (!safeToRemove) continue;
          safe += 1;
          expect(domain.now - lastOld).toBeGreaterThanOrEqual(72 * HOUR);
          expect(synced - lastOld).toBeGreaterThanOrEqual(72 * HOUR);
          expect(found).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
    expect(safe).toBeGreaterThan(0);
  });
});

describe("The standing of a batch", () => {
  it("is that of the user who was synced longest ago, and has no such time while one never was", async () => {
    const store = memoryStore();
    await store.addUsers(BATCH, ["a@contoso.edu", "b@contoso.edu"]);
    const sync = async (lastSyncedAt: number) => {
      await store.releaseUser(await claimed(store), { status: "Synced", lastSyncedAt });
      return await standingOf(store.listUsers(BATCH), 0);
    };
    expect(await standingOf(store.listUsers(BATCH), undefined)).toEqual({ total: 2, synced: 0 });
    expect(await sync(START)).toEqual({ total: 2, synced: 1, newInLastPass: 0 });
    expect(await sync(START - HOUR)).toEqual({
      ...{ total: 2, synced: 2, newInLastPass: 0, oldestSync: new Date(START - HOUR) },
    });
  });
});

describe("Watching a cutover", () => {
  it("checks until it is safe, handing the state on", async () => {
    const domain = new Domain();
    const seen: string[] = [];
    for await (const { missing, checkedAt } of watchCutover({ ...domain.options, everyMs: 24 * HOUR })) {
      seen.push(`${(checkedAt.getTime() - START) / HOUR} ${missing.map(({ what }) => what).join(" ")}`);
      domain.all(NEW);
      domain.standing = { ...domain.standing, oldestSync: new Date(domain.now) };
    }
    expect(seen).toEqual([
      "0 mx-moved",
      "24 wait last-sync",
      "48 wait last-sync",
      "72 wait last-sync",
      "96 last-sync",
      "120 ",
    ]);
  });

  it("is stopped by its signal", async () => {
    const domain = new Domain();
    const stop = new AbortController();
    const { clock: _, ...options } = domain.options;
    const watching = (async () => {
      for await (const check of watchCutover({ ...options, signal: stop.signal })) {
        expect(check.safeToRemove).toBe(false);
        stop.abort();
      }
    })();
    await expect(watching).rejects.toSatisfy((error) => MigrationError.is(error) && error.code === "aborted");
  });
});
