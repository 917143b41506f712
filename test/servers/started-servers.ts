import { afterAll } from "vitest";
import type { MailServer } from "./mail-server.js";

/** To be called at the top of a test file. What it returns waits for a server that starts, and ends it after the file's tests. */
export function startedServers(): (starting: Promise<MailServer>) => Promise<MailServer> {
  const servers: MailServer[] = [];
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  return async (starting) => {
    const server = await starting;
    servers.push(server);
    return server;
  };
}
