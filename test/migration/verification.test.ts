import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CsvRow,
  imapServer,
  MigrationBatch,
  MigrationEndpoint,
  memoryStore,
  noLimits,
  type UserVerification,
  type VerificationItem,
} from "../../src/index.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { messagesOfEveryClass } from "../fixtures/mail/message-classes.js";
import { seedMailboxes } from "../fixtures/mail/seed-mailboxes.js";
import { type MailServer, startCourier, startDovecot, TERRY } from "../servers/mail-server.js";
import { writeMaildir } from "../servers/maildir.js";
import { startedServers } from "../servers/started-servers.js";

const USER = "terrya@contoso.edu";
const users = [new CsvRow({ emailAddress: USER, userName: TERRY.name, password: TERRY.password })];
const common = { name: "IMAPBatch1", users, limits: noLimits, settleDelayMs: 0 };
const classes = messagesOfEveryClass();
const started = startedServers();

function targetOn({ host, tlsPort, ca }: MailServer) {
  const credentials = () => ({ user: TERRY.name, password: TERRY.password });
  return imapServer({ remoteServer: host, port: tlsPort, ca, credentials });
}

async function verified(batch: MigrationBatch, level: 0 | 1 | 2 | 3 | 4): Promise<UserVerification> {
  const { users: verifications } = await batch.verify({ level });
  const [user] = verifications;
  if (!user) throw new Error("the batch has one user");
  expect(user.errors).toEqual([]);
  return user;
}

/** The file of the first message of a Maildir++ folder that says `text`. */
async function fileWith(server: MailServer, folder: string, text: string): Promise<string> {
  const directory = join(server.dir, "mail", TERRY.name, "Maildir", folder, "cur");
  const waiting = join(directory, "..", "new");
  for (const place of [directory, waiting]) {
    for (const name of await readdir(place)) {
      if ((await readFile(join(place, name))).includes(text)) return join(place, name);
    }
  }
  throw new Error(`no message of ${folder || "INBOX"} says ${text}`);
}

function inShort(items: readonly VerificationItem[]): string[] {
  return items
    .map((item) => {
      if (item.kind === "surplus") return `${item.target}: surplus`;
      return `${item.target}: ${item.kind}${item.kind === "changed" ? ` ${item.differs.join(" ")}` : ""}`;
    })
    .sort();
}

describe("a mailbox migrated from Dovecot to Dovecot", () => {
  let target: MailServer;
  let batch: MigrationBatch;
  let messages = 0;

  beforeAll(async () => {
    const source = await started(startDovecot());
    target = await started(startDovecot());
    const folders = seedMailboxes().find(({ user }) => user === TERRY.name)?.folders ?? [];
    const damaged = ["to be deleted", "to be damaged", "to stay"].map((subject) => ({
      octets: Buffer.from(`Subject: ${subject}\r\nFrom: a@contoso.edu\r\n\r\nThe text of what is ${subject}.\r\n`),
      flags: ["\\Seen"],
      internalDate: new Date("2001-02-03T04:05:06Z"),
    }));
    await writeMaildir(source, TERRY.name, [...folders, { name: "Damage", messages: damaged }]);
    messages = folders.reduce((sum, folder) => sum + folder.messages.length, damaged.length);
    batch = new MigrationBatch({
      ...common,
      store: memoryStore(),
      sourceEndpoint: new MigrationEndpoint({
        ...{ name: "IMAPEndpoint", remoteServer: source.host, port: source.tlsPort, ca: source.ca },
      }),
      target: targetOn(target),
    });
    expect(await batch.start()).toMatchObject({ status: "Synced", books: { copied: messages } });
  });

  it("R1 R3 is Perfect at every level", async () => {
    for (const level of [0, 1, 2, 3, 4] as const) {
      const { grade, counts, items } = await verified(batch, level);
      expect({ grade, items }).toEqual({ grade: "Perfect", items: [] });
      expect(counts).toMatchObject({ checked: messages, surplus: 0, contentsChecked: level === 4 ? messages : 0 });
    }
  });

  it("R1 R3 shows one message deleted, one octet changed and one message added in the server's own files", async () => {
    await rm(await fileWith(target, ".Damage", "Subject: to be deleted"));
    const file = await fileWith(target, ".Damage", "Subject: to be damaged");
    await writeFile(file, (await readFile(file, "latin1")).replace("The text", "The taxt"), "latin1");
    const octets = Buffer.from("Subject: added\r\n\r\nBy somebody else.\r\n");
    const added = { octets, flags: [], internalDate: new Date("2002-02-02T02:02:02Z") };
    await writeMaildir(target, TERRY.name, [{ name: "Damage", messages: [added] }]);
    const atLevel1 = await verified(batch, 1);
    expect(inShort(atLevel1.items)).toEqual(["Damage: missing", "Damage: surplus"]);
    const { grade, counts, items } = await verified(batch, 4);
    expect(inShort(items)).toEqual(["Damage: changed content", "Damage: missing", "Damage: surplus"]);
    expect(items).toContainEqual({
      ...{ kind: "changed", folder: "Damage", target: "Damage", uid: expect.any(Number), id: expect.any(String) },
      differs: ["content"],
    });
    expect(counts).toMatchObject({
      checked: messages,
      contentsChecked: messages - 1,
      missing: 1,
      damaged: 1,
      surplus: 1,
    });
    expect(grade).toBe("Investigate");
  });
});

