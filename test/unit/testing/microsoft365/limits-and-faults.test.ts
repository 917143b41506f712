import { describe, expect, it } from "vitest";
import { knownGraphFaults } from "../../../../src/testing/index.js";
import { GraphClient, MAILBOX, SetClock, simulate, TERRY } from "./simulated-tenant.js";

const inbox = "/mailFolders/inbox";

describe("The simulated limits", () => {
  it("refuse the fifth request at the same time, for this mailbox alone", async () => {
    let letGo = (): void => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const simulator = simulate({ latency: () => gate });
    const client = await GraphClient.signedIn();
    const four = Array.from({ length: 4 }, () => client.get(inbox));
    await simulator.until(() => simulator.peakConcurrency === 4);
    const fifth = await client.get(inbox);
    expect([fifth.status, fifth.headers.get("Retry-After")]).toEqual([429, "1"]);
    expect(fifth.json.error.code).toBe("ApplicationThrottled");
    const elsewhere = client.get("https://graph.microsoft.com/v1.0/users/ulrike@contoso.com/mailFolders/inbox");
    letGo();
    const answers = await Promise.all([...four, elsewhere]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(simulator.violations.map(({ forbiddenBy, status }) => [forbiddenBy, status])).toEqual([["concurrent", 429]]);
    expect(simulator.peakConcurrency).toBe(5);
  });

  it("count requests in a window that slides, refused ones too", async () => {
    const clock = new SetClock();
    const simulator = simulate({ clock, limits: { requests: 3, requestsWindowMs: 60_000 } });
    const client = await GraphClient.signedIn();
    const statuses: number[] = [];
    const ask = async (): Promise<string | null> => {
      const { status, headers } = await client.get(inbox);
      statuses.push(status);
      return headers.get("Retry-After");
    };
    for (let each = 0; each < 3; each++) {
      await ask();
      clock.ms += 10_000;
    }
    expect(await ask()).toBe("40"); // the second leaves the window at 70 s; it is 30 s, and this one counts
    clock.ms += 30_000;
    expect(await ask()).not.toBeNull(); // hammering: earlier than asked
    clock.ms += 60_000;
    await ask();
    expect(statuses).toEqual([200, 200, 200, 429, 429, 200]);
    expect(simulator.violations.map(({ forbiddenBy }) => forbiddenBy)).toEqual(["requests", "requests"]);
  });

  it("count the octets that are uploaded, and nothing that is read", async () => {
    const clock = new SetClock();
    simulate({ clock, limits: { uploadedOctets: 10_000, uploadWindowMs: 300_000 } });
    const client = await GraphClient.signedIn();
    const post = () => client.post("/messages", { subject: "x".repeat(4_980) });
    expect((await post()).status).toBe(201);
    expect((await post()).status).toBe(201);
    expect((await client.get(inbox)).status).toBe(200);
    clock.ms += 299_000;
    const refused = await post();
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "1"]);
    clock.ms += 1_000;
    expect((await post()).status).toBe(201);
  });

  it("note a request that comes before a 429 allows it", async () => {
    const clock = new SetClock();
    const simulator = simulate({ clock, faults: [knownGraphFaults.throttled(2.128, { nth: 1 })] });
    const client = await GraphClient.signedIn();
    const throttled = await client.get(inbox);
    expect([throttled.status, throttled.headers.get("Retry-After")]).toEqual([429, "2.128"]);
    clock.ms += 2_127;
    expect((await client.get(inbox)).status).toBe(200);
    clock.ms += 1;
    expect((await client.get(inbox)).status).toBe(200);
    expect(simulator.violations.map(({ forbiddenBy, status }) => [forbiddenBy, status])).toEqual([["retryAfter", 200]]);
  });
});

