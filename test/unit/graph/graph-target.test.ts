import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MigrationError } from "../../../src/errors.js";
import { type GraphTarget, openGraphTarget } from "../../../src/graph/graph-target.js";
import { headerBlock } from "../../../src/mail/header-key.js";
import type { Appended } from "../../../src/mail/mail-target.js";
import type { MessageHead } from "../../../src/mail/message.js";
import { fakeMessage } from "../../../src/testing/fake-content.js";
import { knownGraphFaults } from "../../../src/testing/microsoft365/faults.js";
import type { SimulatedMessage } from "../../../src/testing/microsoft365/mailbox.js";
import { rawMessage, type StoredMessage, sampleMessage } from "../../../src/testing/sample-message.js";
import { cloud, GraphWorld } from "./graph-fixture.js";
import { mailWithFiles } from "./mail-with-files.js";
import { planFor } from "./plan-for.js";
import { property } from "./stored-messages.js";

let world: GraphWorld;
let user: string;
let target: GraphTarget;
beforeEach(async () => {
  world = new GraphWorld();
  user = world.addUser();
  target = await world.open(user);
});
afterEach(async () => {
  await target.close();
  world.close();
});

async function append(message: StoredMessage, into = target): Promise<Appended & { stored: SimulatedMessage }> {
  const appended = await into.append(await into.ensureFolder(planFor(["INBOX"])), fakeMessage(1, message));
  const stored = world.mailbox(user).findMessage(appended.id ?? "");
  if (!stored) throw new Error("nothing was stored");
  return { ...appended, stored };
}

function headOf(message: StoredMessage, uid = 1): MessageHead {
  const { octets, internalDate, flags } = message;
  return { uid, size: octets.length, internalDate, flags, header: headerBlock(octets) };
}

const inboxMessages = () => world.mailbox(user).wellKnown("inbox").messages;
const message = (lines: readonly string[], flags: readonly string[] = []) =>
  rawMessage(lines.join("\r\n"), { flags, internalDate: new Date("2019-05-15T12:00:00Z") });

