import { afterEach, describe, expect, it } from "vitest";
import type { Cloud } from "../../src/credentials/clouds.js";
import {
  CsvRow,
  exchangeOnline,
  globalCloud,
  MigrationBatch,
  type MigrationBatchOptions,
  memoryStore,
  noLimits,
} from "../../src/index.js";
import { FakeMailbox, type FolderContent } from "../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../src/testing/fake-source.js";
import { exchangeFaults } from "../../src/testing/imap-server/exchange-faults.js";
import { exchangeFolders } from "../../src/testing/imap-server/exchange-online-profile.js";
import { rawMessage, type StoredMessage, sampleMessage } from "../../src/testing/sample-message.js";
import { accessToken } from "../servers/access-token.js";
import { startDovecot } from "../servers/mail-server.js";
import { readMailbox } from "../servers/read-mailbox.js";
import { ExchangeMailboxes } from "../suites/exchange-mailboxes.js";
import { VirtualClock } from "../virtual-clock.js";

const TERRY = "terry.adams@contoso.com";
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function batchOf(content: readonly FolderContent[], options: Pick<MigrationBatchOptions, "target" | "clock">) {
  const source = new FakeMailbox(content);
  return new MigrationBatch({
    name: "IMAPBatch1",
    store: memoryStore(),
    limits: noLimits,
    settleDelayMs: 0,
    sourceEndpoint: {
      name: "IMAPEndpoint",
      maxConcurrentMigrations: 4,
      openSource: (_row, { signal }) => openFakeSource(source, {}, { signal }),
    },
    users: [new CsvRow({ emailAddress: TERRY, userName: "terry.adams", password: "1091990" })],
    ...options,
  });
}

async function startExchange(options: Parameters<typeof ExchangeMailboxes.start>[0] = {}) {
  const accounts = [{ user: TERRY, folders: exchangeFolders }];
  const mailboxes = await ExchangeMailboxes.start({ accounts, ...options });
  cleanups.push(() => mailboxes.server.close());
  return { mailboxes, account: mailboxes.server.account(TERRY) };
}

const inbox = (messages: readonly StoredMessage[]): FolderContent[] => [{ levels: ["INBOX"], messages: [...messages] }];
const sampled = (count: number, name = "message") =>
  Array.from({ length: count }, (_, at) => sampleMessage(`${name} ${at}`));

describe("a migration to Exchange Online over IMAP", () => {
  it("R16 keeps a pause that was asked for in full, though the connection ends behind it", async () => {
    const backoffs = [92_415, 300_000];
    const faults = backoffs.map((ms, at) => exchangeFaults.throttled(ms, { verb: "APPEND", nth: 5 + 12 * at }));
    const { mailboxes, account } = await startExchange({ faults });
    const clock = new VirtualClock();
    const folders = ["INBOX", "One", "Two"].map((name) => ({ levels: [name], messages: sampled(20, name) }));
    const report = await batchOf(folders, { target: mailboxes.target(), clock }).start();
    expect(report).toMatchObject({ users: { Synced: 1 }, books: { found: 60, failed: 0, refused: 0, uncertain: 0 } });
    for (const ms of backoffs) expect(clock.pauses.some((pause) => pause >= ms)).toBe(true);
    expect(account.folders.flatMap(({ messages }) => messages)).toHaveLength(60);
  });

  it("R15 goes on after the BYE that about ten refusals end in, and counts every message", async () => {
    const { mailboxes, account } = await startExchange();
    const longLine = rawMessage(`Subject: too long\r\n\r\n${"x".repeat(11_000)}\r\n`);
    const messages = Array.from({ length: 90 }, (_, at) => (at % 3 === 0 ? longLine : sampleMessage(`message ${at}`)));
    const batch = batchOf(inbox(messages), { target: mailboxes.target(), clock: new VirtualClock() });
    const report = await batch.start();
    expect(report.books).toMatchObject({ found: 90, refused: 30, uncertain: 0 });
    expect(report.books.copied + report.books.alreadyThere).toBe(60);
    expect(account.folder("INBOX").messages).toHaveLength(60);
    expect(mailboxes.server.acceptedConnections).toBeGreaterThan(2);
    const reasons = new Set<string | undefined>();
    for await (const { kind, detail } of report.items()) if (kind === "refused") reasons.add(detail);
    expect([...reasons]).toEqual([expect.stringContaining("Command Argument Error. 11")]);
  });

  it("gives a full mailbox up after three connections, and fills it once there is room", async () => {
    const { mailboxes, account } = await startExchange();
    account.quota = 3_000;
    const batch = batchOf(inbox(sampled(40)), { target: mailboxes.target(), clock: new VirtualClock() });
    const codes: string[] = [];
    batch.on("user:failed", ({ error }) => void codes.push(error.code));
    await batch.start();
    expect(codes).toEqual(["quota-exceeded"]);
    account.quota = Number.POSITIVE_INFINITY;
    const report = await batch.start();
    expect(report).toMatchObject({ users: { Synced: 1 }, books: { found: 40, refused: 0, failed: 0 } });
    expect(account.folder("INBOX").messages).toHaveLength(40);
  });
});