describe("a server that says OK and lies", () => {
  it("R1 R2 R3 R5 is found out over the wire, by commands that change nothing", async () => {
    const accounts = [{ user: TERRY.name, password: TERRY.password }];
    const source = await ScriptedImapServer.start({ accounts });
    const target = await ScriptedImapServer.start({
      accounts,
      store: (octets) => {
        const text = octets.toString("latin1");
        if (text.includes("Subject: forgotten")) return undefined;
        if (text.includes("Subject: doubled")) return [octets, octets];
        return Buffer.from(text.replace("Subject: rewritten", "Subject: Rewritten"), "latin1");
      },
      // Without UIDPLUS no id is told: a server that stores otherwise than it says would tell wrong ones.
      capabilities: () => ["IMAP4rev1", "LITERAL+"],
    });
    try {
      const inbox = source.account(TERRY.name).folder("INBOX");
      for (const subject of ["kept", "forgotten", "doubled", "rewritten"]) {
        inbox.addMessage({ octets: Buffer.from(`Subject: ${subject}\r\n\r\ntext\r\n`) });
      }
      const batch = new MigrationBatch({
        ...common,
        store: memoryStore(),
        sourceEndpoint: new MigrationEndpoint({
          ...{ name: "IMAPEndpoint", remoteServer: source.host, port: source.port, security: "None" },
        }),
        target: imapServer({
          ...{ remoteServer: target.host, port: target.port, security: "None" },
          credentials: () => ({ user: TERRY.name, password: TERRY.password }),
        }),
      });
      expect(await batch.start()).toMatchObject({ status: "Synced", books: { copied: 4 } });
      const [before, beforeAtSource] = [target.commands().length, source.commands().length];
      const { grade, items } = await verified(batch, 4);
      // A header block that was changed cannot be recognised without an id.
      expect(inShort(items)).toEqual(["INBOX: missing", "INBOX: missing", "INBOX: surplus", "INBOX: surplus"]);
      expect(grade).toBe("Poor");
      const verbs = new Set(
        [...target.commands().slice(before), ...source.commands().slice(beforeAtSource)].map(({ verb }) => verb),
      );
      const harmless = [
        "AUTHENTICATE",
        "CAPABILITY",
        "EXAMINE",
        "ID",
        "LIST",
        "LOGIN",
        "LOGOUT",
        "NAMESPACE",
        "STATUS",
        "UID FETCH",
      ];
      expect([...verbs].filter((verb) => !harmless.includes(verb))).toEqual([]);
      expect([...verbs]).toContain("UID FETCH");
    } finally {
      await Promise.all([source.close(), target.close()]);
    }
  });
});

describe("200 messages of every class", () => {
  let source: ScriptedImapServer;

  beforeAll(async () => {
    source = await ScriptedImapServer.start({ accounts: [{ user: TERRY.name, password: TERRY.password }] });
    const inbox = source.account(TERRY.name).folder("INBOX");
    for (const { octets, flags, internalDate } of classes) inbox.addMessage({ octets, flags, internalDate });
  });

  afterAll(() => source.close());

  async function migratedTo(server: MailServer): Promise<MigrationBatch> {
    const batch = new MigrationBatch({
      ...common,
      store: memoryStore(),
      sourceEndpoint: new MigrationEndpoint({
        ...{ name: "IMAPEndpoint", remoteServer: source.host, port: source.port, security: "None" },
      }),
      target: targetOn(server),
    });
    expect(await batch.start()).toMatchObject({ status: "Synced", books: { copied: classes.length } });
    return batch;
  }

  /** The classes of the messages that were changed, by how: `nul`, `line-ends`, `internal-date` … */
  function classesByChange(items: readonly VerificationItem[]): Record<string, string[]> {
    const byChange: Record<string, string[]> = {};
    for (const item of items) {
      if (item.kind !== "changed") throw new Error(`not only changed: ${JSON.stringify(item)}`);
      const how = item.explained?.join(" ") ?? item.differs.join(" ");
      const name = classes[item.uid - 1]?.class ?? "";
      byChange[how] = [...new Set([...(byChange[how] ?? []), name])].sort();
    }
    return byChange;
  }

  it("R3 differ on Dovecot only as it is known to change them, told apart from damage", async () => {
    const batch = await migratedTo(await started(startDovecot()));
    const { grade, counts, items } = await verified(batch, 4);
    expect(counts).toMatchObject({ checked: 200, contentsChecked: 200, missing: 0, surplus: 0, damaged: 0 });
    expect(grade).toBe("Good");
    expect(classesByChange(items)).toEqual({
      "line-ends": ["LF only", "bare LF", "every octet but NUL"],
      "bare-cr": ["CR CR LF", "ends in CR"],
      nul: ["NUL in the body", "NUL in the header"],
      // It keeps dates in 32 bits: what was 1960 is 2096.
      "internal-date": ["INTERNALDATE after 2038", "INTERNALDATE before 1970"],
    });
  });

  it("R3 differ on Courier only as it is known to change them, but for the one that it does not serve whole", async () => {
    const batch = await migratedTo(await started(startCourier()));
    const { grade, counts, items } = await verified(batch, 4);
    expect(counts).toMatchObject({ checked: 200, contentsChecked: 200, missing: 0, surplus: 0, damaged: 1 });
    expect(grade).toBe("Investigate");
    expect(classesByChange(items)).toEqual({
      "final-line-end": ["1 octet", "no final CRLF"],
      "line-ends": ["LF only", "bare LF"],
      "bare-cr": ["CR CR LF", "bare CR"],
      "bare-cr final-line-end": ["ends in CR"],
      "line-ends bare-cr final-line-end": ["every octet but NUL"],
      "internal-date": ["INTERNALDATE 1970-01-01", "INTERNALDATE before 1970"],
      // 200 nested multiparts: it serves three quarters of them.
      "size content": ["forged MIME"],
    });
  });
});
