import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { connect } from "node:tls";
import type { ImapFlow } from "imapflow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FixtureMessage } from "../fixtures/mail/fixture-message.js";
import { seedMailboxes } from "../fixtures/mail/seed-mailboxes.js";
import { accessToken } from "./access-token.js";
import {
  type Account,
  ADMIN,
  ANN,
  type MailServer,
  PAUL,
  startCourier,
  startCyrus,
  startDovecot,
  TERRY,
} from "./mail-server.js";
import { writeMaildir } from "./maildir.js";
import { differences, logIn, type MailboxContents, readMailbox, type StoredMessage } from "./read-mailbox.js";

type Login = Parameters<typeof logIn>[1];

const MESSAGE = Buffer.from(
  "From: a@contoso.edu\r\nSubject: test\r\n\r\n8-bit \xe9 \xff\r\n.\r\nlast line\r\n",
  "latin1",
);
const DATE = new Date("2001-02-03T04:05:06Z");
const TERRY_LOGIN: Login = { user: TERRY.name, pass: TERRY.password };
const ADMIN_LOGIN: Login = { user: ADMIN.name, pass: ADMIN.password };

function sha256(octets: Buffer): string {
  return createHash("sha256").update(octets).digest("hex");
}

function asStored({ octets, flags, internalDate }: FixtureMessage): StoredMessage {
  return { sha256: sha256(octets), size: octets.length, flags: [...flags].sort(), internalDate };
}

async function session<T>(server: MailServer, login: Login, work: (client: ImapFlow) => Promise<T>): Promise<T> {
  const client = await logIn(server, login);
  try {
    return await work(client);
  } finally {
    await client.logout();
  }
}

async function listed(server: MailServer, login: Login): Promise<string[]> {
  return session(server, login, async (client) => (await client.list()).map((folder) => folder.path));
}

/** What the server answers to each command, one after the other; for what imapflow cannot say or stand. */
async function answers(server: MailServer, account: Account, commands: readonly string[]): Promise<string> {
  const socket = connect({ host: server.host, port: server.tlsPort, ca: server.ca });
  const received = createInterface(socket)[Symbol.asyncIterator]();
  const lines: string[] = [];
  await received.next(); // the greeting
  for (const command of [`LOGIN ${account.name} ${account.password}`, ...commands]) {
    socket.write(`A ${command}\r\n`);
    do {
      const line = await received.next();
      if (line.done) throw new Error(`the server ended the connection after ${command}`);
      lines.push(line.value);
    } while (!lines.at(-1)?.startsWith("A "));
  }
  socket.destroy();
  return lines.join("\n");
}

/** Courier lists them only when asked for. */
async function sharedFolders(server: MailServer, account: Account): Promise<string[]> {
  const list = await answers(server, account, ['LIST "" "#shared.*"']);
  const quoted = list.match(/(?<=")#shared\..+(?="$)/gm) ?? [];
  return quoted.map((name) => name.replace(/\\(.)/g, "$1")).sort();
}

const servers = [
  ["Dovecot", startDovecot],
  ["Courier", startCourier],
  ["Cyrus", startCyrus],
] as const;

