import { describe, expect, it } from "vitest";
import {
  CLIENT,
  GRAPH,
  GraphClient,
  type GraphJson,
  MAILBOX,
  SECRET,
  SetClock,
  simulate,
  TENANT,
  TERRY,
} from "./simulated-tenant.js";

const KEY = "String {00020329-0000-0000-C000-000000000046} Name MigrationKey";
const property = (id: string, value: string): object => ({ id, value });
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const MIME = [
  "From: =?utf-8?Q?J=C3=BCrgen?= <juergen@contoso.com>",
  "To: Terry <terry@contoso.com>",
  "Subject: =?utf-8?B?R3LDvMOfZQ==?=",
  "Message-ID: <mime@contoso.com>",
  "Date: Wed, 15 May 2019 12:00:00 +0000",
  "",
  "Hello",
  "",
].join("\r\n");

const received = {
  subject: "Plan",
  body: { contentType: "html", content: "<p>Plan</p>" },
  internetMessageId: "<plan's@contoso.com>",
  isRead: true,
  flag: { flagStatus: "flagged" },
  categories: ["$Label1"],
  from: { emailAddress: { name: "Ann", address: "ann@contoso.com" } },
  toRecipients: [{ emailAddress: { address: TERRY } }],
  receivedDateTime: "2001-01-01T00:00:00Z",
  singleValueExtendedProperties: [
    property("Integer 0x0E07", "1"),
    property("SystemTime 0x0E06", "2019-05-15T12:00:00Z"),
    property("SystemTime 0x0039", "2019-05-15T11:59:58Z"),
    property("String 0x007D", "Received: by one\r\nX-Other: two\r\n\tfolded\r\n"),
    property("String 0x1042", "<before@contoso.com>"),
    property(KEY, "key 1"),
  ],
};