describe("A simulated fault", () => {
  it("strikes the request that it is for, and no other", async () => {
    const when = { method: "POST", path: /\/messages$/, nth: 2 };
    const simulator = simulate({ faults: [knownGraphFaults.gatewayTimeout(when)] });
    const client = await GraphClient.signedIn();
    const statuses = [];
    for (const subject of ["A", "B", "C"]) {
      statuses.push((await client.post("/messages", { subject })).status, (await client.get("/messages")).status);
    }
    expect(statuses).toEqual([201, 200, 504, 200, 201, 200]);
    expect(simulator.mailbox(TERRY).messages.map(({ subject }) => subject)).toEqual(["A", "C"]);
  });

  it("loses the answer after the message was stored, the request before it, or answers 504 behind the effect", async () => {
    const simulator = simulate();
    const client = await GraphClient.signedIn();
    const subjects = (): string[] => simulator.mailbox(TERRY).messages.map(({ subject }) => subject);
    simulator.addFault(knownGraphFaults.lostAnswer({ method: "POST" }));
    await expect(client.post("/messages", { subject: "A" })).rejects.toThrow(TypeError);
    expect(subjects()).toEqual(["A"]);
    simulator.clearFaults();
    simulator.addFault(knownGraphFaults.lostRequest({ method: "POST" }));
    await expect(client.post("/messages", { subject: "B" })).rejects.toThrow(TypeError);
    expect(subjects()).toEqual(["A"]);
    simulator.clearFaults();
    simulator.addFault(knownGraphFaults.gatewayTimeout({ method: "POST" }, true));
    expect((await client.post("/messages", { subject: "C" })).status).toBe(504);
    expect(subjects()).toEqual(["A", "C"]);
    expect(simulator.requests.slice(1).map(({ status }) => status)).toEqual([0, 0, 504]);
  });

  it("gives Retry-After as a date, a page in place of JSON, any body and any status", async () => {
    const clock = new SetClock();
    const simulator = simulate({ clock });
    const client = await GraphClient.signedIn();
    const at = new Date(clock.ms + 30_000);
    simulator.addFault(knownGraphFaults.throttled(at, { nth: 1 }));
    expect((await client.get(inbox)).headers.get("Retry-After")).toBe("Sun, 01 Nov 2026 00:00:30 GMT");
    clock.ms += 30_000;
    simulator.addFault(knownGraphFaults.htmlAnswer(503, { nth: 1 }));
    const page = await client.get(inbox);
    expect([page.status, page.text.startsWith("<!DOCTYPE html>")]).toEqual([503, true]);
    simulator.addFault({ when: { nth: 1 }, do: { status: 509, code: "Own", message: "words" } });
    expect((await client.get(inbox)).json.error).toMatchObject({ code: "Own", message: "words" });
    expect(simulator.violations).toEqual([]);
  });

  it("in a test's own function fails the request and leaves nothing running", async () => {
    let isBroken = true;
    const simulator = simulate({ latency: () => (isBroken ? Promise.reject(new Error("broken")) : Promise.resolve()) });
    const client = await GraphClient.signedIn();
    const request = new Request(`${MAILBOX}${inbox}`, { headers: { Authorization: `Bearer ${client.token}` } });
    for (let each = 0; each < 5; each++) await expect(simulator.respond(request.clone())).rejects.toThrow("broken");
    isBroken = false;
    expect((await client.get(inbox)).status).toBe(200);
    expect(simulator.peakConcurrency).toBe(1);
  });

  it("strikes by what the body holds: a tenant that refuses a member", async () => {
    const refusal = { status: 400, code: "ErrorInvalidPropertySet" };
    simulate({ faults: [{ when: { body: '"internetMessageId"' }, do: refusal }] });
    const client = await GraphClient.signedIn();
    expect((await client.post("/messages", { subject: "A", internetMessageId: "<a@b>" })).status).toBe(400);
    expect((await client.post("/messages", { subject: "A" })).status).toBe(201);
  });

  it.each([false, true])("holds an answer back, and the effect as well where it says so: %s", async (holdEffect) => {
    let letGo = (): void => {};
    const delayUntil = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const when = { method: "POST", path: "/messages" };
    const simulator = simulate({ faults: [{ when, do: { delayUntil, holdEffect } }] });
    const client = await GraphClient.signedIn();
    const posted = client.post("/messages", { subject: "A" });
    await simulator.until(() => simulator.requests.some(({ path }) => path.endsWith("/messages")));
    await client.get(inbox);
    expect(simulator.mailbox(TERRY).messages).toHaveLength(holdEffect ? 0 : 1);
    letGo();
    expect((await posted).status).toBe(201);
    expect(simulator.mailbox(TERRY).messages).toHaveLength(1);
  });

  it("ends a token in mid-work: it is refused from then on, and a new one is not", async () => {
    simulate({ faults: [knownGraphFaults.tokenExpired({ nth: 2 })] });
    const client = await GraphClient.signedIn();
    const statuses = [await client.get(inbox), await client.get(inbox), await client.get(inbox)].map(
      ({ status }) => status,
    );
    expect(statuses).toEqual([200, 401, 401]);
    expect((await (await GraphClient.signedIn()).get(inbox)).status).toBe(200);
  });
});
