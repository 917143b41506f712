import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { MigrationError } from "../../../src/errors.js";
import { askForMx, checkDomain, checkResolver } from "../../../src/prepare/ask-resolver.js";
import { mxQuestion, readMxAnswer } from "../../../src/prepare/dns-message.js";
import { answerTo, type DnsScript, DnsServer } from "./dns-server.js";

const servers: DnsServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serverWith(script: DnsScript): Promise<DnsServer> {
  const server = await DnsServer.start(script);
  servers.push(server);
  return server;
}

const { signal } = new AbortController();
const records = [
  { preference: 20, exchange: "backup.contoso.edu", ttl: 7_200 },
  { preference: 10, exchange: "Contoso-edu.mail.protection.outlook.com", ttl: 3_600 },
];
const answer = {
  records: [
    { preference: 10, exchange: "contoso-edu.mail.protection.outlook.com" },
    { preference: 20, exchange: "backup.contoso.edu" },
  ],
  ttl: 3_600,
};

describe("Asking a resolver for MX records", () => {
  it("tells them by preference, with the shortest TTL", async () => {
    const server = await serverWith({ records });
    expect(await askForMx("Contoso.edu.", server.address, signal)).toEqual(answer);
    expect(server.questions).toEqual(["udp contoso.edu"]);
  });

  it("asks again over TCP for what does not fit into a packet", async () => {
    const server = await serverWith({ records, truncates: true });
    expect(await askForMx("contoso.edu", server.address, signal)).toEqual(answer);
    expect(server.questions).toEqual(["udp contoso.edu", "tcp contoso.edu"]);
  });

  it("passes over answers to questions that it did not ask", async () => {
    const forges = (question: Buffer) => {
      const forged = Buffer.from(question);
      forged.writeUInt16BE((question.readUInt16BE(0) + 1) & 0xffff, 0);
      return answerTo(forged, { records: [{ preference: 1, exchange: "evil.example", ttl: 1 }] }, false);
    };
    const server = await serverWith({ records, forges });
    expect(await askForMx("contoso.edu", server.address, signal)).toEqual(answer);
  });

  it("knows a domain without mail: no name, no record, or the record that says so (RFC 7505)", async () => {
    const none = await serverWith({ code: 3 });
    expect(await askForMx("contoso.edu", none.address, signal)).toEqual({ records: [] });
    const nullMx = await serverWith({ records: [{ preference: 0, exchange: "", ttl: 60 }] });
    expect(await askForMx("contoso.edu", nullMx.address, signal)).toEqual({
      records: [{ preference: 0, exchange: "" }],
      ttl: 60,
    });
  });

  it.each<[string, DnsScript]>([
    ["cannot tell", { code: 2 }],
    ["sends what nobody can read", { records, garbles: (whole) => whole.subarray(0, whole.length - 3) }],
  ])("fails with dns-failed where the resolver %s", async (_, script) => {
    const server = await serverWith(script);
    await expect(askForMx("contoso.edu", server.address, signal)).rejects.toMatchObject({ code: "dns-failed" });
  });

  it("is stopped by its signal", async () => {
    const server = await serverWith({ drops: 9 });
    const stop = new AbortController();
    const asked = askForMx("contoso.edu", server.address, stop.signal);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: "aborted" });
  });

  it("never hangs or reads beyond a packet, whatever stands in it", () => {
    const question = mxQuestion(7, "contoso.edu");
    const honest = answerTo(question, { records }, false);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(honest.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(honest.length),
        (changes, cut) => {
          const packet = Buffer.from(honest.subarray(0, Math.max(question.length, cut)));
          for (const [at, octet] of changes) if (at < packet.length) packet[at] = octet;
          try {
            expect(readMxAnswer(packet, question).records.length).toBeLessThan(0x10000);
          } catch (error) {
            expect(MigrationError.is(error) && error.code).toBe("dns-failed");
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("takes domains and resolvers only as they are written in DNS", () => {
    expect(checkDomain("Bücher.example")).toBe("xn--bcher-kva.example");
    expect(checkResolver("[2606:4700:4700::1111]:5353")).toEqual({ host: "2606:4700:4700::1111", port: 5353 });
    expect(checkResolver("::1")).toEqual({ host: "::1", port: 53 });
    for (const domain of ["", "localhost", "a b.example", `${"x".repeat(64)}.example`, "a@b.example"]) {
      expect(() => checkDomain(domain), domain).toThrow(expect.objectContaining({ code: "option-invalid" }));
    }
    expect(() => checkResolver("dns.example")).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });
});
