import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { ImapFlow } from "imapflow";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type ExchangeOnlineProfileOptions,
  exchangeFaults,
  exchangeFolders,
  exchangeOnlineProfile,
  Microsoft365Simulator,
  rebuiltByExchange,
  type ScriptedAccountOptions,
  ScriptedImapServer,
} from "../../../src/testing/index.js";

const USER = "terry@contoso.com";
const TOKEN = "first-token";

async function start(
  options: ExchangeOnlineProfileOptions = {},
  account: Partial<ScriptedAccountOptions> = {},
): Promise<ScriptedImapServer> {
  const server = await ScriptedImapServer.start({
    profile: exchangeOnlineProfile(options),
    accounts: [{ user: USER, accessToken: TOKEN, folders: exchangeFolders, ...account }],
  });
  onTestFinished(() => server.close());
  return server;
}

/** Sends one command and waits for the line that answers it. */
class RawClient {
  readonly #socket: Socket;
  text = "";
  readonly ended: Promise<unknown>;
  #wake = (): void => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.ended = once(socket, "close");
    socket.on("error", () => {});
    socket.on("data", (octets) => {
      this.text += octets.toString("latin1");
      this.#wake();
    });
  }

  static async open(server: ScriptedImapServer): Promise<RawClient> {
    const client = new RawClient(connect(server.port, server.host));
    await client.#until(/^\* OK .*\r\n/);
    return client;
  }

  static async signedIn(server: ScriptedImapServer, token = TOKEN): Promise<RawClient> {
    const client = await RawClient.open(server);
    expect(await client.signIn(token)).toMatch(/^OK/);
    return client;
  }

  signIn(token: string): Promise<string> {
    const initial = Buffer.from(`user=${USER}\x01auth=Bearer ${token}\x01\x01`).toString("base64");
    return this.command(`AUTHENTICATE XOAUTH2 ${initial}`);
  }

  append(folder: string, message: string | Buffer, flags = ""): Promise<string> {
    const octets = Buffer.from(message);
    return this.command(`APPEND "${folder}" (${flags}) {${octets.length}+}\r\n${octets.toString("latin1")}`);
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  /** What stands behind the tag of the answer. */
  async command(text: string): Promise<string> {
    this.text = "";
    this.#socket.write(Buffer.from(`a ${text}\r\n`, "latin1"));
    const [, answer = ""] = await this.#until(/^a (.*)\r\n/m);
    return answer;
  }

  async #until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match) return match;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const MESSAGE = "Subject: hello\r\n\r\nhello\r\n";

describe("A scripted server with the Exchange Online profile", () => {
  it("offers XOAUTH2 alone before sign-in, and after it none of what Exchange lacks", async () => {
    const server = await start();
    const client = await RawClient.open(server);
    await client.command("CAPABILITY");
    expect(client.text).toContain("AUTH=XOAUTH2 LOGINDISABLED SASL-IR");
    expect(await client.command(`LOGIN ${USER} ${TOKEN}`)).toMatch(/^NO/);
    expect(await client.signIn("wrong")).toBe("NO AUTHENTICATE failed.");
    expect(await client.signIn(TOKEN)).toMatch(/^OK/);
    await client.command("CAPABILITY");
    expect(client.text).not.toMatch(/MULTIAPPEND|APPENDLIMIT|CONDSTORE|SPECIAL-USE|LOGINDISABLED/);
  });

  it("tells special uses that it does not announce, and permits no keyword", async () => {
    const client = await RawClient.signedIn(await start());
    await client.command('LIST "" "*"');
    expect(client.text).toMatch(/\* LIST \([^)]*\\Sent\) "\/" "Sent Items"/);
    await client.command("SELECT INBOX");
    expect(client.text).toContain("[PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)]");
  });

  it("knows folders in any case, and refuses those that exist or are reserved in its own words", async () => {
    const server = await start();
    const client = await RawClient.signedIn(server);
    expect(await client.command('CREATE "Work"')).toMatch(/^OK/);
    expect(await client.command('CREATE "WORK"')).toBe("NO Mailbox already exists.");
    expect(await client.command('CREATE "sent items"')).toBe("NO Mailbox already exists.");
    expect(await client.command('CREATE "files"')).toBe("NO Folder name is reserved");
    expect(await client.append("WORK", MESSAGE)).toMatch(/^OK \[APPENDUID/);
    expect(server.account(USER).folder("Work").messages).toHaveLength(1);
  });

  it.each([
    ["above the limit", "x".repeat(45), "", "NO Maximum size of appendable message has been exceeded"],
    ["with a line of 10,240 octets", `${MESSAGE}${"x".repeat(10_240)}\r\n`, "", "BAD Command Argument Error. 11"],
    ["with a keyword", MESSAGE, "$Label1", "BAD Command Argument Error. 11"],
  ])("refuses a message %s", async (title, message, flags, answer) => {
    const server = await start(title === "above the limit" ? { appendLimit: 44 } : {});
    const client = await RawClient.signedIn(server);
    expect(await client.append("INBOX", message, flags)).toBe(answer);
    expect(server.account(USER).folder("INBOX").messages).toEqual([]);
  });

  it("takes a line of 10,239 octets, and says 'Server Unavailable' where the mailbox is full", async () => {
    const server = await start({}, { quota: 11_000 });
    const client = await RawClient.signedIn(server);
    const message = `${MESSAGE}${"x".repeat(10_239)}\r\n`;
    expect(await client.append("INBOX", message)).toMatch(/^OK/);
    expect(await client.append("INBOX", message)).toBe("NO Server Unavailable. 15");
  });

  it("keeps the flags of an APPEND but \\Flagged, which STORE keeps", async () => {
    const server = await start();
    const client = await RawClient.signedIn(server);
    await client.append("INBOX", MESSAGE, "\\Seen \\Answered \\FLAGGED");
    const [message] = server.account(USER).folder("INBOX").messages;
    expect([...(message?.flags ?? [])]).toEqual(["\\Seen", "\\Answered"]);
    await client.command("SELECT INBOX");
    expect(await client.command("UID STORE 1 +FLAGS.SILENT (\\Flagged)")).toMatch(/^OK/);
    expect(message?.flags.has("\\Flagged")).toBe(true);
  });

  it("ends the connection after ten refusals", async () => {
    const client = await RawClient.signedIn(await start());
    for (let each = 1; each < 10; each++) await client.command("CREATE INBOX");
    expect(client.text).not.toContain("BYE");
    expect(await client.command("CREATE INBOX")).toBe("NO Mailbox already exists.");
    await client.ended;
    expect(client.text).toContain("* BYE Connection closed\r\n");
  });

  it("serves nobody whose mailbox has IMAP switched off, though sign-in succeeds", async () => {
    const server = await start();
    server.account(USER).isConnected = false;
    const client = await RawClient.signedIn(server);
    expect(await client.command('LIST "" "*"')).toBe("BAD User is authenticated but not connected.");
    expect(client.text).not.toContain("* LIST");
    server.account(USER).isConnected = true;
    expect(await client.command('LIST "" "*"')).toMatch(/^OK/);
  });

  it("refuses a session whose token ran out, in mid-APPEND too, and stores nothing of it", async () => {
    const server = await start();
    const client = await RawClient.signedIn(server);
    expect(await client.append("INBOX", MESSAGE)).toMatch(/^OK/);
    server.account(USER).setAccessToken("second-token");
    expect(await client.append("INBOX", MESSAGE)).toBe("NO Session invalidated - AccessTokenExpired");
    expect(server.account(USER).folder("INBOX").messages).toHaveLength(1);
    expect(await (await RawClient.open(server)).signIn(TOKEN)).toBe("NO AUTHENTICATE failed.");
    await RawClient.signedIn(server, "second-token");
    expect(JSON.stringify(server.transcript)).not.toMatch(/first-token|second-token/);
  });

  it("takes the tokens of a simulated tenant, each for its own mailbox service, until they run out", async () => {
    let now = 0;
    const applications = [{ clientId: "app", clientSecret: "secret" }];
    const tenants = [{ id: "contoso.com", users: [USER], applications }];
    const simulator = new Microsoft365Simulator({ tenants, clock: { now: () => now } });
    const tokenFor = async (scope: string): Promise<string> => {
      const body = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: "app",
        client_secret: "secret",
        scope,
      });
      const url = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token";
      const response = await simulator.respond(new Request(url, { method: "POST", body }));
      return JSON.parse(await response.text()).access_token;
    };
    const acceptsToken = ({ secret }: { secret: string }): boolean =>
      simulator.acceptsToken(secret, "https://outlook.office365.com");
    const server = await start({ acceptsToken });
    const client = await RawClient.signedIn(server, await tokenFor("https://outlook.office365.com/.default"));
    const graphToken = await tokenFor("https://graph.microsoft.com/.default");
    expect(await (await RawClient.open(server)).signIn(graphToken)).toBe("NO AUTHENTICATE failed.");
    expect(await client.command("NOOP")).toMatch(/^OK/);
    now += 3_600_000;
    expect(await client.command("NOOP")).toBe("NO Session invalidated - AccessTokenExpired");
  });

  it("throttles with its backoff time and hangs up, or says whatever else Exchange is known to say", async () => {
    const server = await start();
    server.addFault(exchangeFaults.throttled(92_415, { verb: "APPEND", nth: 1 }));
    server.addFault(exchangeFaults.serverUnavailable({ nth: 2 }));
    server.addFault(exchangeFaults.sessionInvalidated({ verb: "NOOP" }));
    const client = await RawClient.signedIn(server);
    const answer = await client.append("INBOX", MESSAGE);
    expect(answer).toBe("BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds");
    await client.ended;
    expect(client.text).toMatch(/\* BYE Connection closed\. 14\r\n$/);
    const next = await RawClient.signedIn(server);
    expect(await next.append("INBOX", MESSAGE)).toBe("NO Server Unavailable. 15");
    void next.command("NOOP");
    await next.ended;
    expect(next.text).toBe("* BYE Session invalidated - AccessTokenExpired\r\n");
    expect(server.account(USER).folder("INBOX").messages).toEqual([]);
  });

  it("idles until it is told that this is DONE", async () => {
    const server = await start();
    const client = await RawClient.signedIn(server);
    await client.command("SELECT INBOX");
    const answer = client.command("IDLE");
    await server.until(() => server.commands("IDLE").length === 1);
    server.account(USER).folder("INBOX").addMessage({ octets: MESSAGE });
    client.send("DONE\r\n");
    expect(await answer).toBe("OK Idle completed");
    expect(client.text).toMatch(/^\+ idling\r\n\* 1 EXISTS\r\n/);
  });

  it("serves imapflow", async () => {
    const server = await start();
    const auth = { user: USER, accessToken: TOKEN };
    const client = new ImapFlow({ host: server.host, port: server.port, secure: false, auth, logger: false });
    await client.connect();
    const { uid } = (await client.append("Sent Items", MESSAGE, ["\\Seen"])) || {};
    expect(uid).toBe(1);
    await client.logout();
  });
});