describe("A message made by JSON", () => {
  it("is no draft and keeps dates, header block, threading, flags and keywords by MAPI properties", async () => {
    const { stored, lost } = await append(
      message(
        [
          ...["Received: from a by b", "From: =?utf-8?Q?J=C3=B6rg?= <joerg@contoso.com>", "Sender: s@contoso.com"],
          ...['To: "Adams, Terry" <terry@contoso.com>, ann@contoso.com', "Cc: c@contoso.com", "Bcc: d@contoso.com"],
          ...["Reply-To: r@contoso.com", "Subject: =?utf-8?B?R3LDvMOfZQ==?=", "X-Priority: 1"],
          ...["Date: Wed, 15 May 2019 13:59:58 +0200", "Message-ID: <1@contoso.com>"],
          ...["In-Reply-To: <0@contoso.com>", "References: <a@contoso.com>", " <0@contoso.com>", "", "Good morning."],
        ],
        ["\\Seen", "\\Flagged", "\\Answered", "projekt-x"],
      ),
    );
    expect(lost).toBeUndefined();
    expect(stored).toMatchObject({
      ...{ isDraft: false, isRead: true, flagStatus: "flagged", categories: ["projekt-x"], importance: "high" },
      receivedDateTime: new Date("2019-05-15T12:00:00Z"),
      sentDateTime: new Date("2019-05-15T11:59:58Z"),
      ...{ subject: "Grüße", internetMessageId: "<1@contoso.com>" },
      from: { name: "Jörg", address: "joerg@contoso.com" },
      sender: { address: "s@contoso.com" },
      toRecipients: [{ name: "Adams, Terry", address: "terry@contoso.com" }, { address: "ann@contoso.com" }],
      ccRecipients: [{ address: "c@contoso.com" }],
      bccRecipients: [{ address: "d@contoso.com" }],
      replyTo: [{ address: "r@contoso.com" }],
      body: { contentType: "text", content: "Good morning." },
    });
    const properties = Object.fromEntries(stored.extendedProperties);
    expect(properties).toMatchObject({
      "Integer 0xe07": "1",
      "SystemTime 0xe06": "2019-05-15T12:00:00Z",
      "SystemTime 0x39": "2019-05-15T11:59:58Z",
      "String 0x1042": "<0@contoso.com>",
      "String 0x1039": "<a@contoso.com> <0@contoso.com>",
      ...{ "Integer 0x1081": "102", "Integer 0x1080": "261" },
      "String 0x7d": expect.stringMatching(/^Received: from a by b\r\nFrom: =\?utf-8.* <0@contoso.com>\r\n$/s),
    });
    expect(world.calls(user).at(-1)).toBe("POST mailFolders/*/messages");
  });

  it("tells the flags and keywords that Exchange has no place for", async () => {
    const lostOf = async (...flags: string[]) => (await append(sampleMessage(flags.join(), { flags }))).lost;
    expect(await lostOf("\\Deleted", "\\Seen")).toEqual(["flag"]);
    expect(await lostOf("$MDNSent")).toEqual(["keyword"]);
    expect(await lostOf("$Forwarded")).toBeUndefined();
    expect(await lostOf("$Forwarded", "\\Answered")).toEqual(["keyword"]);
    expect(await lostOf("\\Recent")).toBeUndefined();
  });

  it("keeps a message without a body, and tells that 8-bit octets without a charset were guessed", async () => {
    expect((await append(rawMessage("Subject: x\r\n\r\n"))).stored.body.content).toBe("");
    const { stored, lost } = await append(rawMessage(Buffer.from("Subject: gr\xfc\xdfe\r\n\r\n\x80\r\n", "latin1")));
    expect([stored.subject, stored.body.content, lost]).toEqual(["grüße", "€\r\n", ["charset"]]);
  });

  it("is made once more without its sender where the tenant refuses that, and tells so", async () => {
    const body = '"internetMessageId"';
    world.simulator.addFault({ when: { method: "POST", body }, do: { status: 400, code: "ErrorInvalidArgument" } });
    const { stored, lost } = await append(sampleMessage("refused sender", { flags: ["\\Seen"] }));
    expect(lost).toEqual(["sender"]);
    expect(stored).toMatchObject({ isDraft: false, isRead: true, from: undefined, subject: "refused sender" });
    expect(stored.receivedDateTime).toEqual(new Date("2001-02-03T04:05:06Z"));
  });

  it("is refused in the words of the first refusal where the second attempt is refused as well", async () => {
    const refuse = (nth: number, text: string) =>
      world.simulator.addFault({
        when: { method: "POST", path: "/messages", nth },
        do: { status: 400, code: "ErrorX", message: text },
      });
    refuse(1, "the first words");
    refuse(2, "the second words");
    await expect(append(sampleMessage("refused"))).rejects.toMatchObject({
      ...{ code: "message-refused", scope: "message" },
      message: expect.stringContaining("the first words"),
    });
  });

  it("keeps a body that one request cannot hold as an attachment, and tells so", async () => {
    const body = "€".repeat(1_200_000);
    const { stored, lost } = await append(rawMessage(`Content-Type: text/plain; charset=utf-8\r\n\r\n${body}`));
    expect(lost).toEqual(["body-as-attachment"]);
    expect(stored.attachments.map(({ name }) => name)).toEqual(["message.txt"]);
    expect(stored.attachments[0]?.octets.toString()).toBe(body);
  });

  it("is found again without anything being remembered, twins by count", async () => {
    const twin = sampleMessage("twin");
    await append(twin);
    await append(twin);
    const again = await world.open(user);
    const folder = await again.ensureFolder(planFor(["INBOX"]));
    const found = await again.find(folder, [headOf(twin, 7), headOf(twin, 8), headOf(twin, 9)], { begun: true });
    expect([...found.keys()]).toEqual([7, 8]);
    await again.close();
  });

  it("of another tool is taken for the same by Message-ID and received date, and never by Message-ID alone", async () => {
    const [there, edited] = [sampleMessage("there"), sampleMessage("edited")];
    const add = (internetMessageId: string, receivedDateTime: Date) =>
      world.mailbox(user).addMessage(world.mailbox(user).wellKnown("inbox"), { internetMessageId, receivedDateTime });
    const idOf = ({ octets }: StoredMessage) =>
      /<[^<>]*@contoso.example>\r\n\r\n/.exec(String(octets))?.[0].trim() ?? "";
    const { immutableId } = add(idOf(there), there.internalDate);
    add(idOf(edited), new Date(0));
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    expect(await target.find(folder, [headOf(there, 1), headOf(edited, 2)])).toEqual(
      new Map([[1, { id: immutableId }]]),
    );
  });
});