describe("A simulated message made of JSON", () => {
  it("is no draft and has its dates by the extended properties, which the ordinary members do not give", async () => {
    const simulator = simulate();
    const client = await GraphClient.signedIn();
    const { status, json } = await client.post("/mailFolders/inbox/messages", received);
    expect(status).toBe(201);
    expect(json).toMatchObject({
      isDraft: false,
      isRead: true,
      receivedDateTime: "2019-05-15T12:00:00Z",
      sentDateTime: "2019-05-15T11:59:58Z",
      flag: { flagStatus: "flagged" },
      categories: ["$Label1"],
      from: { emailAddress: { name: "Ann", address: "ann@contoso.com" } },
    });
    expect(simulator.mailbox(TERRY).folder("Inbox").messages).toHaveLength(1);
  });

  it("is a draft without them, received now, and stays one whatever is patched", async () => {
    const clock = new SetClock();
    const simulator = simulate({ clock });
    const client = await GraphClient.signedIn();
    const { json } = await client.post("/messages", { subject: "Draft", isRead: false });
    expect(json).toMatchObject({ isDraft: true, isRead: false, receivedDateTime: "2026-11-01T00:00:00Z" });
    const singleValueExtendedProperties = [property("Integer 0x0E07", "1")];
    const patched = await client.patch(`/messages/${json.id}`, { isDraft: false, singleValueExtendedProperties });
    expect([patched.status, patched.json["isDraft"]]).toEqual([200, true]);
    expect(simulator.mailbox(TERRY).wellKnown("drafts").messages[0]).toMatchObject({ isDraft: true, isRead: false });
  });

  it("is changed in its read state, flag and categories, and not in its subject once it is no draft", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const { json } = await client.post("/mailFolders/inbox/messages", received);
    const change = { isRead: false, flag: { flagStatus: "complete" }, categories: ["A", "B"], subject: "Other" };
    expect((await client.patch(`/messages/${json.id}`, change)).json).toMatchObject({ ...change, subject: "Plan" });
  });

  it("is found by its Message-ID and by a named property; ids come back in Graph's own spelling", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    await client.post("/mailFolders/inbox/messages", received);
    await client.post("/mailFolders/inbox/messages", { ...received, internetMessageId: "<other@contoso.com>" });
    const find = async (filter: string, query = ""): Promise<readonly GraphJson[]> =>
      (await client.get(`/mailFolders/inbox/messages?$filter=${encodeURIComponent(filter)}${query}`)).json.value;
    const byId = await find("internetMessageId eq '<plan''s@contoso.com>'", "&$select=id,subject");
    expect(byId.map((message) => Object.keys(message).sort())).toEqual([["@odata.etag", "id", "subject"]]);
    const anyOf = (value: string): string =>
      `singleValueExtendedProperties/Any(ep: ep/id eq '${KEY}' and ep/value eq '${value}')`;
    expect(await find(anyOf("key 1"))).toHaveLength(2);
    expect(await find(`${anyOf("key 1")} and internetMessageId eq '<other@contoso.com>'`)).toHaveLength(1);
    expect(await find(anyOf("key 2"))).toEqual([]);
    const expand = `$filter=id eq '${KEY}' or id eq 'Integer 0x0E07' or id eq 'String 0x1039'`;
    const [message] = await find(
      anyOf("key 1"),
      `&$expand=singleValueExtendedProperties(${encodeURIComponent(expand)})`,
    );
    expect(message?.["singleValueExtendedProperties"]).toEqual([
      { id: "String {00020329-0000-0000-c000-000000000046} Name MigrationKey", value: "key 1" },
      { id: "Integer 0xe07", value: "1" },
    ]);
  });

  it("is listed the newest first, page by page, by `or` and by date; a filter that cannot be read is answered with 400", async () => {
    const simulator = simulate();
    const mailbox = simulator.mailbox(TERRY);
    for (let day = 1; day <= 25; day++) {
      const receivedDateTime = new Date(Date.UTC(2019, 4, day));
      mailbox.addMessage(mailbox.wellKnown("inbox"), { subject: `Day ${day}`, receivedDateTime });
    }
    const client = await GraphClient.signedIn();
    const subjects = async (query: string): Promise<unknown[]> => {
      const found: unknown[] = [];
      for (let next = `/mailFolders/inbox/messages?${query}`; next; ) {
        const { json } = await client.get(next);
        found.push(...json.value.map((message) => message["subject"]));
        next = json["@odata.nextLink"];
      }
      return found;
    };
    const all = Array.from({ length: 25 }, (_, index) => `Day ${25 - index}`);
    expect(await subjects("$top=7")).toEqual(all);
    expect(await subjects("$orderby=receivedDateTime asc")).toEqual([...all].reverse());
    const filter = (text: string): string => `$filter=${encodeURIComponent(text)}`;
    expect(await subjects(filter("receivedDateTime ge 2019-05-24T00:00:00Z"))).toEqual(["Day 25", "Day 24"]);
    expect(await subjects(filter("(subject eq 'Day 3' or subject eq 'Day 9') and isRead eq false"))).toHaveLength(2);
    for (const wrong of ["subject eq", "subject is 'A'", "nothing eq 'A'", "subject eq 'A' and", "isRead eq 'A'"]) {
      const { status, json } = await client.get(`/mailFolders/inbox/messages?${filter(wrong)}`);
      expect([wrong, status, json.error.code]).toEqual([wrong, 400, "ErrorInvalidUrlQueryFilter"]);
    }
  });

  it("gives back its header block as headers and as MIME", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const { json } = await client.post("/mailFolders/inbox/messages", received);
    const { json: read } = await client.get(`/messages/${json.id}?$select=internetMessageHeaders`);
    expect(read["internetMessageHeaders"]).toEqual([
      { name: "Received", value: "by one" },
      { name: "X-Other", value: "two\tfolded" },
    ]);
    const { text } = await client.get(`/messages/${json.id}/$value`);
    expect(text).toMatch(/^Received: by one\r\nX-Other: two\r\n\tfolded\r\nMIME-Version: 1\.0\r\n/);
    expect(text).toContain(base64("<p>Plan</p>"));
  });

  it.each([
    ["a member that messages do not have", { received: "2019" }, "UnableToDeserializePostBody"],
    [
      "a header that does not begin with x-",
      { internetMessageHeaders: [{ name: "List-Id", value: "a" }] },
      "InvalidInternetMessageHeader",
    ],
    [
      "six headers",
      { internetMessageHeaders: Array(6).fill({ name: "x-a", value: "a" }) },
      "InvalidInternetMessageHeader",
    ],
    [
      "a property id that is none",
      { singleValueExtendedProperties: [property("0x0E07", "1")] },
      "ErrorInvalidExtendedProperty",
    ],
    [
      "a date that is none",
      { singleValueExtendedProperties: [property("SystemTime 0x0E06", "soon")] },
      "UnableToDeserializePostBody",
    ],
  ])("is refused with 400 for %s", async (_, body, code) => {
    const simulator = simulate();
    const { status, json } = await (await GraphClient.signedIn()).post("/messages", body);
    expect([status, json.error.code]).toEqual([400, code]);
    expect(simulator.mailbox(TERRY).messages).toEqual([]);
  });

  it("is refused above 4 MB with 413 and a page that is no JSON", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const answer = await client.post("/messages", { subject: "x".repeat(4 * 1024 * 1024) });
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([413, "text/html; charset=us-ascii"]);
  });
});

