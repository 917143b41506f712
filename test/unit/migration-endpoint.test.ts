import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { MigrationEndpoint, type MigrationEndpointOptions } from "../../src/migration-endpoint.js";
import { courier, exchangeOnPremises, gmail, zimbra } from "../../src/providers/profiles.js";
import type { ProviderProfile } from "../../src/providers/provider-profile.js";
import { memoryStore } from "../../src/store/memory-store.js";

function endpoint(change: Partial<MigrationEndpointOptions> = {}): MigrationEndpoint {
  return new MigrationEndpoint({ name: "IMAPEndpoint", remoteServer: "imap.contoso.com", ...change });
}

describe("a migration endpoint", () => {
  it("has Microsoft's defaults", () => {
    expect(endpoint()).toMatchObject({
      name: "IMAPEndpoint",
      endpointType: "IMAP",
      remoteServer: "imap.contoso.com",
      port: 993,
      security: "Ssl",
      acceptUntrustedCertificates: false,
      maxConcurrentMigrations: 20,
      maxConcurrentIncrementalSyncs: 10,
    });
    expect(endpoint({ security: "Tls" }).port).toBe(143);
    expect(endpoint({ security: "None" }).port).toBe(143);
    expect(endpoint({ maxConcurrentMigrations: 4 }).maxConcurrentIncrementalSyncs).toBe(4);
  });

  it("refuses a name that is empty", () => {
    for (const name of ["", " \t"]) {
      expect(() => endpoint({ name })).toThrow(expect.objectContaining({ code: "option-invalid" }));
    }
  });

  it("refuses concurrency that is no whole number from 1", () => {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const name of ["maxConcurrentMigrations", "maxConcurrentIncrementalSyncs"]) {
        expect(() => endpoint({ [name]: value })).toThrow(expect.objectContaining({ code: "option-invalid" }));
      }
    }
  });

  it("refuses more incremental syncs than migrations, naming both", () => {
    expect(() => endpoint({ maxConcurrentMigrations: 3, maxConcurrentIncrementalSyncs: 4 })).toThrow(/4.*3/);
    expect(endpoint({ maxConcurrentMigrations: 4, maxConcurrentIncrementalSyncs: 4 })).toBeDefined();
  });

  it("refuses a server and a port that cannot be", () => {
    for (const change of [{ remoteServer: "" }, { port: 0 }, { port: 65_536 }, { port: 1.5 }]) {
      expect(() => endpoint(change)).toThrow(expect.objectContaining({ code: "option-invalid" }));
    }
  });

  it("has no authentication id unless it is given one", () => {
    expect(endpoint().authenticationId).toBeUndefined();
    expect(endpoint({ authenticationId: "cyrus" }).authenticationId).toBe("cyrus");
  });

  it("R10 prints no certificate material and nothing that is private", () => {
    const ca = "-----BEGIN CERTIFICATE-----\nSECRETISH\n-----END CERTIFICATE-----";
    const one = endpoint({ ca });
    for (const text of [JSON.stringify(one), inspect(one, { depth: 10, showHidden: true })]) {
      expect(text).not.toContain("SECRETISH");
      expect(text).toContain("imap.contoso.com");
    }
  });
});

describe("a migration endpoint with a provider profile", () => {
  it("takes from it what it is not told itself", () => {
    const { remoteServer, port, security, maxConcurrentMigrations } = new MigrationEndpoint({
      name: "G",
      provider: gmail,
    });
    expect([remoteServer, port, security, maxConcurrentMigrations]).toEqual(["imap.gmail.com", 993, "Ssl", 20]);
    expect(endpoint({ provider: courier })).toMatchObject({
      ...{ remoteServer: "imap.contoso.com", maxConcurrentMigrations: 4, maxConcurrentIncrementalSyncs: 4 },
      maxConnections: 4,
    });
    expect(endpoint({ provider: exchangeOnPremises }).maxConcurrentMigrations).toBe(20);
    expect(endpoint({ provider: courier, maxConcurrentMigrations: 30, maxConnections: 30 })).toMatchObject({
      ...{ maxConcurrentMigrations: 30, maxConnections: 30 },
    });
    expect(endpoint({ provider: gmail, security: "Tls" })).toMatchObject({ port: 143, security: "Tls" });
  });

  it("needs a server where the profile has none", () => {
    expect(() => new MigrationEndpoint({ name: "Z", provider: zimbra })).toThrow(
      expect.objectContaining({ code: "option-invalid" }),
    );
  });

  it("comes out of a store as it was put there, a changed profile too", async () => {
    const store = memoryStore();
    const provider: ProviderProfile = { ...gmail, folders: { ...gmail.folders, labels: "one" } };
    const endpoint = await MigrationEndpoint.create(store, { name: "Gmail", provider });
    const found = await MigrationEndpoint.get(store, "gmail");
    expect(found.provider).toEqual(provider);
    expect(found.settings).toEqual(endpoint.settings);
  });
});