describe("Attachments", () => {
  it("go with the message up to 2 MB, by POST up to 3 MB, and by upload session beyond", async () => {
    const { message: mail, files } = mailWithFiles("sizes", [1_500_000, 2_900_000, 3_000_001, 400_000]);
    const { stored, lost } = await append(mail);
    expect(lost).toEqual(["mime-structure"]);
    expect(stored.attachments.map(({ octets }) => files.findIndex((file) => file.equals(octets)))).toEqual([
      0, 3, 1, 2,
    ]);
    expect(stored.attachments[1]).toMatchObject({ name: "file 4.bin", contentType: "application/octet-stream" });
    expect(world.calls(user).slice(-5)).toEqual([
      "POST mailFolders/*/messages",
      "POST messages/*/attachments",
      "POST messages/*/attachments/createUploadSession",
      "PUT range",
      "PATCH messages/*",
    ]);
  });

  it("of a message that is not finished are told by its key, and only such a message is removed by a look", async () => {
    const { message: mail } = mailWithFiles("unfinished", [3_500_000]);
    world.simulator.addFault({ when: { service: "upload" }, do: { status: 429, retryAfter: 0.5 } });
    await expect(append(mail)).rejects.toMatchObject({ code: "throttled", scope: "user", retryAfterMs: 500 });
    expect(inboxMessages()).toHaveLength(1);
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    const other = { ...headOf(mail), internalDate: new Date(0) };
    expect(await target.find(folder, [other], { begun: true })).toEqual(new Map());
    expect(inboxMessages(), "the unfinished piece of another message").toHaveLength(1);
    expect(await target.find(folder, [headOf(mail)], { begun: true })).toEqual(new Map());
    expect(inboxMessages()).toHaveLength(0);
    expect(world.mailbox(user).messages, "nor anywhere else").toHaveLength(0);
  });

  it.each([
    ["for good", []],
    [
      "by DELETE where that is all there is",
      [{ when: { path: "permanentDelete" }, do: { status: 400, code: "BadRequest" } }],
    ],
  ])("that are refused take the message with them, %s", async (_, faults) => {
    for (const fault of faults) world.simulator.addFault(fault);
    world.simulator.addFault({ when: { path: /attachments$/ }, do: { status: 400, code: "ErrorVirusDetected" } });
    const { message: mail } = mailWithFiles("virus", [1_900_000, 1_900_000]);
    await expect(append(mail)).rejects.toMatchObject({ code: "message-refused", scope: "message" });
    expect(inboxMessages()).toHaveLength(0);
  });

  it("that the application may not add leave no piece behind", async () => {
    world.simulator.addFault({ when: { path: /attachments$/ }, do: { status: 403, code: "ErrorAccessDenied" } });
    const { message: mail } = mailWithFiles("confined", [1_900_000, 1_900_000]);
    await expect(append(mail)).rejects.toMatchObject({ code: "access-denied", scope: "user" });
    expect(world.mailbox(user).messages).toHaveLength(0);
  });

  it.each([
    ["a range is lost", knownGraphFaults.rangeLost(2)],
    ["the answer to a range is lost", knownGraphFaults.rangeLost(1, "after-effect")],
    ["the answer to the last range is lost", knownGraphFaults.rangeLost(3, "after-effect")],
    ["a range is answered with 500", { when: { service: "upload", nth: 2 }, do: { status: 500 } } as const],
    ["the session has run out", knownGraphFaults.uploadSessionExpired(2)],
  ])("arrive whole and once where %s", async (_, fault) => {
    world.simulator.addFault(fault);
    const { message: mail, files } = mailWithFiles("upload", [7_000_000]);
    const { stored } = await append(mail);
    expect(stored.attachments).toHaveLength(1);
    expect(files[0]?.equals(stored.attachments[0]?.octets ?? Buffer.alloc(0))).toBe(true);
  });

  it("that cannot be uploaded leave the message in doubt in the end", async () => {
    world.simulator.addFault({ when: { service: "upload" }, do: { loseConnection: "before-effect" } });
    await expect(append(mailWithFiles("upload", [3_500_000]).message)).rejects.toMatchObject({
      ...{ code: "connection-lost", scope: "user" },
    });
  });
});