describe("A simulated message made of MIME", () => {
  it("is a draft received now; its header is read", async () => {
    simulate({ clock: new SetClock() });
    const { status, json } = await (await GraphClient.signedIn()).postMime("/mailFolders/inbox/messages", base64(MIME));
    expect(status).toBe(201);
    expect(json).toMatchObject({
      subject: "Grüße",
      from: { emailAddress: { name: "Jürgen", address: "juergen@contoso.com" } },
      internetMessageId: "<mime@contoso.com>",
      isDraft: true,
      receivedDateTime: "2026-11-01T00:00:00Z",
      sentDateTime: "2019-05-15T12:00:00Z",
    });
  });

  it("is no draft by importMime, which beta has alone and which needs a permission of its own", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const path = "/mailFolders/archive/importMime";
    expect((await client.postMime(path, base64(MIME))).status).toBe(400);
    const { status, json } = await client.postMime(`${MAILBOX.replace("v1.0", "beta")}${path}`, base64(MIME));
    expect([status, json["isDraft"], json["isRead"]]).toEqual([201, false, false]);
  });

  it("gets by importMime the date that a test wants, and comes back with other octets and the same content", async () => {
    const clock = new SetClock();
    const simulator = simulate({ clock, importedMessagesAreReceived: "received-field" });
    const client = await GraphClient.signedIn();
    const trace = "Received: from a by b; Thu, 16 May 2019 08:00:00 +0200 (CEST)\r\n";
    const path = `${MAILBOX.replace("v1.0", "beta")}/mailFolders/inbox/importMime`;
    const { json } = await client.postMime(path, base64(trace + MIME));
    expect(json).toMatchObject({ receivedDateTime: "2019-05-16T06:00:00Z", createdDateTime: "2026-11-01T00:00:00Z" });
    const { text } = await client.get(`/messages/${json.id}/$value`);
    expect(text).not.toBe(trace + MIME);
    expect(text).toContain("Message-ID: <mime@contoso.com>\r\n");
    expect(text.endsWith("\r\n\r\nHello\r\n")).toBe(true);
    expect(simulator.mailbox(TERRY).messages[0]?.mime?.toString()).toBe(trace + MIME);
  });

  it("needs Mail-Advanced for importMime", async () => {
    const application = { clientId: CLIENT, clientSecret: SECRET, permissions: ["Mail.ReadWrite"] };
    simulate({ tenants: [{ id: TENANT, users: [TERRY], applications: [application] }] });
    const client = await GraphClient.signedIn();
    const { status } = await client.postMime(
      `${MAILBOX.replace("v1.0", "beta")}/mailFolders/inbox/importMime`,
      base64(MIME),
    );
    expect(status).toBe(403);
  });

  it.each([
    ["no base64", "äöü?", "ErrorMimeContentInvalidBase64String"],
    ["a bare LF", base64(MIME.replace("\r\n", "\n")), "UnableToDeserializePostBody"],
    ["an empty body", base64(MIME.slice(0, MIME.indexOf("Hello"))), "UnableToDeserializePostBody"],
    ["a long header line", base64(`X-Trace: ${"a".repeat(1000)}\r\n${MIME}`), "UnableToDeserializePostBody"],
  ])("is refused with 400 for %s", async (_, text, code) => {
    simulate();
    const { status, json } = await (await GraphClient.signedIn()).postMime("/messages", text);
    expect([status, json.error.code]).toEqual([400, code]);
  });

  it("may have 3 MiB, and not one octet more", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const body = (octets: number): string => base64(MIME.padEnd(octets, "x"));
    expect((await client.postMime("/messages", body(3 * 1024 * 1024))).status).toBe(201);
    expect((await client.postMime("/messages", body(3 * 1024 * 1024 + 1))).status).toBe(413);
  });
});

