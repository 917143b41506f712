import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CsvRow,
  imapServer,
  MigrationBatch,
  MigrationEndpoint,
  MigrationError,
  memoryStore,
  sqliteStore,
} from "../../src/index.js";
import type { ServerFault } from "../../src/testing/imap-server/faults.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { collect } from "../../src/testing/store-fixtures.js";
import { serverCertificate } from "../servers/certificates.js";
import { formsOf, secretsIn } from "./secret-forms.js";
import { World } from "./world.js";

/** They stand nowhere else in the package, and hold what each encoding treats in its own way. */
const SECRETS = { "source password": 'cánary-Süd,7"\\%n0', "target password": "cánary-Nörd+8/=?z1" } as const;
const EVENTS = [
  ...["batch:status", "batch:failed", "batch:notification", "user:status", "user:progress", "user:synced"],
  ...["user:failed", "user:verified", "user:waiting", "folder:started", "folder:completed", "folder:failed"],
  ...["message:not-copied", "message:changed", "listener:failed"],
] as const;

let folder: string;
let written: [where: string, octets: Uint8Array][];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "imap-to-m365-secrets-"));
  written = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** As a host prints, logs, stores or sends it. */
function note(where: string, value: unknown): void {
  written.push([`${where} as text`, Buffer.from(String(value))]);
  written.push([`${where} inspected`, Buffer.from(inspect(value, { depth: 15, showHidden: true, getters: false }))]);
  written.push([`${where} as JSON`, Buffer.from(JSON.stringify(value) ?? "")]);
  try {
    written.push([`${where} cloned`, Buffer.from(inspect(structuredClone(value), { depth: 15 }))]);
  } catch {
    // functions cannot be cloned
  }
  if (!(value instanceof Error)) return;
  written.push([`${where}'s stack`, Buffer.from(value.stack ?? "")]);
  if (value.cause !== undefined) note(`${where}'s cause`, value.cause);
}

async function noteFiles(when: string): Promise<void> {
  for (const name of await readdir(folder)) written.push([`${name} ${when}`, await readFile(join(folder, name))]);
}

/** What a server says that gives away all it was told: the octets themselves, and each coding of them. */
function gossip(user: string, secret: string): string {
  const octets = Buffer.from(secret);
  return [
    octets.toString("latin1"), // octets, as a line of the server holds them
    Buffer.from(`\0${user}\0${secret}`).toString("base64"),
    octets.toString("base64"),
    octets.toString("hex"),
    encodeURIComponent(secret),
  ].join(" ");
}

const USER = "terry";
const told = gossip(USER, SECRETS["source password"]);
const toldByTarget = gossip(USER, SECRETS["target password"]);

interface Road {
  readonly title: string;
  readonly security?: "None" | "Ssl" | "Tls";
  readonly source?: readonly ServerFault[];
  readonly target?: readonly ServerFault[];
  /** A password that the servers do not know. */
  readonly isWrong?: true;
}

const roads: readonly Road[] = [
  { title: "in plain text, as was asked for", security: "None" },
  { title: "over TLS", security: "Ssl" },
  { title: "over STARTTLS", security: "Tls" },
  { title: "with passwords that are wrong", isWrong: true },
  ...["AUTHENTICATE", "LOGIN"].flatMap((verb): Road[] => [
    {
      title: `a source that says it all in its NO to ${verb}`,
      source: [{ when: { verb }, do: { answer: `NO [AUTHENTICATIONFAILED] ${told}` } }],
    },
    {
      title: `a target that says it all in its NO to ${verb}`,
      target: [{ when: { verb }, do: { answer: `NO ${toldByTarget}` } }],
    },
    { title: `a source that says it all in a BYE to ${verb}`, source: [{ when: { verb }, do: { bye: told } }] },
  ]),
  {
    title: "a source that says it all when it lists",
    source: [{ when: { verb: "LIST" }, do: { answer: `NO ${told}` } }],
  },
  {
    title: "a source that says it all when it is read",
    source: [{ when: { verb: "UID FETCH" }, do: { answer: `NO ${told}` } }],
  },
  {
    title: "a source that ends it all in mid-run",
    source: [{ when: { verb: "UID FETCH" }, do: { bye: `throttled ${told}` } }],
  },
  {
    title: "a target that refuses messages with it",
    target: [{ when: { verb: "APPEND" }, do: { answer: `NO ${toldByTarget}` } }],
  },
  {
    title: "a target that throttles with it",
    target: [{ when: { verb: "APPEND", nth: 1 }, do: { answer: `NO [LIMIT] Request is throttled ${toldByTarget}` } }],
  },
  {
    title: "a target that makes no folder because of it",
    target: [{ when: { verb: "CREATE" }, do: { answer: `NO ${toldByTarget}` } }],
  },
];