describe("A draft", () => {
  const draft = (subject: string, octets = 400) =>
    sampleMessage(subject, { flags: ["\\Draft", "\\Seen", "later"], octets });

  it("goes as MIME, octet by octet; its received date is the time of the call, and told as lost", async () => {
    const mail = draft("draft");
    const { stored, lost } = await append(mail);
    expect(stored).toMatchObject({ isDraft: true, isRead: true, categories: ["later"] });
    expect(stored.mime?.equals(mail.octets)).toBe(true);
    expect(lost).toEqual(["internal-date"]);
  });

  it("goes by JSON where it is over 3 MiB, has no Message-ID, or is refused as MIME", async () => {
    const large = draft("large", 3 * 1024 * 1024 + 1);
    const nameless = { ...draft("x"), octets: Buffer.from("Subject: nameless\r\n\r\ntext\r\n") };
    const bare = { ...draft("x"), octets: Buffer.from("Subject: bare\nMessage-ID: <1@a>\n\ntext\n") };
    for (const mail of [large, nameless, bare]) {
      const { stored, lost = [] } = await append(mail);
      expect(stored).toMatchObject({ isDraft: true, isRead: true, mime: undefined });
      expect(property(stored, "Integer 0xe07")).toBe("9");
      expect(stored.receivedDateTime).toEqual(mail.internalDate);
      expect(lost).not.toContain("internal-date");
    }
  });

  it.each(["POST", "PATCH"])(
    "whose %s was answered by no one is found, and gets its marks and its key",
    async (method) => {
      const mail = draft("in doubt");
      world.simulator.addFault(knownGraphFaults.lostAnswer({ method, path: "/messages" }));
      await expect(append(mail)).rejects.toMatchObject({ code: "connection-lost" });
      world.simulator.clearFaults();
      const folder = await target.ensureFolder(planFor(["INBOX"]));
      expect((await target.find(folder, [headOf(mail)], { begun: true })).size).toBe(1);
      expect(inboxMessages()).toMatchObject([{ isRead: true, categories: ["later"] }]);
      expect((await target.find(folder, [{ ...headOf(mail), flags: new Set() }])).size).toBe(1);
    },
  );
});

describe("importMime", () => {
  const mail = sampleMessage("imported", { flags: ["\\Seen", "\\Flagged", "later"] });
  const open = (options: object) => world.open(user, { options: { route: "importMime", ...options } });

  it("stops with the first message whose received date is the time of the call, and leaves none", async () => {
    target = await open({});
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    const answers = await Promise.allSettled(
      [1, 2, 3, 4].map((uid) => target.append(folder, fakeMessage(uid, sampleMessage(`number ${uid}`)))),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: "rejected", reason: { code: "option-invalid", scope: "batch" } });
    }
    expect(world.mailbox(user).messages).toHaveLength(0);
    expect(world.calls(user).filter((call) => call.endsWith("importMime"))).toHaveLength(1);
  });

  it("goes on where wrong dates are accepted, keeps the octets, and tells the date as lost", async () => {
    target = await open({ acceptWrongDates: true });
    const { stored, lost } = await append(mail);
    expect(stored).toMatchObject({ isDraft: false, isRead: true, flagStatus: "flagged", categories: ["later"] });
    expect(stored.mime?.equals(mail.octets)).toBe(true);
    expect(lost).toEqual(["internal-date"]);
  });

  it("finds what a lost answer left behind, and sets what was still to come", async () => {
    target = await open({ acceptWrongDates: true });
    world.simulator.addFault(knownGraphFaults.lostAnswer({ path: "importMime" }));
    await expect(append(mail)).rejects.toMatchObject({ code: "connection-lost" });
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    expect((await target.find(folder, [headOf(mail)], { begun: true })).size).toBe(1);
    expect(inboxMessages()).toMatchObject([{ isRead: true, flagStatus: "flagged", categories: ["later"] }]);
  });

  it("takes what is over 3 MiB by JSON only where that was asked for", async () => {
    const large = sampleMessage("large", { octets: 3 * 1024 * 1024 + 1 });
    target = await open({ acceptWrongDates: true });
    await expect(append(large)).rejects.toMatchObject({ code: "message-too-large", scope: "message" });
    target = await open({ acceptWrongDates: true, fallback: "json" });
    expect((await append(large)).stored).toMatchObject({ mime: undefined, receivedDateTime: large.internalDate });
  });

  it("is refused as an option with what belongs to it on another route", async () => {
    for (const options of [{ fallback: "json" }, { acceptWrongDates: true }, { maxMessageSize: 0 }] as const) {
      await expect(world.open(user, { options })).rejects.toMatchObject({ code: "option-invalid" });
    }
  });
});

