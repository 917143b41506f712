import { describe, expect, it } from "vitest";
import { knownGraphFaults, type Microsoft365Simulator } from "../../../../src/testing/index.js";
import { type Answer, GraphClient, readAnswer, SetClock, simulate, TERRY } from "./simulated-tenant.js";

const RANGE = 3 * 1024 * 1024;
const FILE = Buffer.from(Array.from({ length: 8 * 1024 }, (_, index) => index % 251));
const octets = Buffer.concat(Array(1000).fill(FILE)); // 8,192,000 octets: three ranges

async function newMessage(client: GraphClient): Promise<string> {
  const { json } = await client.post("/mailFolders/inbox/messages", { subject: "With a file" });
  return `/messages/${json.id}/attachments`;
}

async function openSession(client: GraphClient, path: string, size = octets.length): Promise<string> {
  const AttachmentItem = { attachmentType: "file", name: "a.bin", size, contentType: "application/pdf" };
  const { status, json } = await client.post(`${path}/createUploadSession`, { AttachmentItem });
  expect([status, json["nextExpectedRanges"]]).toEqual([201, ["0-"]]);
  return json.uploadUrl;
}

async function put(url: string, from: number, to: number, headers: Record<string, string> = {}): Promise<Answer> {
  const range = { "Content-Range": `bytes ${from}-${to - 1}/${octets.length}`, ...headers };
  const body = new Uint8Array(octets.subarray(from, to));
  return readAnswer(await fetch(url, { method: "PUT", body, headers: range }));
}

const attached = (simulator: Microsoft365Simulator) =>
  simulator.mailbox(TERRY).folder("Inbox").messages[0]?.attachments;

describe("A simulated attachment", () => {
  it("is added, listed, read and removed", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const path = await newMessage(client);
    const file = { "@odata.type": "#microsoft.graph.fileAttachment", name: "a.txt", contentType: "text/plain" };
    const added = await client.post(path, { ...file, contentBytes: "aGVsbG8=", isInline: true, contentId: "c1" });
    expect([added.status, added.json]).toMatchObject([201, { ...file, size: 5, contentId: "c1", isInline: true }]);
    expect((await client.get(path)).json.value).toMatchObject([{ id: added.json.id }]);
    expect((await client.get(`${path}/${added.json.id}/$value`)).text).toBe("hello");
    expect((await client.send("DELETE", `${path}/${added.json.id}`)).status).toBe(204);
    expect((await client.get(path)).json.value).toEqual([]);
    expect((await client.post(path, { ...file, contentBytes: "no base64!" })).status).toBe(400);
  });
});

describe("A simulated upload session", () => {
  it("takes ranges in order on a host of its own, and attaches the file with the last", async () => {
    const simulator = simulate();
    const client = await GraphClient.signedIn();
    const url = await openSession(client, await newMessage(client));
    expect(new URL(url).origin).toBe("https://outlook.office.com");
    const first = await put(url, 0, RANGE);
    expect([first.status, first.json["nextExpectedRanges"]]).toEqual([200, [String(RANGE)]]);
    expect((await put(url, RANGE, 2 * RANGE)).status).toBe(200);
    expect(attached(simulator)).toEqual([]);
    const last = await put(url, 2 * RANGE, octets.length);
    expect([last.status, last.text]).toEqual([201, ""]);
    expect(last.headers.get("Location")).toContain(attached(simulator)?.[0]?.id);
    expect(attached(simulator)?.[0]).toMatchObject({ name: "a.bin", contentType: "application/pdf" });
    expect(attached(simulator)?.[0]?.octets.equals(octets)).toBe(true);
    expect(JSON.stringify(simulator.requests)).not.toContain(new URL(url).searchParams.get("authtoken"));
  });

  it("refuses a range of 4 MB, one that is not the next, one that comes twice, and a token in the header", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const url = await openSession(client, await newMessage(client));
    expect((await put(url, 0, 4 * 1024 * 1024)).status).toBe(413);
    expect((await put(url, RANGE, 2 * RANGE)).status).toBe(416);
    expect((await put(url, 0, RANGE, { Authorization: `Bearer ${client.token}` })).status).toBe(401);
    expect((await put(url, 0, RANGE, { "Content-Range": `bytes 0-${RANGE}/${octets.length}` })).status).toBe(400);
    expect((await put(url, 0, RANGE)).status).toBe(200);
    expect((await put(url, 0, RANGE)).status).toBe(416);
    expect((await fetch(url)).status).toBe(405);
  });

  it("is for files of 3 MB and more, and runs out", async () => {
    const clock = new SetClock();
    simulate({ clock, uploadSessionLifetimeMs: 1000 });
    const client = await GraphClient.signedIn();
    const path = await newMessage(client);
    const AttachmentItem = { attachmentType: "file", name: "a", size: 2_999_999 };
    expect((await client.post(`${path}/createUploadSession`, { AttachmentItem })).status).toBe(400);
    const url = await openSession(client, path);
    clock.ms += 1000;
    expect((await put(url, 0, RANGE)).status).toBe(404);
  });

  it("loses a range, or the answer to one, where a fault says so", async () => {
    const simulator = simulate({
      faults: [knownGraphFaults.rangeLost(1), knownGraphFaults.rangeLost(3, "after-effect")],
    });
    const client = await GraphClient.signedIn();
    const url = await openSession(client, await newMessage(client));
    await expect(put(url, 0, RANGE)).rejects.toThrow(TypeError);
    expect((await put(url, 0, RANGE)).status).toBe(200);
    await expect(put(url, RANGE, 2 * RANGE)).rejects.toThrow(TypeError);
    expect((await put(url, RANGE, 2 * RANGE)).status).toBe(416);
    expect((await put(url, 2 * RANGE, octets.length)).status).toBe(201);
    expect(attached(simulator)?.[0]?.octets.equals(octets)).toBe(true);
  });

  it("is gone, with what it held, where a fault says so", async () => {
    const simulator = simulate({ faults: [knownGraphFaults.uploadSessionExpired(2)] });
    const client = await GraphClient.signedIn();
    const url = await openSession(client, await newMessage(client));
    expect((await put(url, 0, RANGE)).status).toBe(200);
    expect((await put(url, RANGE, 2 * RANGE)).status).toBe(404);
    expect(attached(simulator)).toEqual([]);
  });
});