describe("what Exchange Online holds after a migration over IMAP", () => {
  const content: FolderContent[] = [
    { levels: ["INBOX"], messages: [...sampled(20), sampleMessage("twin"), sampleMessage("twin")] },
    { levels: ["Work", "2024"], messages: [sampleMessage("flagged", { flags: ["\\Flagged", "\\Answered"] })] },
  ];

  it("R5 was written by commands that only add, and by STORE of one flag", async () => {
    const { mailboxes } = await startExchange();
    await batchOf(content, { target: mailboxes.target(), clock: new VirtualClock() }).start();
    const commands = mailboxes.server.commands();
    const allowed = [
      "AUTHENTICATE",
      "CAPABILITY",
      "ID",
      "NAMESPACE",
      "LIST",
      "CREATE",
      "SUBSCRIBE",
      "SELECT",
      "APPEND",
    ];
    const others = new Set(commands.map(({ verb }) => verb).filter((verb) => !allowed.includes(verb)));
    expect([...others].sort()).toEqual(["LOGOUT", "UID STORE"]);
    const stores = commands.filter(({ verb }) => verb === "UID STORE").map(({ arguments: text }) => text.trim());
    expect(stores).toEqual(["1 +FLAGS (\\Flagged)"]);
  });

  it("R7 is recognised by another ledger, which appends nothing", async () => {
    const { mailboxes } = await startExchange();
    const migrate = () => batchOf(content, { target: mailboxes.target(), clock: new VirtualClock() }).start();
    expect((await migrate()).books).toMatchObject({ found: 23, copied: 23 });
    expect((await migrate()).books).toMatchObject({ found: 23, copied: 0, alreadyThere: 23, uncertain: 0 });
    expect(mailboxes.server.commands("APPEND")).toHaveLength(23);
  });

  it("is Perfect up to level 3, though every octet may differ", async () => {
    const { mailboxes } = await startExchange();
    const batch = batchOf(content, { target: mailboxes.target(), clock: new VirtualClock() });
    await batch.start();
    for (const level of [1, 2, 3] as const) {
      const { users } = await batch.verify({ level });
      expect(users).toMatchObject([{ grade: "Perfect", items: [], errors: [] }]);
    }
    await expect(batch.verify({ level: 4 })).rejects.toMatchObject({ code: "option-invalid" });
  });
});

/** Hands out the same token until it is told that it was refused, as a cache does whose clock is slow. */
class StaleTokens {
  readonly kind = "application";
  readonly lifeSeconds: number;
  fetched = 0;
  #token = "";
  #expiresOn = new Date(0);

  constructor(lifeSeconds: number) {
    this.lifeSeconds = lifeSeconds;
  }

  connect(_cloud: Cloud) {
    return {
      accessToken: async (_scope: string, { renew = false }: { readonly renew?: boolean } = {}) => {
        if (renew || this.fetched === 0) {
          this.fetched += 1;
          this.#token = accessToken(TERRY, this.lifeSeconds);
          this.#expiresOn = new Date(Date.now() + 1000 * this.lifeSeconds);
        }
        return { token: this.#token, expiresOn: this.#expiresOn };
      },
    };
  }
}

describe("XOAUTH2 with tokens that run out, against Dovecot", () => {
  it("R1 R2 renews them while it goes on, and neither loses nor doubles anything", async () => {
    const server = await startDovecot({
      users: [{ name: TERRY, password: "1091990" }],
      extraConfig: "auth_mechanisms = plain login xoauth2",
    });
    cleanups.push(() => server.stop());
    const credentials = new StaleTokens(2);
    const target = exchangeOnline({
      credentials,
      cloud: { ...globalCloud, imapHost: server.host },
      port: server.tlsPort,
      ca: server.ca,
      maxConcurrentAppends: 1,
    });
    const folders = ["INBOX", "One", "Two", "Three"].map((name) => ({
      levels: [name],
      messages: Array.from({ length: 400 }, (_, at) =>
        sampleMessage(`${name} ${at}`, { octets: 2_000, flags: at % 50 === 0 ? ["\\Seen", "\\Flagged"] : [] }),
      ),
    }));
    const report = await batchOf(folders, { target }).start();
    expect(report).toMatchObject({
      users: { Synced: 1 },
      books: { found: 1_600, failed: 0, refused: 0, uncertain: 0 },
    });
    expect(credentials.fetched).toBeGreaterThan(1);
    const terry = server.users.find(({ name }) => name === TERRY);
    if (!terry) throw new Error("the server knows Terry");
    const contents = await readMailbox(server, terry);
    for (const { levels } of folders) {
      const messages = contents.get(levels.join("/")) ?? [];
      expect(messages).toHaveLength(400);
      expect(new Set(messages.map(({ sha256 }) => sha256)).size).toBe(400);
      expect(messages.filter(({ flags }) => flags.includes("\\Flagged"))).toHaveLength(8);
    }
  }, 120_000);
});
