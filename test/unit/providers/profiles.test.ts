import { describe, expect, it } from "vitest";
import * as loginFormats from "../../../src/login-formats.js";
import { MigrationEndpoint } from "../../../src/migration-endpoint.js";
import * as profiles from "../../../src/providers/profiles.js";

const all = Object.values(profiles);

describe("Provider profiles", () => {
  it("are plain data that nobody can change for others", () => {
    expect(structuredClone(all)).toEqual(all);
    const parts = all.flatMap((profile) => [profile, ...Object.values(profile)]);
    expect(parts.filter((part) => typeof part === "object" && !Object.isFrozen(part))).toEqual([]);
  });

  it("name functions of this package, or an option of the endpoint, as the administrator's login", () => {
    const administrators = all.flatMap(({ login: { administrator } }) => administrator ?? []);
    expect(administrators.length).toBeGreaterThan(3);
    const unknown = administrators.filter((name) => name !== "authenticationId" && !(name in loginFormats));
    expect(unknown).toEqual([]);
  });

  it("have hosts that an endpoint takes", () => {
    for (const { name, remoteServer, port, security } of all) {
      if (remoteServer === undefined) continue;
      const endpoint = new MigrationEndpoint({
        name,
        remoteServer,
        ...(port && { port }),
        ...(security && { security }),
      });
      expect([endpoint.port, endpoint.security]).toEqual([993, "Ssl"]);
    }
  });

  it("say Gmail's documented limits", () => {
    expect(profiles.gmail.throttle).toMatchObject({ mostAtOnce: 15, octetsReadPerDay: 2_500_000_000 });
  });
});