describe("A message rebuilt as Exchange does it", () => {
  const boundary = fc.stringMatching(/^[A-Za-z0-9'()+_,./:=?-]{1,40}$/);
  const words = fc.array(fc.stringMatching(/^[!-9;-~]{1,30}$/), { minLength: 1, maxLength: 12 });

  it("has other octets and another size, the same header in the same order, and the same contents", () => {
    const property = fc.property(boundary, fc.array(words, { maxLength: 6 }), fc.string(), (mark, values, text) => {
      const header = values.map((value, index) => `X-Field-${index}: ${value.join(" ")}\r\n`).join("");
      const part = `Content-Type: text/plain\r\n\r\n${text.replace(/[\r\n]|--/g, "")}\r\n`;
      const type = `Content-Type: multipart/mixed;\r\n boundary="${mark}"\r\n`;
      const octets = Buffer.from(`${header}${type}\r\n--${mark}\r\n${part}--${mark}\r\n${part}--${mark}--\r\n`);
      const rebuilt = rebuiltByExchange(octets);
      expect(rebuilt.length).not.toBe(octets.length);
      const unfold = (message: Buffer): string[] => {
        const [block = ""] = message.toString("utf8").split("\r\n\r\n", 1);
        return block
          .replace(/\r\n(?=[ \t])/g, "")
          .split("\r\n")
          .filter((line) => /^X-Field/.test(line));
      };
      expect(unfold(rebuilt)).toEqual(unfold(octets));
      const other = /boundary="([^"]+)"/.exec(rebuilt.toString("utf8"))?.[1] ?? "";
      expect(other).not.toBe(mark);
      const parts = (message: Buffer, between: string): string[] =>
        message.toString("utf8").split(`--${between}`).slice(1);
      expect(parts(rebuilt, other)).toEqual(parts(octets, mark));
    });
    fc.assert(property, { seed: 20261122 });
  });

  it("keeps the body of a signed message octet by octet", () => {
    const body = '--b\r\nContent-Type: multipart/alternative; boundary="c"\r\n\r\n--c--\r\n--b--\r\n';
    const octets = Buffer.from(`Content-Type: multipart/signed; boundary="b"\r\n\r\n${body}`);
    const rebuilt = rebuiltByExchange(octets).toString();
    expect(rebuilt.endsWith(`\r\n\r\n${body}`)).toBe(true);
    expect(rebuilt).toContain('boundary="b"');
  });
});