describe("R10 no password is in anything that is written, by whatever road", () => {
  it.each(roads.map((road) => [road.title, road] as const))("%s", async (_title, road) => {
    const { security = "None", source: sourceFaults = [], target: targetFaults = [], isWrong } = road;
    const certificate = await serverCertificate();
    const tls = { key: certificate.key, cert: certificate.certificate, mode: "both" } as const;
    const start = (password: string, faults: readonly ServerFault[]) =>
      ScriptedImapServer.start({ accounts: [{ user: USER, password: isWrong ? "another" : password }], tls, faults });
    const source = await start(SECRETS["source password"], sourceFaults);
    const target = await start(SECRETS["target password"], targetFaults);
    source.account(USER).folder("INBOX").addMessage(sampleMessage("one"));
    source.account(USER).addFolder({ name: "Other" }).addMessage(sampleMessage("two"));
    const addressOf = (server: ScriptedImapServer) => ({
      remoteServer: server.host,
      port: security === "Ssl" ? server.tlsPort : server.port,
      security,
      ca: certificate.ca,
    });
    const row = new CsvRow({
      emailAddress: "terry@contoso.com",
      userName: USER,
      password: SECRETS["source password"],
    });
    const endpoint = new MigrationEndpoint({ name: "source", ...addressOf(source) });
    const password = SECRETS["target password"];
    const mailTarget = imapServer({ ...addressOf(target), credentials: () => ({ user: USER, password }) });
    const store = sqliteStore(join(folder, "ledger.db"));
    const batch = new MigrationBatch({
      name: "Secrets",
      store,
      sourceEndpoint: endpoint,
      target: mailTarget,
      users: [row],
      settleDelayMs: 0,
      retry: { attempts: 2, firstPauseMs: 1, maxPauseMs: 1 },
    });
    for (const name of EVENTS) batch.on(name as "user:failed", (event) => note(name, event)); // a host may log any of them
    try {
      const report = await batch.start();
      await noteFiles("while it is open");
      note("report", report);
      note("items", await collect(report.items()));
      note("users", await collect(report.userReports()));
      note("verification", await batch.verify({ level: 4 }).catch((error: unknown) => error));
      note("test", await endpoint.test(row).catch((error: unknown) => error));
      for (const [name, value] of Object.entries({ batch, endpoint, mailTarget, store, row })) note(name, value);
      // What a fault says is the test's own; what the client said is hidden.
      if (sourceFaults.length === 0) note("the source's transcript", source.transcript);
      if (targetFaults.length === 0) note("the target's transcript", target.transcript);
    } finally {
      await batch.close();
      await store.close();
      await Promise.all([source.close(), target.close()]);
    }
    await noteFiles("when it is closed");
    expect(written.length).toBeGreaterThan(30);
    expect(secretsIn(written, SECRETS)).toEqual([]);
  });

  it("not in the faults of a user list", () => {
    const password = SECRETS["source password"];
    const quoted = `"${password.replaceAll('"', '""')}"`;
    const lists = [
      `EmailAddress,UserName,Password\r\na@x,b,${quoted},more\r\n`,
      `EmailAddress;UserName;Password\r\na@x;b;${quoted}\r\n`,
      `EmailAddress,UserName,${quoted}\r\na@x,b,c\r\n`,
      `EmailAddress,UserName,Password\r\nnot an address,b,${quoted}\r\nnot an address,,${quoted}\r\n`,
      `EmailAddress,UserName,Password\r\na@x,b,"${password}\r\n`,
      `EmailAddress,UserName,Password\r\n${quoted},${quoted},${quoted}\r\n`,
    ];
    for (const list of lists) {
      let error: unknown;
      try {
        CsvRow.parse(list);
      } catch (thrown) {
        error = thrown;
      }
      note("faults", error);
    }
    expect(written.some(([, octets]) => Buffer.from(octets).includes("csv-invalid"))).toBe(true);
    expect(secretsIn(written, SECRETS)).toEqual([]);
  });

  it("not in what a process prints that dies of an error", async () => {
    const source = await ScriptedImapServer.start({
      accounts: [{ user: USER, password: "another" }],
      faults: [{ when: { verb: "AUTHENTICATE" }, do: { answer: `NO [AUTHENTICATIONFAILED] ${told}` } }],
    });
    const target = await ScriptedImapServer.start({
      accounts: [{ user: USER, password: SECRETS["target password"] }],
    });
    const crash = {
      ...{ sourcePort: source.port, targetPort: target.port },
      ...{ password: SECRETS["source password"], targetPassword: SECRETS["target password"] },
    };
    const env = { PATH: process.env["PATH"], CRASH: JSON.stringify(crash) };
    const printed = await new Promise<string>((resolve) => {
      execFile(process.execPath, ["--import", "tsx", "test/recovery/crashing-child.ts"], { env }, (_, out, err) =>
        resolve(out + err),
      );
    });
    await Promise.all([source.close(), target.close()]);
    expect(printed).toContain("auth-failed");
    expect(secretsIn([["what it printed", Buffer.from(printed)]], SECRETS)).toEqual([]);
  });

  it("not in an error with causes, whatever the depth", () => {
    const inner = new MigrationError("auth-failed", "NO •••");
    note("error", new MigrationError("unexpected", "outer", { cause: new Error("middle", { cause: inner }) }));
    expect(secretsIn(written, SECRETS)).toEqual([]);
  });
});

describe("the search for secrets", () => {
  it("finds each form of each secret, at every alignment and in every surrounding", () => {
    const secret = SECRETS["source password"];
    for (const [name, octets] of formsOf(secret)) {
      const hits = secretsIn(
        [["there", Buffer.concat([Buffer.from("before "), octets, Buffer.from(" after")])]],
        SECRETS,
      );
      expect(hits, name).not.toEqual([]);
    }
    for (let before = 0; before < 7; before++) {
      for (let after = 0; after < 7; after++) {
        const around = Buffer.from("x".repeat(before) + secret + "y".repeat(after)).toString("base64");
        expect(secretsIn([["there", Buffer.from(around)]], SECRETS), `${before} ${after}`).not.toEqual([]);
      }
    }
  });

  it("notices what a world of fakes would give away", async () => {
    const world = new World(memoryStore(), { sources: [[{ levels: ["INBOX"], messages: [sampleMessage("one")] }]] });
    const { report } = await world.run();
    note("report", { report, password: SECRETS["target password"] });
    expect(secretsIn(written, SECRETS)).not.toEqual([]);
  });
});