describe("Signed and encrypted mail", () => {
  const signed = message([
    ...["Subject: signed", 'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b', ""],
    ...["--b", "Content-Type: text/plain", "", "I am I.", "--b"],
    ...["Content-Type: application/pgp-signature", "", "-----BEGIN PGP SIGNATURE-----", "--b--", ""],
  ]);
  const encrypted = message([
    ...["Subject: sealed", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m"],
    ...["Content-Transfer-Encoding: base64", "", Buffer.from("sealed").toString("base64"), ""],
  ]);

  it("is taken apart, and tells that the seal is broken", async () => {
    const open = await append(signed);
    expect(open.stored.body.content).toBe("I am I.");
    expect(open.stored.attachments.map(({ name }) => name)).toEqual(["attachment.asc"]);
    expect(open.lost).toEqual(["signature", "mime-structure"]);
    const sealed = await append(encrypted);
    expect(sealed.stored.attachments.map(({ name, octets }) => [name, String(octets)])).toEqual([
      ["smime.p7m", "sealed"],
    ]);
    expect(sealed.lost).toEqual(["encryption", "mime-structure"]);
  });

  it("carries its original octets where that was asked for", async () => {
    target = await world.open(user, { options: { attachOriginals: true } });
    for (const mail of [signed, encrypted]) {
      const { stored, lost } = await append(mail);
      expect(stored.attachments).toHaveLength(1);
      expect(stored.attachments[0]?.octets.equals(mail.octets)).toBe(true);
      expect(stored.attachments[0]).toMatchObject({ contentType: "message/rfc822", name: `${stored.subject}.eml` });
      expect(lost).toEqual(["mime-structure"]);
    }
  });
});

describe("Folders", () => {
  it("have their special uses in every language, over all pages and levels, and hidden ones hold no mail", async () => {
    user = world.addUser({
      language: "de",
      folders: Array.from({ length: 130 }, (_, at) => [`Ordner ${at}`, "Tiefer"]),
    });
    target = await world.open(user);
    const folders = await target.listFolders();
    const uses = new Map(folders.flatMap(({ specialUse, levels }) => (specialUse ? [[specialUse, levels[0]]] : [])));
    expect(Object.fromEntries(uses)).toEqual({
      ...{ "\\Sent": "Gesendete Elemente", "\\Drafts": "Entwürfe", "\\Trash": "Gelöschte Elemente" },
      ...{ "\\Junk": "Junk-E-Mail", "\\Archive": "Archiv" },
    });
    expect(folders.some(({ levels }) => levels.join("/") === "INBOX")).toBe(true);
    expect(folders.filter(({ levels }) => levels[1] === "Tiefer")).toHaveLength(130);
    const hidden = folders.find(({ levels }) => levels[0] === "Synchronisierungsprobleme");
    expect(hidden?.selectable).toBe(false);
    expect(target.capabilities.names.reserved).toContain("Synchronisierungsprobleme");
  });

  it("that somebody made meanwhile, in another spelling, are taken", async () => {
    const made = world.mailbox(user).addFolder("PROJECTS");
    const folder = await target.ensureFolder(planFor(["Projects", "Deep"]));
    expect(made.children.map(({ id }) => id)).toEqual([folder.name]);
  });

  it("whose pages lead in a ring are a `protocol-error`", async () => {
    const body = { value: [], "@odata.nextLink": `${cloud.graph}/v1.0/users/${user}/mailFolders?$skip=1` };
    world.simulator.addFault({ when: { path: "mailFolders?" }, do: { status: 200, body } });
    await expect(world.open(user)).rejects.toMatchObject({ code: "protocol-error" });
  });

  it("that nobody would see are refused", async () => {
    const mailbox = world.mailbox(user);
    mailbox.createFolder(mailbox.root, "Secret", true);
    await expect(target.ensureFolder(planFor(["secret"]))).rejects.toMatchObject({
      ...{ code: "folder-name", scope: "folder", folder: "secret" },
    });
  });

  it("are each made once, though asked for at the same time", async () => {
    const plans = ["a", "b", "c", "d"].map((level) => planFor(["Top", "Middle", level]));
    await Promise.all(plans.map((plan) => target.ensureFolder(plan)));
    expect(world.mailbox(user).folder("Top", "Middle").children).toHaveLength(4);
    expect(world.simulator.requests.filter(({ status }) => status === 409)).toEqual([]);
  });
});

describe("A mailbox", () => {
  it.each([
    ["not-enabled", { code: "server-unavailable", scope: "user", retryAfterMs: 240_000 }],
    ["not-supported", { code: "target-missing", retry: "never" }],
    ["missing", { code: "target-missing", retry: "never" }],
  ] as const)("that is %s is told when it is opened", async (mailbox, expected) => {
    await expect(world.open(world.addUser({ mailbox }))).rejects.toMatchObject(expected);
  });

  it("gets at most four requests at a time, however much is appended", async () => {
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    const mails = Array.from({ length: 12 }, (_, at) => mailWithFiles(`many ${at}`, [1_900_000, 500_000], at).message);
    await Promise.all(mails.map((mail, at) => target.append(folder, fakeMessage(at + 1, mail))));
    expect(inboxMessages().every(({ attachments }) => attachments.length === 2)).toBe(true);
    expect(world.simulator.peakConcurrency).toBeLessThanOrEqual(4);
    expect(world.simulator.violations).toEqual([]);
  });

  it("gets a new token after a 401, and the refused one never again", async () => {
    world.simulator.addFault(knownGraphFaults.tokenExpired({ method: "POST", nth: 1 }));
    await expect(append(sampleMessage("expired"))).rejects.toMatchObject({ code: "token-expired", retry: "now" });
    const again = await world.open(user);
    expect((await append(sampleMessage("expired"), again)).stored.subject).toBe("expired");
    expect(world.tokens.asked.filter(({ renew }) => renew)).toHaveLength(1);
    expect(new Set(world.tokens.asked.map(({ scope }) => scope))).toEqual(new Set([`${cloud.graph}/.default`]));
  });

  it("gets each request once, whatever is answered", async () => {
    const folder = await target.ensureFolder(planFor(["INBOX"]));
    for (const status of [429, 500, 502, 503, 504, 509]) {
      world.simulator.clearFaults();
      world.simulator.addFault({ when: { method: "POST" }, do: { status, retryAfter: 1 } });
      const before = world.simulator.requests.length;
      await expect(target.append(folder, fakeMessage(1, sampleMessage("once")))).rejects.toMatchObject({
        ...{ scope: "user", retryAfterMs: 1_000 },
      });
      expect(world.simulator.requests.length - before, String(status)).toBe(1);
    }
  });

  it("shows no token, neither in its errors nor of itself", async () => {
    const { token } = await world.tokens.accessToken(`${cloud.graph}/.default`);
    const url = /authtoken=([\w-]+)/;
    const errors: MigrationError[] = [];
    const fails = (run: Promise<unknown>) => run.catch((error: MigrationError) => errors.push(error));
    world.simulator.addFault({ when: { service: "upload" }, do: { status: 400, message: `bad token ${token}` } });
    await fails(append(mailWithFiles("upload", [3_500_000]).message));
    world.simulator.addFault({ when: { service: "graph" }, do: { status: 403, message: `Bearer ${token} refused` } });
    await fails(target.listFolders());
    await fails(openGraphTarget({ user, tokens: world.tokens, cloud }));
    expect(errors.length).toBeGreaterThanOrEqual(2);
    const shown = [...errors.map((error) => `${error.stack}${JSON.stringify(error)}`), inspect(errors, { depth: 9 })];
    for (const text of [...shown, inspect(target, { depth: 9 }), JSON.stringify(target)]) {
      expect(text).not.toContain(token);
      expect(text).not.toMatch(url);
    }
  });
});