describe.each(servers)("%s", (_, start) => {
  let server: MailServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  test("takes a message over STARTTLS and gives the same octets back over TLS", async () => {
    const client = await logIn(server, TERRY_LOGIN, "Tls");
    await client.append("INBOX", MESSAGE, ["\\Seen"], DATE);
    await client.logout();
    const contents = await readMailbox(server, TERRY);
    expect(contents.get("INBOX")).toEqual([asStored({ octets: MESSAGE, flags: ["\\Seen"], internalDate: DATE })]);
  });

  test("keeps its mail when all of it is killed", async () => {
    const before = await readMailbox(server, TERRY);
    await server.kill();
    await expect(logIn(server, TERRY_LOGIN)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await server.restart();
    expect(await readMailbox(server, TERRY)).toEqual(before);
    expect(before.get("INBOX")).toHaveLength(1);
  });
});

test("no server takes a wrong password", async () => {
  const started = await Promise.all(servers.map(([, start]) => start()));
  const refusal = { authenticationFailed: true };
  const login = { user: TERRY.name, pass: "wrong" };
  await Promise.all(started.map((server) => expect(logIn(server, login)).rejects.toMatchObject(refusal)));
  await Promise.all(started.map((server) => server.stop()));
});

describe("Dovecot", () => {
  let source: MailServer;
  let target: MailServer;
  beforeAll(async () => {
    const users = [TERRY, ANN, PAUL].map(({ name }) => ({ name: `seed.${name}`, password: "secret" }));
    [source, target] = await Promise.all([
      startDovecot({ users }),
      startDovecot({ quotaKb: 20, capability: "IMAP4rev1 UIDPLUS" }),
    ]);
  });
  afterAll(() => Promise.all([source.stop(), target.stop()]));

  test.each([
    `${TERRY.name}*${ADMIN.name}`,
    `contoso-students/${ADMIN.name}/${TERRY.name}`,
    `#${TERRY.name}@contoso-students.edu#${ADMIN.name}#`,
  ])("lets the admin in as %s, with the admin's password only", async (user) => {
    expect(await listed(source, { user, pass: ADMIN.password })).toContain("INBOX");
    await expect(listed(source, { user, pass: TERRY.password })).rejects.toThrow();
  });

  test("takes an access token until it expires", async () => {
    const user = TERRY.name;
    expect(await listed(source, { user, accessToken: accessToken(user) })).toContain("INBOX");
    await expect(listed(source, { user, accessToken: accessToken(user, -5) })).rejects.toThrow();
  });

  test("has the further accounts it was started with", async () => {
    expect(await listed(source, { user: `seed.${TERRY.name}`, pass: "secret" })).toContain("INBOX");
    await expect(listed(target, { user: `seed.${TERRY.name}`, pass: "secret" })).rejects.toThrow();
  });

  test("shows the capabilities it was started with", async () => {
    await session(target, TERRY_LOGIN, async (client) => expect(client.capabilities.has("MULTIAPPEND")).toBe(false));
    await session(source, TERRY_LOGIN, async (client) => expect(client.capabilities.has("MULTIAPPEND")).toBe(true));
  });

  test("has a quota for Paul only when asked to", async () => {
    const append = (server: MailServer, { name, password }: Account) =>
      session(server, { user: name, pass: password }, (client) =>
        client.append("Trash", Buffer.alloc(30_000, "text\r\n")),
      );
    await expect(append(target, PAUL)).rejects.toMatchObject({ serverResponseCode: "OVERQUOTA" });
    await append(target, ANN);
    await append(source, PAUL);
  });

  test.each(seedMailboxes())(
    "serves the mail of $user as it was written into the Maildir",
    async ({ user, folders }) => {
      const account: Account = { name: `seed.${user}`, password: "secret" };
      await writeMaildir(source, account.name, folders);
      const contents = await readMailbox(source, account);
      for (const { name, messages } of folders) expect(contents.get(name), name).toEqual(messages.map(asStored));
    },
  );
});

describe("Courier", () => {
  let server: MailServer;
  const users = [{ name: "a.b.c", password: "secret" }];
  beforeAll(async () => {
    server = await startCourier({ users, mungeSharedNames: false });
  });
  afterAll(() => server.stop());

  test("shows everybody's mailbox to the admin, and only there", async () => {
    await session(server, TERRY_LOGIN, (client) => client.mailboxCreate("INBOX.Projects"));
    expect(await sharedFolders(server, ADMIN)).toEqual([
      "#shared.users",
      "#shared.users.a b c",
      "#shared.users.ann beebe",
      "#shared.users.paul cannon",
      "#shared.users.terry adams",
      "#shared.users.terry adams.Projects",
    ]);
    expect(await sharedFolders(server, TERRY)).not.toContain("#shared.users.ann beebe");
  });

  test("lets the admin read a user's INBOX", async () => {
    await session(server, TERRY_LOGIN, (client) => client.append("INBOX", MESSAGE, [], DATE));
    await session(server, ADMIN_LOGIN, async (client) => {
      client.namespace = { prefix: "", delimiter: "." }; // or imapflow puts INBOX. before every path
      await client.mailboxOpen("#shared.users.terry adams", { readOnly: true });
      const message = await client.fetchOne("*", { source: true });
      expect(message ? message.source : undefined).toEqual(MESSAGE);
    });
  });

  test("spells shared folders as it was told to", async () => {
    const others = await Promise.all([startCourier({ mungeSharedNames: true }), startCourier({ sharedGroup: false })]);
    const shared = await Promise.all(others.map((other) => sharedFolders(other, ADMIN)));
    await Promise.all(others.map((other) => other.stop()));
    expect(shared.map((folders) => folders.at(-1))).toEqual(["#shared.users.terry\\:adams", "#shared.terry adams"]);
  });
});

describe("Cyrus", () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await startCyrus({ extraConfig: "suppress_capabilities: LITERAL+" });
    await session(server, TERRY_LOGIN, (client) => client.append("INBOX", MESSAGE, [], DATE));
  });
  afterAll(() => server.stop());

  test("lets the admin act for a user", async () => {
    const login = { ...ADMIN_LOGIN, authzid: TERRY.name, loginMethod: "AUTH=PLAIN" };
    await session(server, login, async (client) => {
      expect((await client.mailboxOpen("INBOX", { readOnly: true })).exists).toBe(1);
    });
  });

  test("shows every mailbox to the admin but opens none", async () => {
    const text = await answers(server, ADMIN, ['LIST "" "*"', "EXAMINE user/terry.adams"]);
    expect(text).toMatch(/^\* LIST .* user\/terry\.adams$/m);
    expect(text).toMatch(/^A NO .*Permission denied$/m);
  });

  test("has the settings it was started with", async () => {
    await session(server, TERRY_LOGIN, async (client) => expect(client.capabilities.has("LITERAL+")).toBe(false));
  });
});

describe("differences", () => {
  const message = { sha256: "a", size: 1, flags: ["\\Seen"], internalDate: DATE };
  const mailbox = (...messages: StoredMessage[]): MailboxContents => new Map([["INBOX", messages]]);

  test("are none between mailboxes that hold the same", () => {
    const other = { ...message, sha256: "b" };
    expect(differences(mailbox(message, other, message), mailbox(other, message, message))).toEqual([]);
    expect(differences(mailbox(), new Map())).toEqual([]);
  });

  test.each([
    ["a message less", [message, message], [message], ["1 missing"]],
    ["a message more", [message], [message, message], ["1 too many"]],
    ["other octets", [message], [{ ...message, sha256: "b" }], ["1 missing", "1 too many"]],
    ["other flags", [message], [{ ...message, flags: [] }], ["1 missing", "1 too many"]],
    ["another date", [message], [{ ...message, internalDate: new Date(0) }], ["1 missing", "1 too many"]],
  ])("tell of %s", (_, source, target, expected) => {
    const found = differences(mailbox(...source), mailbox(...target));
    expect(found.map((line) => line.match(/\d+ (missing|too many)/)?.[0])).toEqual(expected);
  });
});