describe("Simulated message ids", () => {
  it("change when a message is moved or deleted, and immutable ones do not", async () => {
    const simulator = simulate();
    const client = await GraphClient.signedIn();
    const immutable = { Prefer: 'IdType="ImmutableId"' };
    const { json } = await client.post("/mailFolders/inbox/messages", received);
    const { json: same } = await client.get(`/messages/${json.id}`, immutable);
    const move = { destinationId: "archive" };
    const { json: moved } = await client.post(`/messages/${json.id}/move`, move);
    expect(moved.id).not.toBe(json.id);
    expect((await client.get(`/messages/${json.id}`)).status).toBe(404);
    expect((await client.get(`/messages/${same.id}`, immutable)).json.id).toBe(same.id);
    expect((await client.send("DELETE", `/messages/${same.id}`)).status).toBe(204);
    expect(simulator.mailbox(TERRY).wellKnown("deleteditems").messages).toHaveLength(1);
    expect((await client.post(`/messages/${same.id}/permanentDelete`, {})).status).toBe(204);
    expect(simulator.mailbox(TERRY).messages).toEqual([]);
  });
});

describe("The simulated directory", () => {
  it("tells domains, their MX records, users and why a mailbox cannot be opened", async () => {
    const domains = [{ id: "contoso.com" }, { id: "fabrikam.com", isVerified: false, supportedServices: [] }];
    const applications = [{ clientId: CLIENT, clientSecret: SECRET }];
    const users = [TERRY, { userPrincipalName: "new@contoso.com", mailbox: "not-enabled" as const, licensed: false }];
    const simulator = simulate({ tenants: [{ id: TENANT, applications, domains, users }] });
    const client = await GraphClient.signedIn();
    const directory = (path: string) => client.get(`${GRAPH}/v1.0${path}`);
    expect((await directory("/domains/CONTOSO.com")).json).toMatchObject({ isVerified: true, isDefault: true });
    expect((await directory("/domains/fabrikam.com")).json).toMatchObject({ isVerified: false, supportedServices: [] });
    expect((await directory("/domains/other.com")).status).toBe(404);
    expect((await directory("/domains/contoso.com/serviceConfigurationRecords")).json.value).toContainEqual(
      expect.objectContaining({ recordType: "Mx", mailExchange: "contoso-com.mail.protection.outlook.com" }),
    );
    const user = await directory("/users/new@contoso.com?$select=accountEnabled,assignedPlans");
    expect(user.json).toMatchObject({ accountEnabled: true, assignedPlans: [] });
    expect((await directory("/users/nobody@contoso.com")).json.error.code).toBe("Request_ResourceNotFound");
    const inbox = await directory("/users/new@contoso.com/mailFolders/inbox");
    expect([inbox.status, inbox.json.error.code]).toEqual([404, "MailboxNotEnabledForRESTAPI"]);
    simulator.user("new@contoso.com").mailboxState = "ready";
    expect((await directory("/users/new@contoso.com/mailFolders/inbox")).status).toBe(200);
    expect((await client.get("/mailboxSettings")).json).toMatchObject({ userPurpose: "user" });
  });
});
